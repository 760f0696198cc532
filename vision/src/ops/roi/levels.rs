//! RoI align on feature pyramids: each region on the level that its size belongs to.

use ocelli_autograd::Var;
use ocelli_tensor::{DType, Device, Error as TensorError, Tensor};

use super::{RoiAlign, rois_from_boxes};
use crate::host;
use crate::ops::BoxFormat;
use crate::ops::boxes::{area, require_list};
use crate::{Error, Result};

/// Which level of a pyramid a box belongs to: `⌊canonical_level + log₂(√area / canonical_scale)⌋`, kept within the levels there are (Lin et
/// al. 2017, equation 1). torchvision's `LevelMapper`, with its numbers.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::roi::LevelMapper;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[0.0f32, 0.0, 224.0, 224.0], [0.0, 0.0, 100.0, 100.0], [0.0, 0.0, 900.0, 900.0]])?;
/// // Levels P2 to P5.
/// assert_eq!(LevelMapper::new(2, 5)?.levels(&boxes)?, [2, 0, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelMapper {
    k_min: i32,
    k_max: i32,
    canonical_scale: f64,
    canonical_level: i32,
}

impl LevelMapper {
    /// Levels `k_min` to `k_max`; a box of 224 × 224 pixels, ImageNet's pictures, belongs to level 4.
    ///
    /// # Errors
    /// Unless `k_min ≤ k_max`.
    pub fn new(k_min: i32, k_max: i32) -> Result<Self> {
        if k_min <= k_max {
            return Ok(LevelMapper { k_min, k_max, canonical_scale: 224.0, canonical_level: 4 });
        }
        Err(Error::argument("level_mapper", format!("expected levels in order, received {k_min} to {k_max}")))
    }

    /// The level that a square of a side of `scale` pixels belongs to.
    ///
    /// # Errors
    /// Unless `scale` is above 0 and finite.
    pub fn canonical(mut self, scale: f64, level: i32) -> Result<Self> {
        if !(scale > 0.0 && scale.is_finite()) {
            return Err(Error::argument("level_mapper", format!("expected a scale above 0, received {scale}")));
        }
        (self.canonical_scale, self.canonical_level) = (scale, level);
        Ok(self)
    }

    /// The level of each box of `[K, 4]`, counted from `k_min`. Boxes without area belong to the lowest.
    ///
    /// # Errors
    /// Unless the boxes are a float tensor `[K, 4]`.
    pub fn levels(&self, boxes: &Tensor) -> Result<Vec<usize>> {
        require_list("level_mapper", boxes)?;
        // What lies on the edge of a level is decided by rounding, so precision and order are torchvision's, on the CPU.
        let areas = area(&boxes.to_device(Device::Cpu)?, BoxFormat::Xyxy)?;
        let level = match areas.dtype() {
            DType::F64 => host::elements::<f64>(&areas)?.iter().map(|&area| self.level(area)).collect(),
            _ => host::elements::<f32>(&areas)?.iter().map(|&area| self.single_level(area)).collect(),
        };
        Ok(level)
    }

    fn level(&self, area: f64) -> usize {
        let level = f64::from(self.canonical_level) + (area.sqrt() / self.canonical_scale).log2() + 1e-6;
        self.within(level.floor())
    }

    fn single_level(&self, area: f32) -> usize {
        let level = self.canonical_level as f32 + (area.sqrt() / self.canonical_scale as f32).log2() + 1e-6;
        self.within(f64::from(level.floor()))
    }

    /// A level that is there; NaN, the root of a negative area, is the lowest.
    fn within(&self, level: f64) -> usize {
        let above = level - f64::from(self.k_min);
        // A cast takes what is negative, and NaN, to 0.
        (above as usize).min((i64::from(self.k_max) - i64::from(self.k_min)) as usize)
    }
}

/// RoI align on several levels of a feature pyramid: torchvision's `MultiScaleRoIAlign`. Each box is read from the level of its size (see
/// [`LevelMapper`]), not aligned.
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::ops::roi::MultiScaleRoiAlign;
/// # fn main() -> ocelli_vision::Result<()> {
/// let maps = [64, 32, 16].map(|size| Tensor::ones([1, 8, size, size], DType::F32).map(Var::from));
/// let maps: Vec<Var> = maps.into_iter().collect::<Result<_, _>>()?;
/// let boxes = [Tensor::new([[10.0f32, 10.0, 40.0, 50.0], [0.0, 0.0, 250.0, 250.0]])?];
/// let align = MultiScaleRoiAlign::new([7, 7], 2);
/// assert_eq!(align.forward(&maps, &boxes, &[[256, 256]])?.shape()[..], [2, 8, 7, 7]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiScaleRoiAlign {
    /// Bins down and across.
    pub output_size: [usize; 2],
    /// Samples along each axis of a bin; 0 takes as many as the bin has pixels, rounded up.
    pub sampling_ratio: usize,
    /// The side in pixels of a square that belongs to the canonical level.
    pub canonical_scale: f64,
    /// The level that such squares belong to: 4 is the one of stride 16.
    pub canonical_level: i32,
}

