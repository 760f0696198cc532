//! First values drawn from one distribution whatever the shape.

use std::f64::consts::SQRT_2;

use ocelli_tensor::{DType, Generator, Shape, Tensor};
use serde::{Deserialize, Serialize};

use super::seeded;
use crate::{Error, Result};

/// Normally distributed numbers; mean 0 and standard deviation 0.05 by default, as in Keras.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomNormal {
    /// Gives the same numbers at each call.
    pub seed: Option<u64>,
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub stddev: f64,
}

/// Evenly distributed numbers; in `-0.05..0.05` by default, as in Keras.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomUniform {
    /// Gives the same numbers at each call.
    pub seed: Option<u64>,
    /// The lower end.
    pub minval: f64,
    /// The upper end.
    pub maxval: f64,
}

/// Normally distributed numbers, those farther than two standard deviations from the mean drawn again; mean 0 and standard
/// deviation (before the cut) 0.05 by default, as in Keras.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TruncatedNormal {
    /// Gives the same numbers at each call.
    pub seed: Option<u64>,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the distribution that is cut; of what is left it is 0.8796 times this.
    pub stddev: f64,
}

impl Default for RandomNormal {
    fn default() -> Self {
        RandomNormal::new(0.0, 0.05)
    }
}

impl Default for RandomUniform {
    fn default() -> Self {
        RandomUniform::new(-0.05, 0.05)
    }
}

impl Default for TruncatedNormal {
    fn default() -> Self {
        TruncatedNormal::new(0.0, 0.05)
    }
}

impl RandomNormal {
    /// With this mean and standard deviation.
    pub fn new(mean: f64, stddev: f64) -> Self {
        RandomNormal { seed: None, mean, stddev }
    }

    pub(super) fn values(&self, shape: &Shape, dtype: DType, generator: &mut Generator) -> Result<Tensor> {
        check_deviation("random_normal initializer", self.stddev)?;
        let standard = seeded(self.seed, generator, |g| Tensor::randn(shape, dtype, g))?;
        let centered = standard.mul(self.stddev)?;
        // A pass over memory less where the mean is 0, as it is in large networks.
        Ok(if self.mean == 0.0 { centered } else { centered.add(self.mean)? })
    }
}

impl RandomUniform {
    /// In `minval..maxval`.
    pub fn new(minval: f64, maxval: f64) -> Self {
        RandomUniform { seed: None, minval, maxval }
    }

    pub(super) fn values(&self, shape: &Shape, dtype: DType, generator: &mut Generator) -> Result<Tensor> {
        let (low, high) = (self.minval, self.maxval);
        if !(low.is_finite() && high.is_finite() && low <= high) {
            let message = format!("expected finite minval ≤ maxval, received {low} and {high}");
            return Err(Error::argument("random_uniform initializer", message));
        }
        let unit = seeded(self.seed, generator, |g| Tensor::rand(shape, dtype, g))?;
        Ok(unit.mul(high - low)?.add(low)?)
    }
}

impl TruncatedNormal {
    /// With this mean and standard deviation before the cut.
    pub fn new(mean: f64, stddev: f64) -> Self {
        TruncatedNormal { seed: None, mean, stddev }
    }

    pub(super) fn values(&self, shape: &Shape, dtype: DType, generator: &mut Generator) -> Result<Tensor> {
        /// erf(2/√2): the share of a normal distribution within two standard deviations.
        const WITHIN: f64 = 0.954_499_736_103_641_6;
        check_deviation("truncated_normal initializer", self.stddev)?;
        let unit = seeded(self.seed, generator, |g| Tensor::rand(shape, dtype, g))?;
        // The inverse of the distribution function needs one number for one number, where drawing again would need an
        // unknown count of them.
        let signed = unit.mul(2.0 * WITHIN)?.sub(WITHIN)?;
        let standard = signed.erfinv()?.mul(SQRT_2)?.clamp(Some(-2.0), Some(2.0))?;
        Ok(standard.mul(self.stddev)?.add(self.mean)?)
    }
}

fn check_deviation(op: &'static str, stddev: f64) -> Result<()> {
    if stddev.is_finite() && stddev >= 0.0 {
        return Ok(());
    }
    let message = format!("expected a finite stddev of at least 0, received {stddev}");
    Err(Error::argument(op, message))
}
