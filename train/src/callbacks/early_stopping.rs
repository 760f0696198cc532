//! Ending a training that gets no better.

use ocelli_nn::StateDict;
use serde::{Deserialize, Serialize};

use super::monitor::MonitorState;
use super::{Callback, CallbackState, Context, Monitor, MonitorMode};
use crate::{Logs, Result};

/// Stops when a number has not improved for `patience` epochs, in Keras' arithmetic.
///
/// ```
/// use ocelli_train::EarlyStopping;
/// let callback = EarlyStopping::new("val_loss").patience(3).restore_best_weights(true);
/// ```
#[derive(Clone)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    baseline: Option<f64>,
    start_from_epoch: usize,
    restore_best: bool,
    progress: Waiting,
    best_weights: Option<StateDict>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Waiting {
    wait: usize,
    best_epoch: usize,
    stopped_epoch: Option<usize>,
    monitor: MonitorState,
}

impl EarlyStopping {
    /// Watches the log of this name; with a patience of 0 the first epoch that is not better is the last.
    pub fn new(monitor: impl Into<String>) -> Self {
        EarlyStopping {
            monitor: Monitor::new(monitor),
            patience: 0,
            baseline: None,
            start_from_epoch: 0,
            restore_best: false,
            progress: Waiting::default(),
            best_weights: None,
        }
    }

    /// How many epochs without improvement it bears.
    #[must_use]
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// A smaller change is no improvement; 0 at first.
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

    /// A value that must be beaten: until then improvements do not renew the patience.
    #[must_use]
    pub fn baseline(mut self, baseline: f64) -> Self {
        self.baseline = Some(baseline);
        self
    }

    /// The first epoch (from 0) that counts.
    #[must_use]
    pub fn start_from_epoch(mut self, epoch: usize) -> Self {
        self.start_from_epoch = epoch;
        self
    }

    /// Whether the model gets back, at the end of training, the weights and buffers of its best epoch; at first not. As in Keras 3
    /// it does so also if all epochs were trained.
    #[must_use]
    pub fn restore_best_weights(mut self, restore: bool) -> Self {
        self.restore_best = restore;
        self
    }

    /// The epoch (from 0) after which it stopped the training, if it did.
    pub fn stopped_epoch(&self) -> Option<usize> {
        self.progress.stopped_epoch
    }
}

impl Callback for EarlyStopping {
    fn name(&self) -> &'static str {
        "early_stopping"
    }

    fn on_epoch_end(&mut self, context: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        let epoch = context.epoch();
        let value = self.monitor.value(logs)?;
        if epoch < self.start_from_epoch {
            return Ok(());
        }
        if self.restore_best && self.best_weights.is_none() {
            self.best_weights = Some(context.model().state_dict());
            self.progress.best_epoch = epoch;
        }
        self.progress.wait += 1;
        if self.monitor.improves(context, value)? {
            self.progress.best_epoch = epoch;
            if self.restore_best {
                self.best_weights = Some(context.model().state_dict());
            }
            let beaten = match self.baseline {
                None => true,
                Some(_) => self.monitor.is_improvement(context, value, self.baseline)?,
            };
            if beaten {
                self.progress.wait = 0;
            }
        } else if self.progress.wait >= self.patience && epoch > 0 {
            self.progress.stopped_epoch = Some(epoch);
            context.message(format!("Epoch {}: early stopping", epoch + 1));
            context.stop();
        }
        Ok(())
    }

    fn on_train_end(&mut self, context: &mut Context<'_>, _logs: &Logs) -> Result<()> {
        if let Some(weights) = self.best_weights.as_ref().filter(|_| self.restore_best) {
            context.model().load_state_dict(weights)?;
            let epoch = self.progress.best_epoch + 1;
            context.message(format!("Restoring model weights from the end of the best epoch: {epoch}."));
        }
        Ok(())
    }

    fn state(&self) -> Result<CallbackState> {
        let progress = Waiting { monitor: self.monitor.state(), ..self.progress.clone() };
        let mut state = CallbackState::new(&progress)?;
        state.tensors = self.best_weights.clone().unwrap_or_default();
        Ok(state)
    }

    fn restore(&mut self, state: CallbackState) -> Result<()> {
        self.progress = state.values(self.name())?;
        self.monitor.restore(&self.progress.monitor);
        self.best_weights = (!state.tensors.is_empty()).then_some(state.tensors);
        Ok(())
    }
}
