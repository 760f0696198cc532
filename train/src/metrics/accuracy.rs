//! The share of right predictions.

use ocelli_tensor::{DType, Device, Tensor};

use super::{Mean, Metric, classes, largest, rows};
use crate::{Error, Result};

/// The share of samples whose largest score is that of the true class. Scores (logits or probabilities) are of shape
/// `[n, classes, …]`; targets are class indices of shape `[n, …]` or one-hot rows of the scores' shape.
#[derive(Debug, Clone, Default)]
pub struct Accuracy(Mean);

impl Accuracy {
    /// Of no samples yet.
    pub fn new() -> Self {
        Accuracy::default()
    }
}

impl Metric for Accuracy {
    fn name(&self) -> &str {
        "accuracy"
    }
    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        let (scores, count) = rows("accuracy", prediction)?;
        let truth = classes("accuracy", prediction, target)?;
        for (row, class) in scores.chunks_exact(count.max(1)).zip(truth) {
            self.0.add(f64::from(u8::from(largest(row) == class)), 1.0);
        }
        Ok(())
    }
    fn value(&self) -> f64 {
        self.0.value()
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn state(&self) -> Vec<f64> {
        self.0.state()
    }
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.0.restore(state)
    }
    fn boxed_clone(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }
}

/// The share of right decisions between two classes: a score above the threshold means 1. Scores and targets have as many elements;
/// a target is 1 if it is above one half.
#[derive(Debug, Clone)]
pub struct BinaryAccuracy {
    threshold: f64,
    mean: Mean,
}

impl BinaryAccuracy {
    /// Scores above `threshold` mean 1: one half for probabilities, 0 for logits.
    pub fn new(threshold: f64) -> Self {
        BinaryAccuracy { threshold, mean: Mean::new() }
    }
}

impl Metric for BinaryAccuracy {
    fn name(&self) -> &str {
        "accuracy"
    }
    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        if prediction.numel() != target.numel() {
            let message = format!(
                "expected a target for each score, received scores of shape {} and targets of shape {}",
                prediction.shape(),
                target.shape()
            );
            return Err(Error::argument("binary accuracy", message));
        }
        let scores = prediction.to_device(Device::Cpu)?.to_dtype(DType::F64)?.to_vec::<f64>()?;
        let truth = target.to_device(Device::Cpu)?.to_dtype(DType::F64)?.to_vec::<f64>()?;
        for (score, truth) in scores.into_iter().zip(truth) {
            let right = (score > self.threshold) == (truth > 0.5);
            self.mean.add(f64::from(u8::from(right)), 1.0);
        }
        Ok(())
    }
    fn value(&self) -> f64 {
        self.mean.value()
    }
    fn reset(&mut self) {
        self.mean.reset();
    }
    fn state(&self) -> Vec<f64> {
        self.mean.state()
    }
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.mean.restore(state)
    }
    fn boxed_clone(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores() -> Tensor {
        Tensor::new([[0.1f32, 0.7, 0.2], [0.5, 0.3, 0.2], [0.3, 0.3, 0.4]]).unwrap()
    }

    #[test]
    fn indices_and_one_hot_rows_give_the_same() {
        let labels = Tensor::new([1i64, 2, 2]).unwrap();
        let one_hot = labels.one_hot(3, DType::F32).unwrap();
        for target in [labels.to_dtype(DType::U8).unwrap(), labels, one_hot] {
            let mut accuracy = Accuracy::new();
            assert_eq!(accuracy.value(), 0.0);
            accuracy.update(&scores(), &target).unwrap();
            assert_eq!(accuracy.value(), 2.0 / 3.0);
            let mut other = accuracy.boxed_clone();
            other.reset();
            assert_eq!(other.value(), 0.0);
            other.restore(&accuracy.state()).unwrap();
            assert_eq!(other.value(), accuracy.value());
            assert!(other.restore(&[1.0]).is_err());
        }
    }

    #[test]
    fn every_pixel_counts() {
        // [n, classes, height, width] = [1, 3, 1, 3]: the rows above as columns.
        let pixels = scores().t().unwrap().reshape([1, 3, 1, 3]).unwrap();
        let mut accuracy = Accuracy::new();
        let target = Tensor::from_slice(&[1i64, 2, 0], [1, 1, 3]).unwrap();
        accuracy.update(&pixels, &target).unwrap();
        assert_eq!(accuracy.state(), [1.0, 3.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let text = |target: Tensor| Accuracy::new().update(&scores(), &target).unwrap_err().to_string();
        let shape = text(Tensor::zeros([2], DType::I64).unwrap());
        assert!(shape.contains("class indices of shape [3]") && shape.contains("received shape [2]"), "{shape}");
        let range = text(Tensor::new([0i64, 3, 1]).unwrap());
        assert_eq!(range, "accuracy: expected class indices in 0..3, received 3");
        assert!(text(Tensor::new([0i64, -1, 1]).unwrap()).ends_with("received -1"));
        let scalar = Tensor::new(1.0f32).unwrap();
        assert!(Accuracy::new().update(&scalar, &scalar).is_err());
        let empty = Tensor::zeros([0, 3], DType::F32).unwrap();
        let none = Tensor::zeros([0], DType::I64).unwrap();
        assert!(Accuracy::new().update(&empty, &none).is_ok());
    }

    #[test]
    fn decisions_between_two_classes() {
        let mut accuracy = BinaryAccuracy::new(0.5);
        let scores = Tensor::new([[0.2f32], [0.7], [0.5], [0.9]]).unwrap();
        accuracy.update(&scores, &Tensor::new([0i64, 1, 1, 1]).unwrap()).unwrap();
        assert_eq!(accuracy.value(), 0.75);
        assert!(accuracy.update(&scores, &Tensor::new([0i64]).unwrap()).is_err());
    }
}
