//! Training steps with the memory that they take at most, and the loader.
#![allow(missing_docs)] // criterion's macros make public items without documentation
#![allow(clippy::print_stdout)] // Memory is no time, so criterion does not print it.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocelli_autograd::{Var, no_grad};
use ocelli_benches::{bench, criterion, peak_memory, randn};
use ocelli_data::{DataLoader, mnist};
use ocelli_nn::{CrossEntropy, Layer, Loss, Module};
use ocelli_optim::{Optimizer, RmsProp, Sgd};
use ocelli_tensor::{DType, Generator, Tensor};
use ocelli_vision::models::{KerasMnist, KerasMnistConfig, ResNet, ResNetConfig};

fn steps(c: &mut Criterion, name: &str, model: &dyn Layer, optimizer: &mut dyn Optimizer, x: &[usize], classes: i64) {
    let pictures = Throughput::Elements(x[0] as u64);
    let y = Tensor::randint(0, classes, [x[0]], DType::I64, &mut Generator::new(1)).expect("memory");
    let x = Var::constant(randn(x));
    let loss = CrossEntropy::new();
    bench(c, name, "forward", pictures.clone(), || no_grad(|| model.forward(&x)));
    bench(c, name, "forward and backward", pictures.clone(), || {
        loss.loss(&model.forward(&x)?, &y)?.backward().map_err(ocelli_nn::Error::from)
    });
    bench(c, name, "training step", pictures, || {
        let loss = loss.loss(&model.forward(&x).expect("a forward pass"), &y).expect("a loss");
        optimizer.step(&loss.backward().expect("gradients"), 1e-3)
    });
    if let Some(bytes) = peak_memory() {
        println!("{name}: peak memory of the process {} MB\n", bytes / 1_000_000);
    }
}

fn mnist_network(c: &mut Criterion) {
    let model = KerasMnist::new(&KerasMnistConfig::default(), &mut Generator::new(0)).expect("a network");
    let mut optimizer = RmsProp::new(model.named_parameters());
    steps(c, "MNIST network b64", &model, &mut optimizer, &[64, 1, 28, 28], 10);
}

fn resnet18(c: &mut Criterion) {
    let model = ResNet::new(&ResNetConfig::resnet18(), &mut Generator::new(0)).expect("a network");
    let mut optimizer = Sgd::pytorch(model.named_parameters()).momentum(0.9);
    steps(c, "ResNet-18 112x112 b16", &model, &mut optimizer, &[16, 3, 112, 112], 1000);
}

fn loader(c: &mut Criterion) {
    let (train, _) = mnist::embedded().expect("the embedded digits");
    for workers in [0, 1, 2] {
        let loader = DataLoader::new(train.clone(), 64).expect("a batch size").shuffle(true).workers(workers);
        bench(c, "loader of 8000 digits b64", &format!("{workers} workers"), Throughput::Elements(8000), || {
            loader.epoch(0).map(|batch| Ok(batch?.len())).sum::<ocelli_data::Result<usize>>()
        });
    }
}

criterion_group!(name = benches; config = criterion(); targets = mnist_network, resnet18, loader);
criterion_main!(benches);
