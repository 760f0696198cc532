//! The model's weights in a file after each epoch, or after each that is the best so far.

use std::path::{Path, PathBuf};

use ocelli_tensor::safetensors;
use serde::{Deserialize, Serialize};

use super::monitor::MonitorState;
use super::{Callback, CallbackState, Context, Monitor, MonitorMode};
use crate::{Error, Logs, Result};

/// Writes the model's `state_dict` to a safetensors file, which appears whole or not at all. Such a file holds the weights and nothing
/// else; what a training resumes from is [`Trainer::checkpoint`](crate::Trainer::checkpoint).
///
/// ```
/// use ocelli_train::ModelCheckpoint;
/// let best = ModelCheckpoint::best("runs/best.safetensors", "val_accuracy");
/// let last = ModelCheckpoint::last("runs/last.safetensors");
/// let each = ModelCheckpoint::last("runs/weights-{epoch}.safetensors");
/// ```
#[derive(Debug, Clone)]
pub struct ModelCheckpoint {
    path: PathBuf,
    /// `None`: after each epoch.
    monitor: Option<Monitor>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    monitor: Option<MonitorState>,
}

impl ModelCheckpoint {
    /// After each epoch. `{epoch}` in the name of the file stands for the epoch, counted from 1.
    pub fn last(path: impl AsRef<Path>) -> Self {
        ModelCheckpoint { path: path.as_ref().to_path_buf(), monitor: None }
    }

    /// After each epoch that improves the log of this name. `{epoch}` in the name of the file stands for the epoch, counted from 1.
    pub fn best(path: impl AsRef<Path>, monitor: impl Into<String>) -> Self {
        ModelCheckpoint { path: path.as_ref().to_path_buf(), monitor: Some(Monitor::new(monitor)) }
    }

    /// Which way the number gets better.
    #[must_use]
    pub fn mode(mut self, mode: MonitorMode) -> Self {
        if let Some(monitor) = &mut self.monitor {
            monitor.mode = mode;
        }
        self
    }

    /// A value that the first file must beat already: a training that goes on from another.
    #[must_use]
    pub fn initial_value(mut self, value: f64) -> Self {
        if let Some(monitor) = &mut self.monitor {
            monitor.best = Some(value);
        }
        self
    }

    fn path_of(&self, epoch: usize) -> PathBuf {
        match self.path.to_str() {
            Some(text) if text.contains("{epoch}") => text.replace("{epoch}", &(epoch + 1).to_string()).into(),
            _ => self.path.clone(),
        }
    }
}

impl Callback for ModelCheckpoint {
    fn name(&self) -> &'static str {
        "model_checkpoint"
    }

    fn on_epoch_end(&mut self, context: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if let Some(monitor) = &mut self.monitor {
            let value = monitor.value(logs)?;
            if !monitor.improves(context, value)? {
                return Ok(());
            }
        }
        let weights = context.model().state_dict();
        if let Some(key) = crate::checkpoint::first_non_finite(&weights)? {
            let (epoch, step) = (context.epoch() + 1, context.step());
            return Err(Error::NonFiniteWeight { epoch, step, key });
        }
        Ok(safetensors::save(self.path_of(context.epoch()), &weights)?)
    }

    fn outputs(&self) -> Vec<PathBuf> {
        vec![self.path_of(0)]
    }

    fn state(&self) -> Result<CallbackState> {
        CallbackState::new(&State { monitor: self.monitor.as_ref().map(Monitor::state) })
    }

    fn restore(&mut self, state: CallbackState) -> Result<()> {
        let state: State = state.values(self.name())?;
        if let (Some(monitor), Some(state)) = (&mut self.monitor, &state.monitor) {
            monitor.restore(state);
        }
        Ok(())
    }
}
