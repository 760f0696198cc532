//! Pictures of several sizes in one tensor.

use ocelli_tensor::{Tensor, kernels};

use super::Collate;
use super::collate::nhwc;
use crate::annotation::Labels;
use crate::{Error, Result, Sample};

const OP: &str = "pad";

/// Pictures of several sizes in one tensor, with their labels.
#[derive(Clone)]
pub struct PaddedBatch {
    /// The pictures, `f32` of shape `[n, channels, height, width]`, each in the upper left corner; so positions in its labels stay what they are.
    pub images: Tensor,
    /// `[height, width]` of each without what was added.
    pub sizes: Vec<[usize; 2]>,
    /// The labels of each.
    pub labels: Vec<Labels>,
}

impl PaddedBatch {
    /// The pictures in the other order of axes, `[n, height, width, channels]`: a view, nothing is copied.
    ///
    /// # Errors
    /// [`Error::Tensor`] unless `images` has four axes.
    pub fn images_nhwc(&self) -> Result<Tensor> {
        nhwc(&self.images)
    }
}

/// Makes batches of pictures of several sizes: as high as the highest and as wide as the widest, the rest filled up (torchvision's
/// `batch_images`). Bytes become floats in 0..1, floats stay as they are.
///
/// ```
/// use ocelli_data::generated::Shapes;
/// use ocelli_data::{Concat, DataLoader, Pad};
/// # fn main() -> ocelli_data::Result<()> {
/// let shapes = |size| Shapes { samples: 2, size, ..Shapes::default() };
/// let both = Concat::new(vec![shapes([20, 48]), shapes([40, 30])]);
/// let loader = DataLoader::new(both, 4)?.collate(Pad { divisor: 32, ..Pad::default() });
/// for batch in loader.epoch(0) {
///     let batch = batch?;
///     assert_eq!(batch.images.shape()[..], [4, 3, 64, 64]);
///     assert_eq!(batch.sizes, [[20, 48], [20, 48], [40, 30], [40, 30]]);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pad {
    /// Height and width are rounded up to multiples of this, at least 1; 1 by default.
    pub divisor: usize,
    /// What is filled in; 0 by default.
    pub fill: f32,
}

impl Default for Pad {
    fn default() -> Self {
        Pad { divisor: 1, fill: 0.0 }
    }
}

impl Collate<Sample> for Pad {
    type Batch = PaddedBatch;
    fn collate(&self, items: Vec<Sample>) -> Result<PaddedBatch> {
        let channels = items.first().map_or(0, |sample| sample.image.channels());
        if let Some(other) = items.iter().map(|sample| sample.image.channels()).find(|&other| other != channels) {
            let message = format!("expected pictures with as many channels, received {channels} and {other}");
            return Err(Error::argument(OP, message));
        }
        let sizes: Vec<[usize; 2]> = items.iter().map(|sample| [sample.image.height(), sample.image.width()]).collect();
        let side = |axis: usize| {
            let largest = sizes.iter().map(|size| size[axis]).max().unwrap_or(0);
            largest.checked_next_multiple_of(self.divisor)
        };
        let (Some(height), Some(width)) = (side(0), side(1)) else {
            let message =
                format!("expected a divisor of at least 1 that leaves sizes small, received {}", self.divisor);
            return Err(Error::argument(OP, message));
        };
        let images = kernels::build([items.len(), height, width, channels], |all: &mut [f32]| {
            let pictures = all.chunks_exact_mut((height * width * channels).max(1));
            for (picture, sample) in pictures.zip(&items) {
                if sample.image.size() != [height, width] {
                    picture.fill(self.fill);
                }
                sample.image.write_f32(picture, width * channels);
            }
        })?;
        let labels = items.into_iter().map(|sample| sample.labels).collect();
        Ok(PaddedBatch { images: images.permute([0, 3, 1, 2])?, sizes, labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    fn sample(shape: [usize; 3], pixels: Vec<u8>) -> Sample {
        let image = Tensor::from_vec(pixels, shape).unwrap();
        Sample { image: Image::from_tensor(&image).unwrap(), labels: Labels::default() }
    }

    #[test]
    fn pictures_lie_in_the_upper_left_corner() {
        let items = vec![sample([2, 1, 2], vec![0, 51, 102, 255]), sample([2, 2, 1], vec![255, 0, 51, 102])];
        let batch = Pad { divisor: 3, fill: -1.0 }.collate(items).unwrap();
        assert_eq!(batch.images.shape()[..], [2, 2, 3, 3]);
        let (a, b, c, d, f) = (0.0, 0.2, 0.4, 1.0, -1.0);
        let expected = [
            [a, b, f, f, f, f, f, f, f],
            [c, d, f, f, f, f, f, f, f],
            [d, f, f, a, f, f, f, f, f],
            [b, f, f, c, f, f, f, f, f],
        ];
        assert_eq!(batch.images.to_vec::<f32>().unwrap(), expected.as_flattened());
        let nhwc = batch.images_nhwc().unwrap();
        assert_eq!(nhwc.shape()[..], [2, 3, 3, 2]);
        assert_eq!(nhwc.to_vec::<f32>().unwrap()[..6], [a, c, b, d, f, f]);
        assert_eq!((batch.sizes, batch.labels.len()), (vec![[1, 2], [2, 1]], 2));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let items = || vec![sample([2, 1, 2], vec![0; 4]), sample([1, 2, 1], vec![0; 2])];
        let text = Pad::default().collate(items()).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(text.contains("received 2 and 1"), "{text}");
        for divisor in [0, usize::MAX, 1 << 40] {
            let one = vec![sample([2, 1, 2], vec![0; 4])];
            assert!(Pad { divisor, fill: 0.0 }.collate(one).is_err());
        }
        let empty = Pad::default().collate(vec![sample([3, 0, 5], vec![]), sample([3, 2, 0], vec![])]).unwrap();
        assert_eq!(empty.images.shape()[..], [2, 3, 2, 5]);
        assert!(empty.images.to_vec::<f32>().unwrap().iter().all(|&x| x == 0.0));
    }
}
