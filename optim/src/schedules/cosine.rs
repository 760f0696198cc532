//! Half a cosine.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::decay::{check_rate, check_steps};
use crate::Result;
use crate::error::require;

/// Falls along half a cosine to `alpha` times where it began, and stays there. With a warm-up it first rises in a straight line from
/// `initial_learning_rate` to `warmup_target` in `warmup_steps` steps, and begins to fall there.
///
/// I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CosineDecay {
    /// The learning rate at first.
    pub initial_learning_rate: f64,
    /// Number of steps to fall in.
    pub decay_steps: u64,
    /// The share of the learning rate that is left at the end.
    #[serde(default)]
    pub alpha: f64,
    /// Where the warm-up leads; `None`: there is none.
    #[serde(default)]
    pub warmup_target: Option<f64>,
    /// Number of steps of the warm-up.
    #[serde(default)]
    pub warmup_steps: u64,
}

impl CosineDecay {
    /// To 0 in so many steps.
    pub fn new(initial_learning_rate: f64, decay_steps: u64) -> Self {
        CosineDecay { initial_learning_rate, decay_steps, alpha: 0.0, warmup_target: None, warmup_steps: 0 }
    }

    /// Rises to `target` in so many steps before.
    #[must_use]
    pub fn warm_up(mut self, target: f64, steps: u64) -> Self {
        self.warmup_target = Some(target);
        self.warmup_steps = steps;
        self
    }

    /// The share of the learning rate that is left at the end.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    pub(super) fn at(&self, step: u64) -> f64 {
        let (from, begin) = match self.warmup_target {
            Some(target) if step < self.warmup_steps => {
                let done = step as f64 / self.warmup_steps as f64;
                return self.initial_learning_rate + (target - self.initial_learning_rate) * done;
            }
            Some(target) => (target, self.warmup_steps),
            None => (self.initial_learning_rate, 0),
        };
        let done = ((step - begin) as f64 / self.decay_steps.max(1) as f64).min(1.0);
        let cosine = 0.5 * (1.0 + (PI * done).cos());
        from * ((1.0 - self.alpha) * cosine + self.alpha)
    }

    pub(super) fn check(&self) -> Result<()> {
        check_rate(self.initial_learning_rate)?;
        self.warmup_target.map_or(Ok(()), check_rate)?;
        check_steps(self.decay_steps)?;
        let fits = self.alpha.is_finite() && self.alpha >= 0.0;
        require(fits, "schedule", "a finite alpha of at least 0", self.alpha)
    }
}
