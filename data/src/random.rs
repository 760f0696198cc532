//! Random numbers that follow from seed, epoch and sample alone.

use std::convert::Infallible;

use ocelli_tensor::Generator;
use rand::{Rng, TryRng};

use crate::{Error, Result};

/// The random numbers of one sample in one epoch: the same whatever thread loads it, and when.
///
/// It implements [`rand::Rng`], so the distributions of `rand` and `rand_distr` can draw from it.
///
/// ```
/// use ocelli_data::SampleRng;
/// # fn main() -> ocelli_data::Result<()> {
/// let mut a = SampleRng::new(42, 0, 17);
/// let mut b = SampleRng::new(42, 0, 17);
/// assert_eq!(a.uniform(-1.0, 1.0)?, b.uniform(-1.0, 1.0)?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SampleRng(Generator);

impl SampleRng {
    /// The numbers of sample `index` in epoch `epoch` of a run with this seed.
    pub fn new(seed: u64, epoch: u64, index: u64) -> Self {
        // Every sample has 2³² counters of its own, so no two of an epoch share numbers (up to 2³² samples).
        SampleRng(Generator::at(epoch_key(seed, epoch, SAMPLES), index.wrapping_shl(32)))
    }

    /// As [`SampleRng::new`], where a sample comes several times in an epoch, for the time that has `before` others before it.
    pub(crate) fn again(seed: u64, epoch: u64, index: u64, before: u64) -> Self {
        match before {
            0 => SampleRng::new(seed, epoch, index),
            _ => SampleRng::new(mix(seed ^ mix(before)), epoch, index),
        }
    }

    /// The numbers of batch `batch` in epoch `epoch`, apart from those of its samples.
    pub(crate) fn of_batch(seed: u64, epoch: u64, batch: u64) -> Self {
        SampleRng(Generator::at(epoch_key(seed, epoch, BATCHES), batch.wrapping_shl(32)))
    }

    /// A number drawn evenly from `low..high`; `low` if both are equal.
    ///
    /// # Errors
    /// [`Error::Argument`] unless both are finite and `low <= high`.
    pub fn uniform(&mut self, low: f64, high: f64) -> Result<f64> {
        if !(low.is_finite() && high.is_finite() && low <= high) {
            let message = format!("expected a finite range low..high, received {low}..{high}");
            return Err(Error::argument("uniform", message));
        }
        Ok(low + (high - low) * self.unit())
    }

    /// `true` with the given probability (never for 0, always for 1).
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A whole number drawn evenly from `0..count`; 0 if `count` is 0.
    pub fn below(&mut self, count: usize) -> usize {
        below(&mut self.0, count)
    }

    /// 53 random bits as a number in `0..1`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }
}

impl TryRng for SampleRng {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

/// The numbers `0..count` in the random order of one epoch.
pub(crate) fn permutation(count: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    shuffle(&mut order, seed, epoch);
    order
}

/// Puts items into the random order of one epoch (R. Fisher and F. Yates, 1938).
pub(crate) fn shuffle<T>(items: &mut [T], seed: u64, epoch: u64) {
    shuffle_by(items, &mut order_rng(seed, epoch));
}

/// Puts items into an order that these random numbers give.
pub(crate) fn shuffle_by<T>(items: &mut [T], rng: &mut SampleRng) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.below(last + 1));
    }
}

/// The random numbers by which an epoch is put in order.
pub(crate) fn order_rng(seed: u64, epoch: u64) -> SampleRng {
    SampleRng(Generator::new(epoch_key(seed, epoch, ORDER)))
}

/// The upper half of `word · count`: uneven by less than `count / 2⁶⁴`.
fn below(generator: &mut Generator, count: usize) -> usize {
    ((u128::from(generator.next_u64()) * count as u128) >> 64) as usize
}

/// What the numbers are for, so that the order of an epoch, its samples and its batches draw from different streams.
const ORDER: u64 = 1;
const SAMPLES: u64 = 2;
const BATCHES: u64 = 3;

fn epoch_key(seed: u64, epoch: u64, purpose: u64) -> u64 {
    mix(mix(seed.wrapping_add(purpose)).wrapping_add(epoch))
}

/// The finalizer of SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014): near inputs give unrelated outputs.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_hold_every_number_and_differ_by_epoch() {
        let (a, b) = (permutation(100, 7, 0), permutation(100, 7, 1));
        assert_ne!(a, b);
        assert_eq!(a, permutation(100, 7, 0));
        assert_ne!(a, permutation(100, 8, 0));
        for mut order in [a, b] {
            order.sort_unstable();
            assert_eq!(order, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_place_is_equally_likely() {
        let mut counts = [0; 5];
        for epoch in 0..10_000 {
            counts[permutation(5, 1, epoch)[0]] += 1;
        }
        // Standard deviation 40.
        assert!(counts.iter().all(|c| (1840..2160).contains(c)), "{counts:?}");
    }

    #[test]
    fn samples_have_numbers_of_their_own() {
        let first = |seed, epoch, index| SampleRng::new(seed, epoch, index).next_u64();
        let all = [first(0, 0, 0), first(1, 0, 0), first(0, 1, 0), first(0, 0, 1)];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
        let mut rng = SampleRng::new(3, 0, 0);
        for _ in 0..1000 {
            assert!((2.0..3.0).contains(&rng.uniform(2.0, 3.0).unwrap()));
            assert!(rng.below(7) < 7);
            assert!(rng.chance(1.0) && !rng.chance(0.0));
        }
        assert!(rng.uniform(1.0, 0.0).is_err());
        assert!(rng.uniform(f64::NAN, 0.0).is_err());
    }
}
