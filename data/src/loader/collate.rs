//! Putting samples together into a batch.

use ocelli_tensor::{DType, Element, Tensor, kernels};

use crate::{Error, Image, Result, SampleRng};

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
/// - `(Tensor, Tensor)`: a pair of tensors, each stacked as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stack;

impl Collate<(Image, usize)> for Stack {
    type Batch = Batch;
    fn collate(&self, items: Vec<(Image, usize)>) -> Result<Batch> {
        let shape = match items.first() {
            Some((image, _)) => image.shape(),
            None => return Err(none()),
        };
        let labels: Vec<i64> = items.iter().map(|(_, label)| *label as i64).collect();
        if let Some((i, (image, _))) = items.iter().enumerate().find(|(_, (image, _))| image.shape() != shape) {
            let message = format!(
                "expected images of one shape, received {shape:?} at place 0 and {:?} at place {i}",
                image.shape()
            );
            return Err(Error::argument("collate", message));
        }
        let [height, width, channels] = shape;
        let images = kernels::build([items.len(), height, width, channels], |pixels: &mut [f32]| {
            let pictures = pixels.chunks_exact_mut((height * width * channels).max(1));
            pictures.zip(&items).for_each(|(picture, (image, _))| image.write_f32(picture, width * channels));
        })?;
        Ok(Batch { images: images.permute([0, 3, 1, 2])?, labels: Tensor::from_vec(labels, [items.len()])? })
    }
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
    fn tensors_of_every_dtype_stack() {
        for dtype in DType::ALL {
            let row = |start: i64| Tensor::arange(start, start + 2, 1).unwrap().to_dtype(dtype).unwrap();
            let (x, y) = Stack.collate(vec![(row(0), row(1)), (row(2), row(3))]).unwrap();
            assert_eq!((x.dtype(), &x.shape()[..]), (dtype, &[2, 2][..]));
            assert_eq!(y.dtype(), dtype);
        }
    }
}
