//! Bringing pictures to one size.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Geometry, Scale};
use super::{Augment, Keep};
use crate::{Image, Result, Sample, SampleRng};

/// How a new pixel is mixed from old ones, with Pillow's filters: floats as Pillow within rounding; bytes within 1 of Pillow's passes over rows, then over columns
/// (nearest exactly). In one call Pillow may go over columns first, which differs by more where [`Filter::Bicubic`] and [`Filter::Lanczos3`] overshoot 0 or
/// 255. Opacity is mixed like any other channel. When a picture becomes smaller, all but [`Filter::Nearest`] average over what a new pixel covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Linear in both directions.
    #[default]
    Bilinear,
    /// The mean of the pixels whose middles a new one covers: OpenCV's "area" for whole factors. A middle that lies on the edge of two new pixels may count for another one than
    /// Pillow's.
    Box,
    /// Cubic (Catmull-Rom, a = −0.5).
    Bicubic,
    /// Lanczos' window of three.
    Lanczos3,
}

/// Scales a picture to a size, whatever its proportions. Cubic and Lanczos mixing may leave the range of the old picture's floats.
///
/// As by all changes of size in this module, a new picture has no more than 178,956,970 pixels, as many as a [`Decoder`](crate::image_io::Decoder) reads, unless the old one had;
/// what asks for more is an error. Sides of pictures that are scaled have at most 2²² pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// How pixels are mixed.
    #[serde(default)]
    pub filter: Filter,
}

impl Resize {
    /// Scales to this size, bilinearly.
    pub fn new(height: usize, width: usize) -> Self {
        Resize { height, width, filter: Filter::Bilinear }
    }

    /// The scaled picture.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) with both sizes if a side of the old or the new picture is 0 or longer than 2²² pixels, or the new one has more pixels than the old one
    /// and than 178,956,970.
    pub fn resize(&self, image: &Image) -> Result<Image> {
        Scale::new(image.size(), [self.height, self.width], self.filter)?.image(image)
    }
}

impl Augment for Resize {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        let scale = Scale::new(sample.image.size(), [self.height, self.width], self.filter)?;
        geometry::apply(sample, &scale, &Keep::ALL, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_outside_0_to_1_are_kept() {
        let image = Image::from_f32([1, 2, 1], vec![-3.0, 5.0]).unwrap();
        let wide = Resize::new(1, 4).resize(&image).unwrap().to_f32();
        let expected = [-3.0, -1.0, 3.0, 5.0];
        assert!(wide.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-5), "{wide:?}");
        let flat = Image::from_f32([2, 2, 2], vec![-3.0; 8]).unwrap();
        let flat = Resize::new(3, 5).resize(&flat).unwrap();
        assert_eq!(flat.shape(), [3, 5, 2]);
        assert!(flat.to_f32().iter().all(|x| (x + 3.0).abs() < 1e-6));
    }

    #[test]
    fn nearest_repeats_pixels() {
        let image = Image::from_u8([1, 2, 2], vec![1, 3, 2, 4]).unwrap();
        let resize = Resize { filter: Filter::Nearest, ..Resize::new(2, 4) };
        let row = [1, 3, 1, 3, 2, 4, 2, 4];
        let expected = Image::from_u8([2, 4, 2], [row, row].concat()).unwrap();
        assert_eq!(resize.resize(&image).unwrap(), expected);
    }

    #[test]
    fn sizes_of_zero_are_refused() {
        let image = Image::from_u8([1, 1, 1], vec![1]).unwrap();
        assert!(Resize::new(0, 4).resize(&image).is_err());
        let nothing = Image::from_u8([0, 1, 1], vec![]).unwrap();
        let text = Resize::new(2, 4).resize(&nothing).unwrap_err().to_string();
        assert!(text.ends_with("image of 0x1 to become 2x4"), "{text}");
    }
}
