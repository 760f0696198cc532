//! Samples drawn by weight.

use super::Sampler;
use crate::random::order_rng;
use crate::{Error, Result};

const OP: &str = "weighted sampler";

/// Samples drawn with probabilities that are proportional to weights.
///
/// ```
/// use ocelli_data::sampler::{Sampler, Weighted};
/// # fn main() -> ocelli_data::Result<()> {
/// let mostly_the_last = Weighted::with_replacement(vec![0.0, 1.0, 9.0], 1_000)?;
/// let order = mostly_the_last.order(42, 0);
/// assert!(order.iter().filter(|&&index| index == 2).count() > 850 && !order.contains(&0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Weighted {
    weights: Vec<f64>,
    /// The sums of the weights up to each, the last being that of all.
    sums: Vec<f64>,
    count: usize,
    replacement: bool,
}

impl Weighted {
    /// `count` samples in an epoch, each drawn from all by these weights, one for each sample of the data set.
    ///
    /// # Errors
    /// [`Error::Argument`] unless weights are finite and not negative with a finite sum, and one is positive where samples are to be drawn.
    pub fn with_replacement(weights: Vec<f64>, count: usize) -> Result<Self> {
        Weighted::new(weights, count, true)
    }

    /// `count` samples in an epoch, no two alike: each is drawn by these weights from those that are left, as far as they are positive (P.
    /// Efraimidis and P. Spirakis, "Weighted random sampling with a reservoir", 2006).
    ///
    /// # Errors
    /// As [`Weighted::with_replacement`], and if fewer weights than `count` are positive.
    pub fn without_replacement(weights: Vec<f64>, count: usize) -> Result<Self> {
        let positive = weights.iter().filter(|&&weight| weight > 0.0).count();
        if positive < count {
            let message = format!("expected at least {count} positive weights, received {positive}");
            return Err(Error::argument(OP, message));
        }
        Weighted::new(weights, count, false)
    }

    fn new(weights: Vec<f64>, count: usize, replacement: bool) -> Result<Self> {
        if let Some(weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            let message = format!("expected finite weights that are not negative, received {weight}");
            return Err(Error::argument(OP, message));
        }
        let mut sum = 0.0;
        let sums: Vec<f64> = weights
            .iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        if !sum.is_finite() || (count > 0 && sum == 0.0) {
            let message = format!("expected weights with a finite positive sum, received the sum {sum}");
            return Err(Error::argument(OP, message));
        }
        Ok(Weighted { weights, sums, count, replacement })
    }
}

impl Sampler for Weighted {
    fn len(&self) -> usize {
        self.count
    }
    fn order(&self, seed: u64, epoch: u64) -> Vec<usize> {
        let mut rng = order_rng(seed, epoch);
        if self.replacement {
            let all = self.sums.last().copied().unwrap_or(0.0);
            // Rounding may reach the sum itself, which lies beyond the last sample with a weight.
            let last = self.weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0);
            let mut draw = || {
                let place = all * rng.unit();
                self.sums.partition_point(|&sum| sum <= place).min(last)
            };
            return (0..self.count).map(|_| draw()).collect();
        }
        // The times at which clocks of these rates ring first: the order in which they ring is that of drawing by weight.
        let mut times: Vec<(f64, usize)> = Vec::with_capacity(self.weights.len());
        for (index, &weight) in self.weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            times.push((-(1.0 - rng.unit()).ln() / weight, index));
        }
        times.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        times.into_iter().take(self.count).map(|(_, index)| index).collect()
    }
}
