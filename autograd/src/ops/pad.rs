//! Padding.

use ocelli_tensor::{PadMode, Tensor};

use crate::{NodeView, Op, Result, Var};

/// The input with more elements before and behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pad {
    /// `(before, behind)` for the last axes, in the order of the axes.
    pub padding: Vec<(usize, usize)>,
    /// What is put there.
    pub mode: PadMode,
}

impl Op for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].pad(&self.padding, self.mode)?)
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let op = PadBackward { padding: self.padding.clone(), mode: self.mode };
        Ok(vec![Some(op.apply(&[dy])?)])
    }
}

/// The transposed operation of [`Pad`]: each element is added to the one that it had been copied from.
#[derive(Debug, Clone, PartialEq)]
pub struct PadBackward {
    /// As in [`Pad`].
    pub padding: Vec<(usize, usize)>,
    /// As in [`Pad`].
    pub mode: PadMode,
}

impl Op for PadBackward {
    fn name(&self) -> &'static str {
        "pad_backward"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].pad_backward(&self.padding, self.mode)?)
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        // A constant that was put there has no part in a change.
        let mode = match self.mode {
            PadMode::Constant(_) => PadMode::Constant(0.0),
            mode => mode,
        };
        Ok(vec![Some(dy.pad(&self.padding, mode)?)])
    }
}

impl Var {
    /// See [`Tensor::pad`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn pad(&self, padding: &[(usize, usize)], mode: PadMode) -> Result<Var> {
        Pad { padding: padding.to_vec(), mode }.apply(&[self])
    }
}
