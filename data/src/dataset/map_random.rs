//! Samples changed at random as they are read.

use crate::{Dataset, Result, SampleRng};

/// What [`Dataset::map_random`] makes.
///
/// [`Dataset::get`], which is given no random numbers, uses those of seed 0 and epoch 0: it always gives the same sample.
#[derive(Debug, Clone)]
pub struct MapRandom<D, F> {
    inner: D,
    f: F,
}

impl<D, F> MapRandom<D, F> {
    pub(super) fn new(inner: D, f: F) -> Self {
        MapRandom { inner, f }
    }
}

impl<D, F, T> Dataset for MapRandom<D, F>
where
    D: Dataset,
    F: Fn(D::Item, &mut SampleRng) -> Result<T> + Send + Sync,
    T: Send,
{
    type Item = T;
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn get(&self, index: usize) -> Result<T> {
        self.get_random(index, &mut SampleRng::new(0, 0, index as u64))
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<T> {
        let item = self.inner.get_random(index, rng)?;
        (self.f)(item, rng)
    }
}
