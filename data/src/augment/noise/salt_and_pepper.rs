//! Noise of dead pixels.

use serde::{Deserialize, Serialize};

use crate::augment::Augment;
use crate::augment::color::color_channels;
use crate::augment::draw::draw;
use crate::{PixelsMut, Result, Sample, SampleRng};

/// Makes some pixels white and some black, each pixel by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SaltAndPepper {
    /// The least and the largest part of all pixels that are changed; drawn evenly for each picture.
    pub amount: [f64; 2],
    /// The part of those that become white.
    pub salt: f64,
}

impl Default for SaltAndPepper {
    /// A hundredth to six hundredths, half of them white, as Albumentations (whose range of white parts is 0.4..=0.6).
    fn default() -> Self {
        SaltAndPepper { amount: [0.01, 0.06], salt: 0.5 }
    }
}

impl Augment for SaltAndPepper {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let amount = draw("salt and pepper", "parts of pixels", self.amount, [0.0, 1.0], rng)?;
        let salt = draw("salt and pepper", "a part of white pixels", [self.salt; 2], [0.0, 1.0], rng)?;
        sample.map_image(|mut image| {
            let (channels, colors, white) = (image.channels(), color_channels(&image), image.white());
            let count = image.height() * image.width();
            let mut pixels = image.pixels_mut();
            for pixel in 0..count {
                if !rng.chance(amount) {
                    continue;
                }
                let value = if rng.chance(salt) { white } else { 0.0 };
                let place = pixel * channels..pixel * channels + colors;
                match &mut pixels {
                    PixelsMut::U8(pixels) => pixels[place].fill(value as u8),
                    PixelsMut::F32(pixels) => pixels[place].fill(value),
                }
            }
            Ok(image)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn it_has_its_parts() {
        let count = 100 * 100;
        let image = Image::from_u8([100, 100, 4], [100, 110, 120, 7].repeat(count)).unwrap();
        let noise = SaltAndPepper { amount: [0.2; 2], salt: 0.25 };
        let noisy = noise.apply_image(image.clone(), &mut SampleRng::new(0, 0, 0)).unwrap();
        let crate::Pixels::U8(pixels) = noisy.pixels() else { panic!("bytes stay bytes") };
        let of = |pixel: [u8; 4]| pixels.chunks_exact(4).filter(|found| **found == pixel).count();
        let (white, black) = (of([255, 255, 255, 7]), of([0, 0, 0, 7]));
        assert_eq!(white + black + of([100, 110, 120, 7]), count);
        // Standard deviations 22 and 36.
        assert!(white.abs_diff(500) < 100 && black.abs_diff(1500) < 150, "{white} {black}");
        let rng = &mut SampleRng::new(0, 0, 0);
        let float = image.into_float();
        assert!(noise.apply_image(float.clone(), rng).unwrap().to_f32().contains(&1.0));
        for (amount, salt) in [([0.5, 1.5], 0.5), ([-0.1, 0.5], 0.5), ([0.1, 0.2], f64::NAN)] {
            assert!(SaltAndPepper { amount, salt }.apply_image(float.clone(), rng).is_err());
        }
    }
}
