//! The whole range of brightness.

use serde::{Deserialize, Serialize};

use super::values::{color_channels, down, map_colors};
use crate::augment::Augment;
use crate::{Image, Pixels, Result, Sample, SampleRng};

/// Stretches each colour to the whole range; see [`autocontrast`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoContrast {}

impl Augment for AutoContrast {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        sample.map_image(|image| Ok(autocontrast(image)))
    }
}

/// Stretches each colour so that its darkest value becomes black and its brightest white; one that is the same everywhere stays. As torchvision's function of
/// the name.
pub fn autocontrast(image: Image) -> Image {
    fn range<T: Copy>(pixels: &[T], channels: usize, channel: usize, value: impl Fn(T) -> f32) -> [f32; 2] {
        let of_channel = pixels.iter().skip(channel).step_by(channels);
        of_channel.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &x| [low.min(value(x)), high.max(value(x))])
    }
    let (channels, white) = (image.channels(), image.white());
    let ranges: Vec<[f32; 2]> = (0..color_channels(&image))
        .map(|channel| match image.pixels() {
            Pixels::U8(pixels) => range(pixels, channels, channel, f32::from),
            Pixels::F32(pixels) => range(pixels, channels, channel, |x| x),
        })
        .collect();
    map_colors(image, down, |channel, x| {
        let [low, high] = ranges[channel];
        if low < high { ((x - low) / ((high - low) * (1.0 / white))).clamp(0.0, white) } else { x }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let image = Image::from_u8([1, 3, 4], vec![10, 50, 9, 0, 60, 50, 10, 1, 110, 50, 11, 2]).unwrap();
        // 254.99998, rounded down: torchvision's result.
        let expected = Image::from_u8([1, 3, 4], vec![0, 50, 0, 0, 127, 50, 127, 1, 254, 50, 254, 2]).unwrap();
        assert_eq!(autocontrast(image), expected);
        let nothing = Image::from_u8([0, 2, 3], vec![]).unwrap();
        assert_eq!(autocontrast(nothing.clone()), nothing);
    }
}
