//! What a data set is, and how one is made from others.

mod augmented;
mod concat;
mod copy_paste;
mod folds;
mod map;
mod map_random;
mod memory;
mod mosaic;
mod multi_label;
mod split;
mod subset;

use std::sync::Arc;

pub use augmented::{Augmentable, Augmented};
pub use concat::Concat;
pub use copy_paste::{CopyPaste, CopyPasteSettings};
pub use folds::{Fold, group_k_fold, k_fold, stratified_k_fold};
pub use map::Map;
pub use map_random::MapRandom;
pub use memory::{TensorDataset, VecDataset};
pub use mosaic::{Mosaic, MosaicSettings};
pub use multi_label::multi_label_split;
pub use split::{group_split, split, stratified_split};
pub use subset::Subset;

use crate::{Result, SampleRng};

/// A numbered collection of samples that any thread can read in any order.
///
/// ```
/// use ocelli_data::{Dataset, Error, Result};
///
/// struct Squares(usize);
///
/// impl Dataset for Squares {
///     type Item = u64;
///     fn len(&self) -> usize {
///         self.0
///     }
///     fn get(&self, index: usize) -> Result<u64> {
///         if index >= self.0 {
///             return Err(Error::Index { index, len: self.0 });
///         }
///         Ok((index as u64).pow(2))
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let halves = Squares(10).map(|x| Ok(x as f64 / 2.0)).subset(vec![3, 1])?;
/// assert_eq!(halves.get(0)?, 4.5);
/// # Ok(())
/// # }
/// ```
pub trait Dataset: Send + Sync {
    /// A sample.
    type Item: Send;

    /// The number of samples.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads one sample.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is none of that number, or what went wrong in reading it.
    fn get(&self, index: usize) -> Result<Self::Item>;

    /// Reads one sample, with random changes (augmentation) if the data set makes any. Every random number comes from `rng`,
    /// which the loader derives from its seed, the epoch and the sample's index: so the same sample comes out whatever thread reads it.
    ///
    /// A data set that wraps another must pass `rng` on to it.
    ///
    /// # Errors
    /// As [`Dataset::get`].
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<Self::Item> {
        let _ = rng;
        self.get(index)
    }

    /// Changes every sample by `f` as it is read.
    fn map<F, T>(self, f: F) -> Map<Self, F>
    where
        Self: Sized,
        F: Fn(Self::Item) -> Result<T> + Send + Sync,
        T: Send,
    {
        Map::new(self, f)
    }

    /// Changes every sample by `f`, which draws random numbers: augmentation.
    fn map_random<F, T>(self, f: F) -> MapRandom<Self, F>
    where
        Self: Sized,
        F: Fn(Self::Item, &mut SampleRng) -> Result<T> + Send + Sync,
        T: Send,
    {
        MapRandom::new(self, f)
    }

    /// Changes every sample at random, `(image, label)`, [`Sample`](crate::Sample), whose labels follow the picture, or [`Clip`](crate::Clip), whose frames
    /// change alike; see [`augment`](crate::augment).
    fn augment<A>(self, augment: A) -> Augmented<Self, A>
    where
        Self: Sized,
        Self::Item: Augmentable,
        A: crate::augment::Augment,
    {
        Augmented::new(self, augment)
    }

    /// The samples of these numbers, in this order; a number may come several times.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no sample of a number.
    fn subset(self, indices: Vec<usize>) -> Result<Subset<Self>>
    where
        Self: Sized,
    {
        Subset::new(self, indices)
    }
}

macro_rules! forward {
    ($($P:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $P {
            type Item = D::Item;
            fn len(&self) -> usize {
                (**self).len()
            }
            fn get(&self, index: usize) -> Result<D::Item> {
                (**self).get(index)
            }
            fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<D::Item> {
                (**self).get_random(index, rng)
            }
        }
    )*};
}
forward!(&D, Box<D>, Arc<D>);
