//! Labels as a loss wants them.

use ocelli_tensor::{DType, Tensor};

use crate::{Error, Result};

/// Class numbers as rows of zeros with a one: integers of any shape become `f32` of shape `[…, classes]`.
///
/// ```
/// use ocelli_data::augment::one_hot;
/// use ocelli_tensor::Tensor;
/// # fn main() -> ocelli_data::Result<()> {
/// let targets = one_hot(&Tensor::new([2i64, 0])?, 3)?;
/// assert_eq!(targets.shape()[..], [2, 3]);
/// assert_eq!(targets.to_vec::<f32>()?, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Tensor`] unless they are integers in `0..classes`.
pub fn one_hot(labels: &Tensor, classes: usize) -> Result<Tensor> {
    Ok(labels.one_hot(classes, DType::F32)?)
}

/// `(1 − epsilon) · targets + epsilon / classes`: label smoothing (C. Szegedy et al., 2016) as Keras' `CategoricalCrossentropy` and PyTorch's `cross_entropy` define it. `targets` are
/// parts of classes, of a float type and shape `[…, classes]`, such as [`one_hot`] or [`mixup`](crate::augment::mixup) make.
///
/// ```
/// use ocelli_data::augment::{one_hot, smooth_labels};
/// use ocelli_tensor::Tensor;
/// # fn main() -> ocelli_data::Result<()> {
/// let targets = smooth_labels(&one_hot(&Tensor::new([1i64])?, 4)?, 0.5)?;
/// assert_eq!(targets.to_vec::<f32>()?, [0.125, 0.625, 0.125, 0.125]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] unless epsilon is in `0..=1`, [`Error::Tensor`] unless the targets are of a float type and have an axis of classes.
pub fn smooth_labels(targets: &Tensor, epsilon: f64) -> Result<Tensor> {
    const OP: &str = "smooth labels";
    if !(0.0..=1.0).contains(&epsilon) {
        return Err(Error::argument(OP, format!("expected an epsilon in 0..=1, received {epsilon}")));
    }
    if !targets.dtype().is_float() {
        return Err(ocelli_tensor::Error::dtype(OP, "a float dtype", targets.dtype()).into());
    }
    let classes = targets.size(-1)?;
    // Without classes there is nothing to add to.
    Ok(targets.mul(1.0 - epsilon)?.add(epsilon / classes.max(1) as f64)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_target_is_refused() {
        let text = one_hot(&Tensor::new([3i64]).unwrap(), 3).err().unwrap().to_string();
        assert!(text.contains("0..3, received 3"), "{text}");
        assert!(one_hot(&Tensor::new([0.5f32]).unwrap(), 3).is_err());
        let targets = Tensor::new([[0.5f32, 0.5]]).unwrap();
        for epsilon in [-0.1, 1.1, f64::NAN] {
            assert!(smooth_labels(&targets, epsilon).is_err());
        }
        assert!(smooth_labels(&Tensor::new([1i64]).unwrap(), 0.1).is_err());
        assert!(smooth_labels(&Tensor::new(1.0f32).unwrap(), 0.1).is_err());
        assert_eq!(smooth_labels(&targets, 1.0).unwrap().to_vec::<f32>().unwrap(), [0.5, 0.5]);
    }
}
