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
        Ok(vec![Some(SoftmaxBackward { axis: self.axis }.apply(&[&node.output()?, dy])?)])
    }
}

/// The gradient of [`Softmax`] from its output `y` and `dy`: `dx = y ⊙ (dy - Σ(dy ⊙ y))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftmaxBackward {
    /// The axis.
    pub axis: usize,
}

impl Op for SoftmaxBackward {
    fn name(&self) -> &'static str {
        "softmax_backward"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[1].softmax_backward(x[0], self.axis as isize)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, g: &Var) -> Result<Vec<Option<Var>>> {
        let (y, dy) = (node.input(0)?, node.input(1)?);
        let of_y = || -> Result<Var> {
            let (dot, along) = (dy.mul(&y)?.sum_keepdim(self.axis)?, g.mul(&y)?.sum_keepdim(self.axis)?);
            g.mul(&dy.sub(&dot)?)?.sub(&dy.mul(&along)?)
        };
        Ok(vec![node.needs(0).then(of_y).transpose()?, Some(self.apply(&[&y, g])?)])
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
        Ok(vec![Some(LogSoftmaxBackward { axis: self.axis }.apply(&[&node.output()?, dy])?)])
    }
}

/// The gradient of [`LogSoftmax`] from its output `y` and `dy`: `dx = dy - eʸ ⊙ Σ dy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSoftmaxBackward {
    /// The axis.
    pub axis: usize,
}

impl Op for LogSoftmaxBackward {
    fn name(&self) -> &'static str {
        "log_softmax_backward"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[1].log_softmax_backward(x[0], self.axis as isize)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, g: &Var) -> Result<Vec<Option<Var>>> {
        let (y, dy) = (node.input(0)?, node.input(1)?);
        let weighted = g.mul(&y.exp()?)?;
        let of_dy = g.sub(&weighted.sum_keepdim(self.axis)?)?;
        let of_y = || weighted.mul(&dy.sum_keepdim(self.axis)?)?.neg();
        Ok(vec![node.needs(0).then(of_y).transpose()?, Some(of_dy)])
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
