//! Softmax and its logarithm.

use ocelli_tensor::Tensor;

use crate::{Keeps, NodeView, Op, Result, Var};

/// `y = softmax(x)` along an axis; `dx = y ⊙ (dy - Σ(dy ⊙ y))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Softmax {
    /// The axis.
    pub axis: usize,
}

impl Op for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].softmax(self.axis as isize)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::output()
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let y = node.output()?;
        let dot = dy.mul(&y)?.sum_keepdim(self.axis)?;
        Ok(vec![Some(y.mul(&dy.sub(&dot)?)?)])
    }
}

/// `y = ln softmax(x)` along an axis; `dx = dy - eʸ ⊙ Σ dy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSoftmax {
    /// The axis.
    pub axis: usize,
}

impl Op for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].log_softmax(self.axis as isize)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::output()
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let probabilities = node.output()?.exp()?;
        let sum = dy.sum_keepdim(self.axis)?;
        Ok(vec![Some(dy.sub(&probabilities.mul(&sum)?)?)])
    }
}

impl Var {
    /// See [`Tensor::softmax`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn softmax(&self, axis: isize) -> Result<Var> {
        let axis = self.axis("softmax", axis)?;
        Softmax { axis }.apply(&[self])
    }

    /// See [`Tensor::log_softmax`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn log_softmax(&self, axis: isize) -> Result<Var> {
        let axis = self.axis("log_softmax", axis)?;
        LogSoftmax { axis }.apply(&[self])
    }
}
