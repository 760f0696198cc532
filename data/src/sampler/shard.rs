//! The part of one process among several.

use super::Sampler;
use crate::{Error, Result};

/// Every `world`-th sample of another sampler's order, from the `rank`-th on: what one of several processes reads. Together they read every
/// sample once, and the numbers of samples differ by at most one; no sample is repeated to fill them up. Batches are cut one after the other, also of an inner sampler
/// that would cut them otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard<S> {
    inner: S,
    rank: usize,
    world: usize,
}

impl<S: Sampler> Shard<S> {
    /// The part of process `rank` of `world`.
    ///
    /// # Errors
    /// [`Error::Argument`] unless `rank` is in `0..world`.
    pub fn new(inner: S, rank: usize, world: usize) -> Result<Self> {
        if rank >= world {
            let message = format!("expected a rank below the number of processes, received {rank} of {world}");
            return Err(Error::argument("shard", message));
        }
        Ok(Shard { inner, rank, world })
    }
}

impl<S: Sampler> Sampler for Shard<S> {
    fn len(&self) -> usize {
        self.inner.len().saturating_sub(self.rank).div_ceil(self.world)
    }
    fn order(&self, seed: u64, epoch: u64) -> Vec<usize> {
        self.inner.order(seed, epoch).into_iter().skip(self.rank).step_by(self.world).collect()
    }
}
