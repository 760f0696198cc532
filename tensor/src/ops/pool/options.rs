//! How windows are laid over a picture.

use smallvec::SmallVec;

use super::{led_by_ones, spatial_of};
use crate::cpu::pool::{Axis, Window, Windows};
use crate::{Error, Result, Shape};

/// What surrounds the input of a pooling operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolPadding {
    /// This many positions before and behind each spatial axis; one pair stands for all axes.
    Explicit(SmallVec<[(usize, usize); 3]>),
    /// TensorFlow's `same`: as many as it takes for `⌈size / stride⌉` outputs, the odd one behind.
    Same,
}

/// Kernel, stride, padding and dilation of a pooling operation, per axis.
///
/// Sizes are given as one number for all spatial axes (`2`) or one for each (`[3, 2]`). Without further ado the stride is the
/// kernel, there is no padding and no dilation. As in PyTorch, padding is at most half the (dilated) kernel on each side.
///
/// ```
/// use ocelli_tensor::PoolOptions;
/// let resnet_stem = PoolOptions::new(3).stride(2).padding(1);
/// let keras_same = PoolOptions::new([2, 2]).same();
/// # let _ = (resnet_stem, keras_same);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolOptions {
    /// Size of the window.
    pub kernel: Shape,
    /// Distance of neighbouring windows.
    pub stride: Shape,
    /// What surrounds the input.
    pub padding: PoolPadding,
    /// Distance of neighbours in a window (max pooling only).
    pub dilation: Shape,
    /// Whether a last window that begins inside the input (or the padding before it) but ends behind it counts.
    pub ceil_mode: bool,
    /// Whether an average divides by the positions in the window, padding included, or by the elements alone.
    pub count_include_pad: bool,
}

impl PoolOptions {
    /// Windows of this size, side by side.
    pub fn new(kernel: impl Into<Shape>) -> Self {
        let kernel = kernel.into();
        PoolOptions {
            stride: kernel.clone(),
            kernel,
            padding: PoolPadding::Explicit(SmallVec::from_slice(&[(0, 0)])),
            dilation: Shape::from([1]),
            ceil_mode: false,
            count_include_pad: true,
        }
    }

    /// With this distance between windows.
    pub fn stride(self, stride: impl Into<Shape>) -> Self {
        PoolOptions {
            stride: stride.into(),
            ..self
        }
    }

    /// With this many positions around the input, the same on both sides of an axis.
    pub fn padding(self, padding: impl Into<Shape>) -> Self {
        let sides: Vec<(usize, usize)> = padding.into().iter().map(|&side| (side, side)).collect();
        self.padding_sides(&sides)
    }

    /// With `(before, behind)` positions for each spatial axis.
    pub fn padding_sides(self, padding: &[(usize, usize)]) -> Self {
        PoolOptions {
            padding: PoolPadding::Explicit(SmallVec::from_slice(padding)),
            ..self
        }
    }

    /// With TensorFlow's `same` padding, which its averages do not count: this clears [`PoolOptions::count_include_pad`].
    pub fn same(self) -> Self {
        PoolOptions {
            padding: PoolPadding::Same,
            count_include_pad: false,
            ..self
        }
    }

    /// With this distance between neighbours in a window.
    pub fn dilation(self, dilation: impl Into<Shape>) -> Self {
        PoolOptions {
            dilation: dilation.into(),
            ..self
        }
    }

    /// With or without a last window that reaches over the end.
    pub fn ceil_mode(self, ceil_mode: bool) -> Self {
        PoolOptions { ceil_mode, ..self }
    }

    /// With averages that count padding, or do not.
    pub fn count_include_pad(self, count_include_pad: bool) -> Self {
        PoolOptions {
            count_include_pad,
            ..self
        }
    }

