//! Learning rates that shrink by a factor.

use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::{Error, Result};

/// Always the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// The learning rate.
    pub learning_rate: f64,
}

/// Multiplied by a factor every so many steps: PyTorch's `StepLR`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepDecay {
    /// The learning rate at first.
    pub initial_learning_rate: f64,
    /// Number of steps between two changes.
    pub decay_steps: u64,
    /// The factor.
    pub decay_rate: f64,
}

/// `initial · rate^(step / decay_steps)`, the exponent rounded down if `staircase`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExponentialDecay {
    /// The learning rate at first.
    pub initial_learning_rate: f64,
    /// Number of steps in which the learning rate is multiplied by the factor.
    pub decay_steps: u64,
    /// The factor.
    pub decay_rate: f64,
    /// Whether to change only every `decay_steps` steps.
    #[serde(default)]
    pub staircase: bool,
}

impl StepDecay {
    /// With this factor every `decay_steps` steps.
    pub fn new(initial_learning_rate: f64, decay_steps: u64, decay_rate: f64) -> Self {
        StepDecay { initial_learning_rate, decay_steps, decay_rate }
    }

    pub(super) fn at(&self, step: u64) -> f64 {
        let times = step / self.decay_steps.max(1);
        self.initial_learning_rate * self.decay_rate.powf(times as f64)
    }

    pub(super) fn check(&self) -> Result<()> {
        check_decay(self.initial_learning_rate, self.decay_steps, self.decay_rate)
    }
}

impl ExponentialDecay {
    /// Smoothly, by this factor in `decay_steps` steps.
    pub fn new(initial_learning_rate: f64, decay_steps: u64, decay_rate: f64) -> Self {
        ExponentialDecay { initial_learning_rate, decay_steps, decay_rate, staircase: false }
    }

    /// Changes only every `decay_steps` steps.
    #[must_use]
    pub fn staircase(mut self, staircase: bool) -> Self {
        self.staircase = staircase;
        self
    }

    pub(super) fn at(&self, step: u64) -> f64 {
        let times = step as f64 / self.decay_steps.max(1) as f64;
        let times = if self.staircase { times.floor() } else { times };
        self.initial_learning_rate * self.decay_rate.powf(times)
    }

    pub(super) fn check(&self) -> Result<()> {
        check_decay(self.initial_learning_rate, self.decay_steps, self.decay_rate)
    }
}

pub(super) fn check_rate(rate: f64) -> Result<()> {
    let expected = "a finite learning rate of at least 0";
    require(rate.is_finite() && rate >= 0.0, "schedule", expected, rate)
}

pub(super) fn check_steps(steps: u64) -> Result<()> {
    if steps > 0 {
        return Ok(());
    }
    Err(Error::argument("schedule", "expected at least 1 decay step, received 0"))
}

fn check_decay(initial: f64, steps: u64, rate: f64) -> Result<()> {
    check_rate(initial)?;
    check_steps(steps)?;
    let fits = rate.is_finite() && rate > 0.0;
    require(fits, "schedule", "a finite decay rate above 0", rate)
}
