//! Pictures that may have several classes each.

use ocelli_tensor::Tensor;

use super::Collate;
use super::collate::{nhwc, stack_images};
use crate::{Error, Image, Result, Sample, reserve};

const OP: &str = "multi-hot";

/// A batch of pictures with any number of classes each.
#[derive(Clone)]
pub struct MultiHotBatch {
    /// The pictures, `f32` of shape `[n, channels, height, width]`; in memory they lie channels-last.
    pub images: Tensor,
    /// Which classes each has, `f32` of shape `[n, classes]`: 1 for those, 0 for the others; what binary cross-entropy compares with.
    pub targets: Tensor,
}

impl MultiHotBatch {
    /// The pictures in the other order of axes, `[n, height, width, channels]`: a view, nothing is copied.
    ///
    /// # Errors
    /// [`Error::Tensor`] unless `images` has four axes.
    pub fn images_nhwc(&self) -> Result<Tensor> {
        nhwc(&self.images)
    }
}

/// Stacks pictures of one size whose samples have any number of classes of the whole picture, none included: multi-label classification. Bytes become floats
/// in 0..1, floats stay as they are.
///
/// ```
/// use ocelli_data::generated::Shapes;
/// use ocelli_data::{DataLoader, LabelledDataset, MultiHot};
/// # fn main() -> ocelli_data::Result<()> {
/// // Its pictures have the classes of their objects.
/// let shapes = Shapes { samples: 8, ..Shapes::default() };
/// let classes = shapes.class_names().len();
/// let loader = DataLoader::new(shapes, 4)?.collate(MultiHot { classes });
/// for batch in loader.epoch(0) {
///     assert_eq!(batch?.targets.shape()[..], [4, 3]);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultiHot {
    /// The number of classes.
    pub classes: usize,
}

impl Collate<Sample> for MultiHot {
    type Batch = MultiHotBatch;
    fn collate(&self, items: Vec<Sample>) -> Result<MultiHotBatch> {
        let images: Vec<&Image> = items.iter().map(|sample| &sample.image).collect();
        let images = stack_images(&images)?;
        let mut targets = reserve::filled(0.0f32, items.len().saturating_mul(self.classes))?;
        for (i, sample) in items.iter().enumerate() {
            for &class in &sample.labels.classes {
                if class >= self.classes {
                    let message = format!("expected classes in 0..{}, received {class} at place {i}", self.classes);
                    return Err(Error::argument(OP, message));
                }
                targets[i * self.classes + class] = 1.0;
            }
        }
        Ok(MultiHotBatch { images, targets: Tensor::from_vec(targets, [items.len(), self.classes])? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(width: usize, classes: &[usize]) -> Sample {
        let mut sample = Sample::from(Image::from_u8([1, width, 1], vec![255; width]).unwrap());
        sample.labels.classes = classes.to_vec();
        sample
    }

    #[test]
    fn every_class_is_a_column() {
        let items = vec![sample(2, &[2, 0]), sample(2, &[]), sample(2, &[1, 1])];
        let batch = MultiHot { classes: 3 }.collate(items).unwrap();
        assert_eq!(batch.targets.shape()[..], [3, 3]);
        assert_eq!(batch.targets.to_vec::<f32>().unwrap(), [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(batch.images.to_vec::<f32>().unwrap(), [1.0; 6]);
        assert_eq!(
            (batch.images.shape()[..].to_vec(), batch.images_nhwc().unwrap().shape()[..].to_vec()),
            (vec![3, 1, 1, 2], vec![3, 1, 2, 1])
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let text = |classes, items| MultiHot { classes }.collate(items).err().map(|error| error.to_string()).unwrap();
        assert!(text(2, vec![sample(1, &[0]), sample(1, &[2])]).contains("0..2, received 2 at place 1"));
        assert!(text(2, vec![sample(1, &[0]), sample(2, &[0])]).contains("one shape"));
        assert!(text(2, vec![]).contains("at least one sample"));
        assert!(MultiHot { classes: usize::MAX }.collate(vec![sample(1, &[]), sample(1, &[])]).is_err());
    }
}
