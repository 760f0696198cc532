//! Fashion-MNIST: 70,000 pictures of clothes of 28×28 grey pixels, 60,000 for training and 10,000 for testing
//! (H. Xiao, K. Rasul, R. Vollgraf, 2017, <https://arxiv.org/abs/1708.07747>). Its licence is MIT.

use std::path::Path;

use crate::idx_directory::{self, Files};
use crate::{ImageClassification, Result};

/// The names of the classes.
pub const CLASS_NAMES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// Training and test set from a directory with the four files under their official names (`train-images-idx3-ubyte` and so on), with or
/// without `.gz`.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) or [`Error::Format`](crate::Error::Format), which name the file that is absent or broken.
pub fn from_directory(directory: impl AsRef<Path>) -> Result<(ImageClassification, ImageClassification)> {
    idx_directory::load("fashion-mnist", &CLASS_NAMES, &Files::OFFICIAL, directory.as_ref())
}

/// Downloads Fashion-MNIST into `cache` (see [`download::cache_directory`](crate::download::cache_directory)) unless it is there already,
/// checks it and loads it.
///
/// # Errors
/// As [`from_directory`]; [`Error::Download`](crate::Error::Download) if no mirror can be reached,
/// [`Error::Checksum`](crate::Error::Checksum) if a mirror holds something else.
#[cfg(feature = "download")]
pub fn download(cache: impl AsRef<Path>) -> Result<(ImageClassification, ImageClassification)> {
    let directory = cache.as_ref().join("fashion-mnist");
    crate::download::fetch_all(&MIRRORS, &FILES, &directory)?;
    from_directory(directory)
}

// The first mirror speaks plain HTTP only; what comes from it is trusted for its SHA-256.
#[cfg(feature = "download")]
const MIRRORS: [&str; 2] = [
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
];

/// The published files.
#[cfg(feature = "download")]
const FILES: [crate::download::Resource<'static>; 4] = [
    crate::download::Resource {
        name: "train-images-idx3-ubyte.gz",
        sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        bytes: 26_421_880,
    },
    crate::download::Resource {
        name: "train-labels-idx1-ubyte.gz",
        sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        bytes: 29_515,
    },
    crate::download::Resource {
        name: "t10k-images-idx3-ubyte.gz",
        sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        bytes: 4_422_102,
    },
    crate::download::Resource {
        name: "t10k-labels-idx1-ubyte.gz",
        sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        bytes: 5_148,
    },
];
