//! Elementwise operations, chains of them, and reductions.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use criterion::{Criterion, criterion_group, criterion_main};
use ocelli_autograd::Var;
use ocelli_benches::{bench, bytes, criterion, randn};
use ocelli_nn::{Dropout, Layer};
use ocelli_tensor::{Generator, Result, Tensor};

fn arithmetic(c: &mut Criterion) {
    let (x, y) = (randn(&[1 << 22]), randn(&[1 << 22]));
    bench(c, "elementwise 4M", "add", bytes(&x), || x.add(&y));
    bench(c, "elementwise 4M", "multiply by a number", bytes(&x), || x.mul(0.5));
    bench(c, "elementwise 4M", "relu", bytes(&x), || x.relu());
    bench(c, "elementwise 4M", "chain of five", bytes(&x), || x.mul(&y)?.add(1.0)?.relu()?.mul(0.5)?.sub(&x));
    let (x, bias) = (randn(&[8, 64, 112, 112]), randn(&[64, 1, 1]));
    bench(c, "elementwise 64x112x112 b8", "add a bias to each channel", bytes(&x), || x.add(&bias));
}

type Function = fn(&Tensor) -> Result<Tensor>;

fn mathematics(c: &mut Criterion) {
    let x = randn(&[1 << 22]);
    let functions: [(&str, Function); 6] = [
        ("exp", Tensor::exp),
        ("ln", |x| x.abs()?.ln()),
        ("tanh", Tensor::tanh),
        ("sigmoid", Tensor::sigmoid),
        ("erf", Tensor::erf),
        ("rsqrt", |x| x.abs()?.rsqrt()),
    ];
    for (name, f) in functions {
        bench(c, "mathematics 4M", name, bytes(&x), || f(&x));
    }
}

fn reductions(c: &mut Criterion) {
    let x = randn(&[16, 64, 56, 56]);
    bench(c, "sum 16x64x56x56", "all", bytes(&x), || x.sum(..));
    for axis in 0..4 {
        bench(c, "sum 16x64x56x56", &format!("axis {axis}"), bytes(&x), || x.sum(axis));
    }
    bench(c, "sum 16x64x56x56", "axes 0, 2, 3", bytes(&x), || x.sum([0, 2, 3]));
    bench(c, "variance 16x64x56x56", "axes 0, 2, 3", bytes(&x), || x.var([0, 2, 3], 0));
    bench(c, "max 16x64x56x56", "axis 1", bytes(&x), || x.max(1));
    let logits = randn(&[4096, 1000]);
    bench(c, "argmax 4096x1000", "axis 1", bytes(&logits), || logits.argmax(1));
}

fn dropout(c: &mut Criterion) {
    let layer = Dropout::new(0.5, &mut Generator::new(0)).expect("a rate");
    let x = Var::constant(randn(&[1 << 22]));
    bench(c, "dropout 4M", "training", bytes(x.tensor()), || layer.forward(&x));
}

criterion_group!(name = benches; config = criterion(); targets = arithmetic, mathematics, reductions, dropout);
criterion_main!(benches);
