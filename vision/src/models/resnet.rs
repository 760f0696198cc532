//! Residual networks.

use ocelli_autograd::Var;
use ocelli_nn::{AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Layer, Linear, MaxPool2d, Module};
use ocelli_tensor::Generator;
use serde::{Deserialize, Serialize};

use super::from_safetensors;
use super::initialization::{he_conv, linear};
use crate::{Error, Result};

/// What a [`ResNet`] is built of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// Two 3×3 convolutions.
    Basic,
    /// 1×1 down to a quarter of the channels, 3×3, 1×1 up again. The stride is at the 3×3 ("version 1.5"), as in torchvision.
    Bottleneck,
}

impl Block {
    /// Output channels for each channel of the 3×3 convolutions.
    fn expansion(self) -> usize {
        match self {
            Block::Basic => 1,
            Block::Bottleneck => 4,
        }
    }
}

/// What a [`ResNet`] is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResNetConfig {
    /// Number of logits.
    pub num_classes: usize,
    /// The kind of block.
    pub block: Block,
    /// Blocks in each of the four stages.
    pub layers: [usize; 4],
}

impl ResNetConfig {
    /// ResNet-18 for 1000 classes: 11,689,512 parameters.
    pub fn resnet18() -> Self {
        ResNetConfig { num_classes: 1000, block: Block::Basic, layers: [2, 2, 2, 2] }
    }

    /// ResNet-34 for 1000 classes: 21,797,672 parameters.
    pub fn resnet34() -> Self {
        ResNetConfig { layers: [3, 4, 6, 3], ..ResNetConfig::resnet18() }
    }

    /// ResNet-50 for 1000 classes: 25,557,032 parameters.
    pub fn resnet50() -> Self {
        ResNetConfig { block: Block::Bottleneck, ..ResNetConfig::resnet34() }
    }

    /// ResNet-101 for 1000 classes: 44,549,160 parameters.
    pub fn resnet101() -> Self {
        ResNetConfig { layers: [3, 4, 23, 3], ..ResNetConfig::resnet50() }
    }

    /// ResNet-152 for 1000 classes: 60,192,808 parameters.
    pub fn resnet152() -> Self {
        ResNetConfig { layers: [3, 8, 36, 3], ..ResNetConfig::resnet50() }
    }
}

/// A residual network for pictures `[N, 3, H, W]` of any size, usually 224×224, with torchvision's layers, keys and first weights.
/// (K. He et al., "Deep residual learning for image recognition", 2015.)
///
/// ```no_run
/// use ocelli_nn::Module;
/// use ocelli_vision::models::{ResNet, ResNetConfig};
/// # fn main() -> ocelli_vision::Result<()> {
/// let model = ResNet::from_safetensors(&ResNetConfig::resnet18(), "resnet18.safetensors")?;
/// model.eval();
/// # Ok(())
/// # }
/// ```
#[derive(Module)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    maxpool: MaxPool2d,
    layer1: Vec<Box<dyn Layer>>,
    layer2: Vec<Box<dyn Layer>>,
    layer3: Vec<Box<dyn Layer>>,
    layer4: Vec<Box<dyn Layer>>,
    avgpool: AdaptiveAvgPool2d,
    flatten: Flatten,
    fc: Linear,
}

impl ResNet {
    /// With first weights as in torchvision: He's normal kernels by their fan out, batch norms that change nothing yet.
    ///
    /// # Errors
    /// If there are no classes or a stage has no block.
    pub fn new(config: &ResNetConfig, generator: &mut Generator) -> Result<Self> {
        if config.layers.contains(&0) {
            let message = format!("expected at least one block in each stage, received {:?}", config.layers);
            return Err(Error::argument("ResNet", message));
        }
        let mut channels = 64;
        let mut stage = |i: usize, width: usize, stride: usize, generator: &mut Generator| {
            let mut blocks: Vec<Box<dyn Layer>> = Vec::with_capacity(config.layers[i]);
            for number in 0..config.layers[i] {
                let stride = if number == 0 { stride } else { 1 };
                blocks.push(match config.block {
                    Block::Basic => Box::new(BasicBlock::new(channels, width, stride, generator)?),
                    Block::Bottleneck => Box::new(Bottleneck::new(channels, width, stride, generator)?),
                });
                channels = width * config.block.expansion();
            }
            Ok::<_, Error>(blocks)
        };
        Ok(ResNet {
            conv1: conv(3, 64, 7, 2, generator)?,
            bn1: BatchNorm2d::new(64)?.relu(),
            maxpool: MaxPool2d::new(3).stride(2).padding(1),
            layer1: stage(0, 64, 1, generator)?,
            layer2: stage(1, 128, 2, generator)?,
            layer3: stage(2, 256, 2, generator)?,
            layer4: stage(3, 512, 2, generator)?,
            avgpool: AdaptiveAvgPool2d::new([1, 1]),
            flatten: Flatten::new(),
            fc: linear(512 * config.block.expansion(), config.num_classes, generator)?,
        })
    }

