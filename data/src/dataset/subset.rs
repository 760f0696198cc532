//! Some samples of a data set.

use crate::annotation::ClassDetails;
use crate::readers::Changes;
use crate::{Dataset, Error, LabelledDataset, Record, Result, SampleRng};

/// What [`Dataset::subset`] and the splits make.
#[derive(Debug, Clone)]
pub struct Subset<D> {
    inner: D,
    indices: Vec<usize>,
}

impl<D: Dataset> Subset<D> {
    /// The samples of these numbers, in this order.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no sample of a number.
    pub fn new(inner: D, indices: Vec<usize>) -> Result<Self> {
        let len = inner.len();
        for &index in &indices {
            Error::check_index(index, len)?;
        }
        Ok(Subset { inner, indices })
    }

    /// The numbers that the samples have in the whole data set.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// The whole data set.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    fn position(&self, index: usize) -> Result<usize> {
        self.indices.get(index).copied().ok_or(Error::Index { index, len: self.indices.len() })
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    type Item = D::Item;
    fn len(&self) -> usize {
        self.indices.len()
    }
    fn get(&self, index: usize) -> Result<D::Item> {
        self.inner.get(self.position(index)?)
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<D::Item> {
        self.inner.get_random(self.position(index)?, rng)
    }
}

/// The labels of the samples; classes and [`LabelledDataset::changes`] are those of the whole data set.
impl<D: LabelledDataset> LabelledDataset for Subset<D> {
    fn record(&self, index: usize) -> Result<Record> {
        self.inner.record(self.position(index)?)
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
