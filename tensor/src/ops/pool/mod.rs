//! Pooling in 1 to 3 dimensions: max, average, adaptive, global, and the gradients of all.

mod adaptive;
mod options;

pub use options::PoolOptions;

use crate::cpu::pool::{self as kernel, Axis, Window, Windows};
use crate::dtype::{with_float, with_number};
use crate::{DType, Error, Result, Shape, Tensor};

impl Tensor {
    /// The greatest element of each window, over `[N, C, L]`, `[N, C, H, W]` or `[N, C, D, H, W]`. Padding never wins; NaN
    /// always does.
    ///
    /// ```
    /// use ocelli_tensor::{PoolOptions, Tensor};
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::arange(0, 16, 1)?.reshape([1, 1, 4, 4])?;
    /// let y = x.max_pool(&PoolOptions::new(2))?;
    /// assert_eq!(y.to_vec::<i64>()?, [5, 7, 13, 15]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] unless the rank is 3 to 5 and every window finds room, [`Error::Argument`] for options that
    /// [`PoolOptions`] rules out, [`Error::DType`] for booleans.
    pub fn max_pool(&self, options: &PoolOptions) -> Result<Tensor> {
        let windows = options.windows("max_pool", self.shape())?;
        self.max_over("max_pool", &windows)
    }

    /// As [`Tensor::max_pool`], with the place of each greatest element as `i64`: its row-major number in the spatial volume
    /// of its channel, as PyTorch counts. Of equal ones the first counts. A window that covers nothing but padding (which
    /// takes a dilation larger than the input) has value `-∞` and place -1.
    ///
    /// # Errors
    /// As [`Tensor::max_pool`].
    pub fn max_pool_with_indices(&self, options: &PoolOptions) -> Result<(Tensor, Tensor)> {
        let windows = options.windows("max_pool", self.shape())?;
        self.max_indices_over("max_pool", &windows)
    }

    /// The mean of each window, over `[N, C, L]`, `[N, C, H, W]` or `[N, C, D, H, W]`; see
    /// [`PoolOptions::count_include_pad`] for what padding means. There is no dilated average, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the rank is 3 to 5 and every window finds room, [`Error::Argument`] for options that
    /// [`PoolOptions`] rules out or a dilation other than 1, [`Error::DType`] unless the tensor holds floats.
    pub fn avg_pool(&self, options: &PoolOptions) -> Result<Tensor> {
        options.require_dense("avg_pool")?;
        let windows = options.windows("avg_pool", self.shape())?;
        self.average_over("avg_pool", &windows)
    }

    /// The gradient of max pooling at its input, from the gradient at its output (this tensor) and the places that
    /// [`Tensor::max_pool_with_indices`] gave: each gradient is added to the element it came from. `spatial` are the sizes of
    /// the input behind N and C.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] unless this tensor holds floats and `indices` `i64`,
    /// [`Error::Argument`] if a place lies outside the input.
    pub fn max_pool_backward(&self, indices: &Tensor, spatial: impl Into<Shape>) -> Result<Tensor> {
        const OP: &str = "max_pool_backward";
        self.dtype().require_float(OP)?;
        let spatial = spatial.into();
        let shape = input_shape(OP, self.shape(), &spatial)?;
        if indices.shape() != self.shape() {
            let expected = format!("places of the gradient's shape {}", self.shape());
            return Err(Error::shape(OP, expected, indices.shape()));
        }
        let indices = checked_indices(OP, indices, spatial.numel())?;
        self.widened(|dy| {
            let dy = dy.contiguous()?;
            with_float!(dy.dtype(), T => Tensor::build::<T>(shape, |dx| {
                kernel::scatter(slice::<T>(&dy), slice::<i64>(&indices), spatial.numel(), dx);
                Ok(())
            }))
        })
    }

