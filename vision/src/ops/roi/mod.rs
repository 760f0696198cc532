//! Regions of interest: what a second stage sees of the feature maps.
//!
//! All take maps `[N, C, H, W]` and regions `[K, 5]`, the number of the image and a box' `x1, y1, x2, y2` (see [`rois_from_boxes`]), and
//! give `[K, C, high, wide]`, a grid of bins per region. They are differentiable in the maps, and their numbers are torchvision's. Maps and
//! regions lie on one device, where the results lie too; on a graphics processor each call waits until the regions have been read.

mod align;
mod levels;
mod pool;

pub use align::{PsRoiAlign, RoiAlign};
pub use levels::{LevelMapper, MultiScaleRoiAlign};
pub use pool::{PsRoiPool, RoiPool};

use ocelli_tensor::{DType, Tensor};

use super::boxes::{require_list, widened};
use crate::Result;

/// Regions `[K, 5]` from the boxes `[Kᵢ, 4]` of each image: before each box the number of its image. The dtype is the one that all
/// promote to, `f32` for half types, which do not count images beyond 256.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::roi::rois_from_boxes;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = [Tensor::new([[1.0f32, 2.0, 3.0, 4.0]])?, Tensor::new([[5.0f32, 6.0, 7.0, 8.0]])?];
/// let rois = rois_from_boxes(&boxes)?;
/// assert_eq!(rois.to_vec::<f32>()?, [0.0, 1.0, 2.0, 3.0, 4.0, 1.0, 5.0, 6.0, 7.0, 8.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless all are float tensors `[Kᵢ, 4]` on one device, where the result lies too (on the CPU if there are no images).
pub fn rois_from_boxes(boxes: &[Tensor]) -> Result<Tensor> {
    const OP: &str = "rois_from_boxes";
    let mut regions = Vec::with_capacity(boxes.len());
    for (image, boxes) in boxes.iter().enumerate() {
        require_list(OP, boxes)?;
        let boxes = widened(OP, boxes)?;
        let numbers = Tensor::full_on(boxes.device(), [boxes.shape()[0], 1], image as f64, boxes.dtype())?;
        regions.push(Tensor::concat(&[numbers, boxes], 1)?);
    }
    if regions.is_empty() { Ok(Tensor::zeros([0, 5], DType::F32)?) } else { Ok(Tensor::concat(&regions, 0)?) }
}
