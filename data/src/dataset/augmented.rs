//! Pictures changed at random as they are read.

use crate::augment::Augment;
use crate::{Dataset, Image, Result, SampleRng};

/// What [`Dataset::augment`] makes.
///
/// [`Dataset::get`], which is given no random numbers, uses those of seed 0 and epoch 0: it always gives the same sample.
#[derive(Debug, Clone)]
pub struct Augmented<D, A> {
    inner: D,
    augment: A,
}

impl<D, A> Augmented<D, A> {
    pub(super) fn new(inner: D, augment: A) -> Self {
        Augmented { inner, augment }
    }
}

impl<D, A, L> Dataset for Augmented<D, A>
where
    D: Dataset<Item = (Image, L)>,
    A: Augment,
    L: Send,
{
    type Item = (Image, L);
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn get(&self, index: usize) -> Result<(Image, L)> {
        self.get_random(index, &mut SampleRng::new(0, 0, index as u64))
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<(Image, L)> {
        let (image, label) = self.inner.get_random(index, rng)?;
        Ok((self.augment.apply(image, rng)?, label))
    }
}
