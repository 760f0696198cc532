//! RoI pooling and its position-sensitive form: boxes and bins are rounded to whole pixels.

use ocelli_autograd::Var;
use ocelli_tensor::{RoiMode, RoiOptions, Tensor};

use crate::Result;

/// RoI pooling (Girshick 2015, Fast R-CNN): torchvision's `roi_pool`. Boxes are rounded to whole pixels, both ends included; bins are
/// rounded outwards, and their greatest element counts. A bin outside of the map is 0. NaN always wins (torchvision passes it over).
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::roi::RoiPool;
/// # fn main() -> ocelli_vision::Result<()> {
/// let maps = Var::from(Tensor::arange(0.0, 16.0, 1.0)?.reshape([1, 1, 4, 4])?);
/// let rois = Tensor::new([[0.0f32, 0.0, 0.0, 31.0, 31.0]])?;
/// let features = RoiPool::new([1, 2], 0.1).forward(&maps, &rois)?;
/// assert_eq!(features.to_vec::<f32>()?, [13.0, 15.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoiPool {
    /// Bins down and across.
    pub output_size: [usize; 2],
    /// Pixels of the maps for one pixel of the picture, in which the boxes are.
    pub spatial_scale: f64,
}

impl RoiPool {
    /// Bins down and across, and pixels of the maps for one pixel of the picture.
    pub fn new(output_size: [usize; 2], spatial_scale: f64) -> Self {
        RoiPool { output_size, spatial_scale }
    }

    /// The features `[K, C, high, wide]` of regions `[K, 5]` of maps `[N, C, H, W]`; differentiable in the maps. Of equal elements the
    /// first gets the gradient.
    ///
    /// # Errors
    /// As [`Tensor::roi_max`].
    pub fn forward(&self, maps: &Var, regions: &Tensor) -> Result<Var> {
        Ok(maps.roi_max(regions, self.output_size, self.spatial_scale)?)
    }
}

/// Position-sensitive RoI pooling (Dai et al. 2016, R-FCN): torchvision's `ps_roi_pool`. The mean of a bin of whole pixels; bin `(i, j)`
/// of channel `c` reads channel `(c · high + i) · wide + j` of the maps.
///
/// As in torchvision and the authors' code, the last row and the last column of the map belong to no bin. The gradient is that of what
/// is computed; torchvision's spreads over the last row and column too.
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::ops::roi::PsRoiPool;
/// # fn main() -> ocelli_vision::Result<()> {
/// // 21 classes × 7 × 7 bins, as in R-FCN.
/// let maps = Var::constant(Tensor::ones([1, 21 * 49, 20, 20], DType::F32)?);
/// let regions = Tensor::new([[0.0f32, 16.0, 16.0, 160.0, 160.0]])?;
/// let features = PsRoiPool::new([7, 7], 1.0 / 16.0).forward(&maps, &regions)?;
/// assert_eq!(features.shape()[..], [1, 21, 7, 7]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PsRoiPool {
    /// Bins down and across.
    pub output_size: [usize; 2],
    /// Pixels of the maps for one pixel of the picture, in which the boxes are.
    pub spatial_scale: f64,
}

impl PsRoiPool {
    /// Bins down and across, and pixels of the maps for one pixel of the picture.
    pub fn new(output_size: [usize; 2], spatial_scale: f64) -> Self {
        PsRoiPool { output_size, spatial_scale }
    }

    /// The features `[K, C / (high · wide), high, wide]` of regions `[K, 5]` of maps `[N, C, H, W]`; differentiable in the maps.
    ///
    /// # Errors
    /// As [`Tensor::roi_mean`].
    pub fn forward(&self, maps: &Var, regions: &Tensor) -> Result<Var> {
        let options =
            RoiOptions { mode: RoiMode::PsPool, output_size: self.output_size, spatial_scale: self.spatial_scale };
        Ok(maps.roi_mean(regions, &options)?)
    }
}
