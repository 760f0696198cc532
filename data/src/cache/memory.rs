//! Samples that stay in memory.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::InMemory;
use crate::annotation::ClassDetails;
use crate::readers::Changes;
use crate::reserve::with_capacity;
use crate::{Dataset, Error, LabelledDataset, Record, Result};

/// A data set whose samples stay in memory once they are read, as far as there is room; the others are read each time. Which ones those are makes
/// no difference but time.
///
/// What is kept is what [`Dataset::get`] gives, so random changes belong around the cache, not into it.
///
/// ```
/// use ocelli_data::generated::Shapes;
/// use ocelli_data::{Dataset, MemoryCache};
/// # fn main() -> ocelli_data::Result<()> {
/// let shapes = Shapes { samples: 50, ..Shapes::default() };
/// let cached = MemoryCache::new(shapes.clone(), 1 << 20)?;
/// for index in 0..50 {
///     assert_eq!(cached.get(index)?, shapes.get(index)?);
/// }
/// assert!(cached.kept() > 40 && cached.bytes() <= 1 << 20);
/// # Ok(())
/// # }
/// ```
pub struct MemoryCache<D: Dataset> {
    inner: D,
    slots: Vec<OnceLock<D::Item>>,
    room: usize,
    bytes: AtomicUsize,
    kept: AtomicUsize,
}

impl<D: Dataset> MemoryCache<D> {
    /// Keeps samples of `inner` that take at most so many bytes together.
    ///
    /// # Errors
    /// [`Error::Tensor`] if memory for a list of all samples cannot be had.
    pub fn new(inner: D, bytes: usize) -> Result<Self> {
        let mut slots = with_capacity(inner.len())?;
        slots.resize_with(inner.len(), OnceLock::new);
        Ok(MemoryCache { inner, slots, room: bytes, bytes: AtomicUsize::new(0), kept: AtomicUsize::new(0) })
    }

    /// The data set that is read.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// How many bytes the kept samples take.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many samples are kept.
    pub fn kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }
}

impl<D> Dataset for MemoryCache<D>
where
    D: Dataset,
    D::Item: Clone + Sync + InMemory,
{
    type Item = D::Item;
    fn len(&self) -> usize {
        self.slots.len()
    }
    fn get(&self, index: usize) -> Result<D::Item> {
        Error::check_index(index, self.slots.len())?;
        let slot = &self.slots[index];
        if let Some(item) = slot.get() {
            return Ok(item.clone());
        }
        let item = self.inner.get(index)?;
        let bytes = item.bytes();
        let grown = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.room);
        if self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_ok() {
            match slot.set(item.clone()) {
                Ok(()) => self.kept.fetch_add(1, Ordering::Relaxed),
                // Another thread has read the same sample meanwhile.
                Err(_) => self.bytes.fetch_sub(bytes, Ordering::Relaxed),
            };
        }
        Ok(item)
    }
}

impl<D: LabelledDataset> LabelledDataset for MemoryCache<D> {
    fn record(&self, index: usize) -> Result<Record> {
        self.inner.record(index)
    }
    fn class_names(&self) -> &[String] {
        self.inner.class_names()
    }
    fn class_details(&self, class: usize) -> ClassDetails {
        self.inner.class_details(class)
    }
    fn changes(&self) -> Changes {
        self.inner.changes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataLoader, Lists, Sample, generated::Shapes};

    /// Counts what is read.
    struct Counted(Shapes, AtomicUsize);

    impl Dataset for Counted {
        type Item = Sample;
        fn len(&self) -> usize {
            self.0.len()
        }
        fn get(&self, index: usize) -> Result<Sample> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.get(index)
        }
    }

    fn counted() -> Counted {
        Counted(Shapes { samples: 20, ..Shapes::default() }, AtomicUsize::new(0))
    }

    #[test]
    fn what_is_kept_is_not_read_again() {
        let all = MemoryCache::new(counted(), usize::MAX).unwrap();
        let bytes: usize = (0..20).map(|index| all.inner.0.get(index).unwrap().bytes()).sum();
        for _ in 0..3 {
            for index in 0..20 {
                assert_eq!(all.get(index).unwrap(), all.inner.0.get(index).unwrap());
            }
        }
        assert_eq!((all.inner.1.load(Ordering::Relaxed), all.kept(), all.bytes()), (20, 20, bytes));
        assert!(all.get(20).is_err());
        // Half of the room: what does not fit is read each time, and what fits no more than once.
        let half = MemoryCache::new(counted(), bytes / 2).unwrap();
        for _ in 0..3 {
            (0..20).for_each(|index| drop(half.get(index).unwrap()));
        }
        assert!((7..=10).contains(&half.kept()) && half.bytes() <= bytes / 2);
        assert_eq!(half.inner.1.load(Ordering::Relaxed), half.kept() + 3 * (20 - half.kept()));
        assert_eq!(MemoryCache::new(counted(), 0).unwrap().get(3).unwrap(), half.get(3).unwrap());
    }

    #[test]
    fn many_threads_keep_within_the_room() {
        let inner = counted();
        let room = 9 * inner.0.get(0).unwrap().bytes();
        let loader = DataLoader::new(MemoryCache::new(inner, room).unwrap(), 3).unwrap().collate(Lists).workers(4);
        for epoch in 0..3 {
            loader.epoch(epoch).try_for_each(|batch| batch.map(drop)).unwrap();
        }
        let cache = loader.dataset();
        let slots: usize = cache.slots.iter().filter_map(OnceLock::get).map(InMemory::bytes).sum();
        assert_eq!(
            (cache.bytes(), cache.kept()),
            (slots, cache.slots.iter().filter(|slot| slot.get().is_some()).count())
        );
        assert!(slots <= room && cache.kept() > 5);
    }
}
