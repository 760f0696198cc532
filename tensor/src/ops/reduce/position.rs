//! Where the largest and smallest elements are.

use crate::cpu::reduce::{Block, arg};
use crate::dtype::with_number;
use crate::layout::Layout;
use crate::ops::on_cpu::or_on_cpu;
use crate::ops::reduce::{in_logical_order, in_memory_order};
use crate::{DType, Error, Result, Tensor, wgpu};

impl Tensor {
    /// The position of the largest element along `axis` as `i64`, without the axis: the first of equals; a NaN counts as largest.
    /// For the position in the whole tensor, flatten it first.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Shape`] if the axis is empty.
    pub fn argmax(&self, axis: isize) -> Result<Tensor> {
        self.position("argmax", axis, true)?.squeeze(axis)
    }

    /// As [`Tensor::argmax`], with size 1 in place of the axis.
    ///
    /// # Errors
    /// Those of [`Tensor::argmax`].
    pub fn argmax_keepdim(&self, axis: isize) -> Result<Tensor> {
        self.position("argmax", axis, true)
    }

    /// The position of the smallest element along `axis` as `i64`, without the axis: the first of equals; a NaN counts as smallest.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Shape`] if the axis is empty.
    pub fn argmin(&self, axis: isize) -> Result<Tensor> {
        self.position("argmin", axis, false)?.squeeze(axis)
    }

    /// As [`Tensor::argmin`], with size 1 in place of the axis.
    ///
    /// # Errors
    /// Those of [`Tensor::argmin`].
    pub fn argmin_keepdim(&self, axis: isize) -> Result<Tensor> {
        self.position("argmin", axis, false)
    }

    /// The largest elements along `axis` and their positions as `i64`, both without the axis: the first of equals; a NaN wins.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let (values, indices) = Tensor::new([[1.0f32, 3.0, 3.0], [5.0, 4.0, 0.0]])?.max_with_indices(-1)?;
    /// assert_eq!(values.to_vec::<f32>()?, [3.0, 5.0]);
    /// assert_eq!(indices.to_vec::<i64>()?, [1, 0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Shape`] if the axis is empty.
    pub fn max_with_indices(&self, axis: isize) -> Result<(Tensor, Tensor)> {
        self.with_indices("max_with_indices", axis, true)
    }

    /// The smallest elements along `axis` and their positions as `i64`, both without the axis: the first of equals; a NaN wins.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Shape`] if the axis is empty.
    pub fn min_with_indices(&self, axis: isize) -> Result<(Tensor, Tensor)> {
        self.with_indices("min_with_indices", axis, false)
    }

    fn with_indices(&self, op: &'static str, axis: isize, largest: bool) -> Result<(Tensor, Tensor)> {
        let indices = self.position(op, axis, largest)?;
        let values = self.gather_found(self.shape().axis(op, axis)?, &indices)?.squeeze(axis)?;
        Ok((values, indices.squeeze(axis)?))
    }

    /// Positions of extremes, with size 1 in place of the axis.
    fn position(&self, op: &'static str, axis: isize, largest: bool) -> Result<Tensor> {
        let axis = self.shape().axis(op, axis)?;
        let shape = self.shape().reduced(&[axis], true);
        if self.shape()[axis] == 0 && shape.numel() > 0 {
            let expected = format!("at least one element along axis {axis}");
            return Err(Error::shape(op, expected, self.shape()));
        }
        if self.is_on_wgpu() {
            let (dense, order) = in_memory_order(self)?;
            let place = order.iter().position(|&at| at == axis).unwrap_or_default();
            let there = || {
                let found = wgpu::windows::beside([&dense], place, &|[x]| {
                    let found = wgpu::position::best(&x.contiguous()?, Block::around(x.shape(), place), largest)?;
                    Ok(found.with_layout(Layout::contiguous(x.shape().reduced(&[place], true))))
                })?;
                Ok(found.with_layout(in_logical_order(found.layout(), &order)))
            };
            return or_on_cpu(op, [self], there, |[x]| x.position(op, axis as isize, largest));
        }
        let wide = match self.dtype() {
            DType::Bool => DType::U8,
            dtype => dtype.wide(),
        };
        let x = self.to_dtype(wide)?.contiguous()?;
        let block = Block::around(x.shape(), axis);
        with_number!(wide, T => Tensor::build::<i64>(shape, |out| {
            if block.n > 0 {
                arg(x.view::<T>().as_contiguous().unwrap_or_default(), block, largest, out);
            }
            Ok(())
        }))
    }
}
