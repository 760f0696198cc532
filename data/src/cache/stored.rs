//! Samples of which a cache on disk keeps the picture.

use std::path::Path;

use crate::{Error, Image, LabelledDataset, Record, Result, Sample};

/// A sample of which a [`FileCache`](crate::FileCache) keeps the picture.
pub trait Stored<D>: Sized {
    /// The picture.
    fn image(&self) -> &Image;

    /// Its class, where no data set could tell it without reading the picture.
    fn class(&self) -> Option<usize>;

    /// Its file, where no data set could tell it without reading the picture.
    fn path(&self) -> Option<&Path>;

    /// The sample of this picture again.
    ///
    /// # Errors
    /// If its labels cannot be had.
    fn restore(image: Image, class: Option<usize>, dataset: &D, index: usize) -> Result<Self>;
}

impl<D> Stored<D> for (Image, usize) {
    fn image(&self) -> &Image {
        &self.0
    }
    fn class(&self) -> Option<usize> {
        Some(self.1)
    }
    fn path(&self) -> Option<&Path> {
        self.0.path()
    }
    fn restore(image: Image, class: Option<usize>, _dataset: &D, index: usize) -> Result<Self> {
        let message = || format!("expected a class of picture {index}, received a file without");
        Ok((image, class.ok_or_else(|| Error::argument("file cache", message()))?))
    }
}

impl<D: LabelledDataset> Stored<D> for Sample {
    fn image(&self) -> &Image {
        &self.image
    }
    fn class(&self) -> Option<usize> {
        None
    }
    fn path(&self) -> Option<&Path> {
        None
    }
    fn restore(image: Image, _class: Option<usize>, dataset: &D, index: usize) -> Result<Self> {
        let Record { path, labels, .. } = dataset.record(index)?;
        let image = if let Some(path) = path { image.with_path(path) } else { image };
        Ok(Sample { image, labels })
    }
}
