//! Putting samples together into a batch.

use ocelli_tensor::{DType, Element, Tensor, kernels};

use crate::{Error, Image, Result, Sample, SampleRng};

/// How a loader makes a batch of samples. Any closure `Fn(Vec<Item>) -> Result<Batch>` is one.
pub trait Collate<Item>: Send + Sync {
    /// What the samples become.
    type Batch: Send;

    /// Makes a batch; there is at least one sample.
    ///
    /// # Errors
    /// If the samples do not fit together.
    fn collate(&self, items: Vec<Item>) -> Result<Self::Batch>;

    /// Makes a batch, with random changes if this way to make one has any (mixup). Every random number comes from `rng`, which the loader derives from its seed, the epoch and the batch's
    /// number: so the same batch comes out whatever thread makes it.
    ///
    /// # Errors
    /// As [`Collate::collate`].
    fn collate_random(&self, items: Vec<Item>, rng: &mut SampleRng) -> Result<Self::Batch> {
        let _ = rng;
        self.collate(items)
    }
}

impl<Item, B, F> Collate<Item> for F
where
    F: Fn(Vec<Item>) -> Result<B> + Send + Sync,
    B: Send,
{
    type Batch = B;
    fn collate(&self, items: Vec<Item>) -> Result<B> {
        self(items)
    }
}

/// A batch of pictures with one class each.
#[derive(Clone)]
pub struct Batch {
    /// The pictures, `f32` of shape `[n, channels, height, width]`; in memory they lie channels-last, as convolutions like them.
    pub images: Tensor,
    /// The classes, `i64` of shape `[n]`.
    pub labels: Tensor,
}