impl MultiScaleRoiAlign {
    /// With the paper's canonical scale and level, 224 and 4.
    pub fn new(output_size: [usize; 2], sampling_ratio: usize) -> Self {
        MultiScaleRoiAlign { output_size, sampling_ratio, canonical_scale: 224.0, canonical_level: 4 }
    }

    /// The features `[K, C, high, wide]` of the boxes `[Kᵢ, 4]` of each image, image after image, from maps `[N, C, Hₗ, Wₗ]` whose strides
    /// double from level to level. `sizes` are the pictures' `[height, width]` before they are padded to one size: a level's scale is
    /// the power of two nearest to its height over the greatest of theirs. Maps and boxes lie on one device.
    ///
    /// # Errors
    /// Unless there are maps, boxes and a size for each image, each level has half the scale of the one before, and as
    /// [`RoiAlign::forward`].
    pub fn forward(&self, maps: &[Var], boxes: &[Tensor], sizes: &[[usize; 2]]) -> Result<Var> {
        let scales = scales(maps, sizes)?;
        let images = maps[0].shape()[0];
        if boxes.len() != images {
            let message = format!("expected the boxes of {images} images, received {}", boxes.len());
            return Err(Error::argument(OP, message));
        }
        let regions = rois_from_boxes(boxes)?;
        let align = |spatial_scale: f64, regions: &Tensor, maps: &Var| {
            let sampling_ratio = self.sampling_ratio;
            RoiAlign { sampling_ratio, ..RoiAlign::new(self.output_size, spatial_scale) }.forward(maps, regions)
        };
        if let ([maps], [scale]) = (maps, &scales[..]) {
            return align(*scale, &regions, maps);
        }
        let level = |scale: f64| -scale.log2() as i32;
        let mapper = LevelMapper::new(level(scales[0]), level(scales[scales.len() - 1]))?;
        let mapper = mapper.canonical(self.canonical_scale, self.canonical_level)?;
        let levels = mapper.levels(&regions.narrow(1, 1, 4)?)?;

        let (mut parts, mut order) = (Vec::with_capacity(maps.len()), Vec::with_capacity(levels.len()));
        for (number, (maps, scale)) in maps.iter().zip(scales).enumerate() {
            let first = order.len();
            order.extend(levels.iter().enumerate().filter(|(_, level)| **level == number).map(|(i, _)| i as i64));
            let here = positions(&order[first..], &regions)?;
            parts.push(align(scale, &regions.index_select(0, &here)?, maps)?);
        }
        let features = Var::concat(&parts, 0)?;
        if order.is_sorted() {
            return Ok(features);
        }
        // Where the features of each region are.
        let mut places = vec![0; order.len()];
        (0..).zip(&order).for_each(|(place, &region)| places[region as usize] = place);
        Ok(features.index_select(0, &positions(&places, &regions)?)?)
    }
}

const OP: &str = "multi_scale_roi_align";

fn positions(positions: &[i64], beside: &Tensor) -> Result<Tensor> {
    Ok(Tensor::from_slice(positions, [positions.len()])?.to_device(beside.device())?)
}

/// The scale of each level: half of the one before.
fn scales(maps: &[Var], sizes: &[[usize; 2]]) -> Result<Vec<f64>> {
    if maps.is_empty() {
        return Err(Error::argument(OP, "expected the maps of one level at least, received none"));
    }
    let mut scales = Vec::with_capacity(maps.len());
    let height = sizes.iter().map(|size| size[0]).max().unwrap_or(0);
    for maps in maps {
        let [images, _, high, _] = maps.shape()[..] else {
            return Err(TensorError::shape(OP, "feature maps [N, C, H, W]", maps.shape()).into());
        };
        if images != sizes.len() || height == 0 || high == 0 {
            let message =
                format!("expected the size of each of {images} images, received {sizes:?} and maps of {high} rows");
            return Err(Error::argument(OP, message));
        }
        scales.push((high as f64 / height as f64).log2().round().exp2());
    }
    if scales.windows(2).any(|pair| pair[1] * 2.0 != pair[0]) {
        let message = format!("expected levels of half the scale of the one before, received scales {scales:?}");
        return Err(Error::argument(OP, message));
    }
    Ok(scales)
}
