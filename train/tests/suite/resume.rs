//! A training that is stopped anywhere and resumed comes to the same numbers, to the last bit.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{augmented_bars, bits, blob_loader, cnn, mlp, weights};
use ocelli_nn::{CrossEntropy, Sequential};
use ocelli_optim::{Adam, RmsProp, Sgd};
use ocelli_tensor::safetensors::SafeTensorsFile;
use ocelli_train::{
    Accuracy, Callback, Checkpoint, Clip, ConfusionMatrix, Context, CsvLogger, EarlyStopping, History,
    LearningRateScheduler, Logs, ModelCheckpoint, Progress, ReduceLROnPlateau, Result, Trainer,
};

const EPOCHS: usize = 3;
const SAMPLES: usize = 44;
/// 44 samples in batches of 8.
const STEPS: u64 = 6;

/// Interrupts after so many steps in all.
struct InterruptAt(u64);

impl Callback for InterruptAt {
    fn name(&self) -> &'static str {
        "interrupt_at"
    }
    fn on_batch_end(&mut self, context: &mut Context<'_>, _: &Logs) -> Result<()> {
        if context.global_step() + 1 == self.0 {
            context.interrupt();
        }
        Ok(())
    }
}

/// A trainer with all that has a state.
fn trainer<'a>(model: &'a Sequential, directory: &Path) -> Trainer<'a> {
    let optimizer = RmsProp::new(ocelli_nn::Module::named_parameters(model)).momentum(0.9);
    Trainer::new(model, CrossEntropy::new(), optimizer)
        .learning_rate(3e-3)
        .clip(Clip::GlobalNorm(1.0))
        .metric(Accuracy::new())
        .metric(ConfusionMatrix::new(2).unwrap())
        .progress(Progress::Silent)
        .callback(ReduceLROnPlateau::new("loss").patience(1).min_delta(10.0))
        .callback(EarlyStopping::new("val_loss").patience(10).restore_best_weights(true))
        .callback(CsvLogger::new(directory.join("log.csv")))
        .callback(ModelCheckpoint::best(directory.join("best.safetensors"), "val_accuracy"))
        .callback(LearningRateScheduler::new(|_, rate| rate * 0.99))
        .checkpoint(directory.join("checkpoint.safetensors"))
}

/// Tensors by name, to the last bit.
type Bits = Vec<(String, Vec<u64>)>;

struct Outcome {
    weights: Bits,
    /// All tensors of a checkpoint (the optimizer's too) and its metadata.
    checkpoint: (Bits, BTreeMap<String, String>),
    csv: String,
    history: History,
}

fn outcome(model: &Sequential, trainer: &Trainer<'_>, directory: &Path) -> Outcome {
    let path = directory.join("compared.safetensors");
    trainer.save_checkpoint(&path).unwrap();
    Outcome {
        weights: weights(model),
        checkpoint: (
            bits(&ocelli_tensor::safetensors::load(&path).unwrap()),
            SafeTensorsFile::open(&path).unwrap().metadata(),
        ),
        csv: std::fs::read_to_string(directory.join("log.csv")).unwrap(),
        history: trainer.history().clone(),
    }
}

fn uninterrupted() -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let model = cnn(1);
    let (data, validation) = (augmented_bars(SAMPLES, 0), augmented_bars(16, 0));
    let mut trainer = trainer(&model, directory.path());
    let fit = trainer.fit(&data, Some(&validation), EPOCHS).unwrap();
    assert!(!fit.interrupted && !fit.stopped);
    assert_eq!(fit.history.len(), EPOCHS);
    assert_eq!(trainer.global_step(), STEPS * EPOCHS as u64);
    outcome(&model, &trainer, directory.path())
}

