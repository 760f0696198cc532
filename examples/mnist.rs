//! Trains a network on handwritten digits and tests it.
//!
//! `cargo run --release --example mnist` needs no download: it uses the 10,000 digits that the data crate holds, and writes the
//! trained model, its history and a picture of predictions to `runs/mnist/`.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program for the terminal.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use ocelli_data::{DataLoader, Dataset, stratified_split};
use ocelli_examples::{Description, Result, digit_augmentation, finish, load_digits};
use ocelli_nn::{CrossEntropy, Module, summary};
use ocelli_optim::schedules::CosineDecay;
use ocelli_tensor::{DType, Device, Generator, Tensor};
use ocelli_train::{Accuracy, Batches, ConfusionMatrix, CsvLogger, Logs, Trainer};
use ocelli_vision::{models, visualize::Grid};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pictures {
    /// Handwritten digits
    Mnist,
    /// Garments
    FashionMnist,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rate {
    /// Falls to 0 over all epochs along half a cosine
    Cosine,
    /// Stays as it is
    Constant,
}

/// Trains a network on 28×28 pictures (digits or garments) and tests it.
#[derive(Parser)]
struct Options {
    /// Directory with the four IDX files, gzipped or not; without it, 10,000 embedded digits are used
    #[arg(long)]
    data: Option<PathBuf>,
    /// Which data set
    #[arg(long, value_enum, default_value = "mnist")]
    dataset: Pictures,
    /// Download the data set into the cache directory (checked by SHA-256)
    #[arg(long)]
    download: bool,
    /// The network: see `ocelli_vision::models::NAMES`
    #[arg(long, default_value = "keras-mnist")]
    arch: String,
    /// Epochs in all
    #[arg(long, default_value_t = 8)]
    epochs: usize,
    /// Pictures in a batch
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
    /// sgd, adagrad, adadelta, rmsprop, adam or adamw, in Keras' arithmetic
    #[arg(long, default_value = "rmsprop")]
    optimizer: String,
    /// Learning rate at first; by default the optimizer's own, twice that before a cosine, whose mean is half its start
    #[arg(long)]
    lr: Option<f64>,
    /// How the learning rate goes on
    #[arg(long, value_enum, default_value = "cosine")]
    schedule: Rate,
    /// Seed of weights, order and augmentation
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Turn, shift, shear and zoom the training pictures at random
    #[arg(long)]
    augment: bool,
    /// Share of the training pictures that is held back for validation
    #[arg(long, default_value_t = 0.05)]
    validation: f64,
    /// Go on from the checkpoint in the output directory, if there is one
    #[arg(long)]
    resume: bool,
    /// Steps between two checkpoints; one is written at the end of each epoch besides
    #[arg(long, default_value_t = 200)]
    checkpoint_every: u64,
    /// Where model, history and pictures go
    #[arg(long, default_value = "runs/mnist")]
    out: PathBuf,
    /// cpu, wgpu (the first graphics adapter), wgpu:NUMBER, or best
    #[arg(long, default_value = "cpu")]
    device: Device,
    /// Threads; by default one for each core
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.out).map_err(|e| format!("{}: {e}", options.out.display()))?;
    if let Some(threads) = options.threads {
        ocelli_tensor::set_num_threads(threads)?;
    }
    let fashion = options.dataset == Pictures::FashionMnist;
    let (train, test) = load_digits(fashion, options.data.as_deref(), options.download)?;
    let description = Description { arch: options.arch.clone(), classes: test.class_names().to_vec() };

    let mut generator = Generator::new(options.seed);
    let model = models::by_name(&options.arch, test.classes(), &mut generator)?;
    println!("{}\n", summary(&*model, [1, 1, 28, 28], DType::F32)?);

    model.to(options.device)?;
    let (train, validation) = batches(options, train)?;
    let test_loader = DataLoader::new(test.clone(), 256)?;
    println!(
        "{} pictures for training, {} for validation, {} for the test\n",
        train.samples(),
        validation.as_ref().map_or(0, |validation| validation.samples()),
        test.len()
    );

    let optimizer = ocelli_optim::from_name(&options.optimizer, model.named_parameters())?;
    let own = optimizer.default_learning_rate();
    let rate = options.lr.unwrap_or(if options.schedule == Rate::Cosine { 2.0 * own } else { own });
    let checkpoint = options.out.join("checkpoint.safetensors");
    let mut trainer = Trainer::boxed(&*model, Box::new(CrossEntropy::new()), optimizer)
        .metric(Accuracy::new())
        .callback(CsvLogger::new(options.out.join("history.csv")))
        .checkpoint(&checkpoint)
        .checkpoint_every(options.checkpoint_every)
        .stop_on_ctrl_c()?;
    trainer = match options.schedule {
        Rate::Cosine => trainer.schedule(CosineDecay::new(rate, (train.len() * options.epochs) as u64)),
        Rate::Constant => trainer.learning_rate(rate),
    };
    if options.resume && checkpoint.exists() {
        trainer.resume(&checkpoint)?;
        println!("Going on after epoch {}, {} steps in all\n", trainer.epoch(), trainer.global_step());
    }
    let fit = trainer.fit(&*train, validation.as_deref(), options.epochs)?;
    if fit.interrupted {
        return Ok(());
    }

    description.save(&options.out.join("model.safetensors"), &model.state_dict())?;
    fit.history.write_png(options.out.join("history.png"))?;
    let logits = trainer.predict_batches(&test_loader)?;
    report(&test, &logits, &trainer.evaluate(&test_loader)?, &description.classes, &options.out)
}

