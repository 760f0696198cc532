//! Each picture with three others.

use crate::augment::{Fill, Keep, check_probability, mosaic};
use crate::{Dataset, Result, Sample, SampleRng};

/// A data set whose samples become, with a probability, a [`mosaic`] of themselves and three others of it, drawn from the sample's own random numbers: so they follow from
/// seed, epoch and index.
///
/// A mosaic has twice the given size, other samples have theirs; a [`Letterbox`](crate::augment::Letterbox) behind it makes them alike.
///
/// ```
/// use ocelli_data::generated::Shapes;
/// use ocelli_data::{Dataset, Mosaic};
/// # fn main() -> ocelli_data::Result<()> {
/// let four = Mosaic::new(Shapes::default(), [64, 64]);
/// let sample = four.get(0)?;
/// assert_eq!(sample.image.shape(), [128, 128, 3]);
/// # Ok(())
/// # }
/// ```
///
/// [`Dataset::get`], which is given no random numbers, uses those of seed 0 and epoch 0: it always gives the same sample.
#[derive(Debug, Clone)]
pub struct Mosaic<D> {
    inner: D,
    size: [usize; 2],
    probability: f64,
    fill: Fill,
    keep: Keep,
}

impl<D: Dataset<Item = Sample>> Mosaic<D> {
    /// Every sample in a mosaic whose quarters are of `[height, width]`, with black where no picture is.
    pub fn new(inner: D, size: [usize; 2]) -> Self {
        Mosaic { inner, size, probability: 1.0, fill: Fill::black(), keep: Keep::default() }
    }

    /// How often a sample becomes a mosaic, from 0 to 1; others stay as they are.
    #[must_use]
    pub fn probability(self, probability: f64) -> Self {
        Mosaic { probability, ..self }
    }

    /// What is where no picture is: a constant.
    #[must_use]
    pub fn fill(self, fill: Fill) -> Self {
        Mosaic { fill, ..self }
    }

    /// Which objects stay that have been cut off.
    #[must_use]
    pub fn keep(self, keep: Keep) -> Self {
        Mosaic { keep, ..self }
    }
}

impl<D: Dataset<Item = Sample>> Dataset for Mosaic<D> {
    type Item = Sample;
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn get(&self, index: usize) -> Result<Sample> {
        self.get_random(index, &mut SampleRng::new(0, 0, index as u64))
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<Sample> {
        check_probability(self.probability)?;
        let first = self.inner.get_random(index, rng)?;
        if !rng.chance(self.probability) {
            return Ok(first);
        }
        let mut other = || {
            let other = rng.below(self.inner.len());
            self.inner.get_random(other, rng)
        };
        let samples = [first, other()?, other()?, other()?];
        mosaic(samples, self.size, self.fill, &self.keep, rng)
    }
}
