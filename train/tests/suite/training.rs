//! Networks that learn, and what `fit`, `evaluate` and `predict` promise.

use std::sync::{Arc, Mutex};

use crate::common::{self, Bars, augmented_bars, blob_loader, blobs, cnn, mlp, weights};
use ocelli_autograd::Var;
use ocelli_data::{DataLoader, Dataset};
use ocelli_nn::losses::MeanSquaredError;
use ocelli_nn::regularizers::L2;
use ocelli_nn::{CrossEntropy, Layer, Linear, Loss, Module, Param, Sequential};
use ocelli_optim::schedules::ExponentialDecay;
use ocelli_optim::{Adam, Optimizer, RmsProp, Sgd};
use ocelli_tensor::{DType, Generator, Tensor};
use ocelli_train::{Accuracy, Callback, Clip, Context, Logs, ModelCheckpoint, Progress, Result, TopKAccuracy, Trainer};

fn silent<'a>(model: &'a Sequential, optimizer: impl Optimizer + 'static) -> Trainer<'a> {
    Trainer::new(model, CrossEntropy::new(), optimizer).progress(Progress::Silent).metric(Accuracy::new())
}

#[test]
fn two_clouds_are_told_apart() {
    let model = mlp(0);
    let mut trainer = silent(&model, Adam::new(model.named_parameters())).learning_rate(0.01);
    let fit = trainer.fit(&blob_loader(256, 1), Some(&blob_loader(128, 2)), 5).unwrap();
    let logs = fit.history.last().unwrap();
    assert_eq!(logs.names().collect::<Vec<_>>(), ["loss", "accuracy", "val_loss", "val_accuracy"]);
    assert!(logs.get("val_accuracy").unwrap() > 0.97, "{logs}");
    let losses = fit.history.get("loss");
    assert!(losses[4].1 < losses[0].1 / 2.0, "{losses:?}");
    // What evaluate says afterwards is what the last validation said.
    assert_eq!(trainer.evaluate(&blob_loader(128, 2)).unwrap().get("loss"), logs.get("val_loss"));
}

#[test]
fn a_small_network_learns_pictures() {
    let model = cnn(0);
    let mut trainer = silent(&model, RmsProp::new(model.named_parameters())).learning_rate(0.01);
    trainer.fit(&augmented_bars(192, 2), None, 8).unwrap();
    let test = DataLoader::new(Bars(48), 16).unwrap();
    let logs = trainer.evaluate(&test).unwrap();
    assert!(logs.get("accuracy").unwrap() > 0.95, "{logs}");
}

#[test]
fn evaluation_counts_each_sample_once_and_changes_nothing() {
    let model = cnn(0);
    let trainer = silent(&model, Sgd::new(model.named_parameters())).metric(TopKAccuracy::new(2).unwrap());
    let (before, streams) = (weights(&model), model.random_state());
    let logs = |batch_size: usize| trainer.evaluate(&DataLoader::new(Bars(25), batch_size).unwrap()).unwrap();
    let (one, many) = (logs(25), logs(7));
    for (name, value) in one.iter() {
        assert!((value - many.get(name).unwrap()).abs() < 1e-6, "{name}: {one}, {many}");
    }
    assert_eq!(one.get("top_2_accuracy"), Some(1.0));
    assert_eq!((weights(&model), model.random_state()), (before, streams));

    // A model in training mode is so afterwards, also if evaluation fails.
    let all = DataLoader::new(Bars(32), 32).unwrap();
    let batch = all.epoch(0).next().unwrap().unwrap();
    let outputs = || model.forward(&Var::constant(batch.images.clone())).unwrap().to_vec::<f32>().unwrap();
    assert_ne!(outputs(), outputs(), "dropout is at work");
    assert!(trainer.evaluate(&blob_loader(4, 0)).is_err());
    assert_ne!(outputs(), outputs(), "dropout is at work");
    model.eval();
    trainer.evaluate(&all).unwrap();
    assert_eq!(outputs(), outputs(), "the model stays in evaluation mode");
}

