//! Pictures without colour.

use serde::{Deserialize, Serialize};

use super::values::{brightness_of, down, map_pixels};
use crate::augment::Augment;
use crate::{Image, Result, Sample, SampleRng};

/// Makes all channels of a pixel equal; see [`grayscale`]. Networks that expect colours go on working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grayscale {}

impl Augment for Grayscale {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        sample.map_image(|image| Ok(grayscale(image)))
    }
}

/// Every colour as the grey of its brightness, in as many channels as before: torchvision's `rgb_to_grayscale` with three output channels. For
/// pictures of one channel read them so: [`ColorMode::Gray`](crate::image_io::ColorMode::Gray).
pub fn grayscale(image: Image) -> Image {
    let brightness = brightness_of(&image);
    map_pixels(image, down, |rgb| [brightness(rgb); 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let image = Image::from_u8([1, 1, 4], vec![100, 200, 50, 9]).unwrap();
        // 29.89 + 117.4 + 5.7, rounded down.
        assert_eq!(grayscale(image), Image::from_u8([1, 1, 4], vec![152, 152, 152, 9]).unwrap());
    }
}
