//! Mean distances of numbers.

use ocelli_autograd::Var;
use ocelli_tensor::Tensor;

use super::{Loss, Reduction, same_shape};
use crate::Result;

/// The mean of `(prediction − target)²` over all elements. Target and prediction have the same shape: nothing is broadcast.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeanSquaredError {
    reduction: Reduction,
}

/// The mean of `|prediction − target|` over all elements. Target and prediction have the same shape: nothing is broadcast. The
/// gradient where they are equal is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeanAbsoluteError {
    reduction: Reduction,
}

impl MeanSquaredError {
    /// With the mean over all elements.
    pub fn new() -> Self {
        MeanSquaredError::default()
    }

    /// Another reduction: the sum over all elements, or one loss for each element, as in PyTorch.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

impl MeanAbsoluteError {
    /// With the mean over all elements.
    pub fn new() -> Self {
        MeanAbsoluteError::default()
    }

    /// Another reduction: the sum over all elements, or one loss for each element, as in PyTorch.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

impl Loss for MeanSquaredError {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        let target = same_shape("mean_squared_error", prediction, target)?;
        let losses = prediction.sub(&target)?.square()?;
        self.reduction.reduce(&losses, prediction.numel() as f64)
    }
}

impl Loss for MeanAbsoluteError {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        let target = same_shape("mean_absolute_error", prediction, target)?;
        let losses = prediction.sub(&target)?.abs()?;
        self.reduction.reduce(&losses, prediction.numel() as f64)
    }
}
