//! Every class equally often.

use std::collections::BTreeMap;

use super::{Sampler, require_some};
use crate::Result;
use crate::random::{order_rng, shuffle_by};

/// Samples in random order such that every class that occurs comes equally often, up to one, however rare it is: each class goes
/// through its samples in random order, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassBalanced {
    /// The samples of each class.
    classes: Vec<Vec<usize>>,
    count: usize,
}

impl ClassBalanced {
    /// `count` samples in an epoch; `labels` are the classes of all samples of the data set.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if there is no sample to draw.
    pub fn new(labels: &[usize], count: usize) -> Result<Self> {
        require_some("class-balanced sampler", "labels", labels.len(), count)?;
        let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, &label) in labels.iter().enumerate() {
            classes.entry(label).or_default().push(index);
        }
        Ok(ClassBalanced { classes: classes.into_values().collect(), count })
    }
}

impl Sampler for ClassBalanced {
    fn len(&self) -> usize {
        self.count
    }
    fn order(&self, seed: u64, epoch: u64) -> Vec<usize> {
        let mut rng = order_rng(seed, epoch);
        let mut classes = self.classes.clone();
        // Which classes come once more than the others is random too.
        shuffle_by(&mut classes, &mut rng);
        let mut order = Vec::with_capacity(self.count);
        let kinds = classes.len().max(1);
        for (place, class) in classes.iter_mut().enumerate() {
            let mut left = self.count / kinds + usize::from(place < self.count % kinds);
            while left > 0 {
                shuffle_by(class, &mut rng);
                let taken = left.min(class.len());
                order.extend_from_slice(&class[..taken]);
                left -= taken;
            }
        }
        shuffle_by(&mut order, &mut rng);
        order
    }
}
