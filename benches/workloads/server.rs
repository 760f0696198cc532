//! Runs workloads for `compare.sh`, or by hand. The peers' side of the same is `benches/peers/server.py`.

#![allow(clippy::print_stdout)] // What it measures is its output.

use std::io::{Write, stdin, stdout};
use std::time::{Duration, Instant};

use crate::{Result, Work, Workload};

const LEAST_RUNS: usize = 2;
const WARM_UP: Duration = Duration::from_millis(500);

/// `time NAME...` runs the workloads, each for two seconds, and prints their medians. `serve NAME` warms up, prints `ready`, then
/// for each line on its input, a number of seconds, runs the workload for so long and prints the milliseconds of the runs on a line.
///
/// # Errors
/// If the arguments name no workload, or one fails.
pub(crate) fn serve(workloads: &[Workload]) -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let prepare = |name: &str| match workloads.iter().find(|(known, _)| *known == name) {
        Some((_, prepare)) => prepare(),
        None => Err(format!("no workload {name:?}").into()),
    };
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["time", names @ ..] if !names.is_empty() => {
            for name in names {
                let mut work = prepare(name)?;
                run_for(&mut work, WARM_UP)?;
                let mut samples = run_for(&mut work, Duration::from_secs(2))?;
                samples.sort_by(f64::total_cmp);
                let (median, best) = (samples[samples.len() / 2], samples[0]);
                println!("{name}\t{median:.3} ms\tbest {best:.3}\t{} runs", samples.len());
            }
        }
        ["serve", name] => {
            let mut work = prepare(name)?;
            run_for(&mut work, WARM_UP)?;
            println!("ready");
            for line in stdin().lines() {
                let samples = run_for(&mut work, Duration::try_from_secs_f64(line?.trim().parse()?)?)?;
                let samples: Vec<String> = samples.iter().map(|sample| format!("{sample:.4}")).collect();
                println!("{}", samples.join(" "));
                stdout().flush()?;
            }
        }
        _ => {
            let names: Vec<&str> = workloads.iter().map(|(name, _)| *name).collect();
            return Err(format!("expected `time NAME...` or `serve NAME`; the names are {}", names.join(" ")).into());
        }
    }
    Ok(())
}

/// The milliseconds of each run, until `time` has passed.
fn run_for(work: &mut Work, time: Duration) -> Result<Vec<f64>> {
    let mut samples = Vec::new();
    let begin = Instant::now();
    while samples.len() < LEAST_RUNS || begin.elapsed() < time {
        let start = Instant::now();
        work()?;
        samples.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(samples)
}
