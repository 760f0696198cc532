//! What each step of a plan takes.

use std::time::Duration;

use ocelli_tensor::Tensor;

use crate::Result;
use crate::program::Program;

/// Runs of which the shortest time of each step counts.
const RUNS: usize = 10;

/// The steps of a plan with their times, as [`Plan::report`](crate::Plan::report) measures them. Its `Display` is a table.
///
/// ```
/// use ocelli_infer::Plan;
/// use ocelli_nn::{Conv2d, Module, ReLU, Sequential};
/// use ocelli_tensor::{DType, Generator, Tensor};
/// # fn main() -> ocelli_infer::Result<()> {
/// let model = Sequential::new().add(Conv2d::new(3, 8, 3, &mut Generator::new(0))?).add(ReLU);
/// let plan = Plan::compile(&model, &Tensor::zeros([1, 3, 32, 32], DType::F32)?)?;
/// let report = plan.report()?;
/// assert_eq!(report.steps.last().map(|step| &step.name[..]), Some("conv 3×3 3→8 + relu"));
/// println!("{report}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Report {
    /// The steps in the order in which they run.
    pub steps: Vec<ReportStep>,
    /// Bytes of the arena that all values share.
    pub arena_bytes: usize,
}

/// A step of a [`Report`].
#[derive(Debug, Clone)]
pub struct ReportStep {
    /// What it does, with what was fused into it.
    pub name: String,
    /// The shape of the value that it computes.
    pub shape: Vec<usize>,
    /// The shortest of several times.
    pub time: Duration,
    /// Floating-point operations; a multiplication and an addition are two.
    pub flops: u64,
    /// Bytes read and written, weights included.
    pub bytes: u64,
    /// Whether it works on tensors, which allocates.
    pub allocates: bool,
}

impl Report {
    pub(crate) fn measure(program: &Program, inputs: &[Tensor]) -> Result<Report> {
        let times = program.time(inputs, RUNS)?;
        let steps = program.steps.iter().zip(times).map(|(step, time)| ReportStep {
            name: step.name.clone(),
            shape: step.shape.clone(),
            time,
            flops: step.flops,
            bytes: step.bytes,
            allocates: step.allocates(),
        });
        Ok(Report { steps: steps.collect(), arena_bytes: program.arena * size_of::<f32>() })
    }

    /// The sum of the steps' times.
    pub fn time(&self) -> Duration {
        self.steps.iter().map(|step| step.time).sum()
    }

    /// The sum of the steps' operations.
    pub fn flops(&self) -> u64 {
        self.steps.iter().map(|step| step.flops).sum()
    }
}

/// `units` of work in a time, in billions a second.
fn rate(units: u64, time: Duration) -> f64 {
    units as f64 / time.as_secs_f64().max(1e-9) / 1e9
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let wide = |texts: &mut dyn Iterator<Item = usize>, least: usize| texts.max().unwrap_or(0).max(least);
        let shapes: Vec<String> = self.steps.iter().map(|step| format!("{:?}", step.shape)).collect();
        let name = wide(&mut self.steps.iter().map(|step| step.name.chars().count() + 2), 5);
        let shape = wide(&mut shapes.iter().map(|shape| shape.len()), 5);
        writeln!(
            f,
            "{:>4} {:name$} {:shape$} {:>10} {:>6} {:>9} {:>10} {:>8}",
            "#", "step", "shape", "µs", "%", "GFLOP/s", "KiB", "GB/s"
        )?;
        let total = self.time();
        let line = |f: &mut std::fmt::Formatter<'_>,
                    lead: &str,
                    label: &str,
                    shape_text: &str,
                    step: (Duration, u64, u64)| {
            let (time, flops, bytes) = step;
            let share = 100.0 * time.as_secs_f64() / total.as_secs_f64().max(1e-12);
            let (speed, moved) = (rate(flops, time), rate(bytes, time));
            let (micros, kib) = (time.as_secs_f64() * 1e6, bytes as f64 / 1024.0);
            writeln!(
                f,
                "{lead:>4} {label:name$} {shape_text:shape$} {micros:>10.1} {share:>6.1} {speed:>9.1} {kib:>10.0} {moved:>8.1}"
            )
        };
        for (i, (step, shape)) in self.steps.iter().zip(&shapes).enumerate() {
            let mark = if step.allocates { " *" } else { "" };
            let label = format!("{}{mark}", step.name);
            line(f, &i.to_string(), &label, shape, (step.time, step.flops, step.bytes))?;
        }
        let bytes = self.steps.iter().map(|step| step.bytes).sum();
        line(f, "", "total", "", (total, self.flops(), bytes))?;
        write!(f, "arena: {:.1} KiB", self.arena_bytes as f64 / 1024.0)?;
        if self.steps.iter().any(|step| step.allocates) {
            write!(f, "\n* runs on tensors, which allocate")?;
        }
        Ok(())
    }
}
