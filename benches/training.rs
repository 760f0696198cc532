//! A training step and the loader of the MNIST network (93,322 parameters, batch 64).
#![allow(missing_docs)] // criterion's macros make public items without documentation

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocelli_autograd::{Var, no_grad};
use ocelli_benches::randn;
use ocelli_data::{DataLoader, mnist};
use ocelli_nn::{CrossEntropy, Layer, Loss, Module};
use ocelli_optim::{Optimizer, RmsProp};
use ocelli_tensor::{DType, Generator, Tensor};
use ocelli_vision::models::{KerasMnist, KerasMnistConfig};

fn network(c: &mut Criterion) {
    let mut generator = Generator::new(0);
    let model = KerasMnist::new(&KerasMnistConfig::default(), &mut generator).expect("a network");
    let x = Var::constant(randn(&[64, 1, 28, 28]).expect("memory"));
    let y = Tensor::randint(0, 10, [64], DType::I64, &mut generator).expect("memory");
    let loss = CrossEntropy::new();
    let mut optimizer = RmsProp::new(model.named_parameters());
    let mut group = c.benchmark_group("keras mnist network b64");
    group.throughput(Throughput::Elements(64));
    group.bench_function("forward", |b| b.iter(|| no_grad(|| black_box(model.forward(&x).expect("a forward pass")))));
    group.bench_function("training step", |b| {
        b.iter(|| {
            let loss = loss.loss(&model.forward(&x).expect("a forward pass"), &y).expect("a loss");
            optimizer.step(&loss.backward().expect("gradients"), 1e-3).expect("a step");
        });
    });
    group.finish();
}

fn loader(c: &mut Criterion) {
    let (train, _) = mnist::embedded().expect("the embedded digits");
    let mut group = c.benchmark_group("loader");
    group.throughput(Throughput::Elements(8000));
    for workers in [0, 1, 2] {
        let loader = DataLoader::new(train.clone(), 64).expect("a batch size").shuffle(true).workers(workers);
        group.bench_function(format!("embedded digits b64, {workers} workers"), |b| {
            b.iter(|| loader.epoch(0).map(|batch| batch.expect("a batch").len()).sum::<usize>());
        });
    }
    group.finish();
}

criterion_group!(benches, network, loader);
criterion_main!(benches);
