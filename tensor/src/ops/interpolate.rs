//! Resizing pictures and volumes, with PyTorch's coordinates.

use crate::cpu::interpolate::{self as kernel, Table};
use crate::dtype::{with_float, with_width};
use crate::memory::reserved;
use crate::ops::images::Images;
use crate::ops::on_cpu::or_on_cpu;
use crate::{DType, Error, Result, Shape, Tensor, wgpu};

/// How [`Tensor::interpolate`] finds a value between elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterpolateMode {
    /// The element whose cell the output's corner falls into: `x[⌊i · input / output⌋]`, as PyTorch and OpenCV have it.
    Nearest,
    /// Linear along each axis: bilinear for pictures, trilinear for volumes.
    Linear {
        /// Whether the first and last elements stay in place (`true`), or the outer edges of their cells do (`false`).
        align_corners: bool,
    },
    /// Cubic convolution with `a = -0.75` along each axis (Keys 1981), for pictures only.
    Cubic {
        /// As in [`InterpolateMode::Linear`].
        align_corners: bool,
    },
}

/// How large [`Tensor::interpolate`] makes the spatial axes.
#[derive(Debug, Clone, PartialEq)]
pub enum ResizeTo {
    /// These sizes, one for each axis or one for all.
    Size(Shape),
    /// `⌊size · factor⌋`, one factor for each axis or one for all. Coordinates are divided by the factor itself, not by the ratio
    /// of the sizes that come of it (PyTorch without `recompute_scale_factor`).
    Scale(Vec<f64>),
}

impl ResizeTo {
    /// Sizes.
    pub fn size(size: impl Into<Shape>) -> Self {
        ResizeTo::Size(size.into())
    }

    /// One factor for all axes.
    pub fn scale(factor: f64) -> Self {
        ResizeTo::Scale(vec![factor])
    }
}

impl<T: Into<Shape>> From<T> for ResizeTo {
    fn from(size: T) -> Self {
        ResizeTo::Size(size.into())
    }
}

impl Tensor {
    /// `[N, C, spatial…]` with 1 to 3 spatial axes, resized. `Nearest` takes every dtype (label maps too), the others floats.
    ///
    /// ```
    /// use ocelli_tensor::{InterpolateMode, ResizeTo, Tensor};
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::new([[[0.0f32, 3.0]]])?;
    /// let y = x.interpolate(4, InterpolateMode::Linear { align_corners: true })?;
    /// assert_eq!(y.to_vec::<f32>()?, [0.0, 1.0, 2.0, 3.0]);
    /// let y = x.interpolate(ResizeTo::scale(2.0), InterpolateMode::Nearest)?;
    /// assert_eq!(y.to_vec::<f32>()?, [0.0, 0.0, 3.0, 3.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] unless the rank is 3 to 5 (4 for `Cubic`) and no spatial axis is empty, [`Error::Argument`] for sizes that
    /// are 0, factors that are not positive, or another number of them than axes, [`Error::DType`] as said above.
    pub fn interpolate(&self, to: impl Into<ResizeTo>, mode: InterpolateMode) -> Result<Tensor> {
        const OP: &str = "interpolate";
        let to = to.into();
        let (shape, tables) = tables(OP, self.shape(), self.dtype(), &to, mode)?;
        shape.check_size(OP, self.dtype())?;
        let grow =
            || tables.iter().enumerate().filter_map(|(axis, table)| Some((axis + 2, table.as_ref()?, shape[axis + 2])));
        let copies = mode == InterpolateMode::Nearest;
        if !copies {
            self.dtype().require_float(OP)?;
        }
        if self.is_on_wgpu() {
            let there = || wgpu::interpolate::forward(self, &tables, &shape, copies);
            return or_on_cpu(OP, [self], there, |[x]| x.interpolate(to, mode));
        }
        if copies {
            return along_axes(self, grow(), |x, [size, _, inner], table, shape| {
                with_width!(x.tensor.dtype(), W => Tensor::build_bits::<W>(shape, x.tensor.dtype(), |out| {
                    kernel::copy(x.bits::<W>(), size, inner, table, out);
                    Ok(())
                }))
            });
        }
        self.widened(|x| {
            along_axes(x, grow(), |x, [size, _, inner], table, shape| {
                with_float!(x.tensor.dtype(), T => Tensor::build::<T>(shape, |out| {
                    kernel::forward(x.elements::<T>(), size, inner, table, out);
                    Ok(())
                }))
            })
        })
    }

