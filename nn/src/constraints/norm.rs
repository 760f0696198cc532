//! Constraints on the Euclidean norm of weights.

use ocelli_tensor::{DType, Tensor};
use serde::{Deserialize, Serialize};

use super::axis;
use crate::{Error, Result};

/// Added to norms before dividing by them, as Keras does: weights of norm 0 stay 0.
const EPSILON: f64 = 1e-7;

/// Norms of 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitNorm {
    /// The axes that a norm is taken over, as in [`MaxNorm`].
    #[serde(with = "axis")]
    pub axis: Option<Vec<isize>>,
}

/// Norms of at most `max_value`: what dropout is often combined with.
///
/// N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MaxNorm {
    /// The largest norm; 2 by default.
    pub max_value: f64,
    /// The axes that a norm is taken over. `None`: the weights that come into each output unit, which is every axis but the
    /// first of a weight `[out, in, kernel…]`, and all of a vector. Keras, whose kernels lie as `[kernel…, in, out]`, calls the
    /// same `axis=0` for a dense layer and `axis=[0, 1, 2]` for a convolution; the axes here count in this crate's layout.
    #[serde(with = "axis")]
    pub axis: Option<Vec<isize>>,
}

/// Norms in `min_value..=max_value`, approached by the share `rate` of the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MinMaxNorm {
    /// The smallest norm; 0 by default.
    pub min_value: f64,
    /// The largest norm; 1 by default.
    pub max_value: f64,
    /// The share of the way that each application goes; 1 (all of it) by default.
    pub rate: f64,
    /// The axes that a norm is taken over, as in [`MaxNorm`].
    #[serde(with = "axis")]
    pub axis: Option<Vec<isize>>,
}

impl Default for MaxNorm {
    fn default() -> Self {
        MaxNorm::new(2.0)
    }
}

impl Default for MinMaxNorm {
    fn default() -> Self {
        MinMaxNorm::new(0.0, 1.0)
    }
}

impl UnitNorm {
    /// Over other axes than the default ones.
    #[must_use]
    pub fn axis(mut self, axes: impl Into<Vec<isize>>) -> Self {
        self.axis = Some(axes.into());
        self
    }

    pub(super) fn apply(&self, weight: &Tensor) -> Result<Tensor> {
        rescaled(weight, self.axis.as_deref(), |norms| Ok(norms.ones_like()?))
    }
}

impl MaxNorm {
    /// With this largest norm.
    pub fn new(max_value: f64) -> Self {
        MaxNorm { max_value, axis: None }
    }

    /// Over other axes than the default ones.
    #[must_use]
    pub fn axis(mut self, axes: impl Into<Vec<isize>>) -> Self {
        self.axis = Some(axes.into());
        self
    }

    pub(super) fn apply(&self, weight: &Tensor) -> Result<Tensor> {
        check_limits("max_norm", 0.0, self.max_value)?;
        rescaled(weight, self.axis.as_deref(), |norms| Ok(norms.clamp(Some(0.0), Some(self.max_value))?))
    }
}

impl MinMaxNorm {
    /// With these limits, reached at once.
    pub fn new(min_value: f64, max_value: f64) -> Self {
        MinMaxNorm { min_value, max_value, rate: 1.0, axis: None }
    }

    /// Goes only this share of the way.
    #[must_use]
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Over other axes than the default ones.
    #[must_use]
    pub fn axis(mut self, axes: impl Into<Vec<isize>>) -> Self {
        self.axis = Some(axes.into());
        self
    }

    pub(super) fn apply(&self, weight: &Tensor) -> Result<Tensor> {
        check_limits("min_max_norm", self.min_value, self.max_value)?;
        if !(0.0..=1.0).contains(&self.rate) {
            let message = format!("expected a rate in 0..=1, received {}", self.rate);
            return Err(Error::argument("min_max_norm", message));
        }
        rescaled(weight, self.axis.as_deref(), |norms| {
            let inside = norms.clamp(Some(self.min_value), Some(self.max_value))?;
            Ok(inside.mul(self.rate)?.add(&norms.mul(1.0 - self.rate)?)?)
        })
    }
}

fn check_limits(what: &'static str, min: f64, max: f64) -> Result<()> {
    if 0.0 <= min && min <= max {
        return Ok(());
    }
    let message = format!("expected limits 0 ≤ min_value ≤ max_value, received {min} and {max}");
    Err(Error::argument(what, message))
}

/// The weight with each norm over `axes` replaced by `desired(norms)`.
fn rescaled(
    weight: &Tensor,
    axes: Option<&[isize]>,
    desired: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    // Squares of halves overflow early.
    let wide = match weight.dtype().is_half() {
        true => weight.to_dtype(DType::F32)?,
        false => weight.clone(),
    };
    let all: Vec<isize> = (0..wide.rank() as isize).collect();
    let incoming = if all.len() < 2 { &all[..] } else { &all[1..] };
    let norms = wide.square()?.sum_keepdim(axes.unwrap_or(incoming))?.sqrt()?;
    let factors = desired(&norms)?.div(&norms.add(EPSILON)?)?;
    Ok(wide.mul(&factors)?.to_dtype(weight.dtype())?)
}
