//! Other views of the same numbers, and casts.

use ocelli_tensor::{Axes, DType, Shape, Slice, TargetShape, Tensor};

use crate::{NodeView, Op, Result, Var};

/// The same elements under another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshape {
    /// The new shape.
    pub shape: Shape,
}

impl Op for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].reshape(&self.shape)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.reshape(node.shape(0))?)])
    }
}

/// The axes in another order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permute {
    /// Axis `i` of the result is axis `order[i]` of the input.
    pub order: Vec<usize>,
}

impl Op for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].permute(&self.order[..])?)
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let mut inverse = vec![0; self.order.len()];
        for (to, &from) in self.order.iter().enumerate() {
            inverse[from] = to;
        }
        Ok(vec![Some(dy.permute(&inverse[..])?)])
    }
}

/// Repetition along axes of size 1 and new leading axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expand {
    /// The new shape.
    pub shape: Shape,
}

impl Op for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].expand(&self.shape)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.sum_to(node.shape(0))?)])
    }
}

/// The sum over everything that broadcasting had repeated: the gradient of [`Expand`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumTo {
    /// The shape before broadcasting.
    pub shape: Shape,
}

impl Op for SumTo {
    fn name(&self) -> &'static str {
        "sum_to"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        let lead = x[0].rank() - self.shape.rank();
        let repeated: Vec<usize> = (0..x[0].rank())
            .filter(|&axis| axis < lead || (self.shape[axis - lead] == 1 && x[0].shape()[axis] != 1))
            .collect();
        Ok(x[0].sum_keepdim(&repeated[..])?.reshape(&self.shape)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.expand(node.shape(0))?)])
    }
}

/// `start:stop:step` along one axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceAxis {
    /// The axis.
    pub axis: usize,
    /// Which positions.
    pub slice: Slice,
}

impl Op for SliceAxis {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].slice_axis(self.axis as isize, self.slice)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let op = SliceScatter { axis: self.axis, slice: self.slice, size: node.shape(0)[self.axis] };
        Ok(vec![Some(op.apply(&[dy])?)])
    }
}

/// Zeros with the input written to `start:stop:step` along one axis: the gradient of [`SliceAxis`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceScatter {
    /// The axis.
    pub axis: usize,
    /// Which positions.
    pub slice: Slice,
    /// The size of the result along the axis.
    pub size: usize,
}

impl Op for SliceScatter {
    fn name(&self) -> &'static str {
        "slice_scatter"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].slice_scatter(self.axis as isize, self.slice, self.size)?)
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.slice_axis(self.axis as isize, self.slice)?)])
    }
}

/// The same numbers as another float dtype.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    /// The new dtype.
    pub dtype: DType,
}

impl Op for Cast {
    fn name(&self) -> &'static str {
        "to_dtype"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].to_dtype(self.dtype)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.to_dtype(node.dtype(0))?)])
    }
}