#[test]
fn a_resumed_training_is_the_uninterrupted_one_bit_for_bit() {
    let expected = uninterrupted();
    for stop in [1, 4, STEPS, STEPS + 1, 2 * STEPS - 1, 2 * STEPS, 3 * STEPS - 1, 3 * STEPS] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("checkpoint.safetensors");
        let (data, validation) = (augmented_bars(SAMPLES, 2), augmented_bars(16, 0));

        let model = cnn(1);
        let mut first = trainer(&model, directory.path()).callback(InterruptAt(stop));
        let fit = first.fit(&data, Some(&validation), EPOCHS).unwrap();
        assert!(fit.interrupted, "stopped after step {stop}");
        assert_eq!(first.global_step(), stop);
        drop(first);

        // Another process would start with a model of the same random streams but other weights.
        let model = cnn(1);
        for (_, param) in ocelli_nn::Module::named_parameters(&model) {
            param.set(param.tensor().zeros_like().unwrap()).unwrap();
        }
        let mut second = trainer(&model, directory.path());
        second.resume(&path).unwrap();
        assert_eq!(second.global_step(), stop);
        let fit = second.fit(&data, Some(&validation), EPOCHS).unwrap();
        assert!(!fit.interrupted);
        let received = outcome(&model, &second, directory.path());
        assert_eq!(received.weights, expected.weights, "stopped after step {stop}");
        assert_eq!(received.history, expected.history, "stopped after step {stop}");
        assert_eq!(received.csv, expected.csv, "stopped after step {stop}");
        assert_eq!(received.checkpoint, expected.checkpoint, "stopped after step {stop}");
    }
}

#[test]
fn fitting_in_two_calls_is_fitting_in_one() {
    let expected = uninterrupted();
    let directory = tempfile::tempdir().unwrap();
    let model = cnn(1);
    let (data, validation) = (augmented_bars(SAMPLES, 0), augmented_bars(16, 0));
    let mut trainer = trainer(&model, directory.path());
    trainer.fit(&data, Some(&validation), 0).unwrap();
    assert_eq!(trainer.epoch(), 0);
    // The end of the first call restores the best weights; take the last ones back.
    trainer.fit(&data, Some(&validation), 2).unwrap();
    trainer.resume(directory.path().join("checkpoint.safetensors")).unwrap();
    trainer.fit(&data, Some(&validation), EPOCHS).unwrap();
    assert_eq!(outcome(&model, &trainer, directory.path()).weights, expected.weights);
}

const CHILD: &str = "OCELLI_TRAIN_TEST_CHILD";

/// Not a test of its own: what the next two run in another process.
#[test]
fn child() {
    let Ok(directory) = std::env::var(CHILD) else { return };
    let model = cnn(1);
    let (data, validation) = (augmented_bars(SAMPLES, 1), augmented_bars(16, 0));
    let mut trainer = trainer(&model, Path::new(&directory))
        .callback(Slow(directory.clone().into()))
        .checkpoint_every(2)
        .stop_on_ctrl_c()
        .unwrap();
    let fit = trainer.fit(&data, Some(&validation), EPOCHS).unwrap();
    std::process::exit(if fit.interrupted { 42 } else { 0 });
}

/// Takes its time, and tells after the ninth step that it is there.
struct Slow(std::path::PathBuf);

impl Callback for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }
    fn on_batch_end(&mut self, context: &mut Context<'_>, _: &Logs) -> Result<()> {
        if context.global_step() == 8 {
            std::fs::write(self.0.join("there"), "").unwrap();
        }
        if context.global_step() >= 8 {
            std::thread::sleep(Duration::from_millis(300));
        }
        Ok(())
    }
}

/// Starts the child, sends it a signal in the middle of its second epoch, and returns its exit code.
fn signalled(signal: &str, directory: &Path) -> Option<i32> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["resume::child", "--exact"])
        .env(CHILD, directory)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !directory.join("there").exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "the child does not get anywhere");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    child.wait().unwrap().code()
}

#[cfg(unix)]
#[test]
fn a_training_that_was_killed_resumes_to_the_same_weights() {
    for (signal, code) in [("-KILL", None), ("-INT", Some(42))] {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(signalled(signal, directory.path()), code, "{signal}");
        let path = directory.path().join("checkpoint.safetensors");
        let checkpoint = Checkpoint::load(&path).unwrap();
        assert_eq!((checkpoint.epoch(), checkpoint.history().len()), (1, 1), "{signal}");
        assert!(checkpoint.step() > 0, "{signal}");

        let model = cnn(1);
        let mut trainer = trainer(&model, directory.path());
        trainer.resume(&path).unwrap();
        let (data, validation) = (augmented_bars(SAMPLES, 0), augmented_bars(16, 0));
        trainer.fit(&data, Some(&validation), EPOCHS).unwrap();
        let expected = uninterrupted();
        let received = outcome(&model, &trainer, directory.path());
        assert_eq!(received.weights, expected.weights, "{signal}");
        assert_eq!((received.csv, received.history), (expected.csv, expected.history), "{signal}");
    }
}

