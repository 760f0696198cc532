//! How windows are laid over a picture.

use super::{led_by_ones, spatial_of};
use crate::cpu::pool::{Axis, Regular, Window, Windows};
use crate::memory::reserved;
use crate::{Error, Padding, PerAxis, Result, Shape};

/// Kernel, stride, padding and dilation of a pooling operation, per axis.
///
/// Sizes are given as one number for all spatial axes (`2`) or one for each (`[3, 2]`). Without further ado the stride is the
/// kernel, there is no padding and no dilation. As in PyTorch, explicit padding is at most half the (dilated) kernel on each side.
///
/// ```
/// use ocelli_tensor::{Padding, PoolOptions};
/// let resnet_stem = PoolOptions::new(3).stride(2).padding(1);
/// let keras_same = PoolOptions::new([2, 2]).padding(Padding::Same);
/// # let _ = (resnet_stem, keras_same);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolOptions {
    /// Size of the window.
    pub kernel: PerAxis,
    /// Distance of neighbouring windows.
    pub stride: PerAxis,
    /// What surrounds the input.
    pub padding: Padding,
    /// Distance of neighbours in a window (max pooling only).
    pub dilation: PerAxis,
    /// Whether a last window that begins inside the input (or the padding before it) but ends behind it counts.
    pub ceil_mode: bool,
    /// Whether an average divides by the positions in the window, padding included, or by the elements alone.
    pub count_include_pad: bool,
}

impl PoolOptions {
    /// Windows of this size, side by side.
    pub fn new(kernel: impl Into<PerAxis>) -> Self {
        let kernel = kernel.into();
        PoolOptions {
            stride: kernel.clone(),
            kernel,
            padding: Padding::Valid,
            dilation: 1.into(),
            ceil_mode: false,
            count_include_pad: true,
        }
    }

    /// With this distance between windows.
    #[must_use]
    pub fn stride(self, stride: impl Into<PerAxis>) -> Self {
        PoolOptions { stride: stride.into(), ..self }
    }

    /// With this padding. TensorFlow's [`Padding::Same`] is never counted by its averages, so that clears
    /// [`PoolOptions::count_include_pad`].
    #[must_use]
    pub fn padding(self, padding: impl Into<Padding>) -> Self {
        let padding = padding.into();
        let count_include_pad = self.count_include_pad && padding != Padding::Same;
        PoolOptions { padding, count_include_pad, ..self }
    }

    /// With this distance between neighbours in a window.
    #[must_use]
    pub fn dilation(self, dilation: impl Into<PerAxis>) -> Self {
        PoolOptions { dilation: dilation.into(), ..self }
    }

    /// With or without a last window that reaches over the end.
    #[must_use]
    pub fn ceil_mode(self, ceil_mode: bool) -> Self {
        PoolOptions { ceil_mode, ..self }
    }

    /// With averages that count padding, or do not.
    #[must_use]
    pub fn count_include_pad(self, count_include_pad: bool) -> Self {
        PoolOptions { count_include_pad, ..self }
    }

    /// The windows over an input of this shape.
    pub(crate) fn windows(&self, op: &'static str, shape: &Shape) -> Result<Windows> {
        let spatial = spatial_of(op, shape)?;
        let rank = spatial.len();
        let kernel = self.kernel.resolve(op, "kernel", rank, 1)?;
        let stride = self.stride.resolve(op, "stride", rank, 1)?;
        let dilation = self.dilation.resolve(op, "dilation", rank, 1)?;
        let padding = self.padding.resolve(op, spatial, &kernel, &stride, &dilation)?;
        let limited = matches!(self.padding, Padding::Explicit(_));
        let axes = (0..rank).map(|i| {
            let (input, kernel, stride, dilation) = (spatial[i], kernel[i], stride[i], dilation[i]);
            let geometry = Geometry { input, kernel, stride, dilation, padding: padding[i] };
            geometry.axis(op, shape, self.ceil_mode, self.count_include_pad, limited)
        });
        Ok(led_by_ones(axes.collect::<Result<_>>()?))
    }

    /// `Err` if there is a dilation.
    pub(super) fn require_dense(&self, op: &'static str) -> Result<()> {
        if self.dilation.is_everywhere(1) {
            return Ok(());
        }
        Err(Error::argument(op, format!("expected a dilation of 1, received {:?}", self.dilation)))
    }
}

/// One axis of a pooling operation.
struct Geometry {
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: (usize, usize),
}

impl Geometry {
    fn axis(
        &self,
        op: &'static str,
        shape: &Shape,
        ceil_mode: bool,
        count_include_pad: bool,
        limited: bool,
    ) -> Result<Axis> {
        let (low, high) = self.padding;
        // `PerAxis` and `Padding` bound every number, so that this does not overflow.
        let reach = (self.kernel - 1) * self.dilation + 1;
        if limited && low.max(high) > reach / 2 {
            let message =
                format!("expected a padding of at most half the kernel's reach of {reach}, received {low} and {high}");
            return Err(Error::argument(op, message));
        }
        let padded = self.input.saturating_add(low).saturating_add(high);
        let stride = self.stride as i128;
        let room = padded as i128 - reach as i128;
        let rounding = if ceil_mode { stride - 1 } else { 0 };
        let mut outputs = (room + rounding).div_euclid(stride) + 1;
        if ceil_mode && (outputs - 1) * stride >= self.input as i128 + low as i128 {
            // A window that begins in the padding behind the input would cover nothing.
            outputs -= 1;
        }
        if outputs < 1 || self.input == 0 {
            let expected =
                format!("spatial sizes of at least the kernel's reach of {reach} less the padding of {low} and {high}");
            return Err(Error::shape(op, expected, shape));
        }
        let outputs = usize::try_from(outputs).unwrap_or(usize::MAX);
        let mut windows = reserved(outputs)?;
        windows.extend((0..outputs).map(|i| {
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
                divisor: if count_include_pad { end - start } else { count },
            }
        }));
        let regular = Some(Regular { kernel: self.kernel, stride: self.stride, low });
        Ok(Axis { input: self.input, step: self.dilation, windows, regular })
    }
}
