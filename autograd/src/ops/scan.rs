//! Running sums and products.

use ocelli_tensor::{Slice, Tensor};

use super::reduce::has_zeros;
use crate::{Keeps, NodeView, Op, Result, Var};

/// The running sum along an axis: `dxᵢ = Σ dyₖ` over `k ≥ i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CumSum {
    /// The axis.
    pub axis: usize,
}

impl Op for CumSum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].cumsum(self.axis as isize)?)
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.sum_of_rest(self.axis as isize)?)])
    }
}

/// The running product along an axis: `dxᵢ = Σ dyₖ · Πⱼ xⱼ` over `k ≥ i` and `j ≤ k` other than `i`, also where there are zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CumProd {
    /// The axis.
    pub axis: usize,
}

impl Op for CumProd {
    fn name(&self) -> &'static str {
        "cumprod"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].cumprod(self.axis as isize)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs().and(Keeps::output())
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let (x, axis) = (node.input(0)?, self.axis as isize);
        if !has_zeros(&x)? {
            let sum = dy.mul(&node.output()?)?.sum_of_rest(axis)?;
            return Ok(vec![Some(sum.div(&x)?)]);
        }
        // One row for each i, with 1 in the place of xᵢ; of its running product those at k ≥ i count.
        let n = x.size(axis)? as i64;
        let k = Tensor::arange(0, n, 1)?.to_device(x.device())?;
        let i = k.unsqueeze(1)?;
        let rows = x.transpose(axis, -1)?.unsqueeze(-2)?;
        let ones = Var::constant(Tensor::full_on(x.device(), (), 1, x.dtype())?);
        let products = ones.where_(&k.eq(&i)?, &rows)?.cumprod(-1)?;
        let products = products.mul(&k.ge(&i)?.to_dtype(x.dtype())?)?;
        let dx = dy.transpose(axis, -1)?.unsqueeze(-2)?.mul(&products)?;
        Ok(vec![Some(dx.sum(-1)?.transpose(axis, -1)?)])
    }
}

impl Var {
    /// See [`Tensor::cumsum`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn cumsum(&self, axis: isize) -> Result<Var> {
        let axis = self.axis("cumsum", axis)?;
        CumSum { axis }.apply(&[self])
    }

    /// See [`Tensor::cumprod`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn cumprod(&self, axis: isize) -> Result<Var> {
        let axis = self.axis("cumprod", axis)?;
        CumProd { axis }.apply(&[self])
    }

    /// The axis backwards.
    pub(crate) fn reversed(&self, axis: isize) -> Result<Var> {
        self.slice_axis(axis, Slice::from(..).step(-1))
    }

    /// The sum of each element and those behind it.
    fn sum_of_rest(&self, axis: isize) -> Result<Var> {
        self.reversed(axis)?.cumsum(axis)?.reversed(axis)
    }
}
