//! MNIST: 70,000 handwritten digits of 28×28 grey pixels (Y. LeCun, C. Cortes, C. Burges), 60,000 for training and 10,000 for testing.
//!
//! MNIST may be used under the licence CC BY-SA 3.0; this holds for the sample that is compiled into this crate too.

use std::path::Path;

use crate::idx_directory::{self, Files};
use crate::{ImageClassification, Result};

/// The names of the classes.
pub const CLASS_NAMES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// A sample of MNIST that needs no file: the first 10,000 pictures of its training set, 8,000 of them for training and 2,000 for testing.
/// None of them is in MNIST's own test set.
///
/// ```
/// use ocelli_data::{Dataset, mnist};
/// # fn main() -> ocelli_data::Result<()> {
/// let (train, test) = mnist::embedded()?;
/// assert_eq!((train.len(), test.len()), (8_000, 2_000));
/// let (image, label) = train.get(0)?;
/// assert_eq!((image.shape(), label), ([1, 28, 28], 5));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Only if memory runs out.
pub fn embedded() -> Result<(ImageClassification, ImageClassification)> {
    macro_rules! file {
        ($name:literal) => {
            (
                Path::new(concat!("mnist-sample/", $name)),
                &include_bytes!(concat!("../assets/mnist-sample/", $name))[..],
            )
        };
    }
    let load = |images, labels| {
        ImageClassification::from_idx("mnist-sample", &CLASS_NAMES, images, labels)
    };
    Ok((
        load(
            file!("train-images-idx3-ubyte.gz"),
            file!("train-labels-idx1-ubyte.gz"),
        )?,
        load(
            file!("test-images-idx3-ubyte.gz"),
            file!("test-labels-idx1-ubyte.gz"),
        )?,
    ))
}

/// Training and test set from a directory with MNIST's four files under their official names (`train-images-idx3-ubyte` and so on), with or
/// without `.gz`.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) or [`Error::Format`](crate::Error::Format), which name the file that is absent or broken.
pub fn from_directory(
    directory: impl AsRef<Path>,
) -> Result<(ImageClassification, ImageClassification)> {
    idx_directory::load("mnist", &CLASS_NAMES, &Files::OFFICIAL, directory.as_ref())
}
