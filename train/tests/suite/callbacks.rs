//! The arithmetic of callbacks, on logs that are given. Keras 3's callbacks were fed the same logs: the expected epochs and rates are
//! theirs (`tests/fixtures/callbacks.py` prints them).

use std::sync::{Arc, Mutex};

use crate::common::{self, blob_loader, mlp, weights};
use ocelli_nn::{CrossEntropy, Module, Sequential};
use ocelli_optim::schedules::Constant;
use ocelli_optim::{Schedule, Sgd};
use ocelli_train::{
    Accuracy, Callback, Context, CsvLogger, EarlyStopping, LearningRateScheduler, Logs, MonitorMode, Progress,
    ReduceLROnPlateau, Result, Trainer,
};

/// Replaces a log by numbers that are given, one for each epoch, and notes learning rate and weights.
struct Script {
    name: &'static str,
    values: Vec<f64>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

struct Seen {
    rate: f64,
    weights: Vec<(String, Vec<u64>)>,
}

impl Callback for Script {
    fn name(&self) -> &'static str {
        "script"
    }
    fn on_epoch_end(&mut self, context: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        logs.set(self.name, self.values[context.epoch()]);
        let state = common::bits(&context.model().state_dict());
        self.seen.lock().unwrap().push(Seen { rate: context.learning_rate(), weights: state });
        Ok(())
    }
}

struct Run {
    model: Sequential,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Run {
    fn new() -> Self {
        Run { model: mlp(0), seen: Arc::default() }
    }

    /// Trains one epoch for each number, and returns how many it trained and how many it could have.
    fn fit(&self, name: &'static str, values: &[f64], callback: impl Callback + 'static) -> Result<(usize, bool)> {
        let script = Script { name, values: values.to_vec(), seen: self.seen.clone() };
        let mut trainer = Trainer::new(&self.model, CrossEntropy::new(), Sgd::new(self.model.named_parameters()))
            .learning_rate(1.0)
            .metric(Accuracy::new())
            .progress(Progress::Silent)
            .callback(script)
            .callback(callback);
        let fit = trainer.fit(&blob_loader(16, 0), None, values.len())?;
        Ok((fit.history.len(), fit.stopped))
    }

    fn rates(&self) -> Vec<f64> {
        self.seen.lock().unwrap().iter().map(|seen| seen.rate).collect()
    }
}

const LOSSES: [f64; 10] = [1.0, 0.8, 0.79, 0.85, 0.9, 0.7, 0.75, 0.72, 0.71, 0.705];

#[test]
fn early_stopping_stops_where_keras_does() {
    let stops = |callback: EarlyStopping| Run::new().fit("val_loss", &LOSSES, callback).unwrap();
    let of = || EarlyStopping::new("val_loss");
    assert_eq!(stops(of()), (4, true));
    assert_eq!(stops(of().patience(2)), (5, true));
    assert_eq!(stops(of().patience(3)), (9, true));
    assert_eq!(stops(of().patience(4)), (10, true));
    assert_eq!(stops(of().patience(5)), (10, false));
    assert_eq!(stops(of().patience(1).min_delta(0.05)), (3, true));
    assert_eq!(stops(of().patience(3).baseline(0.75)), (4, true));
    assert_eq!(stops(of().start_from_epoch(6)), (10, false));
    assert_eq!(stops(of().mode(MonitorMode::Max)), (2, true));
}

#[test]
fn a_rising_metric_is_better() {
    let accuracies = [0.5, 0.6, 0.55, 0.58, 0.7];
    let stops = |callback| Run::new().fit("val_accuracy", &accuracies, callback).unwrap();
    assert_eq!(stops(EarlyStopping::new("val_accuracy")), (3, true));
    assert_eq!(stops(EarlyStopping::new("val_accuracy").mode(MonitorMode::Min)), (2, true));
    assert_eq!(stops(EarlyStopping::new("val_accuracy").patience(3)), (5, false));
}

#[test]
fn the_best_weights_come_back() {
    for (patience, epochs) in [(3, 9), (5, 10)] {
        let run = Run::new();
        let callback = EarlyStopping::new("val_loss").patience(patience).restore_best_weights(true);
        assert_eq!(run.fit("val_loss", &LOSSES, callback).unwrap().0, epochs);
        let seen = run.seen.lock().unwrap();
        assert!(weights(&run.model) == seen[5].weights, "not those of epoch 6");
        assert!(weights(&run.model) != seen[epochs - 1].weights);
    }
    let run = Run::new();
    run.fit("val_loss", &LOSSES, EarlyStopping::new("val_loss").patience(3)).unwrap();
    assert!(weights(&run.model) == run.seen.lock().unwrap()[8].weights, "those of the last epoch stay");
}

#[test]
fn plateaus_lower_the_rate_as_keras_does() {
    let close = |received: Vec<f64>, expected: [f64; 10]| {
        let close = received.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close && received.len() == 10, "expected {expected:?}, received {received:?}");
    };
    let rates = |callback| {
        let run = Run::new();
        run.fit("val_loss", &LOSSES, callback).unwrap();
        run.rates()
    };
    let of = || ReduceLROnPlateau::new("val_loss").factor(0.5).unwrap();
    close(rates(of().patience(2)), [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]);
    close(rates(of().patience(1)), [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.25, 0.125, 0.0625, 0.03125]);
    close(rates(of().patience(1).cooldown(2)), [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]);
    close(rates(of().patience(1).min_learning_rate(0.2)), [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]);
    close(
        rates(of().patience(1).min_delta(0.15)),
        [1.0, 1.0, 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125],
    );
    assert!(ReduceLROnPlateau::new("loss").factor(1.0).is_err());
    assert!(ReduceLROnPlateau::new("loss").factor(f64::NAN).is_err());
}

