//! Batches of a data set, read ahead by worker threads, in an order that follows from the seed alone.

mod clips;
mod collate;
mod epoch;
mod lists;
mod multi_hot;
mod padded;
mod queue;
mod source;
mod state;
mod stats;

use std::sync::Arc;

pub use clips::{ClipBatch, StackClips};
pub use collate::{Batch, Collate, Stack};
pub(crate) use collate::{nhwc, with_one_class};
pub use epoch::{Epoch, Progress};
pub use lists::{ListBatch, Lists};
pub use multi_hot::{MultiHot, MultiHotBatch};
pub use padded::{Pad, PaddedBatch};
use source::Source;
pub use source::{Broken, Skipped};
pub use state::LoaderState;
pub use stats::LoaderStats;
use stats::Totals;

use crate::sampler::{Random, Sampler, Sequential};
use crate::{Dataset, Error, Result};

/// Makes batches of a data set.
///
/// Which samples a batch holds, and how augmentation changes them, follows from the seed and the epoch: not from the
/// number of workers, nor from which of them is faster.
///
/// ```
/// use ocelli_data::{Dataset, DataLoader, mnist};
/// # fn main() -> ocelli_data::Result<()> {
/// let (train, _) = mnist::embedded()?;
/// let loader = DataLoader::new(train, 64)?.shuffle(true).seed(42).workers(2);
/// assert_eq!(loader.len(), 125);
/// for batch in loader.epoch(0).take(2) {
///     assert_eq!(batch?.images.shape()[..], [64, 1, 28, 28]);
/// }
/// # Ok(())
/// # }
/// ```
///
/// A tensor of a batch takes its memory from the pool of the tensor crate, where that of an earlier batch lies as soon as it is dropped.
pub struct DataLoader<D, C = Stack> {
    dataset: Arc<D>,
    collate: Arc<C>,
    sampler: Arc<dyn Sampler>,
    progress: Option<Arc<Hook>>,
    totals: Arc<Totals>,
    batch_size: usize,
    seed: u64,
    drop_last: bool,
    workers: usize,
    prefetch: usize,
    broken: Broken,
}

type Hook = dyn Fn(&Progress) + Send + Sync;

impl<D, C> Clone for DataLoader<D, C> {
    /// The same loader, which has done nothing yet (see [`DataLoader::stats`]).
    fn clone(&self) -> Self {
        DataLoader {
            dataset: self.dataset.clone(),
            collate: self.collate.clone(),
            sampler: self.sampler.clone(),
            progress: self.progress.clone(),
            totals: Arc::default(),
            ..*self
        }
    }
}

impl<D, C> std::fmt::Debug for DataLoader<D, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataLoader")
            .field("samples", &self.sampler.len())
            .field("batch_size", &self.batch_size)
            .field("seed", &self.seed)
            .field("drop_last", &self.drop_last)
            .field("workers", &self.workers)
            .field("prefetch", &self.prefetch)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

impl<D: Dataset> DataLoader<D> {
    /// A loader of batches of this size, in the data set's order, in the caller's thread.
    ///
    /// # Errors
    /// [`Error::Argument`] if the batch size is 0.
    pub fn new(dataset: D, batch_size: usize) -> Result<Self> {
        DataLoader::shared(Arc::new(dataset), batch_size)
    }

    /// As [`DataLoader::new`], for a data set that is also used elsewhere.
    ///
    /// # Errors
    /// [`Error::Argument`] if the batch size is 0.
    pub fn shared(dataset: Arc<D>, batch_size: usize) -> Result<Self> {
        if batch_size == 0 {
            let message = "expected a batch size of at least 1, received 0";
            return Err(Error::argument("data loader", message));
        }
        Ok(DataLoader {
            sampler: Arc::new(Sequential::new(dataset.len())),
            dataset,
            collate: Arc::new(Stack),
            progress: None,
            totals: Arc::default(),
            batch_size,
            seed: 0,
            drop_last: false,
            workers: 0,
            prefetch: 2,
            broken: Broken::Fail,
        })
    }
}

impl<D: Dataset, C> DataLoader<D, C> {
    /// Makes batches another way than [`Stack`] does.
    pub fn collate<C2: Collate<D::Item>>(self, collate: C2) -> DataLoader<D, C2> {
        DataLoader {
            dataset: self.dataset,
            collate: Arc::new(collate),
            sampler: self.sampler,
            progress: self.progress,
            totals: self.totals,
            batch_size: self.batch_size,
            seed: self.seed,
            drop_last: self.drop_last,
            workers: self.workers,
            prefetch: self.prefetch,
            broken: self.broken,
        }
    }