#[test]
fn predictions_do_not_depend_on_how_they_are_batched() {
    let model = cnn(0);
    let trainer = silent(&model, Sgd::new(model.named_parameters()));
    let loader = DataLoader::new(Bars(70), 9).unwrap();
    let whole = DataLoader::new(Bars(70), 70).unwrap().epoch(0).next().unwrap().unwrap().images;
    let a = trainer.predict(&whole).unwrap();
    let b = trainer.predict_batches(&loader).unwrap();
    assert_eq!(a.shape()[..], [70, 2]);
    assert!(a.allclose(&b, 1e-5, 1e-6).unwrap());
    let none = trainer.predict(&Tensor::zeros([0, 1, 6, 6], DType::F32).unwrap()).unwrap();
    assert_eq!(none.shape()[..], [0, 2]);
    assert!(trainer.predict(&Tensor::new(1.0f32).unwrap()).is_err());
    assert!(trainer.predict_batches(&DataLoader::new(Bars(0), 4).unwrap()).is_err());
}

/// One weight matrix used twice, with a penalty.
#[derive(Module)]
struct Twice {
    first: Param,
    second: Param,
}

impl Layer for Twice {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        ocelli_nn::add_penalty(|| Ok(x.sum(..)?.mul(100.0)?))?;
        Ok(x.mul(&self.first.var())?.mul(&self.second.var())?)
    }
}

#[test]
fn penalties_are_part_of_the_loss_and_shared_ones_count_once() {
    let weight = Param::with(Tensor::new([2.0f32]).unwrap(), Some(L2::new(0.5).into()), None).unwrap();
    let model = Twice { first: weight.clone(), second: weight };
    let data = ocelli_data::TensorDataset::new(
        Tensor::ones([2, 1], DType::F32).unwrap(),
        Tensor::zeros([2, 1], DType::F32).unwrap(),
    );
    let loader = DataLoader::new(data.unwrap(), 2).unwrap();
    let mut trainer = Trainer::new(&model, MeanSquaredError::new(), Sgd::new(model.named_parameters()))
        .progress(Progress::Silent)
        .learning_rate(0.01);
    // (1·2·2 - 0)² + 0.5·2² + 100·(1 + 1)
    assert_eq!(trainer.evaluate(&loader).unwrap().get("loss"), Some(16.0 + 2.0 + 200.0));
    trainer.fit(&loader, None, 1).unwrap();
    assert_eq!(trainer.history().get("loss"), [(0, 218.0)]);
    // d/dw (w⁴ + w²/2) = 4w³ + w = 34, so the step is 0.34.
    let after = model.first.tensor().item::<f32>().unwrap();
    assert!((after - 1.66).abs() < 1e-6, "{after}");
}

#[test]
fn gradients_are_clipped_and_schedules_followed() {
    let one_step = |clip: Clip| {
        let model = mlp(3);
        let before: Vec<Tensor> = model.named_parameters().iter().map(|(_, param)| param.tensor()).collect();
        let mut trainer = silent(&model, Sgd::new(model.named_parameters())).learning_rate(1.0).clip(clip);
        let data = DataLoader::new(blobs(16, 0), 16).unwrap();
        trainer.fit(&data, None, 1).unwrap();
        let change = |((_, param), old): (&(String, Param), &Tensor)| param.tensor().sub(old).unwrap();
        let named = model.named_parameters();
        named.iter().zip(&before).map(change).collect::<Vec<Tensor>>()
    };
    let norm = |changes: &[Tensor]| {
        let squares = changes.iter().map(|x| x.square().unwrap().sum(..).unwrap().item::<f64>().unwrap());
        squares.sum::<f64>().sqrt()
    };
    assert!(norm(&one_step(Clip::None)) > 0.1);
    assert!((norm(&one_step(Clip::GlobalNorm(0.01))) - 0.01).abs() < 1e-5);
    for change in one_step(Clip::Norm(0.01)) {
        assert!(norm(&[change]) < 0.01 + 1e-5);
    }
    for change in one_step(Clip::Value(0.001)) {
        assert!(change.abs().unwrap().max(..).unwrap().item::<f64>().unwrap() < 0.001 + 1e-6);
    }

    let model = mlp(3);
    let schedule = ExponentialDecay::new(0.1, 4, 0.5);
    let mut trainer = silent(&model, Sgd::new(model.named_parameters())).schedule(schedule);
    trainer.fit(&blob_loader(64, 0), None, 2).unwrap();
    assert_eq!(trainer.global_step(), 8);
    assert!((trainer.current_learning_rate() - 0.025).abs() < 1e-12);
}

