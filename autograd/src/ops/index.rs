//! Reading and writing at places that other tensors name. Indices and masks are inputs of these ops, without a gradient.

use ocelli_tensor::{Scalar, Shape, Tensor};

use super::view::SliceScatter;
use crate::{Keeps, NodeView, Op, Result, Var};

/// `y[…, j, …] = x[…, index[…, j, …], …]`. Inputs: `x`, index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gather {
    /// The axis.
    pub axis: usize,
}

impl Op for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].gather(self.axis as isize, x[1])?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let index = node.input(1)?;
        let dx = dy.placed_at(node.shape(0), self.axis, index.tensor())?;
        Ok(vec![Some(dx), None])
    }
}

/// `x` with `y[…, index[…, j, …], …] = src[…, j, …]`. Inputs: `x`, index, `src`. Where an index occurs several times, the last one
/// has written, and gets the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scatter {
    /// The axis.
    pub axis: usize,
}

impl Op for Scatter {
    fn name(&self) -> &'static str {
        "scatter"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].scatter(self.axis as isize, x[1], x[2])?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let (index, axis) = (node.input(1)?, self.axis as isize);
        let (index, mut gradients) = (index.tensor(), vec![None; 3]);
        if node.needs(0) {
            let zeros = Var::constant(Tensor::full_on(dy.device(), index.shape(), 0, dy.dtype())?);
            gradients[0] = Some(dy.scatter(axis, index, &zeros)?);
        }
        if node.needs(2) {
            // A write that a later one has replaced does not find its own number in its place.
            let numbers =
                Tensor::arange(0, index.numel() as i64, 1)?.to_device(index.device())?.reshape(index.shape())?;
            let places = Tensor::full_on(index.device(), node.shape(0), 0, numbers.dtype())?;
            let last = places.scatter(axis, index, &numbers)?.gather(axis, index)?;
            let last = last.eq(&numbers)?.to_dtype(dy.dtype())?;
            let read = dy.gather(axis, index)?.mul(&last)?;
            gradients[2] = Some(read.grown_to(node.shape(2))?);
        }
        Ok(gradients)
    }
}

/// `x` with `src[…, j, …]` added at `[…, index[…, j, …], …]`. Inputs: `x`, index, `src`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterAdd {
    /// The axis.
    pub axis: usize,
}

impl Op for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].scatter_add(self.axis as isize, x[1], x[2])?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let index = node.input(1)?;
        let read = || dy.gather(self.axis as isize, index.tensor())?.grown_to(node.shape(2));
        let dsrc = node.needs(2).then(read).transpose()?;
        Ok(vec![Some(dy.clone()), None, dsrc])
    }
}

/// The slices at some positions of an axis. Inputs: `x`, index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexSelect {
    /// The axis.
    pub axis: usize,
}

impl Op for IndexSelect {
    fn name(&self) -> &'static str {
        "index_select"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].index_select(self.axis as isize, x[1])?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let zeros = Var::constant(Tensor::full_on(dy.device(), node.shape(0), 0, dy.dtype())?);
        let dx = zeros.index_add(self.axis as isize, node.input(1)?.tensor(), dy)?;
        Ok(vec![Some(dx), None])
    }
}

/// `x` with the slices of `src` added at some positions of an axis. Inputs: `x`, index, `src`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexAdd {
    /// The axis.
    pub axis: usize,
}

impl Op for IndexAdd {
    fn name(&self) -> &'static str {
        "index_add"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].index_add(self.axis as isize, x[1], x[2])?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let index = node.input(1)?;
        let read = || dy.index_select(self.axis as isize, index.tensor());
        Ok(vec![Some(dy.clone()), None, node.needs(2).then(read).transpose()?])
    }
}

/// The elements where a mask is true, as one axis. Inputs: `x`, mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskedSelect;

impl Op for MaskedSelect {
    fn name(&self) -> &'static str {
        "masked_select"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].masked_select(x[1])?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let mask = node.input(1)?;
        let shape = node.shape(0).broadcast("masked_select", mask.shape())?;
        let places = mask.tensor().expand(&shape)?.reshape([shape.numel()])?;
        let places = places.nonzero()?.squeeze(1)?;
        let zeros = Var::constant(Tensor::full_on(dy.device(), [shape.numel()], 0, dy.dtype())?);
        let dx = zeros.index_add(0, &places, dy)?.reshape(&shape)?;
        Ok(vec![Some(dx.sum_to(node.shape(0))?), None])
    }
}

/// `x` with a number in the places where a mask is true. Inputs: `x`, mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskedFill {
    /// The number.
    pub value: Scalar,
}

impl Op for MaskedFill {
    fn name(&self) -> &'static str {
        "masked_fill"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].masked_fill(x[1], self.value)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let dx = dy.masked_fill(node.input(1)?.tensor(), 0.0)?;
        Ok(vec![Some(dx), None])
    }
}

impl Var {
    /// See [`Tensor::gather`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn gather(&self, axis: isize, index: &Tensor) -> Result<Var> {
        let axis = self.axis("gather", axis)?;
        Gather { axis }.apply(&[self, &Var::from(index)])
    }

    /// See [`Tensor::scatter`]; differentiable. Where an index occurs several times, the last one gets the gradient.
    ///
    /// # Errors
    /// As there.
    pub fn scatter(&self, axis: isize, index: &Tensor, src: &Var) -> Result<Var> {
        let axis = self.axis("scatter", axis)?;
        Scatter { axis }.apply(&[self, &Var::from(index), src])
    }

    /// See [`Tensor::scatter_add`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn scatter_add(&self, axis: isize, index: &Tensor, src: &Var) -> Result<Var> {
        let axis = self.axis("scatter_add", axis)?;
        ScatterAdd { axis }.apply(&[self, &Var::from(index), src])
    }

    /// See [`Tensor::index_select`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn index_select(&self, axis: isize, index: &Tensor) -> Result<Var> {
        let axis = self.axis("index_select", axis)?;
        IndexSelect { axis }.apply(&[self, &Var::from(index)])
    }

    /// See [`Tensor::index_add`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn index_add(&self, axis: isize, index: &Tensor, src: &Var) -> Result<Var> {
        let axis = self.axis("index_add", axis)?;
        IndexAdd { axis }.apply(&[self, &Var::from(index), src])
    }

    /// See [`Tensor::masked_select`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn masked_select(&self, mask: &Tensor) -> Result<Var> {
        MaskedSelect.apply(&[self, &Var::from(mask)])
    }

    /// See [`Tensor::masked_fill`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn masked_fill(&self, mask: &Tensor, value: impl Into<Scalar>) -> Result<Var> {
        let value = value.into();
        MaskedFill { value }.apply(&[self, &Var::from(mask)])
    }

    /// Zeros of this shape with the elements added at the positions along an axis that the index names.
    pub(crate) fn placed_at(&self, shape: &Shape, axis: usize, index: &Tensor) -> Result<Var> {
        let zeros = Var::constant(Tensor::full_on(self.device(), shape, 0, self.dtype())?);
        zeros.scatter_add(axis as isize, index, self)
    }

    /// With zeros behind, up to this shape.
    fn grown_to(&self, shape: &Shape) -> Result<Var> {
        let mut grown = self.clone();
        for (axis, &size) in shape.iter().enumerate() {
            let length = self.shape()[axis];
            if length < size {
                let slice = (0..length as isize).into();
                grown = SliceScatter { axis, slice, size }.apply(&[&grown])?;
            }
        }
        Ok(grown)
    }
}
