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
/// assert_eq!((image.shape(), label), ([28, 28, 1], 5));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Only if memory runs out.
pub fn embedded() -> Result<(ImageClassification, ImageClassification)> {
    macro_rules! file {
        ($name:literal) => {
            (Path::new(concat!("mnist-sample/", $name)), &include_bytes!(concat!("../assets/mnist-sample/", $name))[..])
        };
    }
    let load = |images, labels| ImageClassification::from_idx("mnist-sample", &CLASS_NAMES, images, labels);
    Ok((
        load(file!("train-images-idx3-ubyte.gz"), file!("train-labels-idx1-ubyte.gz"))?,
        load(file!("test-images-idx3-ubyte.gz"), file!("test-labels-idx1-ubyte.gz"))?,
    ))
}

/// Training and test set from a directory with MNIST's four files under their official names (`train-images-idx3-ubyte` and so on), with or
/// without `.gz`.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) or [`Error::Format`](crate::Error::Format), which name the file that is absent or broken.
pub fn from_directory(directory: impl AsRef<Path>) -> Result<(ImageClassification, ImageClassification)> {
    idx_directory::load("mnist", &CLASS_NAMES, &Files::OFFICIAL, directory.as_ref())
}

/// Downloads MNIST into `cache` (see [`download::cache_directory`](crate::download::cache_directory)) unless it is there already, checks it
/// and loads it.
///
/// # Errors
/// As [`from_directory`]; [`Error::Download`](crate::Error::Download) if no mirror can be reached,
/// [`Error::Checksum`](crate::Error::Checksum) if a mirror holds something else.
#[cfg(feature = "download")]
pub fn download(cache: impl AsRef<Path>) -> Result<(ImageClassification, ImageClassification)> {
    let directory = cache.as_ref().join("mnist");
    crate::download::fetch_all(&MIRRORS, &FILES, &directory)?;
    from_directory(directory)
}

#[cfg(feature = "download")]
const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"];

/// The published files.
#[cfg(feature = "download")]
const FILES: [crate::download::Resource<'static>; 4] = [
    crate::download::Resource {
        name: "train-images-idx3-ubyte.gz",
        sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        bytes: 9_912_422,
    },
    crate::download::Resource {
        name: "train-labels-idx1-ubyte.gz",
        sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        bytes: 28_881,
    },
    crate::download::Resource {
        name: "t10k-images-idx3-ubyte.gz",
        sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        bytes: 1_648_877,
    },
    crate::download::Resource {
        name: "t10k-labels-idx1-ubyte.gz",
        sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        bytes: 4_542,
    },
];
