//! Pictures that are not put together.

use ocelli_tensor::Tensor;

use super::Collate;
use crate::annotation::Labels;
use crate::{Result, Sample};

/// Pictures of any sizes, each as a tensor of its own, with their labels.
#[derive(Clone)]
pub struct ListBatch {
    /// The pictures, each `f32` of shape `[channels, height, width]`.
    pub images: Vec<Tensor>,
    /// The labels of each.
    pub labels: Vec<Labels>,
}

/// Makes a list of pictures and one of labels: what torchvision's detectors take. Bytes become floats in 0..1, floats stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lists;

impl Collate<Sample> for Lists {
    type Batch = ListBatch;
    fn collate(&self, items: Vec<Sample>) -> Result<ListBatch> {
        let mut batch = ListBatch { images: Vec::with_capacity(items.len()), labels: Vec::with_capacity(items.len()) };
        for sample in items {
            batch.images.push(sample.image.into_float().to_tensor()?);
            batch.labels.push(sample.labels);
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;
    use crate::generated::Shapes;

    #[test]
    fn every_picture_keeps_its_size_and_labels() {
        let sample = |size| Shapes { size, ..Shapes::default() }.get(3).unwrap();
        let items = vec![sample([16, 20]), sample([30, 17])];
        let batch = Lists.collate(items.clone()).unwrap();
        assert_eq!(batch.images[0].shape()[..], [3, 16, 20]);
        assert_eq!(batch.images[1].shape()[..], [3, 30, 17]);
        for (i, item) in items.into_iter().enumerate() {
            let bytes: Vec<u8> = item.image.to_tensor().unwrap().to_vec().unwrap();
            let floats: Vec<f32> = batch.images[i].to_vec().unwrap();
            assert!(bytes.iter().zip(floats).all(|(&byte, float)| f32::from(byte) / 255.0 == float));
            assert_eq!(batch.labels[i], item.labels);
        }
    }
}
