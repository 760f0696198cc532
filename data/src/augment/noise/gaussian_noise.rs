//! Noise as of a sensor.

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::augment::Augment;
use crate::augment::color::color_channels;
use crate::image::to_byte;
use crate::{Error, PixelsMut, Result, Sample, SampleRng};

/// Adds normally distributed numbers to all values, each its own; the result stays between black and white: torchvision's `GaussianNoise`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianNoise {
    /// The mean, as a part of white.
    pub mean: f64,
    /// The standard deviation, as a part of white.
    pub sigma: f64,
}

impl Default for GaussianNoise {
    /// Mean 0, deviation 0.1.
    fn default() -> Self {
        GaussianNoise { mean: 0.0, sigma: 0.1 }
    }
}

impl Augment for GaussianNoise {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        if !(self.mean.is_finite() && self.sigma.is_finite() && self.sigma >= 0.0) {
            let message = format!(
                "expected a finite mean and a deviation of at least 0, received {} and {}",
                self.mean, self.sigma
            );
            return Err(Error::argument("gaussian noise", message));
        }
        let white = sample.image.white();
        let (mean, sigma) = (self.mean as f32 * white, self.sigma as f32 * white);
        let mut noisy = |x: f32| {
            let normal: f32 = StandardNormal.sample(rng);
            (x + mean + sigma * normal).clamp(0.0, white)
        };
        sample.map_image(|mut image| {
            let (channels, colors) = (image.channels(), color_channels(&image));
            match image.pixels_mut() {
                PixelsMut::U8(pixels) => {
                    let pixels = pixels.chunks_exact_mut(channels).flat_map(|pixel| &mut pixel[..colors]);
                    pixels.for_each(|x| *x = to_byte(noisy(f32::from(*x))));
                }
                PixelsMut::F32(pixels) => {
                    let pixels = pixels.chunks_exact_mut(channels).flat_map(|pixel| &mut pixel[..colors]);
                    pixels.for_each(|x| *x = noisy(*x));
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
    fn it_has_its_mean_and_deviation() {
        let count = 100 * 100;
        let image = Image::from_u8([100, 100, 2], [100, 7].repeat(count)).unwrap();
        let noise = GaussianNoise { mean: 0.04, sigma: 0.05 };
        let noisy = noise.apply_image(image.clone(), &mut SampleRng::new(0, 0, 0)).unwrap();
        let values: Vec<f64> = noisy.to_f32().iter().step_by(2).map(|&x| f64::from(x) - 100.0 / 255.0).collect();
        let mean = values.iter().sum::<f64>() / count as f64;
        let deviation = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64).sqrt();
        // Standard deviations 0.0005 and 0.00035.
        assert!((mean - 0.04).abs() < 0.002 && (deviation - 0.05).abs() < 0.0015, "{mean} {deviation}");
        assert!(noisy.to_f32().iter().skip(1).step_by(2).all(|&x| x == 7.0 / 255.0));
        let float = GaussianNoise::default().apply_image(image.clone().into_float(), &mut SampleRng::new(0, 0, 0));
        assert!(float.unwrap().to_f32().iter().all(|x| (0.0..=1.0).contains(x)));
        for (mean, sigma) in [(f64::NAN, 0.1), (0.0, -0.1), (0.0, f64::INFINITY)] {
            let rng = &mut SampleRng::new(0, 0, 0);
            assert!(GaussianNoise { mean, sigma }.apply_image(image.clone(), rng).is_err());
        }
    }
}
