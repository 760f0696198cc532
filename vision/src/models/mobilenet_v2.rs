//! MobileNet v2.

use ocelli_autograd::Var;
use ocelli_nn::{AdaptiveAvgPool2d, BatchNorm2d, Dropout, Flatten, Layer, Module, ReLU6, Sequential};
use ocelli_tensor::Generator;
use serde::{Deserialize, Serialize};

use super::from_safetensors;
use super::initialization::{he_conv, normal_linear};
use crate::{Error, Result};

/// What a [`MobileNetV2`] is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MobileNetV2Config {
    /// Number of logits.
    pub num_classes: usize,
    /// The factor of the channels of every layer; of the last convolution's 1280 only if it is above 1.
    pub width_mult: f64,
    /// What the numbers of channels are rounded to a multiple of.
    pub round_nearest: usize,
    /// The rate of the dropout before the logits.
    pub dropout: f64,
}

impl Default for MobileNetV2Config {
    fn default() -> Self {
        MobileNetV2Config { num_classes: 1000, width_mult: 1.0, round_nearest: 8, dropout: 0.2 }
    }
}

/// The paper's table 2: expansion, output channels, number of blocks and the stride of the first of them.
const STAGES: [[usize; 4]; 7] =
    [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]];

/// MobileNet v2 for pictures `[N, 3, H, W]` of any size, usually 224×224, with torchvision's layers, keys and first weights: 3,504,872
/// parameters for 1000 classes. (M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018.)
///
/// ```
/// use ocelli_nn::{Layer, Module};
/// use ocelli_tensor::{DType, Generator, Tensor};
/// use ocelli_vision::models::{MobileNetV2, MobileNetV2Config};
/// # fn main() -> ocelli_vision::Result<()> {
/// let config = MobileNetV2Config { num_classes: 10, width_mult: 0.5, ..Default::default() };
/// let model = MobileNetV2::new(&config, &mut Generator::new(42))?;
/// model.eval();
/// let logits = model.forward(&Tensor::zeros([1, 3, 64, 64], DType::F32)?.into())?;
/// assert_eq!(logits.shape()[..], [1, 10]);
/// # Ok(())
/// # }
/// ```
#[derive(Module)]
pub struct MobileNetV2 {
    features: Sequential,
    avgpool: AdaptiveAvgPool2d,
    flatten: Flatten,
    classifier: Sequential,
}

impl MobileNetV2 {
    /// With first weights as in torchvision: He's normal kernels by their fan out, dense weights of standard deviation 0.01, biases of 0,
    /// batch norms that change nothing yet.
    ///
    /// # Errors
    /// If there are no classes, the width is not above 0, channels are to be multiples of 0, or the dropout is not in `0..=1`.
    pub fn new(config: &MobileNetV2Config, generator: &mut Generator) -> Result<Self> {
        let (width, divisor) = (config.width_mult, config.round_nearest);
        if !(width.is_finite() && width > 0.0 && divisor > 0) {
            let message = format!("expected width_mult > 0 and round_nearest ≥ 1, received {width} and {divisor}");
            return Err(Error::argument("MobileNetV2", message));
        }
        let mut channels = make_divisible(32.0 * width, divisor);
        let mut features = Sequential::new().add(conv_norm_relu6([3, channels, 3], 2, 1, generator)?);
        for [expansion, outputs, count, stride] in STAGES {
            let outputs = make_divisible(outputs as f64 * width, divisor);
            for number in 0..count {
                let stride = if number == 0 { stride } else { 1 };
                features = features.add(InvertedResidual::new([channels, outputs], stride, expansion, generator)?);
                channels = outputs;
            }
        }
        let last = make_divisible(1280.0 * width.max(1.0), divisor);
        let classifier = Sequential::new().add(Dropout::new(config.dropout, generator)?).add(normal_linear(
            last,
            config.num_classes,
            generator,
        )?);
        Ok(MobileNetV2 {
            features: features.add(conv_norm_relu6([channels, last, 1], 1, 1, generator)?),
            avgpool: AdaptiveAvgPool2d::new([1, 1]),
            flatten: Flatten::new(),
            classifier,
        })
    }

    from_safetensors!(MobileNetV2Config);
}

impl Layer for MobileNetV2 {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let x = self.avgpool.forward(&self.features.forward(x)?)?;
        self.classifier.forward(&self.flatten.forward(&x)?)
    }
}

/// The multiple of `divisor` nearest to `channels`, at least one, and one more where rounding would take over a tenth of the channels.
fn make_divisible(channels: f64, divisor: usize) -> usize {
    let nearest = (channels + divisor as f64 / 2.0) as usize / divisor * divisor;
    let nearest = nearest.max(divisor);
    if (nearest as f64) < 0.9 * channels { nearest.saturating_add(divisor) } else { nearest }
}

/// A convolution without bias whose padding keeps the size at stride 1, batch norm, ReLU6.
fn conv_norm_relu6(
    [inputs, outputs, size]: [usize; 3],
    stride: usize,
    groups: usize,
    generator: &mut Generator,
) -> Result<Sequential> {
    let conv = he_conv(inputs, outputs, size).stride(stride).padding(size / 2).groups(groups).bias(false);
    Ok(Sequential::new().add(conv.build(generator)?).add(BatchNorm2d::new(outputs)?).add(ReLU6))
}

/// 1×1 up to `expansion` times the channels, 3×3 for each channel alone, 1×1 down without activation; added to the input where the shape
/// stays.
#[derive(Module)]
struct InvertedResidual {
    conv: Sequential,
    residual: bool,
}

impl InvertedResidual {
    fn new([inputs, outputs]: [usize; 2], stride: usize, expansion: usize, generator: &mut Generator) -> Result<Self> {
        let hidden = inputs.saturating_mul(expansion);
        let mut conv = Sequential::new();
        if expansion != 1 {
            conv = conv.add(conv_norm_relu6([inputs, hidden, 1], 1, 1, generator)?);
        }
        let conv = conv
            .add(conv_norm_relu6([hidden, hidden, 3], stride, hidden, generator)?)
            .add(he_conv(hidden, outputs, 1).bias(false).build(generator)?)
            .add(BatchNorm2d::new(outputs)?);
        Ok(InvertedResidual { conv, residual: stride == 1 && inputs == outputs })
    }
}

impl Layer for InvertedResidual {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let y = self.conv.forward(x)?;
        Ok(if self.residual { x.add(&y)? } else { y })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_rounded_as_in_torchvision() {
        let cases = [(32.0, 8, 32), (16.0 * 0.35, 8, 8), (24.0 * 0.5, 8, 16), (24.0 * 0.35, 8, 8), (32.0 * 1.4, 8, 48)];
        let more = [(160.0 * 1.4, 8, 224), (18.9, 16, 32), (17.7, 16, 16), (0.001, 8, 8), (33.6, 1, 34), (33.4, 1, 33)];
        for (channels, divisor, expected) in cases.into_iter().chain(more) {
            assert_eq!(make_divisible(channels, divisor), expected, "{channels} {divisor}");
        }
        assert_eq!(make_divisible(1e300, 8), usize::MAX);
    }
}
