//! Holes of one size.

use serde::{Deserialize, Serialize};

use super::Erased;
use crate::augment::Augment;
use crate::augment::check_probability;
use crate::{Error, Result, Sample, SampleRng};

/// Erases rectangles of one size whose middles lie anywhere in the picture, each pixel being as likely as the others; so a part of one may lie outside (T. DeVries and G. Taylor,
/// "Improved regularization of convolutional neural networks with cutout", 2017). Labels stay as they are.
///
/// ```
/// use ocelli_data::augment::{Augment, Cutout};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let image = Image::from_u8([32, 32, 3], vec![200; 3072])?;
/// let cut = Cutout::new(16).apply_image(image, &mut SampleRng::new(0, 0, 0))?.to_tensor()?.to_vec::<u8>()?;
/// let erased = cut.iter().filter(|&&x| x == 0).count();
/// assert!((3 * 8 * 8..=3 * 16 * 16).contains(&erased));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cutout {
    /// How often.
    #[serde(default = "always")]
    pub probability: f64,
    /// How many holes, at most 65,536; they may overlap.
    #[serde(default = "one")]
    pub holes: usize,
    /// Height of a hole in pixels.
    pub height: usize,
    /// Width of a hole in pixels.
    pub width: usize,
    /// What stands there then.
    #[serde(default)]
    pub value: Erased,
}

fn always() -> f64 {
    1.0
}

fn one() -> usize {
    1
}

impl Cutout {
    /// One black square, every time. The paper has 16 pixels for CIFAR-10, 8 for CIFAR-100 and 20 for SVHN.
    pub fn new(side: usize) -> Self {
        Cutout { probability: 1.0, holes: 1, height: side, width: side, value: Erased::default() }
    }
}

impl Augment for Cutout {
    fn apply(&self, mut sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        const OP: &str = "cutout";
        check_probability(self.probability)?;
        self.value.check(OP)?;
        if self.holes > 1 << 16 {
            return Err(Error::argument(OP, format!("expected at most 65536 holes, received {}", self.holes)));
        }
        if !rng.chance(self.probability) {
            return Ok(sample);
        }
        let [height, width] = sample.image.size();
        if height == 0 || width == 0 {
            return Ok(sample);
        }
        for _ in 0..self.holes {
            let mut span = |size: usize, hole: usize| {
                let (middle, before) = (rng.below(size), hole / 2);
                let end = middle.saturating_add(hole - before).min(size);
                middle.saturating_sub(before)..end
            };
            let (rows, columns) = (span(height, self.height), span(width, self.width));
            self.value.rectangle(&mut sample.image, rows, columns, rng);
        }
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, Pixels};

    /// How many of the 64 × 48 pixels are erased.
    fn erased(cutout: &Cutout, index: u64) -> usize {
        let image = Image::from_u8([64, 48, 1], vec![1; 3072]).unwrap();
        let cut = cutout.apply_image(image, &mut SampleRng::new(0, 0, index)).unwrap();
        let Pixels::U8(pixels) = cut.pixels() else { panic!("bytes stay bytes") };
        pixels.iter().filter(|&&x| x == 0).count()
    }

    #[test]
    fn holes_are_cut_off_at_the_edge() {
        let cutout = Cutout { height: 10, width: 5, ..Cutout::new(0) };
        let mut areas: Vec<usize> = (0..4000).map(|index| erased(&cutout, index)).collect();
        // Five of the ten rows and three of the five columns are left in the corners.
        areas.sort_unstable();
        assert_eq!((areas[0], areas[3999]), (5 * 3, 50));
        // Whole ones: the middle is in 55 of 64 rows and 44 of 48 columns; standard deviation 26.
        let whole = areas.iter().filter(|&&area| area == 50).count() as i64;
        assert!((whole - 4000 * 55 * 44 / 3072).abs() < 110, "{whole}");
        let many = Cutout { holes: 5, ..cutout };
        assert!((0..50).any(|index| erased(&many, index) > 150) && (0..50).all(|index| erased(&many, index) <= 250));
        let rare = Cutout { probability: 0.25, ..cutout };
        let made = (0..2000).filter(|&index| erased(&rare, index) > 0).count();
        assert!((420..580).contains(&made), "{made}");
    }

    #[test]
    fn strange_pictures_and_settings() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let nothing = Image::from_u8([0, 3, 1], vec![]).unwrap();
        assert_eq!(Cutout::new(3).apply_image(nothing.clone(), rng).unwrap(), nothing);
        let image = Image::from_u8([2, 2, 1], vec![1; 4]).unwrap();
        assert_eq!(Cutout::new(0).apply_image(image.clone(), rng).unwrap(), image);
        let all = Cutout::new(usize::MAX).apply_image(image.clone(), rng).unwrap();
        assert_eq!(all, Image::from_u8([2, 2, 1], vec![0; 4]).unwrap());
        assert!(Cutout { holes: usize::MAX, ..Cutout::new(1) }.apply_image(image.clone(), rng).is_err());
        assert!(Cutout { probability: f64::NAN, ..Cutout::new(1) }.apply_image(image, rng).is_err());
    }
}
