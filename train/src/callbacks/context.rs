//! What callbacks see of a training, and what they may do to it.

use ocelli_nn::Layer;

use crate::rate::Rate;
use crate::{Error, Metric, Result};

/// A training as its callbacks see it.
pub struct Context<'a> {
    pub(crate) model: &'a dyn Layer,
    pub(crate) rate: &'a mut Rate,
    pub(crate) metrics: &'a [Box<dyn Metric>],
    pub(crate) epoch: usize,
    pub(crate) step: usize,
    pub(crate) global_step: u64,
    pub(crate) stop: bool,
    pub(crate) interrupt: bool,
    pub(crate) messages: Vec<String>,
}

impl Context<'_> {
    /// The model.
    pub fn model(&self) -> &dyn Layer {
        self.model
    }

    /// The epoch, counted from 0. In `on_train_begin` it is the one that comes next, which is not 0 if training goes on.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// The batch in the epoch, counted from 0.
    pub fn step(&self) -> usize {
        self.step
    }

    /// The number of steps that were done in all epochs together.
    pub fn global_step(&self) -> u64 {
        self.global_step
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f64 {
        self.rate.at(self.global_step)
    }

    /// Changes the learning rate from the next step on.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it is finite and at least 0, and if the trainer follows a schedule.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        self.rate.set(learning_rate)
    }

    /// Ends the training after this epoch; in the middle of an epoch, ends that after this batch (with validation).
    pub fn stop(&mut self) {
        self.stop = true;
    }

    /// Ends the training after this batch as ctrl-C does: a checkpoint is written, to be resumed from.
    pub fn interrupt(&mut self) {
        self.interrupt = true;
    }

    /// Says something beside the progress.
    pub fn message(&mut self, text: impl Into<String>) {
        self.messages.push(text.into());
    }

    /// Whether more is better in a log of this name.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is neither `loss` nor a metric's, with or without `val_`.
    pub fn is_better_when_larger(&self, log: &str) -> Result<bool> {
        let name = log.strip_prefix("val_").unwrap_or(log);
        if name == "loss" {
            return Ok(false);
        }
        match self.metrics.iter().find(|metric| metric.name() == name) {
            Some(metric) => Ok(metric.is_better_when_larger()),
            None => {
                let known: Vec<&str> = ["loss"].into_iter().chain(self.metrics.iter().map(|m| m.name())).collect();
                let message = format!(
                    "expected `min` or `max`, or a log of which that is known ({}), received {log}",
                    known.join(", ")
                );
                Err(Error::argument("monitor", message))
            }
        }
    }
}
