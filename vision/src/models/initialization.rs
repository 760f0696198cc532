//! How the weights begin in the networks that are torchvision's: by PyTorch's defaults, or as the network's own file says.

use ocelli_nn::initializers::{Distribution, FanMode, RandomNormal, RandomUniform, VarianceScaling};
use ocelli_nn::{Conv2d, Conv2dBuilder, Linear};
use ocelli_tensor::Generator;

use crate::Result;

/// Even in `±1/√fan_in`, which PyTorch writes as `kaiming_uniform_(a=√5)`.
fn kernel() -> VarianceScaling {
    VarianceScaling::new(1.0 / 3.0, FanMode::FanIn, Distribution::Uniform)
}

/// Even in `±1/√fan_in` of the kernel beside it.
fn bias(fan_in: usize) -> RandomUniform {
    let limit = 1.0 / (fan_in.max(1) as f64).sqrt();
    RandomUniform::new(-limit, limit)
}

/// `torch.nn.Linear`.
pub(super) fn linear(inputs: usize, outputs: usize, generator: &mut Generator) -> Result<Linear> {
    let layer = Linear::builder(inputs, outputs).kernel_initializer(kernel()).bias_initializer(bias(inputs));
    Ok(layer.build(generator)?)
}

/// `torch.nn.Conv2d` with a square kernel and equal padding on all sides.
pub(super) fn conv(
    [inputs, outputs, size]: [usize; 3],
    stride: usize,
    padding: usize,
    generator: &mut Generator,
) -> Result<Conv2d> {
    let layer = Conv2d::builder(inputs, outputs, size).stride(stride).padding(padding);
    let layer = layer.kernel_initializer(kernel()).bias_initializer(bias(inputs * size * size));
    Ok(layer.build(generator)?)
}

/// A convolution with a square kernel that begins by `kaiming_normal_(mode="fan_out")` and a bias of zeros.
pub(super) fn he_conv(inputs: usize, outputs: usize, size: usize) -> Conv2dBuilder {
    let he = VarianceScaling::new(2.0, FanMode::FanOut, Distribution::UntruncatedNormal);
    Conv2d::builder(inputs, outputs, size).kernel_initializer(he)
}

/// A dense layer that begins by `normal_(std=0.01)` and a bias of zeros.
pub(super) fn normal_linear(inputs: usize, outputs: usize, generator: &mut Generator) -> Result<Linear> {
    let layer = Linear::builder(inputs, outputs).kernel_initializer(RandomNormal::new(0.0, 0.01));
    Ok(layer.build(generator)?)
}
