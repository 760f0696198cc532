//! Negatives.

use serde::{Deserialize, Serialize};

use super::values::{down, map_colors};
use crate::augment::Augment;
use crate::{Image, Result, Sample, SampleRng};

/// Makes a negative; see [`invert`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invert {}

impl Augment for Invert {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        sample.map_image(|image| Ok(invert(image)))
    }
}

/// White minus each colour.
pub fn invert(image: Image) -> Image {
    let white = image.white();
    map_colors(image, down, |_, x| white - x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let image = Image::from_u8([1, 2, 2], vec![0, 7, 200, 8]).unwrap();
        assert_eq!(invert(image), Image::from_u8([1, 2, 2], vec![255, 7, 55, 8]).unwrap());
        let image = Image::from_f32([1, 1, 1], vec![0.25]).unwrap();
        assert_eq!(invert(image).to_f32(), [0.75]);
    }
}
