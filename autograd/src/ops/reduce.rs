//! Reductions over axes.

use ocelli_tensor::{Axes, Tensor};

use crate::{NodeView, Op, Result, Var};

/// The sum over some axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdim: bool,
}

impl Op for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(if self.keepdim {
            x[0].sum_keepdim(&self.axes[..])?
        } else {
            x[0].sum(&self.axes[..])?
        })
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(
            dy.unreduce(node, &self.axes)?.expand(node.shape(0))?,
        )])
    }
}

impl Var {
    /// A reduced value with size 1 in the place of the reduced axes of input 0, so that it broadcasts to that input.
    pub(crate) fn unreduce(&self, node: &NodeView<'_>, axes: &[usize]) -> Result<Var> {
        let mut shape = node.shape(0).clone();
        axes.iter().for_each(|&axis| shape[axis] = 1);
        self.reshape(shape)
    }

    /// See [`Tensor::sum`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn sum(&self, axes: impl Into<Axes>) -> Result<Var> {
        Sum {
            axes: axes.into().resolve("sum", self.shape())?.to_vec(),
            keepdim: false,
        }
        .apply(&[self])
    }

    /// See [`Tensor::sum_keepdim`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn sum_keepdim(&self, axes: impl Into<Axes>) -> Result<Var> {
        Sum {
            axes: axes.into().resolve("sum", self.shape())?.to_vec(),
            keepdim: true,
        }
        .apply(&[self])
    }
}
