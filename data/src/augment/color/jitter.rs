//! Brightness, contrast, saturation and hue at random.

use serde::{Deserialize, Serialize};

use super::{adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation};
use crate::augment::Augment;
use crate::augment::draw::draw;
use crate::random::shuffle_by;
use crate::{Result, Sample, SampleRng};

/// Changes brightness, contrast, saturation and hue in random order, each by a number drawn evenly from its range: torchvision's `ColorJitter`.
///
/// ```
/// use ocelli_data::augment::{Augment, ColorJitter};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let jitter = ColorJitter::new(0.4, 0.4, 0.4, 0.1);
/// assert_eq!((jitter.brightness, jitter.hue), ([0.6, 1.4], [-0.1, 0.1]));
/// let image = Image::from_u8([1, 2, 3], vec![200, 100, 50, 50, 100, 150])?;
/// let changed = jitter.apply_image(image.clone(), &mut SampleRng::new(0, 0, 0))?;
/// assert_ne!(changed, image);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColorJitter {
    /// The least and the largest factor of [`adjust_brightness`].
    pub brightness: [f64; 2],
    /// The least and the largest factor of [`adjust_contrast`].
    pub contrast: [f64; 2],
    /// The least and the largest factor of [`adjust_saturation`].
    pub saturation: [f64; 2],
    /// The least and the largest part of the circle of [`adjust_hue`].
    pub hue: [f64; 2],
}

impl Default for ColorJitter {
    /// No change.
    fn default() -> Self {
        ColorJitter { brightness: [1.0; 2], contrast: [1.0; 2], saturation: [1.0; 2], hue: [0.0; 2] }
    }
}

impl ColorJitter {
    /// Factors from `1 − x`, but not below 0, to `1 + x`, and hues from `−hue` to `hue`.
    pub fn new(brightness: f64, contrast: f64, saturation: f64, hue: f64) -> Self {
        let factor = |x: f64| [(1.0 - x).max(0.0), 1.0 + x];
        ColorJitter {
            brightness: factor(brightness),
            contrast: factor(contrast),
            saturation: factor(saturation),
            hue: [-hue, hue],
        }
    }
}

impl Augment for ColorJitter {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let mut order = [0, 1, 2, 3];
        shuffle_by(&mut order, rng);
        let mut factor = |what, range| draw("color jitter", what, range, [0.0, f64::INFINITY], rng);
        let brightness = factor("factors of brightness", self.brightness)?;
        let contrast = factor("factors of contrast", self.contrast)?;
        let saturation = factor("factors of saturation", self.saturation)?;
        let hue = draw("color jitter", "turns of hue", self.hue, [-0.5, 0.5], rng)?;
        sample.map_image(|mut image| {
            for change in order {
                image = match change {
                    0 if self.brightness != [1.0; 2] => adjust_brightness(image, brightness)?,
                    1 if self.contrast != [1.0; 2] => adjust_contrast(image, contrast)?,
                    2 if self.saturation != [1.0; 2] => adjust_saturation(image, saturation)?,
                    3 if self.hue != [0.0; 2] => adjust_hue(image, hue)?,
                    _ => image,
                };
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
    fn it_is_one_of_the_orders() {
        // Ranges of one number: only the order is random.
        let jitter = ColorJitter { brightness: [1.7; 2], contrast: [0.4; 2], ..ColorJitter::default() };
        let image = Image::from_u8([1, 4, 1], vec![0, 100, 200, 180]).unwrap();
        let brightness = |image| adjust_brightness(image, 1.7).unwrap();
        let contrast = |image| adjust_contrast(image, 0.4).unwrap();
        let first = contrast(brightness(image.clone()));
        let second = brightness(contrast(image.clone()));
        let mut seen = [0, 0];
        for index in 0..400 {
            let changed = jitter.apply_image(image.clone(), &mut SampleRng::new(0, 0, index)).unwrap();
            assert!(changed == first || changed == second);
            seen[usize::from(changed == second)] += 1;
        }
        // Standard deviation 10.
        assert!(first != second && seen[0] > 150 && seen[1] > 150, "{seen:?}");
        let rng = &mut SampleRng::new(0, 0, 0);
        assert_eq!(ColorJitter::default().apply_image(image.clone(), rng).unwrap(), image);
        for wrong in [ColorJitter::new(-0.1, 0.0, 0.0, 0.0), ColorJitter::new(0.0, 0.0, 0.0, 0.6)] {
            assert!(wrong.apply_image(image.clone(), rng).is_err());
        }
    }
}
