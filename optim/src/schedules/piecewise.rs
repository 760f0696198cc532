//! Steps of any height.

use serde::{Deserialize, Serialize};

use super::decay::check_rate;
use crate::{Error, Result};

/// `values[0]` up to and including step `boundaries[0]`, then `values[1]` up to and including `boundaries[1]`, and so on;
/// the last value behind the last boundary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PiecewiseConstantDecay {
    /// The last step of each piece but the last, ascending.
    pub boundaries: Vec<u64>,
    /// The learning rate of each piece: one more than boundaries.
    pub values: Vec<f64>,
}

impl PiecewiseConstantDecay {
    /// With these boundaries and one more value.
    pub fn new(boundaries: impl Into<Vec<u64>>, values: impl Into<Vec<f64>>) -> Self {
        PiecewiseConstantDecay { boundaries: boundaries.into(), values: values.into() }
    }

    pub(super) fn at(&self, step: u64) -> f64 {
        let piece = self.boundaries.partition_point(|&boundary| boundary < step);
        // A schedule that `check` refuses has no value here.
        self.values.get(piece).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn check(&self) -> Result<()> {
        let (boundaries, values) = (self.boundaries.len(), self.values.len());
        if values != boundaries + 1 {
            let message = format!("expected one more value than the {boundaries} boundaries, received {values}");
            return Err(Error::argument("schedule", message));
        }
        if !self.boundaries.is_sorted() {
            let message = format!("expected ascending boundaries, received {:?}", self.boundaries);
            return Err(Error::argument("schedule", message));
        }
        self.values.iter().try_for_each(|&value| check_rate(value))
    }
}
