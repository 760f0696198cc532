//! Cross-entropy of yes and no.

use ocelli_autograd::Var;
use ocelli_tensor::Tensor;

use super::{Loss, Reduction, check_smoothing, clipped_ln, same_shape};
use crate::Result;

const NAME: &str = "binary_cross_entropy";

/// `−t · ln p − (1 − t) · ln(1 − p)`, where `t` in `0..=1` is the target and `p` the probability, given itself or by its logit
/// `x = ln(p / (1 − p))`. Target and prediction have the same shape; the mean is over all elements.
///
/// Of logits it is computed as `t · ln(1 + e^−x) + (1 − t) · ln(1 + eˣ)`, which is finite and precise for any finite logit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BinaryCrossEntropy {
    probabilities: bool,
    label_smoothing: f64,
    reduction: Reduction,
}

impl BinaryCrossEntropy {
    /// Of logits: PyTorch's `BCEWithLogitsLoss`, Keras' `from_logits=True`.
    pub fn new() -> Self {
        BinaryCrossEntropy::default()
    }

    /// Of probabilities, which are clipped to `1e-7..=1 − 1e-7` as in Keras.
    pub fn of_probabilities() -> Self {
        BinaryCrossEntropy { probabilities: true, ..BinaryCrossEntropy::default() }
    }

    /// Moves targets towards ½: `t · (1 − s) + s / 2`.
    #[must_use]
    pub fn label_smoothing(mut self, smoothing: f64) -> Self {
        self.label_smoothing = smoothing;
        self
    }

    /// Another reduction: the sum over all elements, or one loss for each element, as in PyTorch.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

impl Loss for BinaryCrossEntropy {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        check_smoothing(NAME, self.label_smoothing)?;
        let mut yes = same_shape(NAME, prediction, target)?;
        if self.label_smoothing != 0.0 {
            yes = yes.mul(1.0 - self.label_smoothing)?.add(self.label_smoothing / 2.0)?;
        }
        let no = yes.neg()?.add(1.0)?;
        let (surprise_at_yes, surprise_at_no) = if self.probabilities {
            // 1 − p of the clipped p, as Keras has it.
            let p = prediction.clamp(Some(super::EPSILON), Some(1.0 - super::EPSILON))?;
            let complement = p.neg()?.add(1.0)?;
            (clipped_ln(prediction)?.neg()?, complement.ln()?.neg()?)
        } else {
            (prediction.neg()?.softplus()?, prediction.softplus()?)
        };
        let losses = surprise_at_yes.mul(&yes)?.add(&surprise_at_no.mul(&no)?)?;
        self.reduction.reduce(&losses, prediction.numel() as f64)
    }
}
