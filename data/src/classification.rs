//! Pictures of one size with one class each.

use std::path::Path;

use ocelli_tensor::{DType, Tensor};

use crate::{Dataset, Error, Image, Result};

/// A data set of pictures with one class each, all in memory. A sample is an [`Image`] of bytes and the number of its class.
#[derive(Clone)]
pub struct ImageClassification {
    name: String,
    images: Tensor,
    labels: Vec<u8>,
    class_names: Vec<String>,
}

impl ImageClassification {
    /// A data set of `u8` pictures of shape `[n, height, width]` or `[n, channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Tensor`] if shape or dtype are others, [`Error::Argument`] if there is not one label per picture or a label is no class.
    pub fn new(name: impl Into<String>, images: Tensor, labels: Vec<u8>, class_names: &[&str]) -> Result<Self> {
        const OP: &str = "image classification";
        let name = name.into();
        if images.dtype() != DType::U8 {
            return Err(ocelli_tensor::Error::dtype(OP, "images of u8", images.dtype()).into());
        }
        if !(3..=4).contains(&images.rank()) {
            let expected = "images of shape [n, height, width] or [n, channels, height, width]";
            return Err(ocelli_tensor::Error::shape(OP, expected, images.shape()).into());
        }
        let count = images.shape()[0];
        if count != labels.len() {
            let message = format!(
                "{name}: expected one label for each image, received {count} images and {} labels",
                labels.len()
            );
            return Err(Error::argument(OP, message));
        }
        let classes = class_names.len();
        if let Some(label) = labels.iter().find(|&&label| usize::from(label) >= classes) {
            let message = format!("{name}: expected labels in 0..{classes}, received {label}");
            return Err(Error::argument(OP, message));
        }
        Ok(ImageClassification {
            name,
            images,
            labels,
            class_names: class_names.iter().map(|name| name.to_string()).collect(),
        })
    }

    /// From the bytes of two IDX files, whose names errors tell.
    pub(crate) fn from_idx(
        name: &str,
        class_names: &[&str],
        images: (&Path, &[u8]),
        labels: (&Path, &[u8]),
    ) -> Result<Self> {
        let pictures = crate::idx::parse_images(images.0, images.1)?;
        let classes = crate::idx::parse_labels(labels.0, labels.1, class_names.len())?;
        let count = pictures.shape()[0];
        if count != classes.len() {
            let message = format!(
                "expected one label for each of the {count} images of {}, received {} labels",
                images.0.display(),
                classes.len()
            );
            return Err(Error::format(labels.0, message));
        }
        ImageClassification::new(name, pictures, classes, class_names)
    }

    /// What the data set is called, such as `"mnist"`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All pictures, `u8` of shape `[n, height, width]` or `[n, channels, height, width]`.
    pub fn images(&self) -> &Tensor {
        &self.images
    }

    /// The class of each picture.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The names of the classes, by number.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// The class of one picture, for [`stratified_split`](crate::stratified_split).
    ///
    /// # Errors
    /// [`Error::Index`] if there is no picture of that number.
    pub fn label(&self, index: usize) -> Result<usize> {
        Error::check_index(index, self.labels.len())?;
        Ok(usize::from(self.labels[index]))
    }
}

impl Dataset for ImageClassification {
    type Item = (Image, usize);
    fn len(&self) -> usize {
        self.labels.len()
    }
    fn get(&self, index: usize) -> Result<(Image, usize)> {
        let label = self.label(index)?;
        let picture = self.images.select(0, index as isize)?;
        Ok((Image::from_tensor(&picture)?, label))
    }
}
