//! Training and test set in one directory, as four IDX files.

use std::path::{Path, PathBuf};

use crate::{Error, ImageClassification, Result};

/// The names of the files, without `.gz`.
pub(crate) struct Files {
    train: [&'static str; 2],
    test: [&'static str; 2],
}

impl Files {
    /// What MNIST calls them, and the data sets made after it.
    pub(crate) const OFFICIAL: Files = Files {
        train: ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
        test: ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
    };
}

/// Loads both sets.
pub(crate) fn load(
    name: &str,
    class_names: &[&str],
    files: &Files,
    directory: &Path,
) -> Result<(ImageClassification, ImageClassification)> {
    // A directory that cannot be listed says so itself, instead of seeming to lack a file.
    std::fs::read_dir(directory).map_err(|source| Error::io(directory, source))?;
    let part = |[images, labels]: [&str; 2]| {
        let (images, labels) = (find(directory, images)?, find(directory, labels)?);
        let read = |path: &Path| std::fs::read(path).map_err(|source| Error::io(path, source));
        let (image_bytes, label_bytes) = (read(&images)?, read(&labels)?);
        let (images, labels) = ((&*images, &*image_bytes), (&*labels, &*label_bytes));
        ImageClassification::from_idx(name, class_names, images, labels)
    };
    Ok((part(files.train)?, part(files.test)?))
}

fn find(directory: &Path, name: &str) -> Result<PathBuf> {
    let plain = directory.join(name);
    if plain.exists() {
        return Ok(plain);
    }
    let packed = directory.join(format!("{name}.gz"));
    if packed.exists() {
        return Ok(packed);
    }
    let message = format!("expected this file or {name}.gz beside it, received a directory without either");
    Err(Error::Io { path: plain, source: std::io::Error::new(std::io::ErrorKind::NotFound, message) })
}
