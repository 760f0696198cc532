//! Which samples an epoch reads, in which order, and which of them are together in a batch.
//!
//! ```
//! use ocelli_data::sampler::{ClassBalanced, Sampler, Shard};
//! use ocelli_data::{DataLoader, Dataset, mnist};
//! # fn main() -> ocelli_data::Result<()> {
//! let (train, _) = mnist::embedded()?;
//! // Every digit equally often, and of those every fourth for this machine of four.
//! let labels: Vec<usize> = train.labels().iter().map(|&label| usize::from(label)).collect();
//! let sampler = Shard::new(ClassBalanced::new(&labels, 1_000)?, 1, 4)?;
//! assert_eq!(sampler.len(), 250);
//! let loader = DataLoader::new(train, 50)?.sampler(sampler).seed(3);
//! assert_eq!(loader.len(), 5);
//! # Ok(())
//! # }
//! ```

mod buckets;
mod class_balanced;
mod random;
mod repeat;
mod sequential;
mod shard;
mod subset;
mod weighted;

pub use buckets::Buckets;
pub use class_balanced::ClassBalanced;
pub use random::Random;
pub use repeat::Repeat;
pub use sequential::Sequential;
pub use shard::Shard;
pub use subset::Subset;
pub use weighted::Weighted;

use crate::Error;

/// The order in which a loader reads samples: a pure function of seed and epoch, the same on every machine and for any number of workers.
///
/// A number may come several times in an epoch; each time its augmentation draws other random numbers.
pub trait Sampler: Send + Sync {
    /// How many samples an epoch reads: as many in every epoch.
    fn len(&self) -> usize;

    /// Whether an epoch reads none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of the samples of an epoch, in order.
    fn order(&self, seed: u64, epoch: u64) -> Vec<usize>;

    /// The same numbers cut into batches, in whatever order that needs: one after the other, unless a sampler has reasons.
    fn batches(&self, batch_size: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
        self.order(seed, epoch).chunks(batch_size.max(1)).map(<[usize]>::to_vec).collect()
    }

    /// How many batches those are: all of them, and those that are full. As many in every epoch.
    fn batch_counts(&self, batch_size: usize) -> BatchCounts {
        BatchCounts::of(self.len(), batch_size)
    }
}

/// How many batches an epoch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchCounts {
    /// All of them.
    pub all: usize,
    /// Those that have as many samples as the batch size says.
    pub full: usize,
}

impl BatchCounts {
    /// The batches of samples that are cut one after the other.
    pub fn of(samples: usize, batch_size: usize) -> Self {
        let batch_size = batch_size.max(1);
        BatchCounts { all: samples.div_ceil(batch_size), full: samples / batch_size }
    }
}

impl<S: Sampler + ?Sized> Sampler for std::sync::Arc<S> {
    fn len(&self) -> usize {
        (**self).len()
    }
    fn order(&self, seed: u64, epoch: u64) -> Vec<usize> {
        (**self).order(seed, epoch)
    }
    fn batches(&self, batch_size: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
        (**self).batches(batch_size, seed, epoch)
    }
    fn batch_counts(&self, batch_size: usize) -> BatchCounts {
        (**self).batch_counts(batch_size)
    }
}

/// Refuses to draw samples from none.
fn require_some(op: &'static str, what: &str, available: usize, count: usize) -> crate::Result<()> {
    if count == 0 || available > 0 {
        return Ok(());
    }
    Err(Error::argument(op, format!("expected {what} to draw {count} samples from, received none")))
}

#[cfg(test)]
mod tests;