#[test]
fn schedulers_see_the_rate_so_far() {
    let run = Run::new();
    run.fit("x", &[0.0; 4], LearningRateScheduler::new(|epoch, rate| if epoch < 2 { rate } else { rate * 0.1 }))
        .unwrap();
    let received = run.rates();
    assert!(received.iter().zip([1.0, 1.0, 0.1, 0.01]).all(|(a, b)| (a - b).abs() < 1e-12), "{received:?}");

    let message = |callback: LearningRateScheduler| Run::new().fit("x", &[0.0], callback).unwrap_err().to_string();
    let negative = message(LearningRateScheduler::new(|_, _| -1.0));
    assert_eq!(negative, "learning rate: expected a finite number of at least 0, received -1");
    assert!(message(LearningRateScheduler::new(|_, _| f64::NAN)).ends_with("received NaN"));

    let model = mlp(0);
    let mut scheduled = Trainer::new(&model, CrossEntropy::new(), Sgd::new(model.named_parameters()))
        .schedule(Schedule::Constant(Constant { learning_rate: 0.1 }))
        .progress(Progress::Silent)
        .callback(LearningRateScheduler::new(|_, rate| rate));
    let text = scheduled.fit(&blob_loader(16, 0), None, 1).unwrap_err().to_string();
    assert!(text.contains("received one that follows a schedule"), "{text}");
}

#[test]
fn a_log_that_is_not_there_is_an_error_that_lists_those_that_are() {
    let text = |callback| Run::new().fit("extra", &[1.0, 1.0], callback).unwrap_err().to_string();
    let missing = text(EarlyStopping::new("val_loss"));
    assert_eq!(missing, "monitor: expected a log named \"val_loss\", received loss, accuracy, extra");
    let unknown = text(EarlyStopping::new("extra"));
    assert!(unknown.contains("(loss, accuracy), received extra"), "{unknown}");
}

#[test]
fn a_nan_is_never_the_best() {
    let values = [f64::NAN, 2.0, f64::NAN, 1.0, f64::NAN, f64::NAN];
    let run = Run::new();
    let callback = EarlyStopping::new("val_loss").patience(2).restore_best_weights(true);
    assert_eq!(run.fit("val_loss", &values, callback).unwrap(), (6, true));
    assert!(weights(&run.model) == run.seen.lock().unwrap()[3].weights);
}

#[test]
fn the_table_begins_anew_with_a_new_training() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.csv");
    std::fs::write(&path, "something else\n1,2,3\n").unwrap();
    for _ in 0..2 {
        Run::new().fit("val_loss", &[0.5, 0.25], CsvLogger::new(&path)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, "epoch,loss,accuracy,val_loss"));
        assert!(lines[1].starts_with("1,") && lines[1].ends_with(",0.5"), "{text}");
        assert!(lines[2].starts_with("2,") && lines[2].ends_with(",0.25"), "{text}");
    }
}
