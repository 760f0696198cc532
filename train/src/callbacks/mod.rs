//! Callbacks: what is done between the steps of training.

mod context;
mod csv_logger;
mod early_stopping;
mod learning_rate;
mod model_checkpoint;
mod monitor;
mod plateau;

use std::path::PathBuf;

pub use context::Context;
pub use csv_logger::CsvLogger;
pub use early_stopping::EarlyStopping;
pub use learning_rate::LearningRateScheduler;
pub use model_checkpoint::ModelCheckpoint;
pub use monitor::{Monitor, MonitorMode};
use ocelli_nn::StateDict;
pub use plateau::ReduceLROnPlateau;

use crate::{Error, Logs, Result};

/// Something that is told how training goes, and may act on it. The calls come in Keras' order, and callbacks are called in the
/// order in which they were added:
///
/// `on_train_begin`, then for each epoch `on_epoch_begin`, for each batch `on_batch_begin` and `on_batch_end`, then (after
/// validation) `on_epoch_end`, and last `on_train_end`.
///
/// Epochs and batches are counted from 0. A training that goes on in the middle of an epoch does not begin that epoch again. One that
/// is interrupted does not end: whoever resumes it does.
///
/// ```
/// use ocelli_train::{Callback, Context, Logs, Result};
///
/// /// Stops as soon as the validation is good enough.
/// struct Target(f64);
///
/// impl Callback for Target {
///     fn name(&self) -> &'static str {
///         "target"
///     }
///     fn on_epoch_end(&mut self, context: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
///         if logs.get("val_accuracy").is_some_and(|accuracy| accuracy >= self.0) {
///             context.stop();
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Callback: Send {
    /// Its kind: a checkpoint keeps its state under this name.
    fn name(&self) -> &'static str;

    /// Training begins, or goes on.
    ///
    /// # Errors
    /// An error here, and in the other calls, ends the training with it.
    fn on_train_begin(&mut self, _context: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// An epoch begins.
    ///
    /// # Errors
    /// As [`Callback::on_train_begin`].
    fn on_epoch_begin(&mut self, _context: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// A batch is about to be trained on.
    ///
    /// # Errors
    /// As [`Callback::on_train_begin`].
    fn on_batch_begin(&mut self, _context: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// A batch was trained on. `logs` holds the loss and the metrics of the epoch so far.
    ///
    /// # Errors
    /// As [`Callback::on_train_begin`].
    fn on_batch_end(&mut self, _context: &mut Context<'_>, _logs: &Logs) -> Result<()> {
        Ok(())
    }

    /// An epoch and its validation are done. What is added to `logs` is seen by later callbacks and goes into the history.
    ///
    /// # Errors
    /// As [`Callback::on_train_begin`].
    fn on_epoch_end(&mut self, _context: &mut Context<'_>, _logs: &mut Logs) -> Result<()> {
        Ok(())
    }

    /// Training is over. `logs` is that of the last epoch.
    ///
    /// # Errors
    /// As [`Callback::on_train_begin`].
    fn on_train_end(&mut self, _context: &mut Context<'_>, _logs: &Logs) -> Result<()> {
        Ok(())
    }

    /// The files that it will write. The trainer checks before training that it may.
    fn outputs(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// What a resumed training needs to go on as if nothing had happened.
    ///
    /// # Errors
    /// If it cannot be put into words.
    fn state(&self) -> Result<CallbackState> {
        Ok(CallbackState::default())
    }

    /// Goes on from a [`Callback::state`].
    ///
    /// # Errors
    /// If it is not a state of this kind.
    fn restore(&mut self, _state: CallbackState) -> Result<()> {
        Ok(())
    }
}

/// The state of a callback, as a checkpoint keeps it.
#[derive(Clone, Default)]
pub struct CallbackState {
    /// Numbers and words.
    pub values: serde_json::Value,
    /// Tensors by name, such as the best weights so far.
    pub tensors: StateDict,
}

impl CallbackState {
    /// A state without tensors.
    ///
    /// # Errors
    /// If the values have no form in JSON.
    pub fn new(values: &impl serde::Serialize) -> Result<Self> {
        let values = serde_json::to_value(values).map_err(|e| {
            let message = format!("expected a state with a form in JSON, received: {e}");
            Error::argument("callback state", message)
        })?;
        Ok(CallbackState { values, tensors: StateDict::new() })
    }

    /// The values.
    ///
    /// # Errors
    /// If they are not those of this type.
    pub fn values<T: serde::de::DeserializeOwned>(&self, callback: &'static str) -> Result<T> {
        serde_json::from_value(self.values.clone()).map_err(|e| {
            let message = format!("expected the state that this kind of callback has written, received another ({e})");
            Error::argument(callback, message)
        })
    }
}
