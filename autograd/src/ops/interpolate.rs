//! Resizing pictures and volumes.

use ocelli_tensor::{InterpolateMode, ResizeTo, Shape, Tensor};

use crate::{NodeView, Op, Result, Var};

/// `[N, C, spatial…]` resized.
#[derive(Debug, Clone, PartialEq)]
pub struct Interpolate {
    /// How large.
    pub to: ResizeTo,
    /// How values between elements are found.
    pub mode: InterpolateMode,
}

impl Op for Interpolate {
    fn name(&self) -> &'static str {
        "interpolate"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].interpolate(self.to.clone(), self.mode)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let op = InterpolateBackward { spatial: node.shape(0)[2..].into(), to: self.to.clone(), mode: self.mode };
        Ok(vec![Some(op.apply(&[dy])?)])
    }
}

/// The transposed operation of [`Interpolate`].
#[derive(Debug, Clone, PartialEq)]
pub struct InterpolateBackward {
    /// The spatial sizes before resizing.
    pub spatial: Shape,
    /// As in [`Interpolate`].
    pub to: ResizeTo,
    /// As in [`Interpolate`].
    pub mode: InterpolateMode,
}

impl Op for InterpolateBackward {
    fn name(&self) -> &'static str {
        "interpolate_backward"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].interpolate_backward(&self.spatial, self.to.clone(), self.mode)?)
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.interpolate(self.to.clone(), self.mode)?)])
    }
}

impl Var {
    /// See [`Tensor::interpolate`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn interpolate(&self, to: impl Into<ResizeTo>, mode: InterpolateMode) -> Result<Var> {
        Interpolate { to: to.into(), mode }.apply(&[self])
    }
}
