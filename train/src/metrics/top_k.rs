//! Whether the true class is among the best few.

use ocelli_tensor::Tensor;

use super::{Mean, Metric, classes, rows};
use crate::{Error, Result};

/// The share of samples whose true class is among the `k` largest scores. Shapes are those of [`Accuracy`](crate::Accuracy).
///
/// As in TensorFlow's `in_top_k`, classes of equal score share the better place, and a score that is no number is never right.
#[derive(Debug, Clone)]
pub struct TopKAccuracy {
    k: usize,
    name: String,
    mean: Mean,
}

impl TopKAccuracy {
    /// Among the `k` largest; the name is `top_<k>_accuracy`.
    ///
    /// # Errors
    /// [`Error::Argument`] if `k` is 0.
    pub fn new(k: usize) -> Result<Self> {
        if k == 0 {
            let message = "expected k of at least 1, received 0";
            return Err(Error::argument("top-k accuracy", message));
        }
        Ok(TopKAccuracy { k, name: format!("top_{k}_accuracy"), mean: Mean::new() })
    }
}

impl Metric for TopKAccuracy {
    fn name(&self) -> &str {
        &self.name
    }
    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        let (scores, count) = rows("top-k accuracy", prediction)?;
        let truth = classes("top-k accuracy", prediction, target)?;
        for (row, class) in scores.chunks_exact(count.max(1)).zip(truth) {
            let score = row[class];
            let above = row.iter().filter(|&&other| other > score).count();
            let right = score.is_finite() && above < self.k;
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
    use ocelli_tensor::DType;

    use super::*;

    #[test]
    fn more_places_find_more() {
        let scores = Tensor::new([[0.1f32, 0.7, 0.2], [0.5, 0.3, 0.2], [0.3, 0.3, 0.4]]).unwrap();
        let target = Tensor::new([2i64, 2, 1]).unwrap();
        for (k, expected) in [(1, 0.0), (2, 2.0 / 3.0), (3, 1.0), (9, 1.0)] {
            let mut metric = TopKAccuracy::new(k).unwrap();
            metric.update(&scores, &target).unwrap();
            assert_eq!(metric.value(), expected, "k = {k}");
            assert_eq!(metric.name(), format!("top_{k}_accuracy"));
            let mut one_hot = TopKAccuracy::new(k).unwrap();
            one_hot.update(&scores, &target.one_hot(3, DType::F32).unwrap()).unwrap();
            assert_eq!(one_hot.state(), metric.state());
        }
        assert!(TopKAccuracy::new(0).is_err());
    }

    #[test]
    fn a_score_that_is_no_number_is_wrong() {
        let mut metric = TopKAccuracy::new(2).unwrap();
        let scores = Tensor::new([[f32::NAN, 1.0]]).unwrap();
        metric.update(&scores, &Tensor::new([0i64]).unwrap()).unwrap();
        assert_eq!(metric.value(), 0.0);
    }
}
