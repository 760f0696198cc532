//! One picture at many sizes, for a detector that knows one size of object.

use ocelli_data::Image;
use ocelli_data::augment::{Filter, Resize};
use ocelli_tensor::Tensor;

use crate::ops::boxes::require_list;
use crate::{Error, Result};

/// A picture at sizes that shrink by one factor from level to level. Each level is made from the picture itself, bilinearly, every pixel averaging over
/// what it covers, so that nothing flickers and no blur adds up.
///
/// ```
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::proposals::{ImagePyramid, SlidingWindows};
/// # fn main() -> ocelli_vision::Result<()> {
/// let picture = Tensor::zeros([3, 240, 320], DType::U8)?;
/// let windows = SlidingWindows::new([128, 64], [16, 16]);
/// let pyramid = ImagePyramid { min_size: [128, 64], ..ImagePyramid::default() };
/// let levels = pyramid.levels(&picture)?;
/// let sizes: Vec<_> = levels.iter().map(|level| level.size()).collect();
/// assert_eq!(sizes, [[240, 320], [192, 256], [154, 205]]);
/// for level in &levels {
///     let boxes = level.to_picture(&windows.boxes(level.size())?)?;
///     assert_eq!(boxes.shape()[1], 4);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImagePyramid {
    /// The factor from one level to the next smaller one; at least 1.01.
    pub scale: f64,
    /// No level has fewer rows or columns: usually the size of the detector's window.
    pub min_size: [usize; 2],
    /// At most so many levels.
    pub max_levels: usize,
}

impl Default for ImagePyramid {
    /// A factor of 1.25 down to 32×32 pixels, at most 64 levels.
    fn default() -> Self {
        ImagePyramid { scale: 1.25, min_size: [32, 32], max_levels: 64 }
    }
}

/// One size of a picture.
#[derive(Debug, Clone)]
pub struct PyramidLevel {
    image: Tensor,
    scale: [f64; 2],
}

impl ImagePyramid {
    /// The levels of a picture (`[H, W]`, or `[C, H, W]` of 1 to 4 channels, `u8` or floats, which become `f32`), the largest first: the picture itself. They are computed on the
    /// CPU and lie on the picture's device. A picture smaller than `min_size` has none.
    ///
    /// # Errors
    /// Unless it is a picture with pixels, the factor is at least 1.01, and `min_size` has pixels.
    pub fn levels(&self, image: &Tensor) -> Result<Vec<PyramidLevel>> {
        const OP: &str = "image_pyramid";
        if !(self.scale >= 1.01 && self.scale.is_finite()) || self.min_size.contains(&0) {
            let message = format!(
                "expected a factor of at least 1.01 and a smallest size with pixels, received {} and {:?}",
                self.scale, self.min_size
            );
            return Err(Error::argument(OP, message));
        }
        let picture = Image::from_tensor(image)?;
        let [height, width] = picture.size();
        if height == 0 || width == 0 {
            let message = format!("expected a picture with pixels, received {height}x{width}");
            return Err(Error::argument(OP, message));
        }
        let mut levels: Vec<PyramidLevel> = Vec::new();
        let mut factor = 1.0;
        while levels.len() < self.max_levels {
            let sides = [height, width].map(|side| (side as f64 / factor).round() as usize);
            if sides[0] < self.min_size[0] || sides[1] < self.min_size[1] {
                break;
            }
            factor *= self.scale;
            let scale = [sides[0] as f64 / height as f64, sides[1] as f64 / width as f64];
            // A factor near 1 may round to the size before.
            if levels.last().is_some_and(|level| level.scale == scale) {
                continue;
            }
            let resize = Resize { height: sides[0], width: sides[1], filter: Filter::Bilinear };
            let image = resize.resize(&picture)?.to_tensor()?.to_device(image.device())?;
            levels.push(PyramidLevel { image, scale });
        }
        Ok(levels)
    }
}

impl PyramidLevel {
    /// The picture at this size, `[C, H, W]`.
    pub fn image(&self) -> &Tensor {
        &self.image
    }

    /// Rows and columns of this level as parts of the picture's.
    pub fn scale(&self) -> [f64; 2] {
        self.scale
    }

    /// Rows and columns.
    pub fn size(&self) -> [usize; 2] {
        let shape = self.image.shape();
        [shape[1], shape[2]]
    }

    /// Boxes (`[N, 4]` of floats) of this level in pixels of the picture itself.
    ///
    /// # Errors
    /// Unless they are boxes.
    pub fn to_picture(&self, boxes: &Tensor) -> Result<Tensor> {
        require_list("to_picture", boxes)?;
        let [down, across] = self.scale;
        let scales = Tensor::new([across, down, across, down])?.to_dtype(boxes.dtype())?;
        Ok(boxes.div(&scales.to_device(boxes.device())?)?)
    }
}