/// Writes down every call.
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn note(&self, what: &str, context: &Context<'_>) -> Result<()> {
        let line = format!("{what} {}.{} {}", context.epoch(), context.step(), context.global_step());
        self.0.lock().unwrap().push(line);
        Ok(())
    }
}

impl Callback for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }
    fn on_train_begin(&mut self, context: &mut Context<'_>) -> Result<()> {
        self.note("train begin", context)
    }
    fn on_epoch_begin(&mut self, context: &mut Context<'_>) -> Result<()> {
        self.note("epoch begin", context)
    }
    fn on_batch_begin(&mut self, context: &mut Context<'_>) -> Result<()> {
        self.note("batch begin", context)
    }
    fn on_batch_end(&mut self, context: &mut Context<'_>, logs: &Logs) -> Result<()> {
        assert_eq!(logs.names().collect::<Vec<_>>(), ["loss", "accuracy"]);
        self.note("batch end", context)
    }
    fn on_epoch_end(&mut self, context: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        assert!(logs.get("val_loss").is_some());
        logs.set("extra", 1.0);
        self.note("epoch end", context)
    }
    fn on_train_end(&mut self, context: &mut Context<'_>, logs: &Logs) -> Result<()> {
        assert_eq!(logs.get("extra"), Some(1.0));
        self.note("train end", context)
    }
}

#[test]
fn callbacks_are_called_in_keras_order() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let model = mlp(0);
    let mut trainer = silent(&model, Sgd::new(model.named_parameters())).callback(Recorder(calls.clone()));
    trainer.fit(&blob_loader(32, 0), Some(&blob_loader(8, 1)), 2).unwrap();
    let expected = [
        "train begin 0.0 0",
        "epoch begin 0.0 0",
        "batch begin 0.0 0",
        "batch end 0.0 0",
        "batch begin 0.1 1",
        "batch end 0.1 1",
        "epoch end 0.2 2",
        "epoch begin 1.0 2",
        "batch begin 1.0 2",
        "batch end 1.0 2",
        "batch begin 1.1 3",
        "batch end 1.1 3",
        "epoch end 1.2 4",
        "train end 2.0 4",
    ];
    assert_eq!(*calls.lock().unwrap(), expected);
}

#[test]
fn the_files_of_the_best_and_the_last_epoch_hold_weights() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join("made/for/it").join(name);
    let model = mlp(0);
    let mut trainer = silent(&model, Adam::new(model.named_parameters()))
        .learning_rate(0.01)
        .callback(ModelCheckpoint::best(at("best.safetensors"), "val_loss"))
        .callback(ModelCheckpoint::last(at("last.safetensors")))
        .callback(ModelCheckpoint::last(at("epoch-{epoch}.safetensors")));
    trainer.fit(&blob_loader(64, 1), Some(&blob_loader(64, 2)), 3).unwrap();
    let load = |name: &str| common::bits(&ocelli_tensor::safetensors::load(at(name)).unwrap());
    assert_eq!(load("last.safetensors"), weights(&model));
    assert_eq!(load("epoch-3.safetensors"), weights(&model));
    let history = trainer.history().get("val_loss");
    let best = history.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0 + 1;
    assert_eq!(load("best.safetensors"), load(&format!("epoch-{best}.safetensors")));
    // They load into a new model.
    let other = mlp(9);
    other.load_state_dict(&ocelli_tensor::safetensors::load(at("best.safetensors")).unwrap()).unwrap();
}

#[test]
fn any_function_is_a_loss_and_any_pair_a_batch() {
    let loss = |prediction: &Var, target: &Tensor| CrossEntropy::new().loss(prediction, target);
    let mut generator = Generator::new(0);
    let model = Linear::new(2, 2, &mut generator).unwrap();
    let mut trainer = Trainer::new(&model, loss, Sgd::new(model.named_parameters())).progress(Progress::Silent);
    let halves = blobs(8, 0).map(Ok);
    trainer.fit(&DataLoader::new(halves, 4).unwrap(), None, 1).unwrap();
    assert_eq!(trainer.history().len(), 1);
}
