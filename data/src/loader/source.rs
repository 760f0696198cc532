//! What it takes to read any batch of one epoch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Collate;
use crate::{Dataset, Error, Result, SampleRng};

/// What becomes of samples that cannot be read. What panics ends the epoch in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Broken {
    /// The first one ends the epoch, with an error that names it.
    #[default]
    Fail,
    /// Batches come without them, and [`Epoch::skipped`](super::Epoch::skipped) tells which they were. A batch of which nothing is
    /// left does not come.
    Skip {
        /// How many there may be in an epoch; the next one ends it.
        most: usize,
    },
}

/// A sample that could not be read and was left out.
#[derive(Debug)]
pub struct Skipped {
    /// Its index in the loader's data set.
    pub index: usize,
    /// What went wrong; it names the file if there is one.
    pub error: Error,
}

/// A batch that was read.
pub(super) struct Loaded<B> {
    /// None if all of its samples were left out.
    pub(super) batch: Option<B>,
    /// How many samples are in it.
    pub(super) samples: usize,
    /// Samples that were left out, in order.
    pub(super) skipped: Vec<Skipped>,
}

pub(super) struct Source<D, C> {
    dataset: Arc<D>,
    collate: Arc<C>,
    batches: Vec<Vec<usize>>,
    /// Of every sample of every batch, how often it came before in the epoch; none if no sample comes twice.
    before: Option<Vec<Vec<u64>>>,
    seed: u64,
    epoch: u64,
    broken: Broken,
}

impl<D: Dataset, C: Collate<D::Item>> Source<D, C> {
    pub(super) fn new(
        dataset: Arc<D>,
        collate: Arc<C>,
        batches: Vec<Vec<usize>>,
        [seed, epoch]: [u64; 2],
        broken: Broken,
    ) -> Self {
        let before = before(&batches, dataset.len());
        Source { dataset, collate, batches, before, seed, epoch, broken }
    }

    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A number that follows from which samples are in which batch: FNV-1a.
    pub(super) fn fingerprint(&self) -> u64 {
        let numbers = self.batches.iter().flat_map(|batch| batch.iter().copied().chain([usize::MAX]));
        let numbers = numbers.chain([self.dataset.len()]);
        numbers.fold(0xCBF2_9CE4_8422_2325, |hash, number| (hash ^ number as u64).wrapping_mul(0x0100_0000_01B3))
    }

    /// Reads one batch; `None` if nobody waits for it any more.
    pub(super) fn load(&self, batch: usize, stopped: &dyn Fn() -> bool) -> Option<Result<Loaded<C::Batch>>> {
        let indices = &self.batches[batch];
        let mut items = Vec::with_capacity(indices.len());
        let mut skipped = Vec::new();
        for (place, &index) in indices.iter().enumerate() {
            if stopped() {
                return None;
            }
            let before = self.before.as_ref().map_or(0, |before| before[batch][place]);
            let mut rng = SampleRng::again(self.seed, self.epoch, index as u64, before);
            let read = || self.dataset.get_random(index, &mut rng);
            match (guarded(&format_args!("sample {index}"), read), self.broken) {
                (Ok(Ok(item)), _) => items.push(item),
                (Ok(Err(error)), Broken::Skip { .. }) => skipped.push(Skipped { index, error }),
                (Ok(Err(error)), Broken::Fail) => return Some(Err(unreadable(index, error))),
                (Err(panic), _) => return Some(Err(panic)),
            }
        }
        let samples = items.len();
        if samples == 0 {
            return Some(Ok(Loaded { batch: None, samples, skipped }));
        }
        let mut rng = SampleRng::of_batch(self.seed, self.epoch, batch as u64);
        let made = guarded(&format_args!("batch {batch}"), || self.collate.collate_random(items, &mut rng));
        let made = made.and_then(|made| made.map_err(|source| Error::Collate { batch, source: Box::new(source) }));
        Some(made.map(|made| Loaded { batch: Some(made), samples, skipped }))
    }
}

pub(super) fn unreadable(index: usize, source: Error) -> Error {
    Error::Sample { index, source: Box::new(source) }
}

fn before(batches: &[Vec<usize>], len: usize) -> Option<Vec<Vec<u64>>> {
    let mut seen = vec![0u64; len];
    let mut again = false;
    let mut count = |&index: &usize| {
        // A number of no sample is an error when it is read.
        let seen = seen.get_mut(index)?;
        *seen += 1;
        again |= *seen > 1;
        Some(*seen - 1)
    };
    let before = batches.iter().map(|batch| batch.iter().map(|index| count(index).unwrap_or(0)).collect()).collect();
    again.then_some(before)
}

/// Runs code that the loader does not own; a panic becomes an error.
fn guarded<T>(place: &dyn std::fmt::Display, f: impl FnOnce() -> T) -> Result<T> {
    // What the panic may have left half done is dropped with the epoch.
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_string());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Error::Worker {
            place: place.to_string(),
            message: format!("panicked: {}", text.as_deref().unwrap_or("without a text")),
        }
    })
}
