//! A learning rate that falls when nothing gets better any more.

use serde::{Deserialize, Serialize};

use super::monitor::MonitorState;
use super::{Callback, CallbackState, Context, Monitor, MonitorMode};
use crate::{Error, Logs, Result};

/// Multiplies the learning rate by `factor` when a number has not improved for `patience` epochs, in Keras' arithmetic and with its
/// defaults: factor 0.1, patience 10, `min_delta` 0.0001, no cooldown, no lower bound. The logs get the rate of the epoch as
/// `learning_rate`.
#[derive(Debug, Clone)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    cooldown: usize,
    min_lr: f64,
    progress: Waiting,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Waiting {
    wait: usize,
    cooldown: usize,
    monitor: MonitorState,
}

impl ReduceLROnPlateau {
    /// Watches the log of this name.
    pub fn new(monitor: impl Into<String>) -> Self {
        let mut monitor = Monitor::new(monitor);
        monitor.min_delta = 1e-4;
        ReduceLROnPlateau { monitor, factor: 0.1, patience: 10, cooldown: 0, min_lr: 0.0, progress: Waiting::default() }
    }

    /// What the learning rate is multiplied by.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it is in `0..1`.
    pub fn factor(mut self, factor: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&factor) {
            let message = format!("expected a factor of at least 0 and below 1, received {factor}");
            return Err(Error::argument("reduce learning rate on plateau", message));
        }
        self.factor = factor;
        Ok(self)
    }

    /// How many epochs without improvement it bears.
    #[must_use]
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// A smaller change is no improvement.
    #[must_use]
    pub fn min_delta(mut self, delta: f64) -> Self {
        self.monitor.min_delta = delta;
        self
    }

    /// Which way the number gets better.
    #[must_use]
    pub fn mode(mut self, mode: MonitorMode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// How many epochs it rests after it has lowered the rate.
    #[must_use]
    pub fn cooldown(mut self, epochs: usize) -> Self {
        self.cooldown = epochs;
        self
    }

    /// The rate never falls below this.
    #[must_use]
    pub fn min_learning_rate(mut self, rate: f64) -> Self {
        self.min_lr = rate;
        self
    }
}

impl Callback for ReduceLROnPlateau {
    fn name(&self) -> &'static str {
        "reduce_lr_on_plateau"
    }

    fn on_epoch_end(&mut self, context: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        logs.set("learning_rate", context.learning_rate());
        let value = self.monitor.value(logs)?;
        let better = self.monitor.improves(context, value)?;
        let progress = &mut self.progress;
        if progress.cooldown > 0 {
            progress.cooldown -= 1;
            progress.wait = 0;
        }
        if better {
            progress.wait = 0;
        } else if progress.cooldown == 0 {
            progress.wait += 1;
            let old = context.learning_rate();
            if progress.wait >= self.patience && old > self.min_lr {
                let new = (old * self.factor).max(self.min_lr);
                context.set_learning_rate(new)?;
                let epoch = context.epoch() + 1;
                context.message(format!("Epoch {epoch}: ReduceLROnPlateau reducing learning rate to {new}."));
                progress.cooldown = self.cooldown;
                progress.wait = 0;
            }
        }
        Ok(())
    }

    fn state(&self) -> Result<CallbackState> {
        CallbackState::new(&Waiting { monitor: self.monitor.state(), ..self.progress.clone() })
    }

    fn restore(&mut self, state: CallbackState) -> Result<()> {
        self.progress = state.values(self.name())?;
        self.monitor.restore(&self.progress.monitor);
        Ok(())
    }
}
