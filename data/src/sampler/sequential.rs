//! One sample after the other.

use super::Sampler;

/// All samples in the data set's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequential {
    len: usize,
}

impl Sequential {
    /// The order of a data set of so many samples.
    pub fn new(len: usize) -> Self {
        Sequential { len }
    }
}

impl Sampler for Sequential {
    fn len(&self) -> usize {
        self.len
    }
    fn order(&self, _seed: u64, _epoch: u64) -> Vec<usize> {
        (0..self.len).collect()
    }
}
