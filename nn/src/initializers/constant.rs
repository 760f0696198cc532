//! First values that are not random.

use ocelli_tensor::{DType, Generator, Shape, Tensor};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// All 0: for biases.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Zeros {}

/// All 1: for scales.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ones {}

/// All the same number; 0 by default, as in Keras.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Constant {
    /// The number.
    pub value: f64,
}

/// A matrix with `gain` on its diagonal and 0 elsewhere, square or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The number on the diagonal; 1 by default (and then not written, as in Keras).
    #[serde(skip_serializing_if = "is_one")]
    pub gain: f64,
}

fn is_one(gain: &f64) -> bool {
    *gain == 1.0
}

impl Constant {
    /// All `value`.
    pub fn new(value: f64) -> Self {
        Constant { value }
    }
}

impl Default for Identity {
    fn default() -> Self {
        Identity { gain: 1.0 }
    }
}

impl Zeros {
    pub(super) fn values(&self, shape: &Shape, dtype: DType, _: &mut Generator) -> Result<Tensor> {
        Ok(Tensor::zeros(shape, dtype)?)
    }
}

impl Ones {
    pub(super) fn values(&self, shape: &Shape, dtype: DType, _: &mut Generator) -> Result<Tensor> {
        Ok(Tensor::ones(shape, dtype)?)
    }
}

impl Constant {
    pub(super) fn values(&self, shape: &Shape, dtype: DType, _: &mut Generator) -> Result<Tensor> {
        Ok(Tensor::full(shape, self.value, dtype)?)
    }
}

impl Identity {
    pub(super) fn values(&self, shape: &Shape, dtype: DType, _: &mut Generator) -> Result<Tensor> {
        let [rows, columns] = shape[..] else {
            let message = format!("expected a shape of 2 axes, received {shape}");
            return Err(Error::argument("identity initializer", message));
        };
        Ok(Tensor::eye(rows, columns, dtype)?.mul(self.gain)?)
    }
}
