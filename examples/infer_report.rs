//! Compiles a network for inference and prints what each step of the plan takes.
//!
//! `cargo run --release --example infer_report -- resnet50 --batch 1`

#![allow(clippy::print_stdout)] // A program for the terminal.

use std::time::Instant;

use clap::Parser;
use ocelli_infer::Plan;
use ocelli_tensor::{DType, Generator, Tensor};
use ocelli_vision::models::by_name;

/// Times every step of a network's plan. The weights are random: they have no part in the time.
#[derive(Parser)]
struct Arguments {
    /// The network.
    #[arg(default_value = "resnet50")]
    model: String,
    /// Pictures in a batch.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Channels of a picture.
    #[arg(long, default_value_t = 3)]
    channels: usize,
    /// Height and width of a picture.
    #[arg(long, default_value_t = 224)]
    size: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut generator = Generator::new(0);
    let model = by_name(&arguments.model, 1000, &mut generator)?;
    let shape = [arguments.batch, arguments.channels, arguments.size, arguments.size];
    let pictures = [Tensor::rand(shape, DType::F32, &mut generator)?];
    let start = Instant::now();
    let plan = Plan::compile(&*model, &pictures[0])?;
    let compiled = start.elapsed();
    println!("{}", plan.report()?);

    let mut times = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        plan.run(&pictures)?;
        times.push(start.elapsed());
    }
    times.sort();
    println!("compiled in {:.2} s; a run takes {:.2} ms", compiled.as_secs_f64(), times[10].as_secs_f64() * 1e3);
    Ok(())
}
