//! RoI align and its position-sensitive form.

use ocelli_autograd::Var;
use ocelli_tensor::{RoiMode, RoiOptions, Tensor};

use crate::Result;

/// RoI align (He et al. 2017, Mask R-CNN): torchvision's `roi_align`. Nothing is rounded: each bin is the mean of some samples between
/// pixels.
///
/// A sample more than a pixel outside of the map counts as 0, and so does a bin without samples (of a box turned inside out, if
/// `aligned`).
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::ops::roi::{RoiAlign, rois_from_boxes};
/// # fn main() -> ocelli_vision::Result<()> {
/// let maps = Var::leaf(Tensor::ones([1, 256, 50, 50], DType::F32)?)?;
/// let rois = rois_from_boxes(&[Tensor::new([[80.0f32, 96.0, 320.0, 240.0]])?])?;
/// let align = RoiAlign { sampling_ratio: 2, aligned: true, ..RoiAlign::new([7, 7], 1.0 / 16.0) };
/// let features = align.forward(&maps, &rois)?;
/// assert_eq!(features.shape()[..], [1, 256, 7, 7]);
/// let gradients = features.mean(..)?.backward()?;
/// assert_eq!(gradients.get(&maps)?.shape()[..], [1, 256, 50, 50]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoiAlign {
    /// Bins down and across.
    pub output_size: [usize; 2],
    /// Pixels of the maps for one pixel of the picture, in which the boxes are: 1/16 after four halvings.
    pub spatial_scale: f64,
    /// Samples along each axis of a bin; 0 takes as many as the bin has pixels, rounded up.
    pub sampling_ratio: usize,
    /// Whether pixels have their values at their centres: boxes are then moved by half a pixel (Detectron2). If not, boxes are at least
    /// one pixel large.
    pub aligned: bool,
}

impl RoiAlign {
    /// With as many samples as bins have pixels, not aligned: torchvision's defaults.
    pub fn new(output_size: [usize; 2], spatial_scale: f64) -> Self {
        RoiAlign { output_size, spatial_scale, sampling_ratio: 0, aligned: false }
    }

    /// The features `[K, C, high, wide]` of regions `[K, 5]` of maps `[N, C, H, W]`; differentiable in the maps.
    ///
    /// # Errors
    /// As [`Tensor::roi_mean`]: unless shapes and dtypes are these, for regions of images that are not there or that are not finite, no
    /// bins, a scale that is not above 0, or more than 2²⁰ samples along a bin, or along an axis for a
    /// sampling ratio.
    pub fn forward(&self, maps: &Var, regions: &Tensor) -> Result<Var> {
        let mode = RoiMode::Align { sampling_ratio: self.sampling_ratio, aligned: self.aligned };
        let options = RoiOptions { mode, output_size: self.output_size, spatial_scale: self.spatial_scale };
        Ok(maps.roi_mean(regions, &options)?)
    }
}

/// Position-sensitive RoI align (Li et al. 2018, Light-Head R-CNN): torchvision's `ps_roi_align`. Aligned, and bin `(i, j)` of channel `c`
/// reads channel `(c · high + i) · wide + j` of the maps.
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::ops::roi::PsRoiAlign;
/// # fn main() -> ocelli_vision::Result<()> {
/// // 5 classes × 3 × 3 bins.
/// let maps = Var::constant(Tensor::ones([1, 45, 20, 20], DType::F32)?);
/// let regions = Tensor::new([[0.0f32, 16.0, 16.0, 160.0, 160.0]])?;
/// let features = PsRoiAlign::new([3, 3], 1.0 / 16.0).forward(&maps, &regions)?;
/// assert_eq!(features.shape()[..], [1, 5, 3, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PsRoiAlign {
    /// Bins down and across.
    pub output_size: [usize; 2],
    /// Pixels of the maps for one pixel of the picture, in which the boxes are.
    pub spatial_scale: f64,
    /// Samples along each axis of a bin; 0 takes as many as the bin has pixels, rounded up. Without any a bin is 0 (torchvision: NaN).
    pub sampling_ratio: usize,
}

impl PsRoiAlign {
    /// With as many samples as bins have pixels: torchvision's default.
    pub fn new(output_size: [usize; 2], spatial_scale: f64) -> Self {
        PsRoiAlign { output_size, spatial_scale, sampling_ratio: 0 }
    }

    /// The features `[K, C / (high · wide), high, wide]` of regions `[K, 5]` of maps `[N, C, H, W]`; differentiable in the maps.
    ///
    /// # Errors
    /// As [`RoiAlign::forward`], and unless the channels are a multiple of the bins.
    pub fn forward(&self, maps: &Var, regions: &Tensor) -> Result<Var> {
        let mode = RoiMode::PsAlign { sampling_ratio: self.sampling_ratio };
        let options = RoiOptions { mode, output_size: self.output_size, spatial_scale: self.spatial_scale };
        Ok(maps.roi_mean(regions, &options)?)
    }
}
