//! Several passes as one epoch.

use super::Sampler;

/// Several passes of another sampler as one epoch, each in an order of its own: for small data sets, whose epochs would be too short.
///
/// A sample that comes again is augmented by other random numbers. Batches are cut one after the other, across the ends of passes, also of an inner sampler that would cut them
/// otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat<S> {
    inner: S,
    times: usize,
}

impl<S: Sampler> Repeat<S> {
    /// `times` passes of `inner`.
    pub fn new(inner: S, times: usize) -> Self {
        Repeat { inner, times }
    }
}

impl<S: Sampler> Sampler for Repeat<S> {
    fn len(&self) -> usize {
        self.inner.len().saturating_mul(self.times)
    }
    fn order(&self, seed: u64, epoch: u64) -> Vec<usize> {
        let first = epoch.wrapping_mul(self.times as u64);
        (0..self.times).flat_map(|pass| self.inner.order(seed, first.wrapping_add(pass as u64))).collect()
    }
}
