//! A step of each optimizer over the 11.7 million parameters of ResNet-18.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocelli_benches::{bench, criterion, randn};
use ocelli_nn::{Module, Param};
use ocelli_optim::{Adadelta, Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd};
use ocelli_tensor::Generator;
use ocelli_vision::models::{ResNet, ResNetConfig};

type Make = fn(Vec<(String, Param)>) -> Box<dyn Optimizer>;

fn steps(c: &mut Criterion) {
    let model = ResNet::new(&ResNetConfig::resnet18(), &mut Generator::new(0)).expect("a network");
    let x = randn(&[1, 3, 64, 64]);
    let loss = ocelli_nn::Layer::forward(&model, &x.into()).and_then(|y| Ok(y.sum(..)?)).expect("a forward pass");
    let gradients = loss.backward().expect("gradients");
    let optimizers: [(&str, Make); 7] = [
        ("SGD", |p| Box::new(Sgd::pytorch(p))),
        ("SGD with momentum", |p| Box::new(Sgd::pytorch(p).momentum(0.9))),
        ("RMSprop", |p| Box::new(RmsProp::new(p))),
        ("Adagrad", |p| Box::new(Adagrad::new(p))),
        ("Adadelta", |p| Box::new(Adadelta::new(p))),
        ("Adam", |p| Box::new(Adam::new(p))),
        ("AdamW", |p| Box::new(AdamW::new(p))),
    ];
    let count: usize = model.named_parameters().iter().map(|(_, parameter)| parameter.tensor().numel()).sum();
    for (name, make) in optimizers {
        let mut optimizer = make(model.named_parameters());
        bench(c, "optimizer step 11.7M", name, Throughput::Bytes(4 * count as u64), || {
            optimizer.step(&gradients, 1e-6)
        });
    }
}

criterion_group!(name = benches; config = criterion(); targets = steps);
criterion_main!(benches);
