//! Lists the machine's graphics adapters, what they can do, and how fast they copy, multiply and begin.
//!
//! `cargo run --release --example devices`; the environment variable `OCELLI_ADAPTER` picks some of them.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program for the terminal.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use ocelli_examples::{Result, finish};
use ocelli_tensor::{AdapterKind, DType, Device, Generator, Tensor};

/// Lists the machine's graphics adapters, and measures each and the CPU.
#[derive(Parser)]
struct Options {
    /// Only list them
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    let adapters = Device::adapters();
    if adapters.is_empty() {
        println!("No adapter of Vulkan, Metal or DX12 was found.");
    }
    for (i, adapter) in adapters.iter().enumerate() {
        println!("{}: {} ({:?}, {}, {})", Device::Wgpu(i), adapter.name, adapter.kind, adapter.backend, adapter.driver);
        println!("    features: {}", adapter.features.join(", "));
        println!(
            "    buffer {} MiB, binding {} MiB, workgroup {} KiB and {} invocations",
            adapter.max_buffer >> 20,
            adapter.max_binding >> 20,
            adapter.workgroup_memory >> 10,
            adapter.workgroup_invocations
        );
    }
    if options.list {
        return Ok(());
    }
    println!(
        "\n{:<8} {:>12} {:>14} {:>14} {:>14}",
        "device", "copy, GB/s", "f32, GFLOP/s", "f16, GFLOP/s", "one op, us"
    );
    let devices = adapters.iter().enumerate().map(|(i, adapter)| (Device::Wgpu(i), adapter.kind == AdapterKind::Cpu));
    for (device, is_slow) in [(Device::Cpu, true)].into_iter().chain(devices) {
        match measured(device, if is_slow { 512 } else { 4096 }) {
            Ok([copy, f32, f16, latency]) => {
                println!("{:<8} {copy:>12.1} {f32:>14.0} {f16:>14.0} {latency:>14.1}", device.to_string());
            }
            Err(error) => println!("{device}: {error}"),
        }
    }
    println!("\nNegation of 64 MiB (read and written), products of square matrices, and sums of two numbers; medians.");
    Ok(())
}

/// Bandwidth, both rates, and the time of an operation on one number.
fn measured(device: Device, size: usize) -> Result<[f64; 4]> {
    let bytes = 64usize << 20;
    let x = Tensor::full_on(device, [bytes / 4], 1.0, DType::F32)?;
    let copy = median(device, 10, || Ok(x.neg()?))?;
    let mut generator = Generator::new(0);
    let matrix = Tensor::randn([size, size], DType::F32, &mut generator)?;
    let work = 2.0 * (size as f64).powi(3);
    let mut rates = [0.0; 2];
    for (rate, dtype) in rates.iter_mut().zip([DType::F32, DType::F16]) {
        let matrix = matrix.to_dtype(dtype)?.to_device(device)?;
        *rate = work / median(device, 5, || Ok(matrix.matmul(&matrix)?))?.as_secs_f64() / 1e9;
    }
    let one = Tensor::full_on(device, [1], 1.0, DType::F32)?;
    let latency = median(device, 50, || Ok(one.add(&one)?))?;
    let moved = 2.0 * bytes as f64;
    Ok([moved / copy.as_secs_f64() / 1e9, rates[0], rates[1], latency.as_secs_f64() * 1e6])
}

/// The median time of so many runs, after one that is not counted.
fn median(device: Device, runs: usize, mut op: impl FnMut() -> Result<Tensor>) -> Result<Duration> {
    op()?;
    device.synchronize()?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        let result = op()?;
        device.synchronize()?;
        times.push(start.elapsed());
        drop(result);
    }
    times.sort();
    Ok(times[runs / 2])
}
