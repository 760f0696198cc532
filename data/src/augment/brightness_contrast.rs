//! Lighter, darker, flatter, harder.

use serde::{Deserialize, Serialize};

use super::Augment;
use crate::{Error, Image, Result, SampleRng};

/// Changes brightness, then contrast, at random, as torchvision's `ColorJitter` does. It works on pictures whose pixels mean brightness
/// (bytes, or floats in 0..1), so it belongs before [`Normalize`](super::Normalize).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrightnessContrast {
    /// The factor of brightness is drawn evenly from `max(0, 1 − brightness)..1 + brightness`.
    pub brightness: f64,
    /// The factor of contrast is drawn evenly from `max(0, 1 − contrast)..1 + contrast`.
    pub contrast: f64,
}

impl Augment for BrightnessContrast {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Result<Image> {
        let mut factor = |most: f64| {
            if most.is_nan() || most < 0.0 {
                let message = format!("expected a range of at least 0, received {most}");
                return Err(Error::argument("brightness and contrast", message));
            }
            rng.uniform((1.0 - most).max(0.0), 1.0 + most)
        };
        let (brightness, contrast) = (factor(self.brightness)?, factor(self.contrast)?);
        Ok(adjust_contrast(adjust_brightness(image, brightness as f32), contrast as f32))
    }
}

/// Multiplies all pixels by a factor; the result stays between black and white.
pub fn adjust_brightness(image: Image, factor: f32) -> Image {
    let white = image.white();
    image.map_values(|_, x| (x * factor).clamp(0.0, white))
}

/// Multiplies the distance of all pixels from the picture's mean brightness by a factor; the result stays between black and white.
pub fn adjust_contrast(image: Image, factor: f32) -> Image {
    let white = image.white();
    let mean = mean_brightness(&image);
    image.map_values(|_, x| (mean + (x - mean) * factor).clamp(0.0, white))
}

/// The mean of all pixels; of three channels, taken for red, green and blue, with ITU-R BT.601's weights.
fn mean_brightness(image: &Image) -> f32 {
    const RGB: [f64; 3] = [0.2989, 0.587, 0.114];
    let channels = image.channels();
    let plane = image.height() * image.width();
    if plane * channels == 0 {
        return 0.0;
    }
    let mut sum = 0.0;
    for (channel, pixels) in image.to_f32().chunks(plane).enumerate() {
        let weight = if channels == 3 { RGB[channel] } else { 1.0 / channels as f64 };
        sum += weight * pixels.iter().map(|&x| f64::from(x)).sum::<f64>();
    }
    (sum / plane as f64) as f32 * image.white()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let image = Image::from_u8([1, 1, 4], vec![0, 100, 200, 100]).unwrap();
        let expected = |pixels: [u8; 4]| Image::from_u8([1, 1, 4], pixels.to_vec()).unwrap();
        assert_eq!(adjust_brightness(image.clone(), 1.5), expected([0, 150, 255, 150]));
        assert_eq!(adjust_contrast(image.clone(), 0.5), expected([50, 100, 150, 100]));
        assert_eq!(adjust_contrast(image.clone(), 2.0), expected([0, 100, 255, 100]));
        let rng = &mut SampleRng::new(0, 0, 0);
        let none = BrightnessContrast::default();
        assert_eq!(none.apply(image.clone(), rng).unwrap(), image);
        let bad = BrightnessContrast { brightness: -0.1, contrast: 0.0 };
        assert!(bad.apply(image, rng).is_err());
        let nothing = Image::from_u8([3, 0, 0], vec![]).unwrap();
        assert_eq!(adjust_contrast(nothing.clone(), 2.0), nothing);
    }
}
