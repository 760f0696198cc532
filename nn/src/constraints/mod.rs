//! Sets that weights are kept in: after each step of an optimizer they are put back to the nearest place inside. Keras' names
//! and configurations.
//!
//! ```
//! use ocelli_nn::constraints::{Constraint, MaxNorm};
//! use ocelli_tensor::Tensor;
//! # fn main() -> ocelli_nn::Result<()> {
//! // Two units with two incoming weights each.
//! let weight = Tensor::new([[3.0f64, 4.0], [0.3, 0.4]])?;
//! let kept = Constraint::from(MaxNorm::new(1.0)).apply(&weight)?;
//! assert!(kept.allclose(&Tensor::new([[0.6, 0.8], [0.3, 0.4]])?, 1e-6, 0.0)?);
//! # Ok(())
//! # }
//! ```

mod axis;
mod norm;

use std::str::FromStr;

use ocelli_tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

pub use norm::{MaxNorm, MinMaxNorm, UnitNorm};

/// No negative weights: those are set to 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NonNeg {}

/// What a weight is put back into after each step. Serialized as Keras does it:
/// `{"class_name": "MaxNorm", "config": {"max_value": 2.0, "axis": null}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config")]
#[non_exhaustive]
pub enum Constraint {
    /// [`NonNeg`]
    NonNeg(NonNeg),
    /// [`UnitNorm`]
    UnitNorm(UnitNorm),
    /// [`MaxNorm`]
    MaxNorm(MaxNorm),
    /// [`MinMaxNorm`]
    MinMaxNorm(MinMaxNorm),
}

impl Constraint {
    /// The constraint of a name of Keras', with its default configuration: `"non_neg"`, `"unit_norm"`, `"max_norm"`,
    /// `"min_max_norm"`.
    ///
    /// # Errors
    /// [`Error::Argument`] that lists the names, if there is none of this name.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "non_neg" | "NonNeg" => Ok(NonNeg::default().into()),
            "unit_norm" | "UnitNorm" => Ok(UnitNorm::default().into()),
            "max_norm" | "MaxNorm" => Ok(MaxNorm::default().into()),
            "min_max_norm" | "MinMaxNorm" => Ok(MinMaxNorm::default().into()),
            _ => {
                let names = "non_neg, unit_norm, max_norm, min_max_norm";
                let message = format!("expected one of {names}, received \"{name}\"");
                Err(Error::argument("constraint", message))
            }
        }
    }

    /// The weight, put back. Shape and dtype stay.
    ///
    /// # Errors
    /// If the dtype is not a float type, an axis lies outside the weight's rank, or a limit is negative, not a number, or above
    /// its upper one.
    pub fn apply(&self, weight: &Tensor) -> Result<Tensor> {
        if !weight.dtype().is_float() {
            let error = ocelli_tensor::Error::dtype("constraint", "a float dtype", weight.dtype());
            return Err(error.into());
        }
        match self {
            Constraint::NonNeg(_) => Ok(weight.relu()?),
            Constraint::UnitNorm(constraint) => constraint.apply(weight),
            Constraint::MaxNorm(constraint) => constraint.apply(weight),
            Constraint::MinMaxNorm(constraint) => constraint.apply(weight),
        }
    }
}

impl FromStr for Constraint {
    type Err = Error;

    /// See [`Constraint::from_name`].
    fn from_str(name: &str) -> Result<Self> {
        Constraint::from_name(name)
    }
}

impl From<NonNeg> for Constraint {
    fn from(constraint: NonNeg) -> Self {
        Constraint::NonNeg(constraint)
    }
}

impl From<UnitNorm> for Constraint {
    fn from(constraint: UnitNorm) -> Self {
        Constraint::UnitNorm(constraint)
    }
}

impl From<MaxNorm> for Constraint {
    fn from(constraint: MaxNorm) -> Self {
        Constraint::MaxNorm(constraint)
    }
}

impl From<MinMaxNorm> for Constraint {
    fn from(constraint: MinMaxNorm) -> Self {
        Constraint::MinMaxNorm(constraint)
    }
}
