//! Order: a sorted element's gradient goes back to where the element was.

use ocelli_tensor::Tensor;

use super::reduce::record_with_indices;
use crate::{NodeView, Op, Result, Var};

/// The elements sorted along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The axis.
    pub axis: usize,
    /// Largest first.
    pub descending: bool,
}

impl Op for Sort {
    fn name(&self) -> &'static str {
        "sort"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].sort(self.axis as isize, self.descending)?.0)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (values, indices) = x[0].sort(self.axis as isize, self.descending)?;
        Ok((values, vec![indices]))
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let dx = dy.placed_at(node.shape(0), self.axis, node.saved(0))?;
        Ok(vec![Some(dx)])
    }
}

/// The largest or smallest few elements along an axis, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopK {
    /// How many.
    pub k: usize,
    /// The axis.
    pub axis: usize,
    /// Largest or smallest.
    pub largest: bool,
}

impl Op for TopK {
    fn name(&self) -> &'static str {
        "topk"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].topk(self.k, self.axis as isize, self.largest)?.0)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (values, indices) = x[0].topk(self.k, self.axis as isize, self.largest)?;
        Ok((values, vec![indices]))
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let dx = dy.placed_at(node.shape(0), self.axis, node.saved(0))?;
        Ok(vec![Some(dx)])
    }
}

impl Var {
    /// See [`Tensor::sort`]; differentiable in the values.
    ///
    /// # Errors
    /// As there.
    pub fn sort(&self, axis: isize, descending: bool) -> Result<(Var, Tensor)> {
        let axis = self.axis("sort", axis)?;
        let computed = self.tensor().sort(axis as isize, descending)?;
        Ok(record_with_indices(Sort { axis, descending }, self, computed))
    }

    /// See [`Tensor::topk`]; differentiable in the values.
    ///
    /// # Errors
    /// As there.
    pub fn topk(&self, k: usize, axis: isize, largest: bool) -> Result<(Var, Tensor)> {
        let axis = self.axis("topk", axis)?;
        let computed = self.tensor().topk(k, axis as isize, largest)?;
        Ok(record_with_indices(TopK { k, axis, largest }, self, computed))
    }
}