    from_safetensors!(ResNetConfig);
}

impl Layer for ResNet {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let mut x = self.maxpool.forward(&self.bn1.forward(&self.conv1.forward(x)?)?)?;
        for block in [&self.layer1, &self.layer2, &self.layer3, &self.layer4].into_iter().flatten() {
            x = block.forward(&x)?;
        }
        self.fc.forward(&self.flatten.forward(&self.avgpool.forward(&x)?)?)
    }
}

/// A convolution without bias whose padding keeps the size at stride 1.
fn conv(inputs: usize, outputs: usize, size: usize, stride: usize, generator: &mut Generator) -> Result<Conv2d> {
    Ok(he_conv(inputs, outputs, size).stride(stride).padding(size / 2).bias(false).build(generator)?)
}

/// The way around a block whose output has another shape than its input.
#[derive(Debug, Module)]
struct Downsample(Conv2d, BatchNorm2d);

impl Downsample {
    /// `None` if the shape stays.
    fn new(inputs: usize, outputs: usize, stride: usize, generator: &mut Generator) -> Result<Option<Self>> {
        if inputs == outputs && stride == 1 {
            return Ok(None);
        }
        Ok(Some(Downsample(conv(inputs, outputs, 1, stride, generator)?, BatchNorm2d::new(outputs)?)))
    }
}

/// What a block adds its own output to.
fn shortcut(downsample: Option<&Downsample>, x: &Var) -> ocelli_nn::Result<Var> {
    match downsample {
        Some(Downsample(conv, bn)) => bn.forward(&conv.forward(x)?),
        None => Ok(x.clone()),
    }
}

#[derive(Debug, Module)]
struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<Downsample>,
}

impl BasicBlock {
    fn new(inputs: usize, width: usize, stride: usize, generator: &mut Generator) -> Result<Self> {
        Ok(BasicBlock {
            conv1: conv(inputs, width, 3, stride, generator)?,
            bn1: BatchNorm2d::new(width)?.relu(),
            conv2: conv(width, width, 3, 1, generator)?,
            bn2: BatchNorm2d::new(width)?,
            downsample: Downsample::new(inputs, width, stride, generator)?,
        })
    }
}

impl Layer for BasicBlock {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let y = self.bn1.forward(&self.conv1.forward(x)?)?;
        let y = self.bn2.forward(&self.conv2.forward(&y)?)?;
        Ok(y.add(&shortcut(self.downsample.as_ref(), x)?)?.relu()?)
    }
}

#[derive(Debug, Module)]
struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    conv3: Conv2d,
    bn3: BatchNorm2d,
    downsample: Option<Downsample>,
}

impl Bottleneck {
    fn new(inputs: usize, width: usize, stride: usize, generator: &mut Generator) -> Result<Self> {
        let outputs = width * Block::Bottleneck.expansion();
        Ok(Bottleneck {
            conv1: conv(inputs, width, 1, 1, generator)?,
            bn1: BatchNorm2d::new(width)?.relu(),
            conv2: conv(width, width, 3, stride, generator)?,
            bn2: BatchNorm2d::new(width)?.relu(),
            conv3: conv(width, outputs, 1, 1, generator)?,
            bn3: BatchNorm2d::new(outputs)?,
            downsample: Downsample::new(inputs, outputs, stride, generator)?,
        })
    }
}

impl Layer for Bottleneck {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let y = self.bn1.forward(&self.conv1.forward(x)?)?;
        let y = self.bn2.forward(&self.conv2.forward(&y)?)?;
        let y = self.bn3.forward(&self.conv3.forward(&y)?)?;
        Ok(y.add(&shortcut(self.downsample.as_ref(), x)?)?.relu()?)
    }
}
