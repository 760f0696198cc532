//! Batches of a data set, read ahead by worker threads, in an order that follows from the seed alone.

mod collate;
mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use collate::{Batch, Collate, Stack};
use queue::Queue;

use crate::random::permutation;
use crate::{Dataset, Error, Result, SampleRng};

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
#[derive(Debug)]
pub struct DataLoader<D, C = Stack> {
    dataset: Arc<D>,
    collate: Arc<C>,
    batch_size: usize,
    seed: u64,
    shuffle: bool,
    drop_last: bool,
    workers: usize,
    prefetch: usize,
}

impl<D, C> Clone for DataLoader<D, C> {
    fn clone(&self) -> Self {
        DataLoader { dataset: self.dataset.clone(), collate: self.collate.clone(), ..*self }
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
            dataset,
            collate: Arc::new(Stack),
            batch_size,
            seed: 0,
            shuffle: false,
            drop_last: false,
            workers: 0,
            prefetch: 2,
        })
    }
}

impl<D: Dataset, C> DataLoader<D, C> {
    /// Makes batches another way than [`Stack`] does.
    pub fn collate<C2: Collate<D::Item>>(self, collate: C2) -> DataLoader<D, C2> {
        DataLoader {
            dataset: self.dataset,
            collate: Arc::new(collate),
            batch_size: self.batch_size,
            seed: self.seed,
            shuffle: self.shuffle,
            drop_last: self.drop_last,
            workers: self.workers,
            prefetch: self.prefetch,
        }
    }

    /// The seed of the order and of augmentation; 0 at first.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether every epoch has a new random order; at first not.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Whether a last batch that is smaller than the others is left out; at first not.
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
        if self.drop_last { self.dataset.len() / self.batch_size } else { self.dataset.len().div_ceil(self.batch_size) }
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
        self.dataset.len().min(self.len() * self.batch_size)
    }

    /// The data set.
    pub fn dataset(&self) -> &Arc<D> {
        &self.dataset
    }

    /// The numbers of all samples in the order of an epoch.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        if self.shuffle { permutation(self.dataset.len(), self.seed, epoch) } else { (0..self.dataset.len()).collect() }
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
        let end = self.len();
        let source = Arc::new(Source {
            order: self.order(epoch),
            dataset: self.dataset.clone(),
            collate: self.collate.clone(),
            batch_size: self.batch_size,
            seed: self.seed,
            epoch,
        });
        let load = move |batch: usize, stopped: &dyn Fn() -> bool| source.load(batch, stopped);
        let workers = self.workers.min(end.saturating_sub(first_batch));
        let reader = if workers == 0 {
            Reader::Caller(Box::new(load))
        } else {
            let ahead = workers.saturating_mul(self.prefetch);
            Reader::Workers(Queue::start(workers, ahead, first_batch, end, load))
        };
        Epoch { next: first_batch, end: end.max(first_batch), reader }
    }
}

/// What it takes to read any batch of one epoch.
struct Source<D, C> {
    dataset: Arc<D>,
    collate: Arc<C>,
    order: Vec<usize>,
    batch_size: usize,
    seed: u64,
    epoch: u64,
}

impl<D: Dataset, C: Collate<D::Item>> Source<D, C> {
    /// Reads one batch; `None` if nobody waits for it any more.
    fn load(&self, batch: usize, stopped: &dyn Fn() -> bool) -> Option<Result<C::Batch>> {
        let start = batch * self.batch_size;
        let end = (start + self.batch_size).min(self.order.len());
        let mut items = Vec::with_capacity(end - start);
        for &index in &self.order[start..end] {
            if stopped() {
                return None;
            }
            let mut rng = SampleRng::new(self.seed, self.epoch, index as u64);
            let read = || self.dataset.get_random(index, &mut rng);
            match guarded(&format_args!("sample {index}"), read) {
                Ok(Ok(item)) => items.push(item),
                Ok(Err(source)) => {
                    let source = Box::new(source);
                    return Some(Err(Error::Sample { index, source }));
                }
                Err(panic) => return Some(Err(panic)),
            }
        }
        let made = guarded(&format_args!("batch {batch}"), || self.collate.collate(items));
        Some(made.and_then(|made| made.map_err(|source| Error::Collate { batch, source: Box::new(source) })))
    }
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

type Load<B> = dyn Fn(usize, &dyn Fn() -> bool) -> Option<Result<B>> + Send;

enum Reader<B> {
    Caller(Box<Load<B>>),
    Workers(Queue<B>),
}

/// The batches of one epoch, in order. Dropping it stops the workers.
pub struct Epoch<B> {
    next: usize,
    end: usize,
    reader: Reader<B>,
}

impl<B> Epoch<B> {
    /// The number, in the whole epoch, of the batch that comes next.
    pub fn position(&self) -> usize {
        self.next
    }
}

impl<B> Iterator for Epoch<B> {
    type Item = Result<B>;

    fn next(&mut self) -> Option<Result<B>> {
        if self.next >= self.end {
            return None;
        }
        let batch = match &mut self.reader {
            Reader::Caller(load) => load(self.next, &|| false),
            Reader::Workers(queue) => queue.take(self.next),
        };
        match batch {
            Some(Ok(_)) => self.next += 1,
            // Nothing comes after a failure.
            Some(Err(_)) | None => self.end = self.next,
        }
        batch
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // A failure may end the epoch early.
        (0, Some(self.end - self.next))
    }
}
