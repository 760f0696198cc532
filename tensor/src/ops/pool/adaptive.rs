//! Pooling to a given output size: windows that differ in size by at most one and together cover the input.

use super::{input_shape, led_by_ones, spatial_of};
use crate::cpu::pool::{Axis, Regular, Window, Windows};
use crate::memory::reserved;
use crate::{Error, Result, Shape, Tensor};

impl Tensor {
    /// The mean of windows chosen such that the spatial sizes become `output`: window `i` of `n` over `size` elements goes from
    /// `⌊i·size / n⌋` to `⌈(i + 1)·size / n⌉`. One number stands for all spatial axes.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the rank is 3 to 5 and no spatial axis is empty, [`Error::Argument`] for output sizes that are 0 or
    /// of another number than the spatial axes, [`Error::DType`] unless the tensor holds floats.
    pub fn adaptive_avg_pool(&self, output: impl Into<Shape>) -> Result<Tensor> {
        let windows = windows("adaptive_avg_pool", self.shape(), &output.into())?;
        self.average_over("adaptive_avg_pool", windows)
    }

    /// The greatest elements of the windows of [`Tensor::adaptive_avg_pool`].
    ///
    /// # Errors
    /// As [`Tensor::adaptive_avg_pool`], but every dtype other than `bool` is taken.
    pub fn adaptive_max_pool(&self, output: impl Into<Shape>) -> Result<Tensor> {
        let windows = windows("adaptive_max_pool", self.shape(), &output.into())?;
        self.max_over("adaptive_max_pool", windows)
    }

    /// As [`Tensor::adaptive_max_pool`], with the places of the greatest elements as
    /// [`Tensor::max_pool_with_indices`] gives them.
    ///
    /// # Errors
    /// As [`Tensor::adaptive_max_pool`].
    pub fn adaptive_max_pool_with_indices(&self, output: impl Into<Shape>) -> Result<(Tensor, Tensor)> {
        let windows = windows("adaptive_max_pool", self.shape(), &output.into())?;
        self.max_indices_over::<i64>("adaptive_max_pool", windows)
    }

    /// As [`Tensor::adaptive_max_pool_with_indices`], with the places as `i32`.
    ///
    /// # Errors
    /// As [`Tensor::max_pool_with_small_indices`].
    pub fn adaptive_max_pool_with_small_indices(&self, output: impl Into<Shape>) -> Result<(Tensor, Tensor)> {
        let windows = windows("adaptive_max_pool", self.shape(), &output.into())?;
        self.max_indices_over::<i32>("adaptive_max_pool", windows)
    }

    /// The gradient of [`Tensor::adaptive_avg_pool`] at its input, from the gradient at its output (this tensor). `spatial` are
    /// the sizes of the input behind N and C.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::DType`] unless the tensor holds floats.
    pub fn adaptive_avg_pool_backward(&self, spatial: impl Into<Shape>) -> Result<Tensor> {
        const OP: &str = "adaptive_avg_pool_backward";
        let shape = input_shape(OP, self.shape(), &spatial.into())?;
        let output = Shape::from(spatial_of(OP, self.shape())?);
        let windows = windows(OP, &shape, &output)?;
        self.average_backward_over(OP, windows, shape)
    }

    /// The mean of each channel; the spatial axes stay, with size 1.
    ///
    /// # Errors
    /// As [`Tensor::adaptive_avg_pool`].
    pub fn global_avg_pool(&self) -> Result<Tensor> {
        let windows = windows("global_avg_pool", self.shape(), &Shape::from([1]))?;
        self.average_over("global_avg_pool", windows)
    }

    /// The greatest element of each channel; the spatial axes stay, with size 1.
    ///
    /// # Errors
    /// As [`Tensor::adaptive_max_pool`].
    pub fn global_max_pool(&self) -> Result<Tensor> {
        let windows = windows("global_max_pool", self.shape(), &Shape::from([1]))?;
        self.max_over("global_max_pool", windows)
    }
}

pub(crate) fn windows(op: &'static str, shape: &Shape, output: &Shape) -> Result<Windows> {
    let spatial = spatial_of(op, shape)?;
    let valid = [1, spatial.len()].contains(&output.rank()) && !output.contains(&0);
    if !valid {
        let message = format!("expected 1 or {} output sizes of at least 1, received {output}", spatial.len());
        return Err(Error::argument(op, message));
    }
    if spatial.contains(&0) {
        return Err(Error::shape(op, "spatial axes that are not empty", shape));
    }
    let total: Shape =
        shape[..2].iter().copied().chain((0..spatial.len()).map(|i| output[i.min(output.rank() - 1)])).collect();
    total.check_size(op, crate::DType::F64)?;
    let axes = spatial.iter().zip(&total[2..]).map(|(&input, &outputs)| {
        let mut windows = reserved(outputs)?;
        windows.extend((0..outputs).map(|i| {
            let wide = |i: usize| i as u128 * input as u128;
            let first = (wide(i) / outputs as u128) as usize;
            let end = wide(i + 1).div_ceil(outputs as u128) as usize;
            Window { first, count: end - first, divisor: end - first }
        }));
        let kernel = input / outputs;
        let regular = input.is_multiple_of(outputs).then_some(Regular { kernel, stride: kernel, low: 0 });
        Ok(Axis { input, step: 1, windows, regular })
    });
    Ok(led_by_ones(axes.collect::<Result<_>>()?))
}
