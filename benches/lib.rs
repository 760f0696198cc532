//! What the benchmarks share. Run them with `cargo bench -p ocelli-benches`, one of them with
//! `cargo bench -p ocelli-benches --bench matmul -- 1024`. `compare.sh` measures beside other frameworks.

use std::fmt::Debug;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use ocelli_tensor::{DType, Generator, Tensor};

/// Standard normal numbers of this shape, the same at each run.
///
/// # Panics
/// If memory runs out.
pub fn randn(shape: &[usize]) -> Tensor {
    randn_of(DType::F32, shape)
}

/// As [`randn`], of a float type.
///
/// # Panics
/// If memory runs out, or the type is not a float type.
pub fn randn_of(dtype: DType, shape: &[usize]) -> Tensor {
    Tensor::randn(shape, dtype, &mut Generator::new(shape.len() as u64)).expect("memory and a float type")
}

/// Short measurements: there are many benches, and what they measure takes milliseconds.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
}

/// One bench of a function that must not fail.
///
/// # Panics
/// If it fails.
pub fn bench<T, E: Debug>(
    c: &mut Criterion,
    group: &str,
    name: &str,
    work: Throughput,
    mut f: impl FnMut() -> Result<T, E>,
) {
    let mut group = c.benchmark_group(group);
    group.throughput(work);
    group.bench_function(name, |b| b.iter(|| black_box(f().expect("arguments that fit"))));
    group.finish();
}

/// Floating-point operations, as criterion's "elements": its rate reads as FLOP/s.
pub fn flops(count: usize) -> Throughput {
    Throughput::Elements(count as u64)
}

/// The bytes of one tensor.
pub fn bytes(tensor: &Tensor) -> Throughput {
    Throughput::Bytes((tensor.numel() * tensor.dtype().size()) as u64)
}

/// The most memory in bytes that this process has had resident, where the system tells (Linux).
pub fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? * 1024)
}
