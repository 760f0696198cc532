//! A learning rate that follows the epochs.

use super::{Callback, Context};
use crate::{Logs, Result};

/// Sets the learning rate at the beginning of each epoch by a function of the epoch (from 0) and the rate so far, as in Keras. The
/// logs get the rate as `learning_rate`. For rates that change with every step give the trainer a schedule instead.
///
/// ```
/// use ocelli_train::LearningRateScheduler;
/// let callback = LearningRateScheduler::new(|epoch, rate| if epoch < 10 { rate } else { rate * 0.9 });
/// ```
pub struct LearningRateScheduler {
    rate: Box<dyn Fn(usize, f64) -> f64 + Send>,
}

impl LearningRateScheduler {
    /// With this function of epoch and rate.
    pub fn new(rate: impl Fn(usize, f64) -> f64 + Send + 'static) -> Self {
        LearningRateScheduler { rate: Box::new(rate) }
    }
}

impl Callback for LearningRateScheduler {
    fn name(&self) -> &'static str {
        "learning_rate_scheduler"
    }
    fn on_epoch_begin(&mut self, context: &mut Context<'_>) -> Result<()> {
        let rate = (self.rate)(context.epoch(), context.learning_rate());
        context.set_learning_rate(rate)
    }
    fn on_epoch_end(&mut self, context: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        logs.set("learning_rate", context.learning_rate());
        Ok(())
    }
}
