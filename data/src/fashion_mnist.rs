//! Fashion-MNIST: 70,000 pictures of clothes of 28×28 grey pixels, 60,000 for training and 10,000 for testing
//! (H. Xiao, K. Rasul, R. Vollgraf, 2017, <https://arxiv.org/abs/1708.07747>). Its licence is MIT.

use std::path::Path;

use crate::idx_directory::{self, Files};
use crate::{ImageClassification, Result};

/// The names of the classes.
pub const CLASS_NAMES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// Training and test set from a directory with the four files under their official names (`train-images-idx3-ubyte` and so on), with or
/// without `.gz`.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) or [`Error::Format`](crate::Error::Format), which name the file that is absent or broken.
pub fn from_directory(
    directory: impl AsRef<Path>,
) -> Result<(ImageClassification, ImageClassification)> {
    idx_directory::load(
        "fashion-mnist",
        &CLASS_NAMES,
        &Files::OFFICIAL,
        directory.as_ref(),
    )
}
