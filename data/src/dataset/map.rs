//! Samples changed as they are read.

use crate::{Dataset, Result, SampleRng};

/// What [`Dataset::map`] makes.
#[derive(Debug, Clone)]
pub struct Map<D, F> {
    inner: D,
    f: F,
}

impl<D, F> Map<D, F> {
    pub(super) fn new(inner: D, f: F) -> Self {
        Map { inner, f }
    }
}

impl<D, F, T> Dataset for Map<D, F>
where
    D: Dataset,
    F: Fn(D::Item) -> Result<T> + Send + Sync,
    T: Send,
{
    type Item = T;
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn get(&self, index: usize) -> Result<T> {
        (self.f)(self.inner.get(index)?)
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<T> {
        (self.f)(self.inner.get_random(index, rng)?)
    }
}
