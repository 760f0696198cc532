//! Pooling in 1 to 3 dimensions: max, average, adaptive, global, and the gradients of all.

mod adaptive;
mod options;

#[cfg(test)]
pub(crate) use adaptive::windows as adaptive_windows;
pub use options::PoolOptions;

use crate::cpu::pool::{self as kernel, Axis, Grid, Place, Window, Windows};
use crate::dtype::{with_float, with_number};
use crate::layout::Layout;
use crate::ops::images::Images;
use crate::ops::index::Place as Indices;
use crate::ops::on_cpu::or_on_cpu;
use crate::wgpu::pool::Pool;
use crate::{DType, Element, Error, Result, Shape, Tensor, wgpu};

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
        self.max_over("max_pool", windows)
    }

    /// As [`Tensor::max_pool`], with the place of each greatest element as `i64`: its row-major number in the spatial volume
    /// of its channel, as PyTorch counts. Of equal ones the first counts. A window that covers nothing but padding (which
    /// takes a dilation larger than the input) has value `-∞` and place -1.
    ///
    /// # Errors
    /// As [`Tensor::max_pool`].
    pub fn max_pool_with_indices(&self, options: &PoolOptions) -> Result<(Tensor, Tensor)> {
        let windows = options.windows("max_pool", self.shape())?;
        self.max_indices_over::<i64>("max_pool", windows)
    }

    /// As [`Tensor::max_pool_with_indices`], with the places as `i32`: half the memory to keep for a backward pass.
    ///
    /// # Errors
    /// As [`Tensor::max_pool`].
    pub fn max_pool_with_small_indices(&self, options: &PoolOptions) -> Result<(Tensor, Tensor)> {
        let windows = options.windows("max_pool", self.shape())?;
        self.max_indices_over::<i32>("max_pool", windows)
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
        self.average_over("avg_pool", windows)
    }

    /// The gradient of max pooling at its input, from the gradient at its output (this tensor) and the places that
    /// [`Tensor::max_pool_with_indices`] gave: each gradient is added to the element it came from. `spatial` are the sizes of
    /// the input behind N and C. Several gradients to one element add up in the order of the windows. On a graphics processor this
    /// waits until the places have been checked; [`Tensor::max_pool_backward_within`] does not.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] unless this tensor holds floats and `indices` `i64` or `i32`,
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
        self.require_same_device(OP, indices)?;
        let plane = spatial.numel();
        self.widened(|dy| {
            // The places lie as the input did.
            let indices = Images::of(indices)?;
            let dy = indices.alike(dy)?;
            if self.is_on_wgpu() {
                let places = places_on_wgpu(OP, &indices, plane)?;
                let there = || dy.result(&shape, wgpu::pool::scattered(&dy, &places, plane, &shape)?);
                let operands = [&dy.tensor, &indices.tensor];
                return or_on_cpu(OP, operands, there, |[dy, indices]| dy.max_pool_backward(indices, &spatial));
            }
            dy.result(
                &shape,
                with_float!(dy.tensor.dtype(), T => Tensor::build::<T>(&shape, |dx| {
                    let dy_elements = dy.elements::<T>();
                    let scattered = with_places!(OP, indices, P => {
                        kernel::scatter(dy_elements, indices.elements::<P>(), (plane, dy.inner), dx)
                    });
                    scattered.map_err(|place| outside(OP, plane, place))
                }))?,
            )
        })
    }

    /// [`Tensor::max_pool_backward`] for places that pooling with these options gave: faster where channels lie side by side, as windows
    /// are gone through in order. A place outside of its window may count for nothing.
    ///
    /// # Errors
    /// As [`Tensor::max_pool_backward`], and [`Error::Shape`] if this tensor's shape is not what pooling that input gives.
    pub fn max_pool_backward_within(
        &self,
        indices: &Tensor,
        spatial: impl Into<Shape>,
        options: &PoolOptions,
    ) -> Result<Tensor> {
        const OP: &str = "max_pool_backward_within";
        self.dtype().require_float(OP)?;
        let spatial = spatial.into();
        let shape = input_shape(OP, self.shape(), &spatial)?;
        let windows = options.windows(OP, &shape)?;
        let expected = output_shape(&shape, &windows);
        for (what, given) in [("a gradient", self), ("places", indices)] {
            if *given.shape() != expected {
                return Err(Error::shape(OP, format!("{what} of shape {expected}"), given.shape()));
            }
        }
        if self.is_on_wgpu() {
            self.require_same_device(OP, indices)?;
            require_places(OP, indices.dtype())?;
            let there = || wgpu::pool::backward(self, Some(&indices.to_dtype(DType::I32)?), &windows, &shape);
            let here = |[dy, places]: [&Tensor; 2]| dy.max_pool_backward_within(places, &spatial, options);
            return or_on_cpu(OP, [self, indices], there, here);
        }
        let places = Images::of(indices)?;
        if places.inner == 1 {
            return self.max_pool_backward(indices, spatial);
        }
        let grid = Grid::new(windows, places.inner);
        self.widened(|dy| {
            let dy = places.alike(dy)?;
            dy.result(
                &shape,
                with_float!(dy.tensor.dtype(), T => Tensor::build::<T>(&shape, |dx| {
                    let dy = dy.elements::<T>();
                    with_places!(OP, places, P => kernel::max_backward(dy, places.elements::<P>(), &grid, dx));
                    Ok(())
                }))?,
            )
        })
    }

    /// The elements of this tensor `[N, C, spatial…]` at the places that [`Tensor::max_pool_with_indices`] gave, 0 for place
    /// -1: the transposed operation of [`Tensor::max_pool_backward`]. On a graphics processor this waits until the places have been
    /// checked.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] unless this tensor holds floats and `indices` `i64` or `i32`,
    /// [`Error::Argument`] if a place lies outside.
    pub fn max_pool_take(&self, indices: &Tensor) -> Result<Tensor> {
        const OP: &str = "max_pool_take";
        self.dtype().require_float(OP)?;
        let spatial = Shape::from(spatial_of(OP, self.shape())?);
        if indices.rank() != self.rank() || indices.shape()[..2] != self.shape()[..2] {
            let expected = format!("places that begin with {:?}", &self.shape()[..2]);
            return Err(Error::shape(OP, expected, indices.shape()));
        }
        self.require_same_device(OP, indices)?;
        let plane = spatial.numel();
        if self.is_on_wgpu() {
            let x = Images::of(self)?;
            let places = places_on_wgpu(OP, &x.alike(indices)?, plane)?;
            let there = || {
                let taken = places.gather_from(&x.planes())?;
                x.result(indices.shape(), taken.with_layout(Layout::contiguous(indices.shape().clone())))
            };
            return or_on_cpu(OP, [self, indices], there, |[x, indices]| x.max_pool_take(indices));
        }
        self.widened(|x| {
            let x = Images::of(x)?;
            let indices = x.alike(indices)?;
            x.result(
                indices.tensor.shape(),
                with_float!(x.tensor.dtype(), T => {
                    Tensor::build::<T>(indices.tensor.shape(), |out| {
                        let elements = x.elements::<T>();
                        with_places!(OP, indices, P => {
                            let places = indices.elements::<P>();
                            let wrong = places.iter().find(|place| !(-1..plane as i64).contains(&place.to_i64()));
                            match wrong {
                                Some(place) => return Err(outside(OP, plane, place.to_i64())),
                                None => kernel::take(elements, places, (plane, x.inner), out),
                            }
                        });
                        Ok(())
                    })
                })?,
            )
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
        self.average_backward_over(OP, windows, shape)
    }

    // ---- what fixed and adaptive windows share ---------------------------------------------------------------------

    fn max_over(&self, op: &'static str, windows: Windows) -> Result<Tensor> {
        require_number(op, self.dtype())?;
        let shape = output_shape(self.shape(), &windows);
        if self.is_on_wgpu() {
            let there = || Ok(wgpu::pool::forward(self, &windows, &shape, Pool::Max { places: false })?.0);
            return or_on_cpu(op, [self], there, |[x]| x.max_over(op, windows.clone()));
        }
        self.widened(|x| {
            let x = Images::of(x)?;
            let grid = Grid::new(windows, x.inner);
            x.result(
                &shape,
                with_number!(x.tensor.dtype(), T => Tensor::build::<T>(&shape, |out| {
                    kernel::max(x.elements::<T>(), &grid, out);
                    Ok(())
                }))?,
            )
        })
    }

    fn max_indices_over<P: Place>(&self, op: &'static str, windows: Windows) -> Result<(Tensor, Tensor)> {
        require_number(op, self.dtype())?;
        let spatial: Shape = spatial_of(op, self.shape())?.into();
        if i32::try_from(spatial.numel()).is_err() {
            return Err(Error::TooLarge { op, shape: spatial, dtype: DType::I32 });
        }
        let shape = output_shape(self.shape(), &windows);
        if self.is_on_wgpu() {
            let there = || match wgpu::pool::forward(self, &windows, &shape, Pool::Max { places: true })? {
                (values, Some(places)) => Ok((values, places.to_dtype(P::DTYPE)?)),
                (_, None) => unreachable!("places were asked for"),
            };
            return or_on_cpu(op, [self], there, |[x]| x.max_indices_over::<P>(op, windows.clone()));
        }
        let mut found = None;
        let values = self.widened(|x| {
            let x = Images::of(x)?;
            let grid = Grid::new(windows, x.inner);
            x.result(
                &shape,
                with_number!(x.tensor.dtype(), T => Tensor::build::<T>(&shape, |out| {
                    let places = Tensor::build::<P>(&shape, |places| {
                        kernel::max_with_places(x.elements::<T>(), &grid, out, places);
                        Ok(())
                    })?;
                    found = Some(x.result(&shape, places)?);
                    Ok(())
                }))?,
            )
        })?;
        match found {
            Some(indices) => Ok((values, indices)),
            None => unreachable!("the indices are built together with the values"),
        }
    }

    fn average_over(&self, op: &'static str, windows: Windows) -> Result<Tensor> {
        self.dtype().require_float(op)?;
        let shape = output_shape(self.shape(), &windows);
        if self.is_on_wgpu() {
            let there = || Ok(wgpu::pool::forward(self, &windows, &shape, Pool::Average)?.0);
            return or_on_cpu(op, [self], there, |[x]| x.average_over(op, windows.clone()));
        }
        self.widened(|x| {
            let x = Images::of(x)?;
            let grid = Grid::new(windows, x.inner);
            x.result(
                &shape,
                with_float!(x.tensor.dtype(), T => Tensor::build::<T>(&shape, |out| {
                    kernel::average(x.elements::<T>(), &grid, out);
                    Ok(())
                }))?,
            )
        })
    }

    fn average_backward_over(&self, op: &'static str, windows: Windows, input: Shape) -> Result<Tensor> {
        self.dtype().require_float(op)?;
        let expected = output_shape(&input, &windows);
        if *self.shape() != expected {
            return Err(Error::shape(op, format!("a gradient of shape {expected}"), self.shape()));
        }
        if self.is_on_wgpu() {
            let there = || wgpu::pool::backward(self, None, &windows, &input);
            return or_on_cpu(op, [self], there, |[dy]| dy.average_backward_over(op, windows.clone(), input.clone()));
        }
        self.widened(|dy| {
            let dy = Images::of(dy)?;
            let grid = Grid::new(windows, dy.inner);
            dy.result(
                &input,
                with_float!(dy.tensor.dtype(), T => Tensor::build::<T>(&input, |dx| {
                    kernel::average_backward(dy.elements::<T>(), &grid, dx);
                    Ok(())
                }))?,
            )
        })
    }
}

/// Binds `$P` to the type of a tensor of places, `i32` or `i64`; returns an error for any other.
macro_rules! with_places {
    ($op:expr, $places:expr, $P:ident => $body:expr) => {
        match $places.tensor.dtype() {
            DType::I32 => {
                type $P = i32;
                $body
            }
            DType::I64 => {
                type $P = i64;
                $body
            }
            other => return Err(Error::dtype($op, "places of dtype i64 or i32", other)),
        }
    };
}
use with_places;

/// Places of planes on a graphics processor, along the middle axis of [`Images::planes`]. Waits until they have been checked.
fn places_on_wgpu(op: &'static str, places: &Images, plane: usize) -> Result<Indices> {
    require_places(op, places.tensor.dtype())?;
    let places = places.planes();
    match places.first_outside(-1, plane as i64 - 1)? {
        None => Ok(Indices { axis: 1, index: places }),
        Some(place) => Err(outside(op, plane, place)),
    }
}

fn outside(op: &'static str, plane: usize, place: i64) -> Error {
    Error::argument(op, format!("expected places in 0..{plane}, received {place}"))
}

fn require_places(op: &'static str, dtype: DType) -> Result<()> {
    if !matches!(dtype, DType::I32 | DType::I64) {
        return Err(Error::dtype(op, "places of dtype i64 or i32", dtype));
    }
    Ok(())
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
    let one = Axis { input: 1, step: 1, windows: vec![Window { first: 0, count: 1, divisor: 1 }], regular: None };
    let mut windows = [one.clone(), one.clone(), one];
    let lead = 3 - axes.len();
    for (slot, axis) in windows[lead..].iter_mut().zip(axes) {
        *slot = axis;
    }
    windows
}
