//! Reads a picture of a digit and says which it is.
//!
//! `cargo run --release --example predict_digit -- digit.png` uses the model that the `mnist` example has written to `runs/mnist`.

#![allow(clippy::print_stdout)] // A program for the terminal.

use std::path::PathBuf;

use clap::Parser;
use ocelli_autograd::no_grad;
use ocelli_data::image_io;
use ocelli_examples::{Description, Result, digit_tensor};
use ocelli_nn::{Layer, Module};
use ocelli_tensor::{Generator, safetensors};
use ocelli_vision::models;

/// Reads a picture of a digit (or garment) and prints the classes with their probabilities.
#[derive(Parser)]
struct Options {
    /// A PNG or JPEG file with one digit. Dark digits on a light ground are turned round, as MNIST's are light on dark.
    picture: PathBuf,
    /// The model that the `mnist` example has written.
    #[arg(long, default_value = "runs/mnist/model.safetensors")]
    model: PathBuf,
    /// How many classes to print.
    #[arg(long, default_value_t = 3)]
    top: usize,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let file = safetensors::SafeTensorsFile::open(&options.model)?;
    let description = Description::of_file(&file)?;
    let model = models::by_name(&description.arch, description.classes.len(), &mut Generator::new(0))?;
    model.load_state_dict(&safetensors::load(&options.model)?)?;
    model.eval();

    let x = digit_tensor(&image_io::read(&options.picture)?)?;
    let logits = no_grad(|| model.forward(&x.into()))?;
    let (probabilities, classes) =
        logits.tensor().softmax(-1)?.topk(options.top.min(description.classes.len()), -1, true)?;
    for (probability, class) in probabilities.to_vec::<f32>()?.iter().zip(classes.to_vec::<i64>()?) {
        println!("{:<12} {:6.2} %", description.classes[class as usize], probability * 100.0);
    }
    Ok(())
}