    /// The gradient of [`Tensor::interpolate`] at its input, from the gradient at its output (this tensor): the transposed
    /// operation. `spatial` are the sizes of the input behind N and C, `to` and `mode` what `interpolate` was given.
    ///
    /// # Errors
    /// [`Error::Shape`] if this tensor's shape is not what resizing that input gives, [`Error::DType`] unless it holds floats, and
    /// as [`Tensor::interpolate`].
    pub fn interpolate_backward(
        &self,
        spatial: impl Into<Shape>,
        to: impl Into<ResizeTo>,
        mode: InterpolateMode,
    ) -> Result<Tensor> {
        const OP: &str = "interpolate_backward";
        self.dtype().require_float(OP)?;
        let spatial = spatial.into();
        let lead = &self.shape()[..self.rank().min(2)];
        let input: Shape = lead.iter().chain(spatial.iter()).copied().collect();
        input.check_size(OP, self.dtype())?;
        let to = to.into();
        let (shape, tables) = tables(OP, &input, self.dtype(), &to, mode)?;
        if shape != *self.shape() {
            return Err(Error::shape(OP, format!("a gradient of shape {shape}"), self.shape()));
        }
        if self.is_on_wgpu() {
            let there = || wgpu::interpolate::backward(self, &tables, &input);
            return or_on_cpu(OP, [self], there, |[dy]| dy.interpolate_backward(spatial, to, mode));
        }
        let steps = tables.iter().enumerate().rev();
        let shrink = steps.filter_map(|(axis, table)| Some((axis + 2, table.as_ref()?, input[axis + 2])));
        self.widened(|dy| {
            along_axes(dy, shrink, |dy, [_, size, inner], table, shape| {
                with_float!(dy.tensor.dtype(), T => Tensor::build::<T>(shape, |dx| {
                    kernel::backward(dy.elements::<T>(), size, inner, table, dx);
                    Ok(())
                }))
            })
        })
    }
}

/// Resizes one axis after the other, each (with its table) to a size. `resize` is given the axis' size before and after, the elements
/// between neighbours along it, the table and the result's shape.
fn along_axes<'a>(
    x: &Tensor,
    axes: impl Iterator<Item = (usize, &'a Table, usize)>,
    resize: impl Fn(&Images, [usize; 3], &Table, &Shape) -> Result<Tensor>,
) -> Result<Tensor> {
    let mut x = Images::of(x)?;
    for (axis, table, size) in axes {
        let mut shape = x.tensor.shape().clone();
        let before = std::mem::replace(&mut shape[axis], size);
        let inner = shape[axis + 1..].iter().product::<usize>() * x.inner;
        let written = resize(&x, [before, size, inner], table, &shape)?;
        x.tensor = x.result(&shape, written)?;
    }
    Ok(x.tensor)
}

/// The shape of the result and what to do along each spatial axis.
fn tables(
    op: &'static str,
    shape: &Shape,
    dtype: DType,
    to: &ResizeTo,
    mode: InterpolateMode,
) -> Result<(Shape, Vec<Option<Table>>)> {
    let cubic = matches!(mode, InterpolateMode::Cubic { .. });
    if !(3..=5).contains(&shape.rank()) || (cubic && shape.rank() != 4) {
        let expected = if cubic { "a picture [N, C, H, W]" } else { "[N, C] and 1 to 3 spatial axes" };
        return Err(Error::shape(op, expected, shape));
    }
    let spatial = &shape[2..];
    if spatial.contains(&0) {
        return Err(Error::shape(op, "spatial axes that are not empty", shape));
    }
    let count = match to {
        ResizeTo::Size(sizes) => sizes.rank(),
        ResizeTo::Scale(factors) => factors.len(),
    };
    if count != 1 && count != spatial.len() {
        let message = format!("expected 1 or {} sizes or factors, received {count}", spatial.len());
        return Err(Error::argument(op, message));
    }
    let mut result = shape.clone();
    let mut scales = Vec::with_capacity(spatial.len());
    for (i, &input) in spatial.iter().enumerate() {
        let place = if count == 1 { 0 } else { i };
        let (output, factor) = match to {
            ResizeTo::Size(sizes) => (sizes[place], None),
            ResizeTo::Scale(factors) => {
                let size = (input as f64 * factors[place]).floor();
                let valid = factors[place] > 0.0 && size < 1e15;
                (if valid { size as usize } else { 0 }, Some(factors[place]))
            }
        };
        if output == 0 {
            let message = format!("expected sizes of at least 1 for an axis of {input} elements, received {to:?}");
            return Err(Error::argument(op, message));
        }
        result[i + 2] = output;
        scales.push(factor);
    }
    // Before tables of that size are made.
    result.check_size(op, DType::F64)?;
    let tables = (0..spatial.len()).map(|i| {
        let axis = Axis { input: spatial[i], output: result[i + 2], factor: scales[i], single: dtype != DType::F64 };
        axis.table(mode)
    });
    let tables = tables.collect::<Result<_>>()?;
    Ok((result, tables))
}

