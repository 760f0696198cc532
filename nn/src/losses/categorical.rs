//! Cross-entropy with a probability for each class as the target.

use ocelli_autograd::Var;
use ocelli_tensor::Tensor;

use super::{Loss, Reduction, check_smoothing, class_axis, normalized_ln, same_shape};
use crate::Result;

const NAME: &str = "categorical_cross_entropy";

/// `−Σ t · ln p` over the classes, where the target `t` holds a probability for each class (one-hot or soft), of the prediction's
/// shape: `[samples, classes, …]`, or `[classes]` for one sample. The mean is over samples (and positions).
///
/// Keras has the classes on the last axis; that is the same for `[samples, classes]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CategoricalCrossEntropy {
    probabilities: bool,
    label_smoothing: f64,
    reduction: Reduction,
}

impl CategoricalCrossEntropy {
    /// Of logits: PyTorch's `CrossEntropyLoss` with probabilities as targets, Keras' `from_logits=True`.
    pub fn new() -> Self {
        CategoricalCrossEntropy::default()
    }

    /// Of probabilities, which are divided by their sum and clipped to `1e-7..=1 − 1e-7`, as in Keras.
    pub fn of_probabilities() -> Self {
        CategoricalCrossEntropy { probabilities: true, ..CategoricalCrossEntropy::default() }
    }

    /// Gives the share `s` of the target to all classes alike: `t · (1 − s) + s / classes`.
    #[must_use]
    pub fn label_smoothing(mut self, smoothing: f64) -> Self {
        self.label_smoothing = smoothing;
        self
    }

    /// Another reduction: the sum, or one loss for each sample (and position).
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

impl Loss for CategoricalCrossEntropy {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        check_smoothing(NAME, self.label_smoothing)?;
        let axis = class_axis(NAME, prediction.shape())?;
        let mut target = same_shape(NAME, prediction, target)?;
        if self.label_smoothing != 0.0 {
            let classes = prediction.shape()[axis] as f64;
            target = target.mul(1.0 - self.label_smoothing)?.add(self.label_smoothing / classes)?;
        }
        let losses = if self.probabilities {
            normalized_ln(prediction, axis)?.mul(&target)?.sum(axis)?.neg()?
        } else {
            prediction.softmax_cross_entropy(&target, axis as isize)?
        };
        let count = losses.numel() as f64;
        self.reduction.reduce(&losses, count)
    }
}
