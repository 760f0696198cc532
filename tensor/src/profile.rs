//! Where the time goes: calls, time, bytes and arithmetic of every kernel.
//!
//! With the environment variable `OCELLI_PROFILE=1` (or after [`set_enabled`]) kernels are timed: on the CPU by the clock, on a graphics
//! processor by its own timestamps, for which each kernel has to finish before the next one begins. The variable also has the table
//! printed to standard error when the main thread ends, which then waits for what it has asked of a graphics processor. On Windows
//! nothing can wait so late: there the table lacks what was asked for behind the last `Device::synchronize` or reading of a result.
//!
//! ```
//! use ocelli_tensor::{DType, Tensor, profile};
//! # fn main() -> ocelli_tensor::Result<()> {
//! profile::set_enabled(true);
//! let x = Tensor::ones([64, 64], DType::F32)?;
//! x.matmul(&x)?;
//! let rows = profile::rows();
//! let product = rows.iter().find(|row| row.kernel == "matmul").expect("a row for each kernel");
//! assert!(product.calls >= 1 && product.flops >= 2 * 64 * 64 * 64);
//! println!("{}", profile::table());
//! # Ok(())
//! # }
//! ```

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::Device;
use crate::lock::locked;

const VARIABLE: &str = "OCELLI_PROFILE";

/// What all calls of a kernel took together.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Where it ran.
    pub device: Device,
    /// Its name.
    pub kernel: &'static str,
    /// How often it ran.
    pub calls: u64,
    /// How long, all calls together; zero on an adapter that has no timestamps.
    pub time: Duration,
    /// Bytes of its operands and results.
    pub bytes: u64,
    /// Additions and multiplications of products and convolutions; 0 for other kernels.
    pub flops: u64,
}

static ENABLED: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;

type Sums = HashMap<(Device, &'static str), Row>;
static SUMS: LazyLock<Mutex<Sums>> = LazyLock::new(Mutex::default);

fn sums() -> MutexGuard<'static, Sums> {
    locked(&SUMS)
}

/// Whether kernels are timed.
pub fn is_enabled() -> bool {
    match ENABLED.load(Ordering::Relaxed) {
        UNKNOWN => {
            let told = std::env::var(VARIABLE).is_ok_and(|value| !value.is_empty() && value != "0");
            set_enabled(told);
            told
        }
        state => state == ON,
    }
}

/// Times kernels from now on, or no longer.
pub fn set_enabled(on: bool) {
    ENABLED.store(if on { ON } else { OFF }, Ordering::Relaxed);
}

/// Forgets what was measured.
pub fn reset() {
    sums().clear();
}

/// What was measured, longest first. Kernels of a graphics processor are in it once they have finished
/// ([`Device::synchronize`]).
pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = sums().values().cloned().collect();
    rows.sort_by(|a, b| b.time.cmp(&a.time).then(a.kernel.cmp(b.kernel)));
    rows
}

/// The rows as text: time in milliseconds and as a share of the whole, calls, bytes and arithmetic by the second.
pub fn table() -> String {
    let rows = rows();
    let total: Duration = rows.iter().map(|row| row.time).sum();
    let mut text = format!(
        "{:<8} {:<28} {:>10} {:>6} {:>8} {:>10} {:>9} {:>9}\n",
        "device", "kernel", "ms", "share", "calls", "MB", "GB/s", "GFLOP/s"
    );
    for row in &rows {
        let seconds = row.time.as_secs_f64();
        let rate = |count: u64| {
            if count == 0 || seconds == 0.0 { "-".to_owned() } else { format!("{:.2}", count as f64 / seconds / 1e9) }
        };
        let share = if total.is_zero() { 0.0 } else { 100.0 * seconds / total.as_secs_f64() };
        let _ = writeln!(
            text,
            "{:<8} {:<28} {:>10.3} {:>5.1}% {:>8} {:>10.2} {:>9} {:>9}",
            row.device.to_string(),
            row.kernel,
            seconds * 1e3,
            share,
            row.calls,
            row.bytes as f64 / 1e6,
            rate(row.bytes),
            rate(row.flops),
        );
    }
    let _ = writeln!(text, "{:<37} {:>10.3}", "together", total.as_secs_f64() * 1e3);
    text
}

/// One call of a kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) kernel: &'static str,
    pub(crate) bytes: u64,
    pub(crate) flops: u64,
}

/// Counts a call.
pub(crate) fn note(device: Device, call: Call, time: Duration) {
    let Call { kernel, bytes, flops } = call;
    expect_end();
    let new = Row { device, kernel, calls: 0, time: Duration::ZERO, bytes: 0, flops: 0 };
    let mut sums = sums();
    let row = sums.entry((device, kernel)).or_insert(new);
    row.calls += 1;
    row.time += time;
    row.bytes += bytes;
    row.flops += flops;
}

/// Has the table printed when the main thread ends, if this is the main thread.
pub(crate) fn expect_end() {
    let _ = PRINTER.try_with(|_| {});
}

thread_local! {
    /// Kernels that this thread is in: only the outermost is timed.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static PRINTER: Printer = Printer { is_main: std::thread::current().name() == Some("main") };
}

/// Prints the table when the main thread ends, if the environment asked for it.
struct Printer {
    is_main: bool,
}

impl Drop for Printer {
    fn drop(&mut self) {
        if self.is_main && std::env::var_os(VARIABLE).is_some() && is_enabled() {
            // By a thread of its own, as this one's thread-local variables, the adapter's among them, are being dropped. Windows starts no
            // thread at this point.
            #[cfg(not(windows))]
            if let Ok(waiting) = std::thread::Builder::new().spawn(crate::wgpu::finish_all) {
                let _ = waiting.join();
            }
            let _ = std::io::stderr().write_all(table().as_bytes());
        }
    }
}

/// Lets this thread take part in kernels that others time.
pub(crate) fn helps() {
    DEPTH.set(1);
}

/// Times a kernel on the CPU until it is dropped, unless it is part of another.
#[must_use]
pub(crate) struct Span(Option<(Instant, Call)>);

/// The bytes of `count` elements of `each` bytes: the most that can be told for views of more elements than memory holds, for which
/// a kernel is begun before memory is refused.
pub(crate) fn bytes(count: usize, each: usize) -> usize {
    count.saturating_mul(each)
}

/// Begins to time a kernel on the CPU whose operands and results have so many bytes.
pub(crate) fn span(kernel: &'static str, bytes: usize) -> Span {
    span_of_work(kernel, bytes, 0)
}

/// As [`span`], of a kernel that does so many additions and multiplications.
pub(crate) fn span_of_work(kernel: &'static str, bytes: usize, flops: usize) -> Span {
    if !is_enabled() {
        return Span(None);
    }
    DEPTH.set(DEPTH.get() + 1);
    Span(Some((Instant::now(), Call { kernel, bytes: bytes as u64, flops: flops as u64 })))
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some((start, call)) = self.0 {
            DEPTH.set(DEPTH.get() - 1);
            if DEPTH.get() == 0 {
                note(Device::Cpu, call, start.elapsed());
            }
        }
    }
}
