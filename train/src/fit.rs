//! The training loop.

use std::path::Path;

use ocelli_autograd::Var;
use ocelli_optim::{clip, clip_by_global_norm, clip_by_norm, clip_by_value};
use ocelli_tensor::Tensor;

use crate::interrupt::Listening;
use crate::progress::{Position, Reporter};
use crate::state::Data;
use crate::trainer::Clip;
use crate::{Batches, Callback, Context, Error, History, Logs, Result, Trainer};

/// How a training ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// All epochs that the trainer has done, also those before it was resumed.
    pub history: History,
    /// Whether it ended early by ctrl-C or [`Context::interrupt`]: it can be resumed from its checkpoint.
    pub interrupted: bool,
    /// Whether a callback ended it, as [`EarlyStopping`](crate::EarlyStopping) does.
    pub stopped: bool,
}

impl Trainer<'_> {
    /// Trains until `epochs` epochs are done in all, with those that were done by earlier calls or before a resume.
    ///
    /// Each step: forward in training mode, the loss with all penalties, backward, clipping, the optimizer's step with its constraints.
    /// After each epoch the model is evaluated on the validation data, whose logs have `val_` before their names.
    ///
    /// # Errors
    /// - before the first step, if there is no batch, if a file that is to be written cannot be, if two metrics have one name, or if the
    ///   data is not that of the training that was resumed;
    /// - [`Error::NonFiniteLoss`] if the loss becomes NaN or infinite; the last checkpoint stays as it was;
    /// - [`Error::Data`] if a batch cannot be loaded, and the errors of the model, the optimizer and the callbacks.
    pub fn fit(&mut self, train: &dyn Batches, validation: Option<&dyn Batches>, epochs: usize) -> Result<Fit> {
        self.check(train, validation)?;
        let listening = self.listens.then(Listening::new);
        let mut reporter = self.progress.reporter();
        let outcome = self.run(train, validation, epochs, &mut *reporter, listening.as_ref());
        reporter.finish();
        let interrupted = outcome?;
        if interrupted && let Some(path) = &self.checkpoint {
            reporter.message(&format!("Interrupted. The training can be resumed from {}.", path.display()));
        }
        Ok(Fit { history: self.state.history.clone(), interrupted, stopped: self.state.stopped })
    }

    /// What can be known to fail before the first step.
    fn check(&self, train: &dyn Batches, validation: Option<&dyn Batches>) -> Result<()> {
        self.rate.check()?;
        if train.is_empty() || validation.is_some_and(|validation| validation.is_empty()) {
            return Err(Error::argument("fit", "expected at least one batch in an epoch, received none"));
        }
        for (i, metric) in self.metrics.iter().enumerate() {
            let name = metric.name();
            if name == "loss" || self.metrics[..i].iter().any(|other| other.name() == name) {
                let message = format!("expected metrics of different names other than loss, received {name} twice");
                return Err(Error::argument("fit", message));
            }
        }
        if let Some(known) = self.state.data.as_ref().filter(|_| self.state.step > 0) {
            let data = Data::of(train, self.state.epoch);
            if data != *known {
                let message = format!(
                    "expected the data of the training that goes on ({} samples in {} batches, in the order of its seed), received {} samples in {} batches{}",
                    known.samples,
                    known.batches,
                    data.samples,
                    data.batches,
                    if data.order == known.order { "" } else { " in another order" }
                );
                return Err(Error::argument("fit", message));
            }
        }
        let outputs = self.callbacks.iter().flat_map(|callback| callback.outputs());
        outputs.chain(self.checkpoint.clone()).try_for_each(|path| check_writable(&path))
    }

    /// Tells the callbacks something.
    fn notify(
        &mut self,
        reporter: &mut dyn Reporter,
        signals: &mut Signals<'_>,
        mut call: impl FnMut(&mut dyn Callback, &mut Context<'_>) -> Result<()>,
    ) -> Result<()> {
        for callback in &mut self.callbacks {
            let mut context = Context {
                model: self.model,
                rate: &mut self.rate,
                metrics: &self.metrics,
                epoch: self.state.epoch,
                step: self.state.step,
                global_step: self.state.global_step,
                stop: false,
                interrupt: false,
                messages: Vec::new(),
            };
            let outcome = call(&mut **callback, &mut context);
            self.state.stopped |= context.stop;
            signals.interrupt |= context.interrupt;
            context.messages.iter().for_each(|text| reporter.message(text));
            outcome?;
        }
        Ok(())
    }

    /// Trains, and tells whether it was interrupted.
    fn run(
        &mut self,
        train: &dyn Batches,
        validation: Option<&dyn Batches>,
        epochs: usize,
        reporter: &mut dyn Reporter,
        listening: Option<&Listening>,
    ) -> Result<bool> {
        let mut signals = Signals { interrupt: false, listening };
        self.notify(reporter, &mut signals, |callback, context| callback.on_train_begin(context))?;
        while self.state.epoch < epochs && !self.state.stopped {
            if self.epoch_steps(train, epochs, reporter, &mut signals)? {
                return Ok(true);
            }
            self.epoch_end(train, validation, epochs, reporter, &mut signals)?;
            // In the last epoch there is nothing left to interrupt.
            if signals.interrupted() && self.state.epoch < epochs && !self.state.stopped {
                return Ok(true);
            }
        }
        let logs = self.state.last_logs();
        self.notify(reporter, &mut signals, |callback, context| callback.on_train_end(context, &logs))?;
        Ok(false)
    }

    /// The steps of an epoch from where the training is; tells whether they were interrupted, with the checkpoint written.
    fn epoch_steps(
        &mut self,
        train: &dyn Batches,
        epochs: usize,
        reporter: &mut dyn Reporter,
        signals: &mut Signals<'_>,
    ) -> Result<bool> {
        let epoch = self.state.epoch;
        if self.state.step == 0 {
            self.state.loss.reset();
            self.metrics.iter_mut().for_each(|metric| metric.reset());
            self.state.data = Some(Data::of(train, epoch));
            self.notify(reporter, signals, |callback, context| callback.on_epoch_begin(context))?;
        }
        self.model.train();
        reporter.epoch_begins(self.position(train, epochs));
        for batch in train.epoch_from(epoch as u64, self.state.step) {
            let (inputs, targets) = batch?;
            self.notify(reporter, signals, |callback, context| callback.on_batch_begin(context))?;
            let samples = inputs.size(0)?;
            let (prediction, loss) = self.step(&inputs, &targets)?;
            self.state.loss.add(loss, samples as f64);
            for metric in &mut self.metrics {
                metric.update(&prediction, &targets)?;
            }
            let logs = self.running_logs();
            self.notify(reporter, signals, |callback, context| callback.on_batch_end(context, &logs))?;
            self.state.step += 1;
            self.state.global_step += 1;
            reporter.step(self.position(train, epochs), samples, &logs);
            if self.state.stopped {
                // The epoch still ends as it should, also if ctrl-C was pressed meanwhile.
                break;
            }
            if signals.interrupted() {
                self.write_checkpoint()?;
                return Ok(true);
            }
            if self.checkpoint_steps.is_some_and(|steps| self.state.global_step.is_multiple_of(steps)) {
                self.write_checkpoint()?;
            }
        }
        Ok(false)
    }

    /// Validation, callbacks, history and the checkpoint.
    fn epoch_end(
        &mut self,
        train: &dyn Batches,
        validation: Option<&dyn Batches>,
        epochs: usize,
        reporter: &mut dyn Reporter,
        signals: &mut Signals<'_>,
    ) -> Result<()> {
        reporter.epoch_trained();
        let mut logs = self.running_logs();
        if let Some(validation) = validation {
            logs.append_prefixed("val_", &self.evaluate(validation)?);
        }
        self.notify(reporter, signals, |callback, context| callback.on_epoch_end(context, &mut logs))?;
        reporter.epoch_ends(self.position(train, epochs), &logs);
        self.state.history.push(self.state.epoch, logs);
        self.state.epoch += 1;
        self.state.step = 0;
        self.write_checkpoint()
    }

    /// One step; returns the prediction before it, and its loss.
    fn step(&mut self, inputs: &Tensor, targets: &Tensor) -> Result<(Tensor, f64)> {
        let (prediction, loss) = self.forward(inputs, targets)?;
        let value = loss.item::<f64>()?;
        if !value.is_finite() {
            return Err(self.non_finite_loss(&loss, value));
        }
        let mut gradients = loss.backward()?;
        if self.clip != Clip::None {
            let parameters = self.model.named_parameters();
            match self.clip {
                Clip::None => {}
                Clip::Value(limit) => clip_by_value(&mut gradients, &parameters, limit)?,
                Clip::Norm(norm) => clip_by_norm(&mut gradients, &parameters, norm)?,
                Clip::GlobalNorm(norm) => {
                    clip_by_global_norm(&mut gradients, &parameters, norm)?;
                }
            }
        }
        // The optimizer applies the constraints.
        self.optimizer.step(&gradients, self.rate.at(self.state.global_step))?;
        Ok((prediction.into_tensor(), value))
    }

    fn non_finite_loss(&self, loss: &Var, value: f64) -> Error {
        let parameters = self.model.named_parameters();
        // That gradients cannot be had is not what went wrong.
        let culprit = loss.backward().ok().and_then(|gradients| clip::largest(&gradients, &parameters).ok().flatten());
        Error::NonFiniteLoss { epoch: self.state.epoch + 1, step: self.state.step + 1, loss: value, culprit }
    }

    fn running_logs(&self) -> Logs {
        let mut logs = Logs::new();
        logs.set("loss", self.state.loss.value());
        for metric in &self.metrics {
            logs.set(metric.name(), metric.value());
        }
        logs
    }

    fn position(&self, train: &dyn Batches, epochs: usize) -> Position {
        Position { epoch: self.state.epoch, epochs, step: self.state.step, steps: train.len() }
    }

    fn write_checkpoint(&self) -> Result<()> {
        match &self.checkpoint {
            Some(path) => self.save_checkpoint(path),
            None => Ok(()),
        }
    }
}

/// Who may ask for an interruption.
struct Signals<'a> {
    interrupt: bool,
    listening: Option<&'a Listening>,
}

impl Signals<'_> {
    fn interrupted(&self) -> bool {
        self.interrupt || self.listening.is_some_and(Listening::requested)
    }
}

/// `Err` unless a file can be written at this path. Makes the directory, but leaves a file that is there alone.
fn check_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        let message = "expected the path of a file to write, received a directory";
        return Err(Error::format(path, message));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory).map_err(|e| Error::io(directory, e))?;
    // Permissions do not tell what a read-only or full file system does.
    tempfile::NamedTempFile::new_in(directory).map_err(|e| Error::io(directory, e))?;
    Ok(())
}
