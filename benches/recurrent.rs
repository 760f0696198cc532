//! Recurrent layers over whole sequences.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocelli_autograd::{Var, no_grad};
use ocelli_benches::randn;
use ocelli_nn::{Layer, Module, Recurrent, RecurrentKind};
use ocelli_tensor::Generator;

const BATCH: usize = 32;
const STEPS: usize = 64;
const INPUTS: usize = 128;
const HIDDEN: usize = 256;

/// Forward without gradients, and forward with backward.
fn layer<K: RecurrentKind>(c: &mut Criterion) {
    let layer = Recurrent::<K>::builder(INPUTS, HIDDEN).return_sequences(true).build(&mut Generator::new(0));
    let (layer, x) = (layer.expect("sizes above 0"), Var::constant(randn(&[BATCH, STEPS, INPUTS])));
    let mut group = c.benchmark_group(layer.type_name().to_lowercase());
    let work = 2 * BATCH * STEPS * K::CELL.gates() * HIDDEN * (INPUTS + HIDDEN);
    group.throughput(Throughput::Elements(work as u64));
    group.bench_function("128-256 64 steps b32", |b| {
        b.iter(|| black_box(no_grad(|| layer.forward(&x)).expect("shapes that fit")));
    });
    group.throughput(Throughput::Elements(3 * work as u64));
    group.bench_function("128-256 64 steps b32, forward and backward", |b| {
        b.iter(|| {
            let loss = layer.forward(&x).and_then(|y| Ok(y.sum(..)?)).expect("shapes that fit");
            black_box(loss.backward().expect("a recorded graph"))
        });
    });
    group.finish();
}

fn lstm(c: &mut Criterion) {
    layer::<ocelli_nn::LstmKind>(c);
}

fn gru(c: &mut Criterion) {
    layer::<ocelli_nn::GruKind>(c);
}

criterion_group!(benches, lstm, gru);
criterion_main!(benches);