impl Var {
    /// See [`Tensor::reshape`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn reshape(&self, shape: impl Into<TargetShape>) -> Result<Var> {
        Reshape { shape: shape.into().resolve("reshape", self.shape())? }.apply(&[self])
    }

    /// See [`Tensor::permute`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn permute(&self, order: impl Into<Axes>) -> Result<Var> {
        let order = match order.into() {
            Axes::All => return Ok(self.clone()),
            Axes::Some(order) => order.iter().map(|&axis| self.axis("permute", axis)).collect::<Result<Vec<_>>>()?,
        };
        Permute { order }.apply(&[self])
    }

    /// See [`Tensor::transpose`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn transpose(&self, a: isize, b: isize) -> Result<Var> {
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(self.axis("transpose", a)?, self.axis("transpose", b)?);
        Permute { order }.apply(&[self])
    }

    /// See [`Tensor::t`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn t(&self) -> Result<Var> {
        self.transpose(-2, -1)
    }

    /// See [`Tensor::squeeze`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn squeeze(&self, axes: impl Into<Axes>) -> Result<Var> {
        Reshape { shape: self.tensor().squeeze(axes)?.shape().clone() }.apply(&[self])
    }

    /// See [`Tensor::unsqueeze`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn unsqueeze(&self, axis: isize) -> Result<Var> {
        Reshape { shape: self.tensor().unsqueeze(axis)?.shape().clone() }.apply(&[self])
    }

    /// See [`Tensor::flatten`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn flatten(&self, start: isize, end: isize) -> Result<Var> {
        Reshape { shape: self.tensor().flatten(start, end)?.shape().clone() }.apply(&[self])
    }

    /// See [`Tensor::expand`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn expand(&self, shape: impl Into<Shape>) -> Result<Var> {
        let shape = shape.into();
        if *self.shape() == shape {
            return Ok(self.clone());
        }
        Expand { shape }.apply(&[self])
    }

    /// The sum over everything that broadcasting this `shape` to the variable's own had repeated.
    ///
    /// # Errors
    /// If `shape` does not broadcast to the variable's shape.
    pub fn sum_to(&self, shape: &Shape) -> Result<Var> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        if shape.broadcast("sum_to", self.shape())? != *self.shape() {
            let expected = format!("a shape that {shape} broadcasts to");
            return Err(ocelli_tensor::Error::shape("sum_to", expected, self.shape()).into());
        }
        SumTo { shape: shape.clone() }.apply(&[self])
    }

    /// See [`Tensor::narrow`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn narrow(&self, axis: isize, start: usize, length: usize) -> Result<Var> {
        let axis = self.axis("narrow", axis)?;
        // The checks are the tensor's.
        self.tensor().narrow(axis as isize, start, length)?;
        let slice = Slice::new(Some(start as isize), Some((start + length) as isize), 1);
        SliceAxis { axis, slice }.apply(&[self])
    }

    /// See [`Tensor::select`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn select(&self, axis: isize, index: isize) -> Result<Var> {
        let axis = self.axis("select", axis)?;
        let shape = self.tensor().select(axis as isize, index)?.shape().clone();
        let start = if index < 0 { index + self.shape()[axis] as isize } else { index };
        self.narrow(axis as isize, start as usize, 1)?.reshape(shape)
    }

    /// See [`Tensor::slice_axis`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn slice_axis(&self, axis: isize, slice: impl Into<Slice>) -> Result<Var> {
        SliceAxis { axis: self.axis("slice", axis)?, slice: slice.into() }.apply(&[self])
    }

    /// See [`Tensor::slice`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn slice(&self, slices: &[Slice]) -> Result<Var> {
        // The checks are the tensor's.
        self.tensor().slice(slices)?;
        let slices = slices.iter().enumerate();
        slices
            .filter(|(_, slice)| **slice != Slice::from(..))
            .try_fold(self.clone(), |var, (axis, slice)| SliceAxis { axis, slice: *slice }.apply(&[&var]))
    }

    /// See [`Tensor::split`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn split(&self, size: usize, axis: isize) -> Result<Vec<Var>> {
        self.pieces(self.tensor().split(size, axis)?, axis)
    }

    /// See [`Tensor::chunk`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn chunk(&self, count: usize, axis: isize) -> Result<Vec<Var>> {
        self.pieces(self.tensor().chunk(count, axis)?, axis)
    }

    fn pieces(&self, pieces: Vec<Tensor>, axis: isize) -> Result<Vec<Var>> {
        let mut start = 0;
        let piece = |piece: Tensor| {
            let length = piece.size(axis)?;
            start += length;
            self.narrow(axis, start - length, length)
        };
        pieces.into_iter().map(piece).collect()
    }

    /// See [`Tensor::to_dtype`]; differentiable between float dtypes.
    ///
    /// # Errors
    /// As there; and to an integer dtype if the variable needs a gradient and recording is on.
    pub fn to_dtype(&self, dtype: DType) -> Result<Var> {
        if dtype == self.dtype() {
            return Ok(self.clone());
        }
        Cast { dtype }.apply(&[self])
    }
}
