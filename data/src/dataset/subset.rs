//! Some samples of a data set.

use crate::{Dataset, Error, Result, SampleRng};

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
