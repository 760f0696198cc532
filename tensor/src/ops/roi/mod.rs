//! Regions of interest: a grid of bins over each box of a feature map, and one number per bin and channel.
//!
//! Regions are a float tensor `[K, 5]`: the number of the image, and the box' `x1, y1, x2, y2`, as torchvision has it.

mod max;
mod mean;

pub use crate::cpu::roi::RoiMode;

use crate::cpu::roi::{Axis, MOST_SAMPLES};
use crate::element::Real;
use crate::{DType, Device, Error, Result, Shape, Tensor};

/// What [`Tensor::roi_mean`] makes of each region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoiOptions {
    /// How the mean of a bin is taken.
    pub mode: RoiMode,
    /// Bins down and across.
    pub output_size: [usize; 2],
    /// Pixels of the maps for one unit of the boxes: 1/16 for boxes in pixels of a picture that is 16 times as large.
    pub spatial_scale: f64,
}

impl RoiOptions {
    /// RoI align of as many samples as a bin has pixels, not aligned (torchvision's defaults), of boxes in pixels of the maps.
    pub fn align(output_size: [usize; 2]) -> Self {
        let mode = RoiMode::Align { sampling_ratio: 0, aligned: false };
        RoiOptions { mode, output_size, spatial_scale: 1.0 }
    }

    /// The axes of rows and columns for these boxes.
    fn axes<T: Real>(&self, op: &'static str, size: [usize; 2], boxes: &[[T; 5]]) -> Result<[Axis<T>; 2]> {
        let axis = |i: usize| Axis {
            size: size[i],
            bins: self.output_size[i],
            scale: T::r(self.spatial_scale),
            mode: self.mode,
        };
        let axes @ [rows, columns] = [axis(0), axis(1)];
        let fits = |&&[_, x1, y1, x2, y2]: &&[T; 5]| rows.samples(y1, y2).and(columns.samples(x1, x2)).is_none();
        match boxes.iter().find(fits) {
            None => Ok(axes),
            Some(wrong) => {
                let wrong = &wrong[1..];
                Err(Error::argument(
                    op,
                    format!(
                        "expected at most {MOST_SAMPLES} samples along a bin, and along an axis for a sampling ratio, received {self:?} and box {wrong:?}"
                    ),
                ))
            }
        }
    }
}

/// The shape `[N, C, H, W]` of maps that have pixels.
fn map_shape(op: &'static str, shape: &Shape) -> Result<[usize; 4]> {
    match shape[..] {
        [n, c, h, w] if h > 0 && w > 0 => Ok([n, c, h, w]),
        _ => Err(Error::shape(op, "feature maps [N, C, H, W] with pixels", shape)),
    }
}

/// The shape of the bins of these regions, with so many channels.
fn result_shape(
    op: &'static str,
    regions: &Tensor,
    channels: usize,
    [high, wide]: [usize; 2],
    dtype: DType,
) -> Result<Shape> {
    let [count, 5] = regions.shape()[..] else {
        let expected = "regions of shape [K, 5] (image, x1, y1, x2, y2)";
        return Err(Error::shape(op, expected, regions.shape()));
    };
    if !regions.dtype().is_float() {
        return Err(Error::dtype(op, "regions of a float dtype", regions.dtype()));
    }
    if ![high, wide].iter().all(|bins| (1..=MOST_SAMPLES).contains(bins)) {
        let message =
            format!("expected an output size of 1 to {MOST_SAMPLES} bins along an axis, received {high} × {wide}");
        return Err(Error::argument(op, message));
    }
    let shape = Shape::from([count, channels, high, wide]);
    shape.check_size(op, dtype)?;
    Ok(shape)
}

fn require_scale(op: &'static str, scale: f64) -> Result<()> {
    if scale.is_finite() && scale > 0.0 {
        return Ok(());
    }
    Err(Error::argument(op, format!("expected a spatial scale above 0, received {scale}")))
}

/// The regions `image, x1, y1, x2, y2` of maps of so many images. A graphics processor is waited for.
fn boxes_of<T: Real>(op: &'static str, regions: &Tensor, images: usize) -> Result<Vec<[T; 5]>> {
    let regions = regions.to_device(Device::Cpu)?.to_dtype(T::DTYPE)?.contiguous()?;
    let boxes = regions.dense_elements::<T>().as_chunks::<5>().0.to_vec();
    for (number, [image, corners @ ..]) in boxes.iter().enumerate() {
        let index = image.to_f64();
        if !(index >= 0.0 && index < images as f64 && index.fract() == 0.0) {
            let message =
                format!("expected the number of an image in 0..{images}, received {index} in region {number}");
            return Err(Error::argument(op, message));
        }
        if !corners.iter().all(|corner| corner.to_f64().is_finite()) {
            let message = format!("expected boxes of finite numbers, received {corners:?} in region {number}");
            return Err(Error::argument(op, message));
        }
    }
    Ok(boxes)
}