impl Batch {
    /// The pictures in the other order of axes, `[n, height, width, channels]`: a view, nothing is copied.
    ///
    /// # Errors
    /// [`Error::Tensor`] unless `images` has four axes.
    pub fn images_nhwc(&self) -> Result<Tensor> {
        nhwc(&self.images)
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.labels.numel()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The usual way to make a batch: pictures of one size are stacked along a new axis 0.
///
/// - `(Image, usize)`: a [`Batch`], in which pictures of bytes become floats in 0..1 (divided by 255) and floats stay as they are;
/// - [`Sample`] with one class, as readers give them: the same. For samples of several classes there is [`MultiHot`](crate::MultiHot), for those with objects
///   [`Pad`](crate::Pad) and [`Lists`](crate::Lists);
/// - `(Tensor, Tensor)`: a pair of tensors, each stacked as it is.
///
/// ```
/// use ocelli_data::readers::ClassificationSamples;
/// use ocelli_data::{DataLoader, mnist};
/// # fn main() -> ocelli_data::Result<()> {
/// let samples = ClassificationSamples::new(mnist::embedded()?.0);
/// let batch = DataLoader::new(samples, 32)?.epoch(0).next().unwrap()?;
/// assert_eq!((&batch.images.shape()[..], &batch.labels.shape()[..]), (&[32, 1, 28, 28][..], &[32][..]));
/// assert_eq!(batch.images_nhwc()?.shape()[..], [32, 28, 28, 1]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Stack;

impl Collate<(Image, usize)> for Stack {
    type Batch = Batch;
    fn collate(&self, items: Vec<(Image, usize)>) -> Result<Batch> {
        let images: Vec<&Image> = items.iter().map(|(image, _)| image).collect();
        let labels: Vec<i64> = items.iter().map(|(_, label)| *label as i64).collect();
        Ok(Batch { images: stack_images(&images)?, labels: Tensor::from_vec(labels, [items.len()])? })
    }
}

impl Collate<Sample> for Stack {
    type Batch = Batch;
    fn collate(&self, items: Vec<Sample>) -> Result<Batch> {
        self.collate(with_one_class(items)?)
    }
}

/// The pictures and classes of samples, each of which has one class.
pub(crate) fn with_one_class(items: Vec<Sample>) -> Result<Vec<(Image, usize)>> {
    let item = |(i, sample): (usize, Sample)| match sample.labels.classes[..] {
        [class] => Ok((sample.image, class)),
        ref classes => {
            let message = format!(
                "expected samples with one class of the whole picture, received the classes {classes:?} and {} objects at place {i}",
                sample.labels.objects.len()
            );
            Err(Error::argument("collate", message))
        }
    };
    items.into_iter().enumerate().map(item).collect()
}

/// Pictures of one shape as `f32` of shape `[n, channels, height, width]`, channels-last in memory.
pub(super) fn stack_images(images: &[&Image]) -> Result<Tensor> {
    let shape = images.first().ok_or_else(none)?.shape();
    if let Some((i, image)) = images.iter().enumerate().find(|(_, image)| image.shape() != shape) {
        let message =
            format!("expected images of one shape, received {shape:?} at place 0 and {:?} at place {i}", image.shape());
        return Err(Error::argument("collate", message));
    }
    let [height, width, channels] = shape;
    let stacked = kernels::build([images.len(), height, width, channels], |pixels: &mut [f32]| {
        let pictures = pixels.chunks_exact_mut((height * width * channels).max(1));
        pictures.zip(images).for_each(|(picture, image)| image.write_f32(picture, width * channels));
    })?;
    Ok(stacked.permute([0, 3, 1, 2])?)
}

/// Pictures of shape `[n, channels, height, width]` seen as `[n, height, width, channels]`.
pub(crate) fn nhwc(images: &Tensor) -> Result<Tensor> {
    Ok(images.permute([0, 2, 3, 1])?)
}

impl Collate<(Tensor, Tensor)> for Stack {
    type Batch = (Tensor, Tensor);
    fn collate(&self, items: Vec<(Tensor, Tensor)>) -> Result<(Tensor, Tensor)> {
        let (inputs, targets): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        Ok((stack(&inputs)?, stack(&targets)?))
    }
}

/// Tensors of one shape and dtype, stacked along a new axis 0.
fn stack(tensors: &[Tensor]) -> Result<Tensor> {
    let first = tensors.first().ok_or_else(none)?;
    for (i, other) in tensors.iter().enumerate() {
        if other.shape() != first.shape() || other.dtype() != first.dtype() {
            let message = format!(
                "expected tensors of one shape and dtype, received {} of {} at place 0 and {} of {} at place {i}",
                first.shape(),
                first.dtype(),
                other.shape(),
                other.dtype()
            );
            return Err(Error::argument("collate", message));
        }
    }
    fn join<T: Element>(tensors: &[Tensor], shape: &[usize]) -> Result<Tensor> {
        let mut values = Vec::with_capacity(shape.iter().product());
        for tensor in tensors {
            values.extend(tensor.to_vec::<T>()?);
        }
        Ok(Tensor::from_vec(values, shape)?)
    }
    let shape: Vec<usize> = std::iter::once(tensors.len()).chain(first.shape().iter().copied()).collect();
    match first.dtype() {
        DType::Bool => join::<bool>(tensors, &shape),
        DType::U8 => join::<u8>(tensors, &shape),
        DType::I32 => join::<i32>(tensors, &shape),
        DType::I64 => join::<i64>(tensors, &shape),
        DType::F16 => join::<ocelli_tensor::f16>(tensors, &shape),
        DType::BF16 => join::<ocelli_tensor::bf16>(tensors, &shape),
        DType::F32 => join::<f32>(tensors, &shape),
        DType::F64 => join::<f64>(tensors, &shape),
    }
}

fn none() -> Error {
    Error::argument("collate", "expected at least one sample, received none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_become_floats() {
        let a = Image::from_u8([1, 2, 1], vec![0, 255]).unwrap();
        let b = Image::from_f32([1, 2, 1], vec![-1.0, 0.5]).unwrap();
        let batch = Stack.collate(vec![(a, 3), (b, 1)]).unwrap();
        assert_eq!(batch.images.shape()[..], [2, 1, 1, 2]);
        assert_eq!(batch.images.to_vec::<f32>().unwrap(), [0.0, 1.0, -1.0, 0.5]);
        assert_eq!(batch.labels.to_vec::<i64>().unwrap(), [3, 1]);
        assert_eq!(batch.len(), 2);
        let color = Image::from_f32([1, 2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let batch = Stack.collate(vec![(color, 0)]).unwrap();
        assert_eq!(batch.images.shape()[..], [1, 3, 1, 2]);
        assert_eq!(batch.images.to_vec::<f32>().unwrap(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let image = |width| Image::from_u8([1, width, 1], vec![0; width]).unwrap();
        let text = Stack.collate(vec![(image(2), 0), (image(3), 0)]).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(text.contains("[1, 2, 1] at place 0 and [1, 3, 1] at place 1"), "{text}");
        assert!(Stack.collate(Vec::<(Image, usize)>::new()).is_err());
        let (x, y) = (Tensor::zeros([2], DType::F32).unwrap(), Tensor::zeros([2], DType::F64).unwrap());
        assert!(Stack.collate(vec![(x.clone(), x.clone()), (x, y)]).is_err());
    }

    #[test]
    fn samples_of_one_class_stack() {
        let sample = |value: u8, classes: &[usize]| {
            let mut sample = Sample::from(Image::from_u8([1, 2, 3], vec![value, 51, 0, 0, 0, value]).unwrap());
            sample.labels.classes = classes.to_vec();
            sample
        };
        let batch = Stack.collate(vec![sample(0, &[4]), sample(255, &[2])]).unwrap();
        assert_eq!(batch.labels.to_vec::<i64>().unwrap(), [4, 2]);
        assert_eq!(batch.images.select(0, 1).unwrap().to_vec::<f32>().unwrap(), [1.0, 0.0, 0.2, 0.0, 0.0, 1.0]);
        let nhwc = batch.images_nhwc().unwrap();
        assert_eq!(nhwc.shape()[..], [2, 1, 2, 3]);
        assert_eq!(nhwc.select(0, 1).unwrap().to_vec::<f32>().unwrap(), [1.0, 0.2, 0.0, 0.0, 0.0, 1.0]);
        for (classes, shown) in [(&[][..], "[]"), (&[1, 2], "[1, 2]")] {
            let text = Stack.collate(vec![sample(0, &[4]), sample(0, classes)]).err().map(|error| error.to_string());
            let expected = format!("the classes {shown} and 0 objects at place 1");
            assert!(text.as_ref().is_some_and(|text| text.contains(&expected)), "{text:?}");
        }
    }

    #[test]
    fn tensors_of_every_dtype_stack() {
        for dtype in DType::ALL {
            let row = |start: i64| Tensor::arange(start, start + 2, 1).unwrap().to_dtype(dtype).unwrap();
            let (x, y) = Stack.collate(vec![(row(0), row(1)), (row(2), row(3))]).unwrap();
            assert_eq!((x.dtype(), &x.shape()[..]), (dtype, &[2, 2][..]));
            assert_eq!(y.dtype(), dtype);
        }
    }
}
