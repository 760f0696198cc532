//! Random changes of pictures that leave their meaning as it is.
//!
//! Every change is a plain struct that serde can read and write, and draws its random numbers from the sample's own
//! [`SampleRng`]. They chain in a [`Compose`].
//!
//! ```
//! use ocelli_data::augment::{Compose, Normalize, RandomAffine};
//! use ocelli_data::{DataLoader, Dataset, mnist};
//! # fn main() -> ocelli_data::Result<()> {
//! let change = Compose::new()
//!     .then(RandomAffine { rotation: 10.0, width_shift: 0.1, height_shift: 0.1, ..RandomAffine::default() })
//!     .then(Normalize::new(vec![0.1307], vec![0.3081]));
//! let (train, _) = mnist::embedded()?;
//! let loader = DataLoader::new(train.augment(change), 32)?.shuffle(true).seed(1);
//! let batch = loader.epoch(0).next().transpose()?;
//! assert!(batch.is_some_and(|batch| batch.images.shape()[..] == [32, 1, 28, 28]));
//! # Ok(())
//! # }
//! ```

mod affine;
mod brightness_contrast;
mod compose;
mod crop;
mod fill;
mod flip;
mod normalize;
mod random_affine;
mod resize;

pub use affine::Affine;
pub use brightness_contrast::{BrightnessContrast, adjust_brightness, adjust_contrast};
pub use compose::{Compose, Step, Transform};
pub use crop::{CenterCrop, RandomCrop};
pub use fill::Fill;
pub use flip::{HorizontalFlip, VerticalFlip, flip_horizontal, flip_vertical};
pub use normalize::Normalize;
pub use random_affine::RandomAffine;
pub use resize::{Filter, Resize};

use crate::{Image, Result, SampleRng};

/// A change of a picture.
pub trait Augment: Send + Sync {
    /// Changes a picture; whatever is random about it comes from `rng`.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a setting is out of its domain or does not suit the picture.
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Result<Image>;
}
