//! What moves elements: transposes, concatenation, padding, resizing, embedding.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use criterion::{Criterion, criterion_group, criterion_main};
use ocelli_benches::{bench, bytes, criterion, randn};
use ocelli_tensor::{DType, Generator, InterpolateMode, PadMode, Tensor};

/// A `reshape` of a permuted tensor must copy.
fn transposes(c: &mut Criterion) {
    let x = randn(&[2048, 2048]);
    bench(c, "transpose", "2048x2048", bytes(&x), || x.t()?.reshape([2048 * 2048]));
    let x = randn(&[8, 64, 112, 112]);
    let count = x.numel();
    bench(c, "transpose", "channels last 64x112x112 b8", bytes(&x), || x.permute([0, 2, 3, 1])?.reshape([count]));
    let x = randn(&[8, 112, 112, 64]);
    bench(c, "transpose", "channels first 64x112x112 b8", bytes(&x), || x.permute([0, 3, 1, 2])?.reshape([count]));
}

fn joining(c: &mut Criterion) {
    let (a, b) = (randn(&[8, 64, 56, 56]), randn(&[8, 128, 56, 56]));
    bench(c, "concat", "64 + 128 channels 56x56 b8", bytes(&b), || Tensor::concat(&[&a, &b], 1));
    bench(c, "pad", "zeros 64x56x56 b8", bytes(&a), || {
        a.pad(&[(0, 0), (0, 0), (1, 1), (1, 1)], PadMode::Constant(0.0))
    });
}

fn resizing(c: &mut Criterion) {
    let x = randn(&[8, 64, 56, 56]);
    for (name, mode) in
        [("nearest", InterpolateMode::Nearest), ("bilinear", InterpolateMode::Linear { align_corners: false })]
    {
        bench(c, "resize 64x56x56 b8 to 112x112", name, bytes(&x), || x.interpolate([112, 112], mode));
    }
}

fn embedding(c: &mut Criterion) {
    let table = randn(&[30_000, 256]);
    let words = Tensor::randint(0, 30_000, [32 * 128], DType::I64, &mut Generator::new(0)).expect("memory");
    let rows = randn(&[32 * 128, 256]);
    bench(c, "embedding 30000x256", "4096 rows", bytes(&rows), || table.index_select(0, &words));
    bench(c, "embedding 30000x256", "gradient of 4096 rows", bytes(&table), || {
        table.zeros_like()?.index_add(0, &words, &rows)
    });
}

criterion_group!(name = benches; config = criterion(); targets = transposes, joining, resizing, embedding);
criterion_main!(benches);