type Loaders = (Box<dyn Batches>, Option<Box<dyn Batches>>);

/// Loaders of the training pictures and of those that are held back.
fn batches(options: &Options, train: ocelli_data::ImageClassification) -> Result<Loaders> {
    let labels = train.labels().to_vec();
    let shares = [1.0 - options.validation, options.validation];
    let mut parts = stratified_split(train, &shares, options.seed, |i| Ok(usize::from(labels[i])))?.into_iter();
    let (Some(train), Some(validation)) = (parts.next(), parts.next()) else {
        return Err("expected two parts of the training pictures".into());
    };
    let validation: Option<Box<dyn Batches>> = match validation.len() {
        0 => None,
        _ => Some(Box::new(DataLoader::new(validation, 256)?)),
    };
    let train: Box<dyn Batches> = if options.augment {
        let augmented = train.augment(digit_augmentation());
        Box::new(DataLoader::new(augmented, options.batch_size)?.shuffle(true).seed(options.seed).workers(1))
    } else {
        Box::new(DataLoader::new(train, options.batch_size)?.shuffle(true).seed(options.seed).workers(1))
    };
    Ok((train, validation))
}

/// Prints what the test has shown, and draws some of its pictures, the wrong ones first.
fn report(
    test: &ocelli_data::ImageClassification,
    logits: &Tensor,
    logs: &Logs,
    classes: &[String],
    out: &Path,
) -> Result<()> {
    let predicted = logits.argmax(-1)?.to_vec::<i64>()?;
    let mut confusion = ConfusionMatrix::new(classes.len())?.with_names(classes.iter().cloned())?;
    let truth: Vec<i64> = test.labels().iter().map(|&label| i64::from(label)).collect();
    ocelli_train::Metric::update(&mut confusion, logits, &Tensor::from_slice(&truth, [truth.len()])?)?;
    println!("\n{confusion}\n");

    let wrong = (0..truth.len()).filter(|&i| predicted[i] != truth[i]);
    let right = (0..truth.len()).filter(|&i| predicted[i] == truth[i]);
    // Names of garments take a line each.
    let between = if classes.iter().any(|class| class.len() > 4) { "/\n" } else { "/ " };
    let mut grid = Grid::new(10).title(format!("{}: predicted / true", test.name()));
    let wrong: Vec<usize> = wrong.take(30).collect();
    let rest = 60 - wrong.len();
    for i in wrong.into_iter().chain(right.take(rest)) {
        let (guess, label) = (&classes[predicted[i] as usize], &classes[truth[i] as usize]);
        grid.add(
            &test.images().select(0, i as isize)?.unsqueeze(0)?,
            &format!("{guess} {between}{label}"),
            guess != label,
        )?;
    }
    grid.write_png(out.join("predictions.png"))?;

    println!("test loss: {:.4}", logs.get("loss").unwrap_or(f64::NAN));
    println!("test accuracy: {:.4}", logs.get("accuracy").unwrap_or(f64::NAN));
    println!("written to {}: model.safetensors, history.csv, history.png, predictions.png", out.display());
    Ok(())
}