    /// The seed of the order and of augmentation; 0 at first.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether every epoch has a new random order; at first not. Takes the place of an earlier [`DataLoader::sampler`].
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        let len = self.dataset.len();
        self.sampler = if shuffle { Arc::new(Random::new(len)) } else { Arc::new(Sequential::new(len)) };
        self
    }

    /// Reads the samples that a [`Sampler`] says, in its order. Takes the place of an earlier [`DataLoader::shuffle`].
    ///
    /// A number of which the data set has no sample is an error of the batch that it is in.
    pub fn sampler(mut self, sampler: impl Sampler + 'static) -> Self {
        self.sampler = Arc::new(sampler);
        self
    }

    /// What becomes of samples that cannot be read; at first the first one ends the epoch.
    pub fn broken(mut self, broken: Broken) -> Self {
        self.broken = broken;
        self
    }

    /// Calls a function with every batch that is given out, in the thread that takes it: for progress bars and logs.
    pub fn on_batch(mut self, hook: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(hook));
        self
    }

    /// Whether batches that are smaller than the others, mostly the last one, are left out; at first not.
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// How many threads read ahead. With 0, as at first, a batch is read when it is asked for, by the thread that asks.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How many batches each worker may be ahead of the caller, at least 1; 2 at first. No more than `workers · prefetch` batches
    /// wait in memory.
    pub fn prefetch(mut self, batches: usize) -> Self {
        self.prefetch = batches.max(1);
        self
    }

    /// The number of batches in an epoch.
    pub fn len(&self) -> usize {
        let counts = self.sampler.batch_counts(self.batch_size);
        if self.drop_last { counts.full } else { counts.all }
    }

    /// Whether an epoch has no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of samples in a batch; the last one of an epoch may have fewer.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The number of samples that an epoch reads.
    pub fn samples(&self) -> usize {
        if self.drop_last { self.len() * self.batch_size } else { self.sampler.len() }
    }

    /// The data set.
    pub fn dataset(&self) -> &Arc<D> {
        &self.dataset
    }

    /// How long the workers and whoever took the batches read and waited, in all epochs of this loader so far.
    ///
    /// ```
    /// use ocelli_data::{DataLoader, mnist};
    /// # fn main() -> ocelli_data::Result<()> {
    /// let loader = DataLoader::new(mnist::embedded()?.1, 500)?.workers(1);
    /// for batch in loader.epoch(0) {
    ///     batch?;
    /// }
    /// let stats = loader.stats();
    /// assert_eq!((stats.batches, stats.samples), (4, 2000));
    /// println!("waited {:?} for a worker that was idle for {:?}", stats.waited, stats.idle);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stats(&self) -> LoaderStats {
        self.totals.sum()
    }

    /// The numbers of all samples in the order of an epoch.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        self.sampler.batches(self.batch_size, self.seed, epoch).concat()
    }
}

impl<D, C> DataLoader<D, C>
where
    D: Dataset + 'static,
    C: Collate<D::Item> + 'static,
    C::Batch: 'static,
{
    /// The batches of an epoch, in order. Reading starts at once if there are workers.
    ///
    /// The first batch that cannot be read comes as an `Err` that names the sample, and is the last item.
    pub fn epoch(&self, epoch: u64) -> Epoch<C::Batch> {
        self.epoch_from(epoch, 0)
    }

    /// As [`DataLoader::epoch`], without the first `first_batch` batches: nothing of them is read, and the others are the same as
    /// they would be after them.
    pub fn epoch_from(&self, epoch: u64, first_batch: usize) -> Epoch<C::Batch> {
        self.start(self.source(epoch), first_batch, 0)
    }

    /// Goes on where [`Epoch::state`] was asked for: with the batches that would have come next, whatever the number of workers is now.
    ///
    /// # Errors
    /// [`Error::Argument`] if that was an epoch with another seed, of other samples, in another order or of another batch size.
    pub fn resume(&self, state: &LoaderState) -> Result<Epoch<C::Batch>> {
        let source = self.source(state.epoch);
        state.check(self.seed, source.fingerprint(), source.len())?;
        Ok(self.start(source, state.batch, state.skipped))
    }

    fn source(&self, epoch: u64) -> Source<D, C> {
        let mut batches = self.sampler.batches(self.batch_size, self.seed, epoch);
        if self.drop_last {
            batches.retain(|batch| batch.len() == self.batch_size);
        }
        Source::new(self.dataset.clone(), self.collate.clone(), batches, [self.seed, epoch], self.broken)
    }

    fn start(&self, source: Source<D, C>, first_batch: usize, skipped: usize) -> Epoch<C::Batch> {
        let state = LoaderState {
            seed: self.seed,
            epoch: source.epoch(),
            batch: first_batch,
            skipped,
            fingerprint: source.fingerprint(),
        };
        let end = source.len();
        let load = move |batch: usize, stopped: &dyn Fn() -> bool| source.load(batch, stopped);
        let workers = self.workers.min(end.saturating_sub(first_batch));
        let ahead = workers.saturating_mul(self.prefetch);
        Epoch::start(load, [workers, ahead], state, end, self.broken, (self.totals.clone(), self.progress.clone()))
    }
}
