//! One operation of any strength.

use serde::{Deserialize, Serialize};

use super::{MagnitudeTable, Operation, Warp};
use crate::augment::Augment;
use crate::{Result, Sample, SampleRng};

/// Makes one operation of one strength, both drawn, each as likely as the others (S. Müller and F. Hutter, "TrivialAugment: Tuning-free yet state-of-the-art data augmentation",
/// 2021): torchvision's `TrivialAugmentWide`. Labels follow shears, shifts and turns.
///
/// ```
/// use ocelli_data::augment::{Augment, TrivialAugment};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let image = Image::from_u8([8, 8, 3], (0..192).collect())?;
/// let changed = TrivialAugment::default().apply_image(image, &mut SampleRng::new(0, 0, 0))?;
/// assert_eq!(changed.shape(), [8, 8, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrivialAugment {
    /// Into how many steps each operation's range of strengths is cut, 2 to 65,536.
    pub steps: usize,
    /// How pixels are moved.
    pub warp: Warp,
}

impl Default for TrivialAugment {
    /// torchvision's: 31 strengths.
    fn default() -> Self {
        TrivialAugment { steps: 31, warp: Warp::default() }
    }
}

impl TrivialAugment {
    /// The operation and its strength for a picture of `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a setting is out of its domain.
    pub fn draw(&self, size: [usize; 2], rng: &mut SampleRng) -> Result<(Operation, f64)> {
        super::check_steps("trivial augment", self.steps)?;
        let table = MagnitudeTable::TrivialAugmentWide;
        let operation = table.operations()[rng.below(table.operations().len())];
        let step = rng.below(self.steps);
        Ok((operation, table.magnitudes(operation, self.steps, size).signed(step, rng)))
    }
}

impl Augment for TrivialAugment {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let (operation, magnitude) = self.draw(sample.image.size(), rng)?;
        operation.apply(sample, magnitude, &self.warp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_strengths_come() {
        let policy = TrivialAugment { steps: 3, ..TrivialAugment::default() };
        let mut shears = [0; 5];
        let mut bits = [0; 3];
        for index in 0..7000 {
            match policy.draw([9, 9], &mut SampleRng::new(0, 0, index)).unwrap() {
                (Operation::ShearX, magnitude) => shears[((magnitude / 0.49).round() + 2.0) as usize] += 1,
                (Operation::Posterize, magnitude) => bits[(magnitude as usize - 2) / 3] += 1,
                _ => {}
            }
        }
        // 500 ± 22 of each operation, a third of each strength, half of those to either side.
        assert!([0, 1, 3, 4].iter().all(|&i| (50..120).contains(&shears[i])), "{shears:?}");
        assert!((120..215).contains(&shears[2]), "{shears:?}");
        assert!(bits.iter().all(|count| (120..215).contains(count)), "{bits:?}");
        assert!(TrivialAugment { steps: 0, ..policy }.draw([9, 9], &mut SampleRng::new(0, 0, 0)).is_err());
    }
}
