//! The workloads of `benches/compare.sh`, which runs them beside the peers'. By hand:
//!
//! `cargo run --release -p ocelli-benches --bin workloads -- time conv3x3 add` prints medians;
//! `PEERS/bin/python benches/peers/pytorch.py time conv3x3 add` prints PyTorch's.
//!
//! Inputs are as a user makes them: row-major, standard normal. What a workload allocates is part of its time.

mod gpu;
mod limits;
mod loader;
mod roi;
mod server;

use std::error::Error;
use std::hint::black_box;

use ocelli_autograd::{Var, no_grad};
use ocelli_benches::{clustered_boxes, coco_table, detected_pictures, randn, spread_boxes};
use ocelli_infer::Plan;
use ocelli_nn::{BatchNorm2d, CrossEntropy, LSTM, Layer, Loss, Module};
use ocelli_optim::{Optimizer, RmsProp, Sgd};
use ocelli_tensor::{ConvOptions, DType, Device, Generator, PoolOptions, Tensor, set_num_threads};
use ocelli_vision::models::{
    KerasMnist, KerasMnistConfig, MobileNetV2, MobileNetV2Config, ResNet, ResNetConfig, Vgg, VggConfig,
};
use ocelli_vision::ops::{batched_nms, iou_matrix, nms};

/// Prepared work, to be run any number of times.
pub(crate) type Work = Box<dyn FnMut() -> Result<()>>;
/// A workload's name, and what prepares it.
pub(crate) type Workload = (&'static str, fn() -> Result<Work>);
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// As many as the peers use.
pub(crate) const THREADS: usize = 2;

const WORKLOADS: &[Workload] = &[
    ("fma_1024", || limits::fma(2 * 1024 * 1024 * 1024)),
    ("fma_2048", || limits::fma(2 * 2048 * 2048 * 2048)),
    ("copy_256M", || limits::copy(256 << 20)),
    ("matmul_1024", || binary(&[1024, 1024], &[1024, 1024], Tensor::matmul)),
    ("matmul_2048", || binary(&[2048, 2048], &[2048, 2048], Tensor::matmul)),
    ("conv3x3", || conv(&[8, 64, 56, 56], &[64, 64, 3, 3], ConvOptions::new().padding(1))),
    ("conv1x1", || conv(&[8, 256, 56, 56], &[64, 256, 1, 1], ConvOptions::new())),
    ("depthwise3x3", || conv(&[8, 144, 56, 56], &[144, 1, 3, 3], ConvOptions::new().padding(1).groups(144))),
    ("conv7x7", || conv(&[8, 3, 224, 224], &[64, 3, 7, 7], ConvOptions::new().stride(2).padding(3))),
    ("max_pool", max_pool),
    ("batch_norm", batch_norm),
    ("add", || binary(&[1 << 24], &[1 << 24], |x, y| x.add(y))),
    ("train_mnist", train_mnist),
    ("train_resnet18", train_resnet18),
    ("lstm", lstm),
    ("nms_1k", || suppress(spread_boxes(1_000))),
    ("nms_10k", || suppress(spread_boxes(10_000))),
    ("nms_100k", || suppress(spread_boxes(100_000))),
    ("nms_10k_clustered", || suppress(clustered_boxes(10_000))),
    ("batched_nms_10k_80", batched),
    ("iou_5000x5000", || {
        let (boxes, _) = spread_boxes(5_000);
        Ok(Box::new(move || {
            black_box(iou_matrix(&boxes, &boxes)?);
            Ok(())
        }))
    }),
    ("roi_align_1000x256_7x7", roi::align),
    ("roi_align_backward_1000x256_7x7", roi::align_backward),
    ("coco_eval_5000x36", || {
        let pictures = detected_pictures(5_000);
        Ok(Box::new(move || {
            black_box(coco_table(&pictures));
            Ok(())
        }))
    }),
    ("coco_parse", loader::coco_parse),
    ("loader_jpeg_224", loader::jpeg_224),
    ("loader_train_224", loader::train_224),
    ("loader_cifar", loader::cifar),
    ("infer_resnet18_b1", || resnet(&ResNetConfig::resnet18(), 1)),
    ("infer_resnet50_b1", || resnet(&ResNetConfig::resnet50(), 1)),
    ("infer_resnet50_b8", || resnet(&ResNetConfig::resnet50(), 8)),
    ("infer_mobilenet_v2_b1", || infer(&MobileNetV2::new(&MobileNetV2Config::default(), &mut Generator::new(0))?, 1)),
    ("infer_vgg16_b1", || infer(&Vgg::new(&VggConfig::vgg16(), &mut Generator::new(0))?, 1)),
];

fn main() -> Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(THREADS).build_global()?;
    set_num_threads(THREADS)?;
    server::serve(&[WORKLOADS, gpu::WORKLOADS].concat())
}

