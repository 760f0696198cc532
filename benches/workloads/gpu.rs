//! The workloads of `benches/gpu.sh`, on the first graphics adapter. Each does its work several times and waits once, as a program does
//! that has more to do; `benches/peers/gpu_rows.py` says how often.

use std::hint::black_box;

use ocelli_autograd::{Var, no_grad};
use ocelli_benches::randn_of;
use ocelli_nn::{Layer, Module};
use ocelli_optim::{RmsProp, Sgd};
use ocelli_tensor::{AdapterKind, ConvOptions, DType, Device, Generator, Tensor};
use ocelli_vision::models::{KerasMnist, KerasMnistConfig, ResNet, ResNetConfig};

use crate::{Result, Work, Workload, training_step};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("gpu_copy_64M", || repeated(20, &[1 << 26], DType::F32, |x| x.neg())),
    ("gpu_add_64M", || pair(|x, y| x.add(y))),
    ("gpu_chain_64M", || pair(|x, y| x.mul(1.5)?.add(0.5)?.relu()?.add(y))),
    ("gpu_chain_apart_64M", || pair(|x, y| alone(&alone(&alone(&x.mul(1.5)?)?.add(0.5)?)?.relu()?)?.add(y))),
    ("gpu_softmax", || repeated(20, &[16_384, 4096], DType::F32, |x| x.softmax(-1))),
    ("gpu_layer_norm", layer_norm),
    ("gpu_matmul_f32", || repeated(5, &[4096, 4096], DType::F32, |x| x.matmul(x))),
    ("gpu_matmul_f16", || repeated(10, &[4096, 4096], DType::F16, |x| x.matmul(x))),
    ("gpu_conv_7x7", || conv(3, 64, 224, 7, 2)),
    ("gpu_conv_1x1_64", || conv(64, 256, 56, 1, 1)),
    ("gpu_conv_3x3_64", || conv(64, 64, 56, 3, 1)),
    ("gpu_conv_3x3_128", || conv(128, 128, 28, 3, 1)),
    ("gpu_conv_3x3_256", || conv(256, 256, 14, 3, 1)),
    ("gpu_conv_3x3_512", || conv(512, 512, 7, 3, 1)),
    ("gpu_conv_1x1_2048", || conv(2048, 512, 7, 1, 1)),
    ("gpu_resnet50_b1", || resnet50(1, 20)),
    ("gpu_resnet50_b16", || resnet50(16, 5)),
    ("gpu_resnet50_b64", || resnet50(64, 2)),
    ("gpu_train_resnet18_b64", train_resnet18),
    ("gpu_train_mnist_b64", train_mnist),
];

/// Set to 1, it allows a driver that computes on the processor.
const SOFTWARE: &str = "OCELLI_BENCH_SOFTWARE";
/// Pictures of a batch of the convolutions.
const BATCH: usize = 16;

/// The first adapter, unless it is the processor itself, which takes hours and says nothing; `OCELLI_BENCH_SOFTWARE=1` takes it, too.
fn device() -> Result<Device> {
    let device = Device::wgpu(0)?;
    let adapters = Device::adapters();
    let software = adapters.first().filter(|adapter| adapter.kind == AdapterKind::Cpu);
    match software {
        Some(adapter) if std::env::var_os(SOFTWARE).is_none_or(|value| value != "1") => {
            let found = &adapter.name;
            Err(format!("expected a graphics processor, received {found}, a driver that computes on the CPU ({SOFTWARE}=1 measures it)").into())
        }
        _ => Ok(device),
    }
}

fn repeated(
    times: usize,
    shape: &[usize],
    dtype: DType,
    f: fn(&Tensor) -> ocelli_tensor::Result<Tensor>,
) -> Result<Work> {
    let x = randn_of(dtype, shape).to_device(device()?)?;
    held(times, move || f(&x))
}

fn pair(f: fn(&Tensor, &Tensor) -> ocelli_tensor::Result<Tensor>) -> Result<Work> {
    let (device, numbers) = (device()?, || randn_of(DType::F32, &[1 << 26]));
    let (x, y) = (numbers().to_device(device)?, numbers().to_device(device)?);
    held(20, move || f(&x, &y))
}

/// A result that has been computed by itself: what follows is another kernel.
fn alone(x: &Tensor) -> ocelli_tensor::Result<Tensor> {
    x.device().synchronize()?;
    Ok(x.clone())
}

/// Work whose results are held until it has been waited for: elementwise operations whose results are dropped do not run.
fn held(times: usize, work: impl Fn() -> ocelli_tensor::Result<Tensor> + 'static) -> Result<Work> {
    let device = device()?;
    Ok(Box::new(move || {
        let results = (0..times).map(|_| work()).collect::<ocelli_tensor::Result<Vec<Tensor>>>()?;
        device.synchronize()?;
        drop(results);
        Ok(())
    }))
}

/// Work that is done so many times before it is waited for.
fn waited_for(device: Device, times: usize, mut work: impl FnMut() -> Result<()> + 'static) -> Result<Work> {
    Ok(Box::new(move || {
        (0..times).try_for_each(|_| work())?;
        Ok(device.synchronize()?)
    }))
}

fn layer_norm() -> Result<Work> {
    let device = device()?;
    let x = randn_of(DType::F32, &[16_384, 4096]).to_device(device)?;
    let ones = Tensor::full_on(device, [4096], 1, DType::F32)?;
    waited_for(device, 20, move || {
        black_box(x.layer_norm(&ones, &ones, 1e-5)?);
        Ok(())
    })
}

/// A convolution of ResNet-50: channels, filters, side of the picture, of the window, stride.
fn conv(channels: usize, filters: usize, side: usize, kernel: usize, stride: usize) -> Result<Work> {
    let device = device()?;
    // As a network's pictures lie behind its first layer.
    let x = randn_of(DType::F32, &[BATCH, side, side, channels]).to_device(device)?.permute([0, 3, 1, 2])?;
    let weight = randn_of(DType::F32, &[filters, channels, kernel, kernel]).to_device(device)?;
    let options = ConvOptions::new().stride(stride).padding(kernel / 2);
    waited_for(device, 20, move || {
        black_box(x.conv(&weight, None, &options)?);
        Ok(())
    })
}

fn resnet50(batch: usize, times: usize) -> Result<Work> {
    let device = device()?;
    let model = ResNet::new(&ResNetConfig::resnet50(), &mut Generator::new(0))?;
    model.eval();
    model.to(device)?;
    let x = Var::constant(randn_of(DType::F32, &[batch, 3, 224, 224]).to_device(device)?);
    waited_for(device, times, move || {
        black_box(no_grad(|| model.forward(&x))?);
        Ok(())
    })
}

fn train_resnet18() -> Result<Work> {
    let device = device()?;
    let model = ResNet::new(&ResNetConfig::resnet18(), &mut Generator::new(0))?;
    model.to(device)?;
    let optimizer = Sgd::pytorch(model.named_parameters()).momentum(0.9);
    let step = training_step(model, optimizer, 0.01, device, &[64, 3, 224, 224], 1000)?;
    waited_for(device, 2, step)
}

fn train_mnist() -> Result<Work> {
    let device = device()?;
    let model = KerasMnist::new(&KerasMnistConfig::default(), &mut Generator::new(0))?;
    model.to(device)?;
    let optimizer = RmsProp::new(model.named_parameters());
    let step = training_step(model, optimizer, 1e-3, device, &[64, 1, 28, 28], 10)?;
    waited_for(device, 50, step)
}
