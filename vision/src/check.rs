//! Checks of arguments that several rooms share.

use ocelli_tensor::{Error as TensorError, Tensor};

use crate::{Error, Result};

/// `Err` unless `value` is in `0..=1`.
pub(crate) fn require_fraction(op: &'static str, name: &str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::argument(op, format!("expected {name} in 0..=1, received {value}")))
}

/// How many masks there are, and their height and width.
pub(crate) fn require_masks(op: &'static str, masks: &Tensor) -> Result<[usize; 3]> {
    match masks.shape()[..] {
        [count, height, width] => Ok([count, height, width]),
        _ => Err(TensorError::shape(op, "masks of shape [N, H, W]", masks.shape()).into()),
    }
}