/// A function of two random tensors.
fn binary(a: &[usize], b: &[usize], f: fn(&Tensor, &Tensor) -> ocelli_tensor::Result<Tensor>) -> Result<Work> {
    let (a, b) = (randn(a), randn(b));
    Ok(Box::new(move || {
        black_box(f(&a, &b)?);
        Ok(())
    }))
}

fn conv(x: &[usize], weight: &[usize], options: ConvOptions) -> Result<Work> {
    let (x, weight) = (randn(x), randn(weight));
    Ok(Box::new(move || {
        black_box(x.conv(&weight, None, &options)?);
        Ok(())
    }))
}

fn max_pool() -> Result<Work> {
    let x = randn(&[8, 64, 112, 112]);
    let options = PoolOptions::new(3).stride(2).padding(1);
    Ok(Box::new(move || {
        black_box(x.max_pool(&options)?);
        Ok(())
    }))
}

/// In training, with what the backward pass needs recorded, as PyTorch's does.
fn batch_norm() -> Result<Work> {
    let layer = BatchNorm2d::new(64)?;
    let x = Var::constant(randn(&[16, 64, 56, 56]));
    Ok(Box::new(move || {
        black_box(layer.forward(&x)?);
        Ok(())
    }))
}

fn train_mnist() -> Result<Work> {
    let model = KerasMnist::new(&KerasMnistConfig::default(), &mut Generator::new(0))?;
    let optimizer = RmsProp::new(model.named_parameters());
    training_step(model, optimizer, 1e-3, Device::Cpu, &[64, 1, 28, 28], 10)
}

fn train_resnet18() -> Result<Work> {
    let model = ResNet::new(&ResNetConfig::resnet18(), &mut Generator::new(0))?;
    let optimizer = Sgd::pytorch(model.named_parameters()).momentum(0.9);
    training_step(model, optimizer, 0.01, Device::Cpu, &[16, 3, 112, 112], 1000)
}

/// Forward, cross-entropy, backward and the optimizer's step, of a model that is on this device.
fn training_step(
    model: impl Layer + 'static,
    mut optimizer: impl Optimizer + 'static,
    learning_rate: f64,
    device: Device,
    shape: &[usize],
    classes: i64,
) -> Result<Work> {
    let x = Var::constant(randn(shape).to_device(device)?);
    let y = Tensor::randint(0, classes, [shape[0]], DType::I64, &mut Generator::new(1))?.to_device(device)?;
    let loss = CrossEntropy::new();
    Ok(Box::new(move || {
        let loss = loss.loss(&model.forward(&x)?, &y)?;
        optimizer.step(&loss.backward()?, learning_rate)?;
        Ok(())
    }))
}

fn lstm() -> Result<Work> {
    let layer = LSTM::builder(128, 256).return_sequences(true).build(&mut Generator::new(0))?;
    let x = Var::constant(randn(&[32, 64, 128]));
    Ok(Box::new(move || {
        black_box(no_grad(|| layer.forward(&x))?);
        Ok(())
    }))
}

/// Non-maximum suppression of boxes and scores.
fn suppress((boxes, scores): (Tensor, Tensor)) -> Result<Work> {
    Ok(Box::new(move || {
        black_box(nms(&boxes, &scores, 0.5)?);
        Ok(())
    }))
}

fn batched() -> Result<Work> {
    let (boxes, scores) = spread_boxes(10_000);
    let classes = Tensor::randint(0, 80, [10_000], DType::I64, &mut Generator::new(1))?;
    Ok(Box::new(move || {
        black_box(batched_nms(&boxes, &scores, &classes, 0.5)?);
        Ok(())
    }))
}

fn resnet(config: &ResNetConfig, batch: usize) -> Result<Work> {
    infer(&ResNet::new(config, &mut Generator::new(0))?, batch)
}

/// A compiled model, on pictures of 224 by 224.
fn infer(model: &impl Layer, batch: usize) -> Result<Work> {
    let x = randn(&[batch, 3, 224, 224]);
    let plan = Plan::compile(model, &x)?;
    Ok(Box::new(move || {
        black_box(plan.run(std::slice::from_ref(&x))?);
        Ok(())
    }))
}
