//! Kernels at shapes that real networks have: ResNet-50's and MobileNet's layers at 56×56, an ImageNet head.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocelli_benches::randn;
use ocelli_tensor::{ConvOptions, PoolOptions, Result, Tensor};

/// One bench of a function that must not fail.
fn bench(c: &mut Criterion, group: &str, name: &str, work: Throughput, f: impl Fn() -> Result<Tensor>) {
    let mut group = c.benchmark_group(group);
    group.throughput(work);
    group.bench_function(name, |b| b.iter(|| black_box(f().expect("shapes that fit"))));
    group.finish();
}

/// Multiplications and additions, as criterion's "elements": its rate reads as FLOP/s.
fn flops(count: usize) -> Throughput {
    Throughput::Elements(count as u64)
}

fn bytes(tensor: &Tensor) -> Throughput {
    Throughput::Bytes((tensor.numel() * tensor.dtype().size()) as u64)
}

fn matmul(c: &mut Criterion) {
    for n in [64, 256, 1024] {
        let (a, b) = (randn(&[n, n]).expect("memory"), randn(&[n, n]).expect("memory"));
        bench(c, "matmul", &format!("{n}x{n}x{n}"), flops(2 * n * n * n), || a.matmul(&b));
    }
    let (x, w) = (randn(&[64, 576]).expect("memory"), randn(&[64, 576]).expect("memory"));
    bench(c, "matmul", "64x576x64 transposed", flops(2 * 64 * 576 * 64), || x.matmul(&w.t()?));
}

fn conv(c: &mut Criterion) {
    let x = randn(&[8, 64, 56, 56]).expect("memory");
    let w = randn(&[64, 64, 3, 3]).expect("memory");
    let same = ConvOptions::new().padding(1);
    let work = 2 * 8 * 64 * 64 * 9 * 56 * 56;
    bench(c, "conv", "3x3 64-64 56x56 b8", flops(work), || x.conv(&w, None, &same));
    let dy = randn(&[8, 64, 56, 56]).expect("memory");
    bench(c, "conv", "3x3 64-64 56x56 b8, gradient of the input", flops(work), || {
        Tensor::conv_backward_input(&w, &dy, x.shape(), &same)
    });
    bench(c, "conv", "3x3 64-64 56x56 b8, gradient of the weight", flops(work), || {
        Tensor::conv_backward_weight(&x, &dy, w.shape(), &same)
    });
    let (x, w) = (randn(&[8, 256, 56, 56]).expect("memory"), randn(&[64, 256, 1, 1]).expect("memory"));
    let work = 2 * 8 * 256 * 64 * 56 * 56;
    bench(c, "conv", "1x1 256-64 56x56 b8", flops(work), || x.conv(&w, None, &ConvOptions::new()));
    let (x, w) = (randn(&[8, 144, 56, 56]).expect("memory"), randn(&[144, 1, 3, 3]).expect("memory"));
    let depthwise = ConvOptions::new().padding(1).groups(144);
    bench(c, "conv", "depthwise 3x3 144 56x56 b8", flops(2 * 8 * 144 * 9 * 56 * 56), || x.conv(&w, None, &depthwise));
    let (x, w) = (randn(&[8, 3, 224, 224]).expect("memory"), randn(&[64, 3, 7, 7]).expect("memory"));
    let stem = ConvOptions::new().stride(2).padding(3);
    bench(c, "conv", "7x7/2 3-64 224x224 b8", flops(2 * 8 * 64 * 3 * 49 * 112 * 112), || x.conv(&w, None, &stem));
}

fn pool(c: &mut Criterion) {
    let x = randn(&[8, 64, 112, 112]).expect("memory");
    let stem = PoolOptions::new(3).stride(2).padding(1);
    bench(c, "pool", "max 3x3/2 64 112x112 b8", bytes(&x), || x.max_pool(&stem));
    bench(c, "pool", "max 2x2/2 64 112x112 b8", bytes(&x), || x.max_pool(&PoolOptions::new(2)));
    bench(c, "pool", "average 2x2/2 64 112x112 b8", bytes(&x), || x.avg_pool(&PoolOptions::new(2)));
}

fn softmax(c: &mut Criterion) {
    let x = randn(&[128, 1000]).expect("memory");
    bench(c, "softmax", "128x1000", bytes(&x), || x.softmax(-1));
    bench(c, "softmax", "128x1000, logarithm", bytes(&x), || x.log_softmax(-1));
}

fn elementwise(c: &mut Criterion) {
    let (x, y) = (randn(&[1 << 22]).expect("memory"), randn(&[1 << 22]).expect("memory"));
    bench(c, "elementwise", "add 4M", bytes(&x), || x.add(&y));
    bench(c, "elementwise", "relu 4M", bytes(&x), || x.relu());
    bench(c, "elementwise", "sum 4M", bytes(&x), || x.sum(..));
}

criterion_group!(benches, matmul, conv, pool, softmax, elementwise);
criterion_main!(benches);
