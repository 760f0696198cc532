//! Samples in random order.

use super::{Sampler, require_some};
use crate::Result;
use crate::random::{order_rng, permutation};

/// All samples in an order that is random in each epoch; or so many of them, each drawn from all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random {
    len: usize,
    /// How many are drawn with replacement.
    drawn: Option<usize>,
}

impl Random {
    /// Every sample of a data set of this size once in an epoch.
    pub fn new(len: usize) -> Self {
        Random { len, drawn: None }
    }

    /// `count` samples in an epoch, each drawn from all, so that some come several times and others not at all (as for bagging).
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if there is no sample to draw.
    pub fn with_replacement(len: usize, count: usize) -> Result<Self> {
        require_some("random sampler", "a data set", len, count)?;
        Ok(Random { len, drawn: Some(count) })
    }
}

impl Sampler for Random {
    fn len(&self) -> usize {
        self.drawn.unwrap_or(self.len)
    }
    fn order(&self, seed: u64, epoch: u64) -> Vec<usize> {
        match self.drawn {
            None => permutation(self.len, seed, epoch),
            Some(count) => {
                let mut rng = order_rng(seed, epoch);
                (0..count).map(|_| rng.below(self.len)).collect()
            }
        }
    }
}
