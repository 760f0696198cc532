//! Some operations, all of one strength.

use serde::{Deserialize, Serialize};

use super::{MagnitudeTable, Operation, Warp};
use crate::augment::Augment;
use crate::{Error, Result, Sample, SampleRng};

/// Makes operations that are drawn, each as likely as the others, one after the other and equally strong (E. Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search
/// space", 2019): torchvision's `RandAugment`. Labels follow shears, shifts and turns.
///
/// ```
/// use ocelli_data::augment::{Augment, RandAugment};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let image = Image::from_u8([8, 8, 3], (0..192).collect())?;
/// let changed = RandAugment::default().apply_image(image, &mut SampleRng::new(0, 0, 0))?;
/// assert_eq!(changed.shape(), [8, 8, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandAugment {
    /// How many operations, at most 1024.
    pub operations: usize,
    /// How strong they are: a number below `steps`.
    pub magnitude: usize,
    /// Into how many steps each operation's range of strengths is cut, 2 to 65,536.
    pub steps: usize,
    /// How pixels are moved.
    pub warp: Warp,
}

impl Default for RandAugment {
    /// torchvision's: two operations of strength 9 of 31.
    fn default() -> Self {
        RandAugment { operations: 2, magnitude: 9, steps: 31, warp: Warp::default() }
    }
}

impl RandAugment {
    /// The operations and their strengths for a picture of `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Argument`] if a setting is out of its domain.
    pub fn draw(&self, size: [usize; 2], rng: &mut SampleRng) -> Result<Vec<(Operation, f64)>> {
        const OP: &str = "rand augment";
        super::check_steps(OP, self.steps)?;
        if self.magnitude >= self.steps || self.operations > 1024 {
            let message = format!(
                "expected at most 1024 operations of a magnitude in 0..{}, received {} of {}",
                self.steps, self.operations, self.magnitude
            );
            return Err(Error::argument(OP, message));
        }
        let table = MagnitudeTable::RandAugment;
        let drawn = |_| {
            let operation = table.operations()[rng.below(table.operations().len())];
            (operation, table.magnitudes(operation, self.steps, size).signed(self.magnitude, rng))
        };
        Ok((0..self.operations).map(drawn).collect())
    }
}

impl Augment for RandAugment {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let drawn = self.draw(sample.image.size(), rng)?;
        drawn
            .into_iter()
            .try_fold(sample, |sample, (operation, magnitude)| operation.apply(sample, magnitude, &self.warp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Magnitudes;

    #[test]
    fn all_operations_come_in_both_directions() {
        let policy = RandAugment::default();
        let table = MagnitudeTable::RandAugment;
        let size = [100, 200];
        let mut counts = vec![[0; 2]; table.operations().len()];
        for index in 0..4000 {
            let drawn = policy.draw(size, &mut SampleRng::new(0, 0, index)).unwrap();
            assert_eq!(drawn.len(), 2);
            for (operation, magnitude) in drawn {
                let place = table.operations().iter().position(|&other| other == operation).unwrap();
                let expected = match table.magnitudes(operation, 31, size) {
                    Magnitudes::None => 0.0,
                    Magnitudes::Plain(all) | Magnitudes::Signed(all) => all[9],
                };
                assert_eq!(magnitude.abs(), expected);
                counts[place][usize::from(magnitude < 0.0)] += 1;
            }
        }
        // Each 571 ± 23, those with a sign 286 ± 17 to either side.
        for (operation, [plus, minus]) in table.operations().iter().zip(counts) {
            match table.magnitudes(*operation, 31, size) {
                Magnitudes::Signed(_) => assert!((210..362).contains(&plus) && (210..362).contains(&minus)),
                _ => assert!((475..667).contains(&plus) && minus == 0, "{operation:?}: {plus} {minus}"),
            }
        }
    }

    #[test]
    fn settings_out_of_their_domain_are_refused() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let policy = RandAugment::default();
        let bad = [
            RandAugment { magnitude: 31, ..policy },
            RandAugment { steps: 1, magnitude: 0, ..policy },
            RandAugment { steps: usize::MAX, ..policy },
            RandAugment { operations: usize::MAX, ..policy },
        ];
        for bad in bad {
            assert!(bad.draw([4, 4], rng).is_err(), "{bad:?}");
        }
        assert_eq!(RandAugment { operations: 0, ..policy }.draw([4, 4], rng).unwrap(), []);
    }
}
