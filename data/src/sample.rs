//! A picture with its labels.

use std::path::PathBuf;
use std::sync::Arc;

use crate::annotation::{ClassDetails, Labels};
use crate::readers::Changes;
use crate::{Dataset, Error, Image, Result};

/// A picture and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The picture.
    pub image: Image,
    /// What it shows; positions are in its pixels.
    pub labels: Labels,
}

impl Sample {
    /// The sample with its picture changed to one of the same size, so that the labels stay where they are: what transforms of colours do.
    ///
    /// # Errors
    /// What `change` returns; [`Error::Argument`] if the picture that it makes has another size.
    pub fn map_image(self, change: impl FnOnce(Image) -> Result<Image>) -> Result<Sample> {
        let size = self.image.size();
        let image = change(self.image)?;
        if image.size() != size {
            let message = format!("expected a picture of [height, width] = {size:?}, received {:?}", image.size());
            return Err(Error::argument("map_image", message));
        }
        Ok(Sample { image, labels: self.labels })
    }
}

impl From<Image> for Sample {
    /// A picture of which nothing is known.
    fn from(image: Image) -> Self {
        Sample { image, labels: Labels::default() }
    }
}

/// What a data set says about a picture that has not been read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// The file of the picture; none for pictures that are made or lie in memory.
    pub path: Option<PathBuf>,
    /// `[height, width]`, if the data set tells it.
    pub size: Option<[usize; 2]>,
    /// What it shows.
    pub labels: Labels,
}

/// A data set of pictures whose labels can be had without reading the pictures.
pub trait LabelledDataset: Dataset<Item = Sample> {
    /// The labels of one picture.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is none of that number, or what is wrong with the labels' file.
    fn record(&self, index: usize) -> Result<Record>;

    /// The names of the classes, by number.
    fn class_names(&self) -> &[String];

    /// What is known of a class beside its name; nothing if there is none of that number.
    fn class_details(&self, class: usize) -> ClassDetails {
        let _ = class;
        ClassDetails::default()
    }

    /// How many labels did not fit and were left out or cut, at opening and in the labels read so far; reading one again does not count twice.
    fn changes(&self) -> Changes {
        Changes::default()
    }
}

/// What a data set says is said by whatever points to it, too.
macro_rules! forward {
    ($($P:ty),*) => {$(
        impl<D: LabelledDataset + ?Sized> LabelledDataset for $P {
            fn record(&self, index: usize) -> Result<Record> {
                (**self).record(index)
            }
            fn class_names(&self) -> &[String] {
                (**self).class_names()
            }
            fn class_details(&self, class: usize) -> ClassDetails {
                (**self).class_details(class)
            }
            fn changes(&self) -> Changes {
                (**self).changes()
            }
        }
    )*};
}
forward!(&D, Box<D>, Arc<D>);
