//! Batches of like pictures.

use std::collections::BTreeMap;

use super::{BatchCounts, Random, Sampler, Sequential};
use crate::{Error, Result};

/// Batches of which all samples are in one group, such as pictures of similar proportions, so that little is padded: torchvision's
/// `GroupedBatchSampler`. Samples come in random order (or the data set's), and a batch stands where its last sample came. What is left of
/// each group at the end of the epoch makes smaller batches, the last ones; nothing is repeated to fill them.
///
/// ```
/// use ocelli_data::sampler::{Buckets, Sampler};
/// # fn main() -> ocelli_data::Result<()> {
/// // [height, width] of pictures, upright and lying.
/// let sizes = [[40, 30], [30, 40], [60, 40], [45, 60], [300, 400]];
/// let buckets = Buckets::by_aspect_ratio(&sizes, 3, false)?;
/// assert_eq!(buckets.batches(2, 0, 0), [vec![0, 2], vec![1, 3], vec![4]]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    groups: Vec<usize>,
    shuffle: bool,
}

impl Buckets {
    /// Batches by these groups, one for each sample of the data set.
    pub fn new(groups: Vec<usize>, shuffle: bool) -> Self {
        Buckets { groups, shuffle }
    }

    /// Batches of pictures of these `[height, width]` whose proportions are similar: the ratios of width to height from ½ to 2 are divided
    /// into `2 · k` groups at equal steps of their logarithm, and what lies below or above makes two more (torchvision's detection reference).
    ///
    /// # Errors
    /// [`Error::Argument`] if a picture has no height or no width, or `k` is over 2¹⁶.
    pub fn by_aspect_ratio(sizes: &[[usize; 2]], k: usize, shuffle: bool) -> Result<Self> {
        const OP: &str = "aspect ratio buckets";
        if k > 1 << 16 {
            return Err(Error::argument(OP, format!("expected at most 65536 groups, received {k}")));
        }
        let steps = (2 * k).max(1) as f64;
        let bounds: Vec<f64> = match k {
            0 => vec![1.0],
            _ => (0..=2 * k).map(|i| (2.0 * i as f64 / steps - 1.0).exp2()).collect(),
        };
        let group = |&[height, width]: &[usize; 2]| {
            if height == 0 || width == 0 {
                let message = format!("expected pictures with a height and a width, received [{height}, {width}]");
                return Err(Error::argument(OP, message));
            }
            let ratio = width as f64 / height as f64;
            Ok(bounds.partition_point(|&bound| bound <= ratio))
        };
        Ok(Buckets { groups: sizes.iter().map(group).collect::<Result<_>>()?, shuffle })
    }

    /// The group of each sample.
    pub fn groups(&self) -> &[usize] {
        &self.groups
    }
}

impl Sampler for Buckets {
    fn len(&self) -> usize {
        self.groups.len()
    }
    fn order(&self, seed: u64, epoch: u64) -> Vec<usize> {
        let len = self.groups.len();
        if self.shuffle { Random::new(len).order(seed, epoch) } else { Sequential::new(len).order(seed, epoch) }
    }
    fn batches(&self, batch_size: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
        let mut begun: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut batches = Vec::new();
        for index in self.order(seed, epoch) {
            let batch = begun.entry(self.groups[index]).or_default();
            batch.push(index);
            if batch.len() >= batch_size {
                batches.push(std::mem::take(batch));
            }
        }
        batches.extend(begun.into_values().filter(|batch| !batch.is_empty()));
        batches
    }
    fn batch_counts(&self, batch_size: usize) -> BatchCounts {
        let mut members: BTreeMap<usize, usize> = BTreeMap::new();
        for &group in &self.groups {
            *members.entry(group).or_default() += 1;
        }
        members.into_values().fold(BatchCounts::default(), |sum, count| {
            let counts = BatchCounts::of(count, batch_size);
            BatchCounts { all: sum.all + counts.all, full: sum.full + counts.full }
        })
    }
}
