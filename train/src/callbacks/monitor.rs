//! Watching one number for improvements.

use serde::{Deserialize, Serialize};

use crate::{Context, Error, Logs, Result};

/// Which way a number gets better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MonitorMode {
    /// A loss by falling, a metric as it says itself.
    #[default]
    Auto,
    /// By falling.
    Min,
    /// By rising.
    Max,
}

/// Watches one number of the logs, in Keras' arithmetic: a value is an improvement if it is better than the best so far by more than
/// `min_delta`. The first value is one; a NaN never is.
#[derive(Debug, Clone)]
pub struct Monitor {
    pub(super) name: String,
    pub(super) mode: MonitorMode,
    pub(super) min_delta: f64,
    pub(super) best: Option<f64>,
}

/// What a checkpoint keeps of a monitor.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct MonitorState {
    best: Option<Exact>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Exact(#[serde(with = "crate::logs::exact")] f64);

impl Monitor {
    /// Watches the log of this name: `"val_loss"`, `"val_accuracy"`, `"loss"`, …
    pub fn new(name: impl Into<String>) -> Self {
        Monitor { name: name.into(), mode: MonitorMode::Auto, min_delta: 0.0, best: None }
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// The value in the logs.
    ///
    /// # Errors
    /// [`Error::Argument`] if it is not there.
    pub(super) fn value(&self, logs: &Logs) -> Result<f64> {
        logs.get(&self.name).ok_or_else(|| {
            let known: Vec<&str> = logs.names().collect();
            let message = format!("expected a log named {:?}, received {}", self.name, known.join(", "));
            Error::argument("monitor", message)
        })
    }

    /// Whether `value` is better than `reference`.
    pub(super) fn is_improvement(&self, context: &Context<'_>, value: f64, reference: Option<f64>) -> Result<bool> {
        let rising = match self.mode {
            MonitorMode::Auto => context.is_better_when_larger(&self.name)?,
            MonitorMode::Min => false,
            MonitorMode::Max => true,
        };
        let delta = self.min_delta.abs();
        Ok(match reference {
            None => !value.is_nan(),
            Some(reference) if rising => value - delta > reference,
            Some(reference) => value + delta < reference,
        })
    }

    /// Takes a value in, and tells whether it is the best so far.
    pub(super) fn improves(&mut self, context: &Context<'_>, value: f64) -> Result<bool> {
        let better = self.is_improvement(context, value, self.best)?;
        if better {
            self.best = Some(value);
        }
        Ok(better)
    }

    pub(super) fn state(&self) -> MonitorState {
        MonitorState { best: self.best.map(Exact) }
    }

    pub(super) fn restore(&mut self, state: &MonitorState) {
        self.best = state.best.map(|best| best.0);
    }
}

impl From<&str> for Monitor {
    fn from(name: &str) -> Self {
        Monitor::new(name)
    }
}
