//! Normalization, softmax and cross-entropy, forward and backward.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use criterion::{Criterion, criterion_group, criterion_main};
use ocelli_autograd::{Var, no_grad};
use ocelli_benches::{bench, bytes, criterion, randn};
use ocelli_nn::{BatchNorm2d, CrossEntropy, Layer, Loss, Module};
use ocelli_tensor::{DType, Generator, Tensor};

fn batch_norm(c: &mut Criterion) {
    for shape in [[16, 64, 56, 56], [16, 512, 7, 7]] {
        let [n, channels, h, w] = shape;
        let layer = BatchNorm2d::new(channels).expect("channels");
        let x = Var::leaf(randn(&shape)).expect("a float tensor");
        let dy = randn(&shape);
        let group = format!("batch norm {n}x{channels}x{h}x{w}");
        bench(c, &group, "training forward", bytes(x.tensor()), || no_grad(|| layer.forward(&x)));
        bench(c, &group, "training forward and backward", bytes(x.tensor()), || {
            layer.forward(&x)?.backward_from(dy.clone()).map_err(ocelli_nn::Error::from)
        });
        layer.eval();
        bench(c, &group, "evaluation", bytes(x.tensor()), || no_grad(|| layer.forward(&x)));
    }
}

fn softmax(c: &mut Criterion) {
    for shape in [[128, 1000], [4096, 196]] {
        let x = Var::leaf(randn(&shape)).expect("a float tensor");
        let dy = randn(&shape);
        let group = format!("softmax {}x{}", shape[0], shape[1]);
        bench(c, &group, "forward", bytes(x.tensor()), || x.tensor().softmax(-1));
        bench(c, &group, "logarithm", bytes(x.tensor()), || x.tensor().log_softmax(-1));
        bench(c, &group, "forward and backward", bytes(x.tensor()), || x.softmax(-1)?.backward_from(dy.clone()));
    }
}

fn cross_entropy(c: &mut Criterion) {
    let x = Var::leaf(randn(&[128, 1000])).expect("a float tensor");
    let labels = Tensor::randint(0, 1000, [128], DType::I64, &mut Generator::new(0)).expect("memory");
    let loss = CrossEntropy::new();
    bench(c, "cross-entropy 128x1000", "forward", bytes(x.tensor()), || no_grad(|| loss.loss(&x, &labels)));
    bench(c, "cross-entropy 128x1000", "forward and backward", bytes(x.tensor()), || {
        loss.loss(&x, &labels)?.backward().map_err(ocelli_nn::Error::from)
    });
}

criterion_group!(name = benches; config = criterion(); targets = batch_norm, softmax, cross_entropy);
criterion_main!(benches);
