//! Bringing pictures to one size.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};
use serde::{Deserialize, Serialize};

use super::Augment;
use crate::image::Pixels;
use crate::{Error, Image, Result, SampleRng};

/// How a new pixel is mixed from old ones. When a picture becomes smaller, all but [`Filter::Nearest`] average over what a new pixel covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Linear in both directions.
    #[default]
    Bilinear,
    /// Cubic (Catmull-Rom, a = −0.5).
    Bicubic,
    /// Lanczos' window of three.
    Lanczos3,
}

/// Scales a picture to a size, whatever its proportions. Cubic and Lanczos mixing may leave the range of the old picture's floats.
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
    /// [`Error::Argument`] if the old or the new size is 0 or larger than 2³² − 1.
    pub fn resize(&self, image: &Image) -> Result<Image> {
        let [channels, height, width] = image.shape();
        if [height, width] == [self.height, self.width] {
            return Ok(image.clone());
        }
        let [from_height, from_width, to_height, to_width] =
            [height, width, self.height, self.width].map(|size| u32::try_from(size).unwrap_or(0));
        if [from_height, from_width, to_height, to_width].contains(&0) {
            let message = format!(
                "expected sizes in 1..2^32, received an image of {height}x{width} to become {}x{}",
                self.height, self.width
            );
            return Err(Error::argument("resize", message));
        }
        let filter = match self.filter {
            Filter::Nearest => FilterType::Nearest,
            Filter::Bilinear => FilterType::Triangle,
            Filter::Bicubic => FilterType::CatmullRom,
            Filter::Lanczos3 => FilterType::Lanczos3,
        };
        let plane = height * width;
        // Each channel is a grey picture; the sizes fit, so that none is left out.
        let pixels = match image.pixels() {
            Pixels::U8(pixels) => Pixels::U8(
                pixels
                    .chunks(plane)
                    .filter_map(|plane| ImageBuffer::<Luma<u8>, _>::from_raw(from_width, from_height, plane))
                    .flat_map(|gray| imageops::resize(&gray, to_width, to_height, filter).into_raw())
                    .collect(),
            ),
            Pixels::F32(pixels) => {
                // The crate limits floats to 0..1: put them into the middle third, so that nothing reaches the limits (the weights of
                // Lanczos' window, the widest swing of all, add up to less than 2 without their signs).
                let (low, high) =
                    pixels.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
                let span = if high > low { high - low } else { 1.0 };
                Pixels::F32(
                    pixels
                        .chunks(plane)
                        .map(|plane| plane.iter().map(|x| ((x - low) / span + 1.0) / 3.0).collect())
                        .filter_map(|plane: Vec<f32>| {
                            ImageBuffer::<Luma<f32>, _>::from_raw(from_width, from_height, plane)
                        })
                        .flat_map(|gray| imageops::resize(&gray, to_width, to_height, filter).into_raw())
                        .map(|x| low + (x * 3.0 - 1.0) * span)
                        .collect(),
                )
            }
        };
        Image::new([channels, self.height, self.width], pixels)
    }
}

impl Augment for Resize {
    fn apply(&self, image: Image, _: &mut SampleRng) -> Result<Image> {
        self.resize(&image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_outside_0_to_1_are_kept() {
        let image = Image::from_f32([1, 1, 2], vec![-3.0, 5.0]).unwrap();
        let wide = Resize::new(1, 4).resize(&image).unwrap().to_f32();
        let expected = [-3.0, -1.0, 3.0, 5.0];
        assert!(wide.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-5), "{wide:?}");
        let flat = Image::from_f32([2, 2, 2], vec![-3.0; 8]).unwrap();
        let flat = Resize::new(3, 5).resize(&flat).unwrap();
        assert_eq!(flat.shape(), [2, 3, 5]);
        assert!(flat.to_f32().iter().all(|x| (x + 3.0).abs() < 1e-6));
    }

    #[test]
    fn nearest_repeats_pixels() {
        let image = Image::from_u8([2, 1, 2], vec![1, 2, 3, 4]).unwrap();
        let resize = Resize { filter: Filter::Nearest, ..Resize::new(2, 4) };
        let expected = vec![1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4];
        assert_eq!(resize.resize(&image).unwrap(), Image::from_u8([2, 2, 4], expected).unwrap());
    }

    #[test]
    fn sizes_of_zero_are_refused() {
        let image = Image::from_u8([1, 1, 1], vec![1]).unwrap();
        assert!(Resize::new(0, 4).resize(&image).is_err());
        let nothing = Image::from_u8([1, 0, 1], vec![]).unwrap();
        let text = Resize::new(2, 4).resize(&nothing).unwrap_err().to_string();
        assert!(text.ends_with("image of 0x1 to become 2x4"), "{text}");
        let no_channel = Image::from_u8([0, 2, 2], vec![]).unwrap();
        let none = Resize::new(4, 4).resize(&no_channel).unwrap();
        assert_eq!(none.shape(), [0, 4, 4]);
    }
}
