//! Some samples only.

use super::Sampler;
use crate::random::shuffle;

/// The samples of these numbers, in this order or in a random one: a part of a data set without a data set of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subset {
    indices: Vec<usize>,
    shuffled: bool,
}

impl Subset {
    /// These samples, in this order.
    pub fn new(indices: Vec<usize>) -> Self {
        Subset { indices, shuffled: false }
    }

    /// These samples, in an order that is random in each epoch.
    pub fn random(indices: Vec<usize>) -> Self {
        Subset { indices, shuffled: true }
    }
}

impl Sampler for Subset {
    fn len(&self) -> usize {
        self.indices.len()
    }
    fn order(&self, seed: u64, epoch: u64) -> Vec<usize> {
        let mut order = self.indices.clone();
        if self.shuffled {
            shuffle(&mut order, seed, epoch);
        }
        order
    }
}