#[test]
fn a_checkpoint_of_another_training_is_refused_and_nothing_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint.safetensors");
    let model = cnn(1);
    let mut trained = trainer(&model, directory.path());
    trained.fit(&augmented_bars(SAMPLES, 0), Some(&augmented_bars(16, 0)), 1).unwrap();

    let text = |trainer: &mut Trainer<'_>, path: &Path| trainer.resume(path).unwrap_err().to_string();
    let parameters = ocelli_nn::Module::named_parameters;

    // Another network: all keys and shapes that differ are named.
    let other = mlp(5);
    let before = weights(&other);
    let mut stranger = Trainer::new(&other, CrossEntropy::new(), RmsProp::new(parameters(&other)).momentum(0.9));
    let message = text(&mut stranger, &path);
    assert!(message.contains("missing") && message.contains("2.weight") && message.contains("unexpected"), "{message}");
    assert!(message.contains("0.weight: expected [16, 2], received [4, 1, 3, 3]"), "{message}");
    assert_eq!(weights(&other), before);

    // Other optimizers: one of another kind, one that remembers other things.
    let same = cnn(2);
    let before = weights(&same);
    let mut adam = Trainer::new(&same, CrossEntropy::new(), Adam::new(parameters(&same)));
    assert!(text(&mut adam, &path).contains("expected a checkpoint of adam, received one of rmsprop"));
    let mut plain = Trainer::new(&same, CrossEntropy::new(), RmsProp::new(parameters(&same)));
    let message = text(&mut plain, &path);
    assert!(message.contains("unexpected") && message.contains("momentum"), "{message}");
    assert_eq!((weights(&same), plain.global_step(), adam.epoch()), (before.clone(), 0, 0));

    // Files that are cut short, or are something else.
    let mut same_trainer = trainer(&same, directory.path());
    let whole = std::fs::read(&path).unwrap();
    let cut = directory.path().join("cut.safetensors");
    for length in [0, 10, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&cut, &whole[..length]).unwrap();
        let message = text(&mut same_trainer, &cut);
        assert!(message.contains("cut.safetensors: expected a whole safetensors file"), "{message}");
    }
    ocelli_tensor::safetensors::save(&cut, &ocelli_nn::Module::state_dict(&same)).unwrap();
    assert!(text(&mut same_trainer, &cut).contains("cut.safetensors: expected a checkpoint of a training"));
    assert!(text(&mut same_trainer, &directory.path().join("missing")).contains("No such file"));
    assert_eq!((weights(&same), same_trainer.global_step()), (before, 0));

    // The right one still works.
    same_trainer.resume(&path).unwrap();
    assert_eq!(weights(&same), bits(Checkpoint::load(&path).unwrap().model()));
}

#[test]
fn other_data_in_the_middle_of_an_epoch_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let model = mlp(1);
    let optimizer = Sgd::new(ocelli_nn::Module::named_parameters(&model));
    let path = directory.path().join("checkpoint.safetensors");
    let mut trainer = Trainer::new(&model, CrossEntropy::new(), optimizer)
        .progress(Progress::Silent)
        .checkpoint(&path)
        .callback(InterruptAt(2));
    assert!(trainer.fit(&blob_loader(64, 1), None, 2).unwrap().interrupted);
    let message = trainer.fit(&blob_loader(96, 1), None, 2).unwrap_err().to_string();
    assert!(message.contains("64 samples in 4 batches") && message.contains("96 samples in 6 batches"), "{message}");
    let message = trainer.fit(&blob_loader(64, 1).seed(8), None, 2).unwrap_err().to_string();
    assert!(message.ends_with("in another order"), "{message}");
    trainer.fit(&blob_loader(64, 1), None, 2).unwrap();
}
