//! Matrix products: square, skinny, batched, of transposed operands, in every float type.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use criterion::{Criterion, criterion_group, criterion_main};
use ocelli_benches::{bench, criterion, flops, randn, randn_of};
use ocelli_tensor::DType;

fn square(c: &mut Criterion) {
    for n in [64, 256, 1024, 2048] {
        let (a, b) = (randn(&[n, n]), randn(&[n, n]));
        bench(c, "matmul", &format!("{n}x{n}x{n}"), flops(2 * n * n * n), || a.matmul(&b));
    }
}

/// A vector times a matrix, and products with an inner or outer size below 16.
fn skinny(c: &mut Criterion) {
    for [m, k, n] in [[1, 512, 1000], [1000, 512, 1], [4, 4096, 4096], [4096, 8, 512], [4096, 512, 10], [64, 4096, 64]]
    {
        let (a, b) = (randn(&[m, k]), randn(&[k, n]));
        bench(c, "matmul skinny", &format!("{m}x{k}x{n}"), flops(2 * m * k * n), || a.matmul(&b));
    }
}

fn batched(c: &mut Criterion) {
    for [batch, m, k, n] in [[96, 196, 64, 196], [1024, 16, 16, 16]] {
        let (a, b) = (randn(&[batch, m, k]), randn(&[batch, k, n]));
        bench(c, "matmul batched", &format!("{batch} of {m}x{k}x{n}"), flops(2 * batch * m * k * n), || a.matmul(&b));
    }
}

/// As the layers of a network read their weights, forward and backward.
fn transposed(c: &mut Criterion) {
    let (a, b) = (randn(&[512, 512]), randn(&[512, 512]));
    let work = flops(2 * 512 * 512 * 512);
    bench(c, "matmul transposed", "left 512", work.clone(), || a.t()?.matmul(&b));
    bench(c, "matmul transposed", "right 512", work.clone(), || a.matmul(&b.t()?));
    bench(c, "matmul transposed", "both 512", work, || a.t()?.matmul(&b.t()?));
    let (x, w) = (randn(&[64, 576]), randn(&[64, 576]));
    bench(c, "matmul transposed", "right 64x576x64", flops(2 * 64 * 576 * 64), || x.matmul(&w.t()?));
}

fn dtypes(c: &mut Criterion) {
    for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
        let (a, b) = (randn_of(dtype, &[512, 512]), randn_of(dtype, &[512, 512]));
        bench(c, "matmul of a type", &format!("{dtype} 512"), flops(2 * 512 * 512 * 512), || a.matmul(&b));
    }
}

criterion_group!(name = benches; config = criterion(); targets = square, skinny, batched, transposed, dtypes);
criterion_main!(benches);
