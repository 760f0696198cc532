//! A mixture of chains of operations.

use rand_distr::{Beta, Distribution, Gamma};
use serde::{Deserialize, Serialize};

use super::{MagnitudeTable, Operation, Warp};
use crate::augment::{Augment, Interpolation};
use crate::{Error, Image, Pixels, Result, Sample, SampleRng};

/// Mixes a picture with what several chains of operations make of it (D. Hendrycks et al., "AugMix: A simple data processing method to improve robustness and uncertainty", 2019):
/// torchvision's `AugMix`.
///
/// The mixture shows things at several places at once, so there is no place for the label of one: as by torchvision, samples with objects or a class map are
/// refused. Mixed bytes are cut off, not rounded, as torchvision's are.
///
/// ```
/// use ocelli_data::augment::{Augment, AugMix};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let image = Image::from_u8([8, 8, 3], (0..192).collect())?;
/// let changed = AugMix::default().apply_image(image, &mut SampleRng::new(0, 0, 0))?;
/// assert_eq!(changed.shape(), [8, 8, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugMix {
    /// How strong operations are at most, 1 to 10.
    pub severity: usize,
    /// How many chains, 1 to 64.
    pub width: usize,
    /// How many operations a chain has, 1 to 64; 1 to 3, which is drawn for each chain, if it is `None`.
    pub depth: Option<usize>,
    /// The share of the picture itself is drawn from Beta(alpha, alpha), those of the chains from the Dirichlet distribution of alpha.
    pub alpha: f64,
    /// Whether brightness, contrast, color and sharpness are among the operations.
    pub all_operations: bool,
    /// How pixels are moved.
    pub warp: Warp,
}

impl Default for AugMix {
    /// torchvision's: three chains of one to three operations of the three weakest strengths, which move pixels bilinearly.
    fn default() -> Self {
        let warp = Warp { interpolation: Interpolation::Bilinear, ..Warp::default() };
        AugMix { severity: 3, width: 3, depth: None, alpha: 1.0, all_operations: true, warp }
    }
}

const OP: &str = "aug mix";
/// Into how many steps strengths are cut.
const STEPS: usize = 10;

impl AugMix {
    fn check(&self) -> Result<()> {
        let counts = (1..=64).contains(&self.width) && self.depth.is_none_or(|depth| (1..=64).contains(&depth));
        if counts && (1..=STEPS).contains(&self.severity) {
            return Ok(());
        }
        let message = format!(
            "expected a severity of 1 to {STEPS} and 1 to 64 chains of 1 to 64 operations, received {}, {} and {:?}",
            self.severity, self.width, self.depth
        );
        Err(Error::argument(OP, message))
    }

    fn chain(&self, size: [usize; 2], rng: &mut SampleRng) -> Vec<(Operation, f64)> {
        let table = if self.all_operations { MagnitudeTable::AugMix } else { MagnitudeTable::AugMixPartial };
        let depth = self.depth.unwrap_or_else(|| 1 + rng.below(3));
        let mut drawn = || {
            let operation = table.operations()[rng.below(table.operations().len())];
            let step = rng.below(self.severity);
            (operation, table.magnitudes(operation, STEPS, size).signed(step, rng))
        };
        (0..depth).map(|_| drawn()).collect()
    }

    /// The picture with share `own`, mixed with what chains of operations make of it, each with its share.
    fn mix(&self, image: &Image, own: f64, chains: &[(f64, Vec<(Operation, f64)>)]) -> Result<Image> {
        let mut sum: Vec<f32> = Vec::new();
        let mut add = |image: &Image, share: f32| match image.pixels() {
            Pixels::U8(pixels) => added(&mut sum, pixels.iter().map(|&x| f32::from(x) * share)),
            Pixels::F32(pixels) => added(&mut sum, pixels.iter().map(|&x| x * share)),
        };
        add(image, own as f32);
        for (share, chain) in chains {
            let changed = chain.iter().try_fold(Sample::from(image.clone()), |sample, &(operation, magnitude)| {
                operation.apply(sample, magnitude, &self.warp)
            })?;
            add(&changed.image, *share as f32);
        }
        let pixels = match image.pixels() {
            // The cast cuts off.
            Pixels::U8(_) => Pixels::U8(sum.into_iter().map(|x| x as u8).collect()),
            Pixels::F32(_) => Pixels::F32(sum),
        };
        image.replaced(image.shape(), pixels)
    }
}

/// Adds numbers to a sum, which has none at first.
fn added(sum: &mut Vec<f32>, numbers: impl Iterator<Item = f32>) {
    if sum.is_empty() {
        sum.extend(numbers);
    } else {
        sum.iter_mut().zip(numbers).for_each(|(sum, x)| *sum += x);
    }
}

