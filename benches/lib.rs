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

/// So many boxes `[N, 4]` as in torchvision's own benchmark, corners in 0..1000 and sides of 1 to 101, and scores.
///
/// # Panics
/// If memory runs out.
pub fn spread_boxes(count: usize) -> (Tensor, Tensor) {
    let mut generator = Generator::new(0);
    let mut rand = |shape: &[usize], factor: f64| {
        Tensor::rand(shape, DType::F32, &mut generator).and_then(|x| x.mul(factor)).expect("memory")
    };
    let (corner, size, scores) = (rand(&[count, 2], 1000.0), rand(&[count, 2], 100.0), rand(&[count], 1.0));
    (cornered(&corner, &size.add(1.0).expect("memory")), scores)
}

/// So many boxes `[N, 4]` as a detector gives them, around 50 objects with sides of 20 to 170 in a picture of 1000 by 1000, and scores.
///
/// # Panics
/// If memory runs out.
pub fn clustered_boxes(count: usize) -> (Tensor, Tensor) {
    const OBJECTS: usize = 50;
    let make = || -> ocelli_tensor::Result<(Tensor, Tensor)> {
        let mut generator = Generator::new(0);
        let corners = Tensor::rand([OBJECTS, 2], DType::F32, &mut generator)?.mul(1000.0)?;
        let sizes = Tensor::rand([OBJECTS, 2], DType::F32, &mut generator)?.mul(150.0)?.add(20.0)?;
        let object = Tensor::randint(0, OBJECTS as i64, [count], DType::I64, &mut generator)?;
        let size = sizes.index_select(0, &object)?;
        let moved = Tensor::randn([count, 2], DType::F32, &mut generator)?.mul(0.1)?.mul(&size)?;
        let stretched = Tensor::randn([count, 2], DType::F32, &mut generator)?.mul(0.1)?.exp()?.mul(&size)?;
        let corner = corners.index_select(0, &object)?.add(&moved)?;
        Ok((cornered(&corner, &stretched), Tensor::rand([count], DType::F32, &mut generator)?))
    };
    make().expect("memory")
}

fn cornered(corner: &Tensor, size: &Tensor) -> Tensor {
    corner.add(size).and_then(|opposite| Tensor::concat(&[corner, &opposite], 1)).expect("memory")
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
