//! The trainer: what it is made of, and what it remembers.

use std::path::{Path, PathBuf};

use ocelli_nn::{Layer, LoadReport, Loss};
use ocelli_optim::{Optimizer, Schedule};

use crate::checkpoint::{Checkpoint, Rest, first_non_finite};
use crate::rate::Rate;
use crate::state::State;
use crate::{Callback, CallbackState, Error, History, Metric, Progress, Result, interrupt};

/// Trains a model, and evaluates it.
///
/// A trainer remembers how far it has come: [`Trainer::fit`] trains until so many epochs are done *in all*, so a second call with a
/// larger number goes on, and one after [`Trainer::resume`] does what an uninterrupted training would have done.
///
/// Batches are brought to the device that the model's parameters are on ([`Module::to`](ocelli_nn::Module::to)).
///
/// See the [front page](crate) for an example.
pub struct Trainer<'a> {
    pub(crate) model: &'a dyn Layer,
    pub(crate) loss: Box<dyn Loss>,
    pub(crate) optimizer: Box<dyn Optimizer>,
    pub(crate) rate: Rate,
    pub(crate) clip: Clip,
    pub(crate) metrics: Vec<Box<dyn Metric>>,
    pub(crate) callbacks: Vec<Box<dyn Callback>>,
    pub(crate) progress: Progress,
    pub(crate) checkpoint: Option<PathBuf>,
    pub(crate) checkpoint_steps: Option<u64>,
    pub(crate) listens: bool,
    pub(crate) state: State,
}

/// What is done to gradients before the step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Clip {
    /// Nothing.
    #[default]
    None,
    /// Each element is limited to `-limit..=limit`.
    Value(f64),
    /// The gradient of each parameter is scaled down to this norm.
    Norm(f64),
    /// All gradients are scaled by one factor, so that their norm together is at most this.
    GlobalNorm(f64),
}

impl<'a> Trainer<'a> {
    /// A trainer with the optimizer's default learning rate, no metrics and no callbacks.
    pub fn new(model: &'a dyn Layer, loss: impl Loss + 'static, optimizer: impl Optimizer + 'static) -> Self {
        Trainer::boxed(model, Box::new(loss), Box::new(optimizer))
    }

    /// As [`Trainer::new`], for a loss and an optimizer that were found by their names.
    pub fn boxed(model: &'a dyn Layer, loss: Box<dyn Loss>, optimizer: Box<dyn Optimizer>) -> Self {
        Trainer {
            model,
            loss,
            rate: Rate::Fixed(optimizer.default_learning_rate()),
            optimizer,
            clip: Clip::None,
            metrics: Vec::new(),
            callbacks: Vec::new(),
            progress: Progress::Auto,
            checkpoint: None,
            checkpoint_steps: None,
            listens: false,
            state: State::default(),
        }
    }

    /// The learning rate, which callbacks may change.
    #[must_use]
    pub fn learning_rate(mut self, rate: f64) -> Self {
        self.rate = Rate::Fixed(rate);
        self
    }

    /// A learning rate that follows from the step, counted from 0 over all epochs. Callbacks cannot change it.
    #[must_use]
    pub fn schedule(mut self, schedule: impl Into<Schedule>) -> Self {
        self.rate = Rate::Scheduled(schedule.into());
        self
    }

    /// What is done to gradients before the step.
    #[must_use]
    pub fn clip(mut self, clip: Clip) -> Self {
        self.clip = clip;
        self
    }

    /// Another metric.
    #[must_use]
    pub fn metric(mut self, metric: impl Metric + 'static) -> Self {
        self.metrics.push(Box::new(metric));
        self
    }

    /// Another callback; they are called in the order in which they were added.
    #[must_use]
    pub fn callback(mut self, callback: impl Callback + 'static) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// How progress is shown.
    #[must_use]
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Writes all of the training into this file after each epoch and when it is interrupted, to be resumed from.
    #[must_use]
    pub fn checkpoint(mut self, path: impl AsRef<Path>) -> Self {
        self.checkpoint = Some(path.as_ref().to_path_buf());
        self
    }

    /// Writes the checkpoint also each time that so many steps are done; with 0, as at first, after epochs only.
    #[must_use]
    pub fn checkpoint_every(mut self, steps: u64) -> Self {
        self.checkpoint_steps = Some(steps).filter(|&steps| steps > 0);
        self
    }

    /// Lets ctrl-C end training after the step that is being done, with a checkpoint; a second ctrl-C ends the process at once. This
    /// takes over SIGINT for the whole process, which can be done only once.
    ///
    /// # Errors
    /// [`Error::Argument`] if the process has another handler already.
    pub fn stop_on_ctrl_c(mut self) -> Result<Self> {
        interrupt::install()?;
        self.listens = true;
        Ok(self)
    }

    /// The model.
    pub fn model(&self) -> &'a dyn Layer {
        self.model
    }

