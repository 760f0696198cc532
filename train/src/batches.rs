//! Where a trainer's batches come from.

use ocelli_data::augment::MixedBatch;
use ocelli_data::{Batch, Collate, DataLoader, Dataset};
use ocelli_tensor::Tensor;

use crate::Result;

/// A batch that can be trained on: inputs and what the model should make of them. Both have the samples along axis 0.
pub trait Supervised {
    /// Inputs and targets.
    fn into_pair(self) -> (Tensor, Tensor);
}

impl Supervised for Batch {
    fn into_pair(self) -> (Tensor, Tensor) {
        (self.images, self.labels)
    }
}

/// With parts of classes as targets, which cross-entropy takes as it takes class numbers.
impl Supervised for MixedBatch {
    fn into_pair(self) -> (Tensor, Tensor) {
        (self.images, self.targets)
    }
}

impl Supervised for (Tensor, Tensor) {
    fn into_pair(self) -> (Tensor, Tensor) {
        self
    }
}

/// The batches of one epoch: inputs and targets.
pub type Pairs<'a> = Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + 'a>;

/// A source of batches for training or evaluation. Every [`DataLoader`] whose batches are [`Supervised`] is one.
///
/// Inputs go into the model as they come: to make floats of bytes, normalize or augment is the loader's work. Its usual collation
/// divides bytes by 255.
pub trait Batches {
    /// The number of batches in an epoch.
    fn len(&self) -> usize;

    /// Whether an epoch has no batch.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of samples that an epoch reads.
    fn samples(&self) -> usize;

    /// A number that follows from which samples come in which order. A checkpoint keeps it, so that resuming with other data or
    /// another seed is noticed.
    fn fingerprint(&self, epoch: u64) -> u64;

    /// The batches of an epoch from `first_batch` on. They must be those that a whole epoch would have there.
    fn epoch_from(&self, epoch: u64, first_batch: usize) -> Pairs<'_>;
}

impl<D, C> Batches for DataLoader<D, C>
where
    D: Dataset + 'static,
    C: Collate<D::Item> + 'static,
    C::Batch: Supervised + 'static,
{
    fn len(&self) -> usize {
        DataLoader::len(self)
    }
    fn samples(&self) -> usize {
        DataLoader::samples(self)
    }
    fn fingerprint(&self, epoch: u64) -> u64 {
        // FNV-1a over the numbers of the samples and the batch size.
        let numbers = self.order(epoch).into_iter().chain([self.batch_size(), DataLoader::len(self)]);
        numbers.fold(0xCBF2_9CE4_8422_2325, |hash, number| (hash ^ number as u64).wrapping_mul(0x0100_0000_01B3))
    }
    fn epoch_from(&self, epoch: u64, first_batch: usize) -> Pairs<'_> {
        let batches = DataLoader::epoch_from(self, epoch, first_batch);
        Box::new(batches.map(|batch| Ok(batch?.into_pair())))
    }
}
