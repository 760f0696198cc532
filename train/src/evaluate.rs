//! Forward passes: the loss, evaluation and prediction.

use ocelli_autograd::{Var, no_grad};
use ocelli_nn::{Layer, Mode, Visitor, collect_penalties, distinct};
use ocelli_tensor::{Device, Tensor};

use crate::{Batches, Error, Logs, Mean, Result, Trainer};

/// How many samples [`Trainer::predict`] gives to the model at once, as in Keras.
const PREDICT_BATCH: usize = 32;

impl Trainer<'_> {
    /// The prediction for a batch, and its loss with all penalties: those on trainable parameters (each shared one once) and those on
    /// activities.
    pub(crate) fn forward(&self, inputs: &Tensor, targets: &Tensor) -> Result<(Var, Var)> {
        let device = self.device();
        let x = Var::constant(inputs.to_device(device)?);
        let (prediction, penalties) = collect_penalties(|| self.model.forward(&x));
        let prediction = prediction?;
        let mut loss = self.loss.loss(&prediction, &targets.to_device(device)?)?;
        if loss.numel() != 1 {
            let message = format!("expected a loss that is one number, received shape {}", loss.shape());
            return Err(Error::argument("loss", message));
        }
        for param in distinct(&self.model.named_parameters()) {
            if let Some(regularizer) = param.regularizer().filter(|_| param.is_trainable()) {
                loss = loss.add(&regularizer.penalty(&param.var())?)?;
            }
        }
        for penalty in &penalties {
            loss = loss.add(penalty)?;
        }
        Ok((prediction, loss))
    }

    /// The loss (with penalties) and the metrics of the model on data, each sample counted once. Layers are in evaluation mode meanwhile,
    /// and afterwards in the mode they were in; metrics of a running epoch are not touched.
    ///
    /// # Errors
    /// If there is no batch, if data cannot be loaded, or if the model or a metric refuses.
    pub fn evaluate(&self, data: &dyn Batches) -> Result<Logs> {
        if data.is_empty() {
            return Err(Error::argument("evaluate", "expected at least one batch, received none"));
        }
        let _evaluating = Evaluating::new(self.model);
        let mut metrics: Vec<_> = self.metrics.iter().map(|metric| metric.boxed_clone()).collect();
        metrics.iter_mut().for_each(|metric| metric.reset());
        let mut mean = Mean::new();
        for batch in data.epoch_from(0, 0) {
            let (inputs, targets) = batch?;
            let samples = inputs.size(0)?;
            let (prediction, loss) = no_grad(|| self.forward(&inputs, &targets))?;
            mean.add(loss.item::<f64>()?, samples as f64);
            for metric in &mut metrics {
                metric.update(prediction.tensor(), &targets)?;
            }
        }
        let mut logs = Logs::new();
        logs.set("loss", mean.value());
        for metric in &metrics {
            logs.set(metric.name(), metric.value());
        }
        Ok(logs)
    }

    /// The model's outputs for inputs of shape `[n, …]`, computed 32 samples at a time in evaluation mode.
    ///
    /// # Errors
    /// If the inputs have no axis of samples, or the model refuses them.
    pub fn predict(&self, inputs: &Tensor) -> Result<Tensor> {
        let samples = inputs.size(0)?;
        let _evaluating = Evaluating::new(self.model);
        if samples == 0 {
            return self.outputs(inputs);
        }
        let parts: Vec<Tensor> =
            inputs.split(PREDICT_BATCH, 0)?.iter().map(|part| self.outputs(part)).collect::<Result<_>>()?;
        Ok(Tensor::concat(&parts, 0)?)
    }

    /// The model's outputs for all batches of a loader, in its order, in evaluation mode. Targets are not looked at.
    ///
    /// # Errors
    /// If there is no batch, if data cannot be loaded, or if the model refuses it.
    pub fn predict_batches(&self, data: &dyn Batches) -> Result<Tensor> {
        if data.is_empty() {
            return Err(Error::argument("predict", "expected at least one batch, received none"));
        }
        let _evaluating = Evaluating::new(self.model);
        let parts: Vec<Tensor> = data.epoch_from(0, 0).map(|batch| self.outputs(&batch?.0)).collect::<Result<_>>()?;
        Ok(Tensor::concat(&parts, 0)?)
    }

    /// Where the model is, and batches are brought.
    fn device(&self) -> Device {
        self.model.named_parameters().first().map_or(Device::Cpu, |(_, param)| param.tensor().device())
    }

    fn outputs(&self, inputs: &Tensor) -> Result<Tensor> {
        let x = Var::constant(inputs.to_device(self.device())?);
        Ok(no_grad(|| self.model.forward(&x))?.into_tensor())
    }
}

/// Evaluation mode as long as it lives; then each layer is in the mode it was in before.
struct Evaluating<'a> {
    model: &'a dyn Layer,
    modes: Vec<bool>,
}

impl<'a> Evaluating<'a> {
    fn new(model: &'a dyn Layer) -> Self {
        let mut modes = Modes(Vec::new());
        model.visit(&mut modes);
        model.eval();
        Evaluating { model, modes: modes.0 }
    }
}

impl Drop for Evaluating<'_> {
    fn drop(&mut self) {
        self.model.visit(&mut Restore(self.modes.iter()));
    }
}

struct Modes(Vec<bool>);

impl Visitor for Modes {
    fn mode(&mut self, mode: &Mode) {
        self.0.push(mode.is_training());
    }
}

struct Restore<'a>(std::slice::Iter<'a, bool>);

impl Visitor for Restore<'_> {
    fn mode(&mut self, mode: &Mode) {
        if let Some(&training) = self.0.next() {
            mode.set_training(training);
        }
    }
}
