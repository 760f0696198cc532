//! Which predictions a step of training looks at: there is far more background than anything else.

use ocelli_tensor::{DType, Device, Error as TensorError, Generator, Tensor};

use crate::check::require_fraction;
use crate::host::elements;
use crate::{Error, Result};

/// Draws a fixed number of predictions of an image, of which a given fraction are positive if there are enough: torchvision's
/// `BalancedPositiveNegativeSampler`.
///
/// ```
/// use ocelli_tensor::{Generator, Tensor};
/// use ocelli_vision::ops::BalancedPositiveNegativeSampler;
/// # fn main() -> ocelli_vision::Result<()> {
/// let labels = Tensor::new([1i64, 0, 0, 3, 0, -1, 0, 2])?;
/// let sampler = BalancedPositiveNegativeSampler::new(4, 0.5)?;
/// let (positive, negative) = sampler.sample(&labels, &mut Generator::new(0))?;
/// let count = |mask: &Tensor| mask.to_vec::<bool>().map(|mask| mask.into_iter().filter(|&drawn| drawn).count());
/// assert_eq!((count(&positive)?, count(&negative)?), (2, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalancedPositiveNegativeSampler {
    batch_size: usize,
    positive_fraction: f64,
}

impl BalancedPositiveNegativeSampler {
    /// `batch_size` predictions per image, `⌊batch_size · positive_fraction⌋` of them positive at most: 256 and 0.5 for a region
    /// proposal network, 512 and 0.25 for R-CNN's heads.
    ///
    /// # Errors
    /// Unless the fraction is in `0..=1`.
    pub fn new(batch_size: usize, positive_fraction: f64) -> Result<Self> {
        require_fraction("balanced_sampler", "a positive fraction", positive_fraction)?;
        Ok(BalancedPositiveNegativeSampler { batch_size, positive_fraction })
    }

    /// Two masks `[N]` of booleans, the positive and the negative predictions that were drawn, from labels `[N]` of any number type:
    /// positive from 1 on, negative at 0; others are left out. Where positives are few, more negatives are drawn. A generator's seed
    /// gives the same draw whatever the number of threads and the device; the masks lie on that of the labels.
    ///
    /// # Errors
    /// Unless the labels are numbers of shape `[N]`.
    pub fn sample(&self, labels: &Tensor, generator: &mut Generator) -> Result<(Tensor, Tensor)> {
        const OP: &str = "balanced_sampler";
        if labels.rank() != 1 {
            return Err(TensorError::shape(OP, "labels of shape [N]", labels.shape()).into());
        }
        if labels.dtype() == DType::Bool {
            return Err(TensorError::dtype(OP, "labels of a number dtype", DType::Bool).into());
        }
        let numbers = elements::<f64>(labels)?;
        let those = |wanted: fn(f64) -> bool| -> Vec<usize> {
            numbers.iter().enumerate().filter(|(_, label)| wanted(**label)).map(|(position, _)| position).collect()
        };
        let (positive, negative) = (those(|label| label >= 1.0), those(|label| label == 0.0));
        let positives = ((self.batch_size as f64 * self.positive_fraction) as usize).min(positive.len());
        let negatives = (self.batch_size - positives).min(negative.len());
        let mut drawn = |positions: &[usize], count: usize| -> Result<Tensor> {
            let mut mask = vec![false; numbers.len()];
            let order = Tensor::randperm(positions.len(), generator)?.to_vec::<i64>()?;
            order[..count].iter().for_each(|&i| mask[positions[i as usize]] = true);
            Ok(Tensor::from_vec(mask, [numbers.len()])?.to_device(labels.device())?)
        };
        Ok((drawn(&positive, positives)?, drawn(&negative, negatives)?))
    }
}

/// SSD's hard negative mining (Liu et al. 2016): a mask of those negatives whose loss is greatest, `ratio` times as many as an image has
/// positives (3 in the paper), rounded down, or all if they are fewer.
///
/// `loss` are losses `[A]` of one image or `[N, A]` of several, `positive` booleans of that shape. Equal losses are taken in their order,
/// NaN before every number. They are sorted on the CPU; the mask lies on the device of the losses.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::hard_negative_mining;
/// # fn main() -> ocelli_vision::Result<()> {
/// let loss = Tensor::new([0.1f32, 5.0, 0.7, 0.3, 0.9])?;
/// let positive = Tensor::new([false, true, false, false, false])?;
/// let negative = hard_negative_mining(&loss, &positive, 3.0)?;
/// assert_eq!(negative.to_vec::<bool>()?, [false, false, true, true, true]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the shapes and dtypes are these and the ratio is a finite number from 0 on.
pub fn hard_negative_mining(loss: &Tensor, positive: &Tensor, ratio: f64) -> Result<Tensor> {
    const OP: &str = "hard_negative_mining";
    if !(1..=2).contains(&loss.rank()) {
        return Err(TensorError::shape(OP, "losses of shape [A] or [N, A]", loss.shape()).into());
    }
    if !loss.dtype().is_float() {
        return Err(TensorError::dtype(OP, "losses of a float dtype", loss.dtype()).into());
    }
    if positive.dtype() != DType::Bool {
        return Err(TensorError::dtype(OP, "a mask of dtype bool", positive.dtype()).into());
    }
    if positive.shape() != loss.shape() {
        return Err(TensorError::shape(OP, format!("a mask of shape {}", loss.shape()), positive.shape()).into());
    }
    if !(ratio >= 0.0 && ratio.is_finite()) {
        return Err(Error::argument(OP, format!("expected a ratio from 0 on, received {ratio}")));
    }
    let anchors = loss.shape()[loss.rank() - 1];
    let mut mask = vec![false; loss.numel()];
    if anchors > 0 {
        let positive = positive.to_device(Device::Cpu)?;
        let (losses, positive) = (elements::<f64>(loss)?, elements::<bool>(&positive)?);
        let images = losses.chunks_exact(anchors).zip(positive.chunks_exact(anchors));
        for ((losses, positive), mask) in images.zip(mask.chunks_exact_mut(anchors)) {
            let mut negative: Vec<usize> = (0..anchors).filter(|&i| !positive[i]).collect();
            let wanted = ((ratio * (anchors - negative.len()) as f64) as usize).min(negative.len());
            // The greatest loss first; a NaN is greater than any.
            let order = |&i: &usize, &j: &usize| {
                let (a, b) = (losses[i], losses[j]);
                b.partial_cmp(&a).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())).then(i.cmp(&j))
            };
            if (1..negative.len()).contains(&wanted) {
                negative.select_nth_unstable_by(wanted - 1, order);
            }
            negative[..wanted].iter().for_each(|&i| mask[i] = true);
        }
    }
    Ok(Tensor::from_vec(mask, loss.shape())?.to_device(loss.device())?)
}
