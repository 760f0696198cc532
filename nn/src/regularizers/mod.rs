//! Penalties on the size of weights or activities, under Keras' names and with Keras' configurations.
//!
//! ```
//! use ocelli_autograd::Var;
//! use ocelli_nn::regularizers::{L2, Regularizer};
//! use ocelli_tensor::Tensor;
//! # fn main() -> ocelli_nn::Result<()> {
//! let weight = Var::leaf(Tensor::new([3.0f64, -4.0])?)?;
//! let penalty = Regularizer::from(L2::new(0.01)).penalty(&weight)?;
//! assert_eq!(penalty.item::<f64>()?, 0.25);
//! # Ok(())
//! # }
//! ```

use std::str::FromStr;

use ocelli_autograd::Var;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// `l1 · Σ|x|`: drives weights to exactly 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct L1 {
    /// The factor; 0.01 by default.
    pub l1: f64,
}

/// `l2 · Σx²`, without a factor ½, as in Keras: its gradient is `2 · l2 · x`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct L2 {
    /// The factor; 0.01 by default.
    pub l2: f64,
}

/// `l1 · Σ|x| + l2 · Σx²`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct L1L2 {
    /// The factor of the sum of absolute values; 0 by default.
    pub l1: f64,
    /// The factor of the sum of squares; 0 by default.
    pub l2: f64,
}

/// A penalty that is added to the loss. Serialized as Keras does it: `{"class_name": "L2", "config": {"l2": 0.01}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config")]
#[non_exhaustive]
pub enum Regularizer {
    /// [`L1`]
    L1(L1),
    /// [`L2`]
    L2(L2),
    /// [`L1L2`]
    L1L2(L1L2),
}

/// The factor that Keras takes where none is given.
const DEFAULT_FACTOR: f64 = 0.01;

impl Default for L1 {
    fn default() -> Self {
        L1::new(DEFAULT_FACTOR)
    }
}

impl Default for L2 {
    fn default() -> Self {
        L2::new(DEFAULT_FACTOR)
    }
}

impl L1 {
    /// With this factor.
    pub fn new(l1: f64) -> Self {
        L1 { l1 }
    }
}

impl L2 {
    /// With this factor.
    pub fn new(l2: f64) -> Self {
        L2 { l2 }
    }
}

impl L1L2 {
    /// With these factors.
    pub fn new(l1: f64, l2: f64) -> Self {
        L1L2 { l1, l2 }
    }
}

impl From<L1> for Regularizer {
    fn from(regularizer: L1) -> Self {
        Regularizer::L1(regularizer)
    }
}

impl From<L2> for Regularizer {
    fn from(regularizer: L2) -> Self {
        Regularizer::L2(regularizer)
    }
}

impl From<L1L2> for Regularizer {
    fn from(regularizer: L1L2) -> Self {
        Regularizer::L1L2(regularizer)
    }
}

impl Regularizer {
    /// The regularizer of a name of Keras', with factors 0.01: `"l1"`, `"l2"`, `"l1_l2"`.
    ///
    /// # Errors
    /// [`Error::Argument`] that lists the names, if there is none of this name.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "l1" | "L1" => Ok(L1::default().into()),
            "l2" | "L2" => Ok(L2::default().into()),
            "l1_l2" | "l1l2" | "L1L2" => Ok(L1L2::new(DEFAULT_FACTOR, DEFAULT_FACTOR).into()),
            _ => {
                let message = format!("expected one of l1, l2, l1_l2, received \"{name}\"");
                Err(Error::argument("regularizer", message))
            }
        }
    }

    /// The penalty on these numbers, of shape `()` and their dtype; differentiable.
    ///
    /// # Errors
    /// [`Error::Argument`] if a factor is negative or not finite.
    pub fn penalty(&self, x: &Var) -> Result<Var> {
        let (l1, l2) = match *self {
            Regularizer::L1(L1 { l1 }) => (Some(l1), None),
            Regularizer::L2(L2 { l2 }) => (None, Some(l2)),
            Regularizer::L1L2(L1L2 { l1, l2 }) => (Some(l1), Some(l2)),
        };
        for factor in [l1, l2].into_iter().flatten() {
            if !(factor.is_finite() && factor >= 0.0) {
                let message = format!("expected finite factors of at least 0, received {factor}");
                return Err(Error::argument("regularizer", message));
            }
        }
        let absolute = |factor: f64| Ok::<_, Error>(x.abs()?.sum(..)?.mul(factor)?);
        let squares = |factor: f64| Ok::<_, Error>(x.square()?.sum(..)?.mul(factor)?);
        match (l1, l2) {
            (Some(l1), Some(l2)) => Ok(absolute(l1)?.add(&squares(l2)?)?),
            (Some(l1), None) => absolute(l1),
            (None, l2) => squares(l2.unwrap_or_default()),
        }
    }
}

impl FromStr for Regularizer {
    type Err = Error;

    /// See [`Regularizer::from_name`].
    fn from_str(name: &str) -> Result<Self> {
        Regularizer::from_name(name)
    }
}