    /// What happened so far.
    pub fn history(&self) -> &History {
        &self.state.history
    }

    /// The number of epochs that are done.
    pub fn epoch(&self) -> usize {
        self.state.epoch
    }

    /// The number of steps that are done, in all epochs together.
    pub fn global_step(&self) -> u64 {
        self.state.global_step
    }

    /// The learning rate of the next step.
    pub fn current_learning_rate(&self) -> f64 {
        self.rate.at(self.state.global_step)
    }

    /// Writes all of the training into a file that [`Trainer::resume`] reads.
    ///
    /// # Errors
    /// [`Error::NonFiniteWeight`] if a weight is NaN or infinite, an error of the file if it cannot be written; what was there before is
    /// still there then.
    pub fn save_checkpoint(&self, path: impl AsRef<Path>) -> Result<()> {
        let checkpoint = self.capture()?;
        if let Some(key) = first_non_finite(&checkpoint.model)? {
            let (epoch, step) = (self.state.epoch + 1, self.state.step);
            return Err(Error::NonFiniteWeight { epoch, step, key });
        }
        checkpoint.save(path)
    }

    /// Takes over a training that was written by a trainer of the same model and optimizer. The next [`Trainer::fit`] with the same data
    /// goes on with the next batch, and comes to the same numbers to the last bit.
    ///
    /// Callbacks and metrics are recognized by their names; those that the file does not know begin anew. The learning rate or
    /// schedule is the file's: to go on with another, set it afterwards.
    ///
    /// # Errors
    /// [`Error::Tensor`] or [`Error::Format`] if the file is cut short or no checkpoint, [`Error::Nn`] with the missing, unexpected and
    /// misshapen keys if it belongs to another network, [`Error::Optim`] or [`Error::Argument`] if it belongs to another optimizer. Nothing
    /// is changed then.
    pub fn resume(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let checkpoint = Checkpoint::load(path)?;
        // Refused before anything is touched, and with the keys by name.
        let expected = self.model.state_dict();
        let shapes = expected.iter().map(|(key, tensor)| (key.as_str(), tensor.shape().clone()));
        let report = LoadReport::compare(shapes, &checkpoint.model);
        if !report.is_exact() {
            return Err(ocelli_nn::Error::StateDict(report).into());
        }
        if checkpoint.rest.optimizer != self.optimizer.name() {
            let message = format!(
                "expected a checkpoint of {}, received one of {}",
                self.optimizer.name(),
                checkpoint.rest.optimizer
            );
            return Err(Error::argument("optimizer", message));
        }
        let before = self.capture()?;
        let outcome = self.apply(checkpoint);
        if outcome.is_err() {
            self.apply(before)?;
        }
        outcome
    }

    fn capture(&self) -> Result<Checkpoint> {
        let callbacks = self.callbacks.iter().map(|callback| Ok((callback.name().to_string(), callback.state()?)));
        let metrics = self.metrics.iter().map(|metric| (metric.name().to_string(), metric.state()));
        Ok(Checkpoint {
            model: self.model.state_dict(),
            optimizer: self.optimizer.state_dict()?,
            callbacks: callbacks.collect::<Result<_>>()?,
            rest: Rest {
                state: self.state.clone(),
                optimizer: self.optimizer.name().to_string(),
                rate: self.rate.clone(),
                random: self.model.random_state(),
                metrics: metrics.collect(),
            },
        })
    }

    fn apply(&mut self, checkpoint: Checkpoint) -> Result<()> {
        let Checkpoint { model, optimizer, callbacks, rest } = checkpoint;
        self.optimizer.load_state_dict(&optimizer)?;
        for metric in &mut self.metrics {
            if let Some((_, state)) = rest.metrics.iter().find(|(name, _)| name == metric.name()) {
                metric.restore(state)?;
            }
        }
        // The second callback of a kind goes on from the second state of that kind.
        let mut stored: Vec<Option<(String, CallbackState)>> = callbacks.into_iter().map(Some).collect();
        for callback in &mut self.callbacks {
            let same = |entry: &&mut Option<(String, CallbackState)>| {
                entry.as_ref().is_some_and(|(name, _)| name == callback.name())
            };
            if let Some((_, state)) = stored.iter_mut().find(same).and_then(Option::take) {
                callback.restore(state)?;
            }
        }
        self.rate = rest.rate;
        self.model.load_state_dict(&model)?;
        self.model.restore_random_state(&rest.random);
        self.state = rest.state;
        Ok(())
    }
}
