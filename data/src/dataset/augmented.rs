//! Pictures changed at random as they are read.

use crate::augment::Augment;
use crate::{Dataset, Image, Result, Sample, SampleRng};

/// An item with a picture that augmentation can change.
pub trait Augmentable: Sized + Send {
    /// What augmentation leaves alone.
    type Rest;

    /// What augmentation changes, and the rest.
    fn into_parts(self) -> (Sample, Self::Rest);

    /// The item of a changed sample.
    fn from_parts(sample: Sample, rest: Self::Rest) -> Self;
}

/// A picture whose label does not depend on where things are in it.
impl<L: Send> Augmentable for (Image, L) {
    type Rest = L;
    fn into_parts(self) -> (Sample, L) {
        (Sample::from(self.0), self.1)
    }
    fn from_parts(sample: Sample, rest: L) -> Self {
        (sample.image, rest)
    }
}

impl Augmentable for Sample {
    type Rest = ();
    fn into_parts(self) -> (Sample, ()) {
        (self, ())
    }
    fn from_parts(sample: Sample, (): ()) -> Self {
        sample
    }
}

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

impl<D, A> Dataset for Augmented<D, A>
where
    D: Dataset,
    D::Item: Augmentable,
    A: Augment,
{
    type Item = D::Item;
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn get(&self, index: usize) -> Result<D::Item> {
        self.get_random(index, &mut SampleRng::new(0, 0, index as u64))
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<D::Item> {
        let (sample, rest) = self.inner.get_random(index, rng)?.into_parts();
        Ok(D::Item::from_parts(self.augment.apply(sample, rng)?, rest))
    }
}