/// One axis to resize.
struct Axis {
    input: usize,
    output: usize,
    factor: Option<f64>,
    /// Whether coordinates are computed in single precision, as PyTorch does for all but `f64`: it decides on which side of an
    /// element a coordinate falls.
    single: bool,
}

impl Axis {
    /// `None` if the axis stays as it is.
    fn table(&self, mode: InterpolateMode) -> Result<Option<Table>> {
        match mode {
            InterpolateMode::Nearest => self.nearest(),
            InterpolateMode::Linear { align_corners } => self.linear(align_corners),
            InterpolateMode::Cubic { align_corners } => self.cubic(align_corners).map(Some),
        }
    }

    /// Inputs per output.
    fn step(&self, single: bool) -> f64 {
        match (self.factor, single) {
            (Some(factor), true) => f64::from((1.0 / factor) as f32),
            (Some(factor), false) => 1.0 / factor,
            (None, true) => f64::from(self.input as f32 / self.output as f32),
            (None, false) => self.input as f64 / self.output as f64,
        }
    }

    fn nearest(&self) -> Result<Option<Table>> {
        if self.input == self.output {
            return Ok(None);
        }
        let step = self.step(true) as f32;
        let last = self.input - 1;
        let place = |i: usize| {
            if self.output == 2 * self.input { i / 2 } else { ((i as f32 * step).floor() as usize).min(last) }
        };
        let mut places = reserved(self.output)?;
        places.extend((0..self.output).map(place));
        Ok(Some(Table { taps: 1, places, weights: Vec::new() }))
    }

    /// The coordinate of output `i` among the inputs.
    fn source(&self, i: usize, align_corners: bool) -> f64 {
        let round = |x: f64| if self.single { f64::from(x as f32) } else { x };
        if align_corners {
            let step = match self.output {
                1 => 0.0,
                _ => round((self.input - 1) as f64 / (self.output - 1) as f64),
            };
            return round(step * i as f64);
        }
        round(round(self.step(self.single) * (i as f64 + 0.5)) - 0.5)
    }

    fn linear(&self, align_corners: bool) -> Result<Option<Table>> {
        if self.input == self.output {
            return Ok(None);
        }
        let last = self.input - 1;
        let mut table = Table { taps: 2, places: reserved(2 * self.output)?, weights: reserved(2 * self.output)? };
        for i in 0..self.output {
            let source = self.source(i, align_corners).max(0.0);
            let place = (source as usize).min(last);
            let weight = (source - place as f64).clamp(0.0, 1.0);
            table.places.extend([place, (place + 1).min(last)]);
            table.weights.extend([1.0 - weight, weight]);
        }
        Ok(Some(table))
    }

    fn cubic(&self, align_corners: bool) -> Result<Table> {
        const A: f64 = -0.75;
        // The two pieces of the cubic convolution kernel, for distances up to 1 and from 1 to 2.
        let near = |x: f64| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
        let far = |x: f64| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
        let last = self.input as isize - 1;
        let mut table = Table { taps: 4, places: reserved(4 * self.output)?, weights: reserved(4 * self.output)? };
        for i in 0..self.output {
            let source = self.source(i, align_corners);
            let place = (source.floor() as isize).min(last);
            let t = (source - place as f64).clamp(0.0, 1.0);
            let places = (place - 1..=place + 2).map(|place| place.clamp(0, last) as usize);
            table.places.extend(places);
            table.weights.extend([far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]);
        }
        Ok(table)
    }
}
