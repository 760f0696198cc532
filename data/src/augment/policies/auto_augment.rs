//! Pairs of operations that a search found.

use serde::{Deserialize, Serialize};

use super::{MagnitudeTable, Operation, Warp, sub_policies};
use crate::augment::Augment;
use crate::{Result, Sample, SampleRng};

/// The data set on which a policy was searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoAugmentPolicy {
    /// ImageNet: mostly colours.
    #[default]
    ImageNet,
    /// CIFAR-10.
    Cifar10,
    /// Street View House Numbers: mostly shears and inversions.
    Svhn,
}

/// One operation of a sub-policy of [`AutoAugment`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The operation.
    pub operation: Operation,
    /// How often it is made.
    pub probability: f64,
    /// How strong it is: the number of one of ten steps; `None` of an operation that has no strengths.
    pub step: Option<usize>,
}

impl AutoAugmentPolicy {
    /// The sub-policies: two operations each, one after the other.
    pub fn sub_policies(self) -> Vec<[Candidate; 2]> {
        let all: &[_] = match self {
            AutoAugmentPolicy::ImageNet => &sub_policies::IMAGENET,
            AutoAugmentPolicy::Cifar10 => &sub_policies::CIFAR10,
            AutoAugmentPolicy::Svhn => &sub_policies::SVHN,
        };
        let candidate = |(operation, probability, step)| Candidate { operation, probability, step };
        all.iter().map(|pair| pair.map(candidate)).collect()
    }
}

/// Makes the two operations of a sub-policy that is drawn, each as often as the policy says (E. Cubuk et al., "AutoAugment: Learning augmentation policies from data", 2018):
/// torchvision's `AutoAugment`. Labels follow shears, shifts and turns.
///
/// ```
/// use ocelli_data::augment::{Augment, AutoAugment, AutoAugmentPolicy};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let policy = AutoAugment { policy: AutoAugmentPolicy::Cifar10, ..AutoAugment::default() };
/// let image = Image::from_u8([8, 8, 3], (0..192).collect())?;
/// let changed = policy.apply_image(image, &mut SampleRng::new(0, 0, 0))?;
/// assert_eq!(changed.shape(), [8, 8, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoAugment {
    /// Which sub-policies.
    pub policy: AutoAugmentPolicy,
    /// How pixels are moved.
    pub warp: Warp,
}

/// Into how many steps strengths are cut.
const STEPS: usize = 10;

impl AutoAugment {
    /// The operations and their strengths for a picture of `[height, width]`.
    pub fn draw(&self, size: [usize; 2], rng: &mut SampleRng) -> Vec<(Operation, f64)> {
        let all = self.policy.sub_policies();
        let mut drawn = Vec::with_capacity(2);
        for candidate in all[rng.below(all.len())] {
            if rng.chance(candidate.probability) {
                let magnitudes = MagnitudeTable::AutoAugment.magnitudes(candidate.operation, STEPS, size);
                drawn.push((candidate.operation, magnitudes.signed(candidate.step.unwrap_or(0), rng)));
            }
        }
        drawn
    }
}

impl Augment for AutoAugment {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let drawn = self.draw(sample.image.size(), rng);
        drawn
            .into_iter()
            .try_fold(sample, |sample, (operation, magnitude)| operation.apply(sample, magnitude, &self.warp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_come_as_often_as_the_policy_says() {
        for policy in [AutoAugmentPolicy::ImageNet, AutoAugmentPolicy::Cifar10, AutoAugmentPolicy::Svhn] {
            let augment = AutoAugment { policy, ..AutoAugment::default() };
            let runs = 10_000;
            let mut counts = [0.0; 15];
            for index in 0..runs {
                for (operation, _) in augment.draw([32, 32], &mut SampleRng::new(0, 0, index)) {
                    counts[Operation::ALL.iter().position(|&other| other == operation).unwrap()] += 1.0;
                }
            }
            let all = policy.sub_policies();
            for (operation, count) in Operation::ALL.into_iter().zip(counts) {
                let of = all.as_flattened().iter().filter(|candidate| candidate.operation == operation);
                let expected = of.map(|candidate| candidate.probability).sum::<f64>() / 25.0 * runs as f64;
                // The standard deviation is at most that of a Poisson distribution, or somewhat more where a pair has one operation twice.
                assert!((count - expected).abs() <= 6.0 * expected.sqrt(), "{operation:?}: {count} {expected}");
            }
        }
    }
}
