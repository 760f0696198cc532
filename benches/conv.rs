//! Convolutions and both their gradients, at shapes of ResNet-50, MobileNet v2 and the MNIST network, and of unusual kinds.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocelli_benches::{bench, criterion, flops, randn};
use ocelli_tensor::{ConvOptions, Shape, Tensor};

/// A multiply-add for each output and each weight that it reads.
fn work(y: &Shape, weight: &[usize]) -> Throughput {
    flops(2 * y.numel() * weight[1..].iter().product::<usize>())
}

/// Forward, gradient of the input and gradient of the weight.
fn all_three(c: &mut Criterion, name: &str, x: &[usize], weight: &[usize], options: &ConvOptions) {
    let (x, w) = (randn(x), randn(weight));
    let y = x.conv(&w, None, options).expect("shapes that fit");
    let dy = randn(y.shape());
    let group = format!("conv {name}");
    bench(c, &group, "forward", work(y.shape(), weight), || x.conv(&w, None, options));
    bench(c, &group, "gradient of the input", work(y.shape(), weight), || {
        Tensor::conv_backward_input(&w, &dy, x.shape(), options)
    });
    bench(c, &group, "gradient of the weight", work(y.shape(), weight), || {
        Tensor::conv_backward_weight(&x, &dy, w.shape(), options)
    });
}

fn resnet(c: &mut Criterion) {
    let plain = ConvOptions::new();
    let same = ConvOptions::new().padding(1);
    let half = same.clone().stride(2);
    all_three(c, "7x7/2 3-64 224 b8", &[8, 3, 224, 224], &[64, 3, 7, 7], &ConvOptions::new().stride(2).padding(3));
    all_three(c, "3x3 64-64 56 b8", &[8, 64, 56, 56], &[64, 64, 3, 3], &same);
    all_three(c, "3x3 128-128 28 b8", &[8, 128, 28, 28], &[128, 128, 3, 3], &same);
    all_three(c, "3x3 512-512 7 b8", &[8, 512, 7, 7], &[512, 512, 3, 3], &same);
    all_three(c, "3x3 512-512 7 b1", &[1, 512, 7, 7], &[512, 512, 3, 3], &same);
    all_three(c, "3x3/2 128-128 56 b8", &[8, 128, 56, 56], &[128, 128, 3, 3], &half);
    all_three(c, "1x1 256-64 56 b8", &[8, 256, 56, 56], &[64, 256, 1, 1], &plain);
    all_three(c, "1x1 64-256 56 b8", &[8, 64, 56, 56], &[256, 64, 1, 1], &plain);
    all_three(c, "1x1 2048-512 7 b8", &[8, 2048, 7, 7], &[512, 2048, 1, 1], &plain);
    all_three(c, "1x1/2 256-512 56 b8", &[8, 256, 56, 56], &[512, 256, 1, 1], &plain.clone().stride(2));
}

fn mobilenet(c: &mut Criterion) {
    let depthwise = |channels, size: usize| ConvOptions::new().groups(channels).padding(size / 2);
    all_three(c, "3x3/2 3-32 224 b8", &[8, 3, 224, 224], &[32, 3, 3, 3], &ConvOptions::new().stride(2).padding(1));
    all_three(c, "depthwise 3x3 144 56 b8", &[8, 144, 56, 56], &[144, 1, 3, 3], &depthwise(144, 3));
    all_three(c, "depthwise 3x3/2 144 56 b8", &[8, 144, 56, 56], &[144, 1, 3, 3], &depthwise(144, 3).stride(2));
    all_three(c, "depthwise 5x5 240 28 b8", &[8, 240, 28, 28], &[240, 1, 5, 5], &depthwise(240, 5));
    all_three(c, "depthwise 7x7 96 56 b8", &[8, 96, 56, 56], &[96, 1, 7, 7], &depthwise(96, 7));
}

fn mnist(c: &mut Criterion) {
    let valid = ConvOptions::new();
    all_three(c, "3x3 1-32 28 b64", &[64, 1, 28, 28], &[32, 1, 3, 3], &valid);
    all_three(c, "3x3 32-64 13 b64", &[64, 32, 13, 13], &[64, 32, 3, 3], &valid);
    all_three(c, "3x3 64-64 5 b64", &[64, 64, 5, 5], &[64, 64, 3, 3], &valid);
}

fn kinds(c: &mut Criterion) {
    let same = ConvOptions::new().padding(1);
    all_three(c, "grouped 3x3 32 of 4 56 b8", &[8, 128, 56, 56], &[128, 4, 3, 3], &same.clone().groups(32));
    all_three(
        c,
        "dilated 3x3 64-64 56 b8",
        &[8, 64, 56, 56],
        &[64, 64, 3, 3],
        &ConvOptions::new().padding(2).dilation(2),
    );
    all_three(c, "1-D 9 64-64 1024 b8", &[8, 64, 1024], &[64, 64, 9], &ConvOptions::new().padding(4));
    all_three(c, "3-D 3x3x3 16-32 16x28x28 b2", &[2, 16, 16, 28, 28], &[32, 16, 3, 3, 3], &same);
}

fn transposed(c: &mut Criterion) {
    for (name, x, weight, options) in [
        ("2x2/2 128-64 28 b8", [8, 128, 28, 28], [128, 64, 2, 2], ConvOptions::new().stride(2)),
        ("4x4/2 256-128 16 b8", [8, 256, 16, 16], [256, 128, 4, 4], ConvOptions::new().stride(2).padding(1)),
    ] {
        let work = flops(2 * x.iter().product::<usize>() * weight[1..].iter().product::<usize>());
        let (x, w) = (randn(&x), randn(&weight));
        bench(c, "conv transposed", name, work, || x.conv_transpose(&w, None, &options, 0));
    }
}

criterion_group!(name = benches; config = criterion(); targets = resnet, mobilenet, mnist, kinds, transposed);
criterion_main!(benches);