impl Augment for AugMix {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        self.check()?;
        if !sample.labels.objects.is_empty() || sample.labels.class_map.is_some() {
            let message = format!(
                "expected labels of the whole picture alone, received {} objects{}",
                sample.labels.objects.len(),
                if sample.labels.class_map.is_some() { " and a class map" } else { "" }
            );
            return Err(Error::argument(OP, message));
        }
        let refused = || Error::argument(OP, format!("expected a finite alpha above 0, received {}", self.alpha));
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return Err(refused());
        }
        let beta = Beta::new(self.alpha, self.alpha).map_err(|_| refused())?;
        let gamma = Gamma::new(self.alpha, 1.0).map_err(|_| refused())?;
        let own = beta.sample(rng);
        // A Dirichlet distribution is that of gamma-distributed numbers divided by their sum.
        let parts: Vec<f64> = (0..self.width).map(|_| gamma.sample(rng)).collect();
        let sum: f64 = parts.iter().sum();
        let share = |part: f64| (1.0 - own) * if sum > 0.0 { part / sum } else { 1.0 / self.width as f64 };
        let size = sample.image.size();
        let chains: Vec<_> = parts.into_iter().map(|part| (share(part), self.chain(size, rng))).collect();
        sample.map_image(|image| self.mix(&image, own, &chains))
    }
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::{Tensor, safetensors};

    use super::*;
    use crate::annotation::{ClassMap, Labels};

    /// torchvision's `AugMix` with shares that are given, of which `tests/fixtures/policies.py` made the pictures.
    #[test]
    fn mixtures_are_those_of_torchvision() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/policies.safetensors");
        let fixtures = safetensors::load(path).unwrap();
        let numbers = |tensor: &Tensor| tensor.to_vec::<f64>().unwrap();
        let image = Image::from_tensor(&fixtures["image"]).unwrap();
        let mut seen = 0;
        while let Some(expected) = fixtures.get(&format!("aug_mix.{seen}")) {
            let shares = numbers(&fixtures[&format!("aug_mix.{seen}.shares")]);
            // Rows of chain, operation and magnitude.
            let drawn = numbers(&fixtures[&format!("aug_mix.{seen}.chains")]);
            let chain = |i: usize| {
                let of = drawn.as_chunks::<3>().0.iter().filter(|row| row[0] == i as f64);
                of.map(|row| (Operation::ALL[row[1] as usize], row[2])).collect::<Vec<_>>()
            };
            let chains: Vec<_> = (0..3).map(|i| (shares[i + 1], chain(i))).collect();
            let mixed = AugMix::default().mix(&image, shares[0], &chains).unwrap();
            let expected = Image::from_tensor(expected).unwrap();
            let apart = mixed.to_f32().iter().zip(expected.to_f32()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // One step: the last bit of a share or of a place decides what is cut off.
            assert!(apart < 1.01 / 255.0, "{seen}: {apart}");
            seen += 1;
        }
        assert!(seen >= 4, "{seen}");
    }

    #[test]
    fn shares_add_up() {
        let image = Image::from_f32([6, 5, 3], vec![0.5; 90]).unwrap();
        let mix = AugMix { all_operations: false, severity: 1, ..AugMix::default() };
        for index in 0..50 {
            let mixed = mix.apply_image(image.clone(), &mut SampleRng::new(0, 0, index)).unwrap().to_f32();
            // The weakest of these operations leave grey what it is, posterization to 4 bits apart.
            assert!(mixed.iter().all(|x| (0.45..0.51).contains(x)), "{mixed:?}");
        }
        let deep = AugMix { depth: Some(5), ..mix };
        assert_eq!(deep.chain([4, 4], &mut SampleRng::new(0, 0, 0)).len(), 5);
        let mut depths = [0; 4];
        (0..300).for_each(|i| depths[mix.chain([4, 4], &mut SampleRng::new(0, 0, i)).len()] += 1);
        assert!(depths[0] == 0 && depths[1..].iter().all(|count| (65..135).contains(count)), "{depths:?}");
    }

    #[test]
    fn what_cannot_be_mixed_is_refused() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let image = Image::from_u8([2, 2, 3], vec![1; 12]).unwrap();
        let mix = AugMix::default();
        let bad = [
            AugMix { severity: 0, ..mix },
            AugMix { severity: 11, ..mix },
            AugMix { width: 0, ..mix },
            AugMix { depth: Some(0), ..mix },
            AugMix { alpha: 0.0, ..mix },
            AugMix { alpha: f64::NAN, ..mix },
        ];
        for bad in bad {
            assert!(bad.apply_image(image.clone(), rng).is_err(), "{bad:?}");
        }
        let labels = Labels { class_map: Some(ClassMap::new([2, 2], vec![0; 4]).unwrap()), ..Labels::default() };
        let text = mix.apply(Sample { image, labels }, rng).unwrap_err().to_string();
        assert!(text.ends_with("received 0 objects and a class map"), "{text}");
    }
}