    /// The windows over an input of this shape.
    pub(super) fn windows(&self, op: &'static str, shape: &Shape) -> Result<Windows> {
        let spatial = spatial_of(op, shape)?;
        let rank = spatial.len();
        let kernel = per_axis(op, "kernel sizes", &self.kernel, rank)?;
        let stride = per_axis(op, "strides", &self.stride, rank)?;
        let dilation = per_axis(op, "dilations", &self.dilation, rank)?;
        for (what, sizes) in [
            ("kernel", &kernel),
            ("stride", &stride),
            ("dilation", &dilation),
        ] {
            if sizes.contains(&0) {
                let message = format!("expected a {what} of at least 1, received {sizes:?}");
                return Err(Error::argument(op, message));
            }
        }
        let padding = match &self.padding {
            PoolPadding::Explicit(sides) => Some(per_axis(op, "paddings", sides, rank)?),
            PoolPadding::Same => None,
        };
        let axes = (0..rank).map(|i| {
            let geometry = Geometry {
                input: spatial[i],
                kernel: kernel[i],
                // Any stride beyond the input means one window; this one cannot overflow.
                stride: stride[i].min(usize::MAX / 8),
                dilation: dilation[i],
                padding: padding.as_ref().map(|sides| sides[i]),
            };
            geometry.axis(op, shape, self.ceil_mode, self.count_include_pad)
        });
        Ok(led_by_ones(axes.collect::<Result<_>>()?))
    }

    /// `Err` if there is a dilation.
    pub(super) fn require_dense(&self, op: &'static str) -> Result<()> {
        if self.dilation.iter().all(|&dilation| dilation == 1) {
            return Ok(());
        }
        Err(Error::argument(
            op,
            format!("expected a dilation of 1, received {}", self.dilation),
        ))
    }
}

/// One value for each axis from one value for all or one for each.
fn per_axis<T: Copy + std::fmt::Debug>(
    op: &'static str,
    what: &str,
    values: &[T],
    rank: usize,
) -> Result<SmallVec<[T; 3]>> {
    match values {
        [value] => Ok(SmallVec::from_elem(*value, rank)),
        _ if values.len() == rank => Ok(values.iter().copied().collect()),
        _ => Err(Error::argument(
            op,
            format!("expected 1 or {rank} {what}, received {values:?}"),
        )),
    }
}

/// One axis of a pooling operation. `padding` is `None` for `same`.
struct Geometry {
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Option<(usize, usize)>,
}

impl Geometry {
    fn axis(
        &self,
        op: &'static str,
        shape: &Shape,
        ceil_mode: bool,
        count_include_pad: bool,
    ) -> Result<Axis> {
        let overflow = || {
            let message = format!(
                "expected a kernel that fits into memory, received {}",
                self.kernel
            );
            Error::argument(op, message)
        };
        let reach = (self.kernel - 1)
            .checked_mul(self.dilation)
            .and_then(|reach| reach.checked_add(1))
            .filter(|&reach| reach < isize::MAX as usize / 4)
            .ok_or_else(overflow)?;
        let (low, high) = match self.padding {
            Some(sides) => sides,
            None => {
                let outputs = self.input.div_ceil(self.stride);
                let needed = outputs.saturating_sub(1) * self.stride + reach;
                let total = needed.saturating_sub(self.input);
                (total / 2, total - total / 2)
            }
        };
        if self.padding.is_some() && low.max(high) > reach / 2 {
            let message = format!(
                "expected a padding of at most half the kernel's reach of {reach}, received {low} and {high}"
            );
            return Err(Error::argument(op, message));
        }
        let padded = self.input + low + high;
        let room = padded as isize - reach as isize;
        let rounding = if ceil_mode { self.stride - 1 } else { 0 };
        let mut outputs = (room + rounding as isize).div_euclid(self.stride as isize) + 1;
        if ceil_mode && (outputs - 1) * self.stride as isize >= (self.input + low) as isize {
            // A window that begins in the padding behind the input would cover nothing.
            outputs -= 1;
        }
        if outputs < 1 || self.input == 0 {
            let expected = format!(
                "spatial sizes of at least the kernel's reach of {reach} less the padding of {low} and {high}"
            );
            return Err(Error::shape(op, expected, shape));
        }
        let windows = (0..outputs as usize).map(|i| {
            // All positions are counted from the start of the padding.
            let start = i * self.stride;
            let end = (start + reach).min(padded);
            let skipped = low.saturating_sub(start).div_ceil(self.dilation);
            let first = start + skipped * self.dilation;
            let stop = end.min(low + self.input);
            let count = stop.saturating_sub(first).div_ceil(self.dilation);
            Window {
                first: if count == 0 { 0 } else { first - low },
                count,
                divisor: if count_include_pad {
                    end - start
                } else {
                    count
                },
            }
        });
        Ok(Axis {
            input: self.input,
            step: self.dilation,
            windows: windows.collect(),
        })
    }
}