    /// The elements of this tensor `[N, C, spatial…]` at the places that [`Tensor::max_pool_with_indices`] gave, 0 for place
    /// -1: the transposed operation of [`Tensor::max_pool_backward`].
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] unless this tensor holds floats and `indices` `i64`,
    /// [`Error::Argument`] if a place lies outside.
    pub fn max_pool_take(&self, indices: &Tensor) -> Result<Tensor> {
        const OP: &str = "max_pool_take";
        self.dtype().require_float(OP)?;
        let spatial = Shape::from(spatial_of(OP, self.shape())?);
        if indices.rank() != self.rank() || indices.shape()[..2] != self.shape()[..2] {
            let expected = format!("places that begin with {:?}", &self.shape()[..2]);
            return Err(Error::shape(OP, expected, indices.shape()));
        }
        let indices = checked_indices(OP, indices, spatial.numel())?;
        self.widened(|x| {
            let x = x.contiguous()?;
            with_float!(x.dtype(), T => Tensor::build::<T>(indices.shape(), |out| {
                kernel::take(slice::<T>(&x), slice::<i64>(&indices), spatial.numel(), out);
                Ok(())
            }))
        })
    }

    /// The gradient of [`Tensor::avg_pool`] at its input, from the gradient at its output (this tensor). `spatial` are the
    /// sizes of the input behind N and C.
    ///
    /// # Errors
    /// [`Error::Shape`] if this tensor's shape is not what pooling that input gives, and as [`Tensor::avg_pool`].
    pub fn avg_pool_backward(&self, spatial: impl Into<Shape>, options: &PoolOptions) -> Result<Tensor> {
        const OP: &str = "avg_pool_backward";
        options.require_dense(OP)?;
        let shape = input_shape(OP, self.shape(), &spatial.into())?;
        let windows = options.windows(OP, &shape)?;
        self.average_backward_over(OP, &windows, shape)
    }

    // ---- what fixed and adaptive windows share ---------------------------------------------------------------------

    fn max_over(&self, op: &'static str, windows: &Windows) -> Result<Tensor> {
        require_number(op, self.dtype())?;
        let shape = output_shape(self.shape(), windows);
        self.widened(|x| {
            let x = x.contiguous()?;
            with_number!(x.dtype(), T => Tensor::build::<T>(shape, |out| {
                kernel::max(slice::<T>(&x), windows, out);
                Ok(())
            }))
        })
    }

    fn max_indices_over(&self, op: &'static str, windows: &Windows) -> Result<(Tensor, Tensor)> {
        require_number(op, self.dtype())?;
        let shape = output_shape(self.shape(), windows);
        let mut values = None;
        let indices = Tensor::build::<i64>(shape.clone(), |indices| {
            let pooled = self.widened(|x| {
                let x = x.contiguous()?;
                with_number!(x.dtype(), T => Tensor::build::<T>(shape, |out| {
                    kernel::max_with_indices(slice::<T>(&x), windows, out, indices);
                    Ok(())
                }))
            })?;
            values = Some(pooled);
            Ok(())
        })?;
        match values {
            Some(values) => Ok((values, indices)),
            None => unreachable!("the indices are built together with the values"),
        }
    }

    fn average_over(&self, op: &'static str, windows: &Windows) -> Result<Tensor> {
        self.dtype().require_float(op)?;
        let shape = output_shape(self.shape(), windows);
        self.widened(|x| {
            let x = x.contiguous()?;
            with_float!(x.dtype(), T => Tensor::build::<T>(shape, |out| {
                kernel::average(slice::<T>(&x), windows, out);
                Ok(())
            }))
        })
    }

    fn average_backward_over(&self, op: &'static str, windows: &Windows, input: Shape) -> Result<Tensor> {
        self.dtype().require_float(op)?;
        let expected = output_shape(&input, windows);
        if *self.shape() != expected {
            return Err(Error::shape(op, format!("a gradient of shape {expected}"), self.shape()));
        }
        self.widened(|dy| {
            let dy = dy.contiguous()?;
            with_float!(dy.dtype(), T => Tensor::build::<T>(input, |dx| {
                kernel::average_backward(slice::<T>(&dy), windows, dx);
                Ok(())
            }))
        })
    }
}

/// The elements of a row-major tensor.
fn slice<T: crate::Element>(x: &Tensor) -> &[T] {
    x.view::<T>().as_contiguous().unwrap_or_default()
}

fn require_number(op: &'static str, dtype: DType) -> Result<()> {
    if dtype == DType::Bool {
        return Err(Error::dtype(op, "a number dtype", dtype));
    }
    Ok(())
}

/// The sizes behind N and C.
fn spatial_of<'a>(op: &'static str, shape: &'a Shape) -> Result<&'a [usize]> {
    if !(3..=5).contains(&shape.rank()) {
        return Err(Error::shape(op, "[N, C] and 1 to 3 spatial axes", shape));
    }
    Ok(&shape[2..])
}

/// The shape of the input that has these spatial sizes and the gradient's N and C.
fn input_shape(op: &'static str, dy: &Shape, spatial: &Shape) -> Result<Shape> {
    if spatial_of(op, dy)?.len() != spatial.rank() {
        let expected = format!("{} spatial sizes of the input", dy.rank() - 2);
        return Err(Error::shape(op, expected, spatial));
    }
    let shape: Shape = dy[..2].iter().chain(spatial.iter()).copied().collect();
    shape.check_size(op, DType::F64)?;
    Ok(shape)
}

fn output_shape(input: &Shape, windows: &Windows) -> Shape {
    let spatial = windows[5 - input.rank()..].iter().map(|axis| axis.windows.len());
    input[..2].iter().copied().chain(spatial).collect()
}

/// Windows of fewer axes than three, led by axes of size 1.
fn led_by_ones(axes: Vec<Axis>) -> Windows {
    let one = Axis { input: 1, step: 1, windows: vec![Window { first: 0, count: 1, divisor: 1 }] };
    let mut windows = [one.clone(), one.clone(), one];
    let lead = 3 - axes.len();
    for (slot, axis) in windows[lead..].iter_mut().zip(axes) {
        *slot = axis;
    }
    windows
}

/// The indices in row-major order, or `Err` if one is outside `-1..size`.
fn checked_indices(op: &'static str, indices: &Tensor, size: usize) -> Result<Tensor> {
    if indices.dtype() != DType::I64 {
        return Err(Error::dtype(op, "places of dtype i64", indices.dtype()));
    }
    let indices = indices.contiguous()?;
    let outside = slice::<i64>(&indices).iter().find(|&&index| !(-1..size as i64).contains(&index));
    match outside {
        Some(index) => Err(Error::argument(op, format!("expected places in 0..{size}, received {index}"))),
        None => Ok(indices),
    }
}
