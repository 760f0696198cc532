//! The networks of Oxford's Visual Geometry Group.

use ocelli_autograd::Var;
use ocelli_nn::{AdaptiveAvgPool2d, BatchNorm2d, Dropout, Flatten, Layer, MaxPool2d, Module, ReLU, Sequential};
use ocelli_tensor::Generator;
use serde::{Deserialize, Serialize};

use super::from_safetensors;
use super::initialization::{he_conv, normal_linear};
use crate::{Error, Result};

/// What a [`Vgg`] is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VggConfig {
    /// Number of logits.
    pub num_classes: usize,
    /// Convolutions in each of the five stages.
    pub layers: [usize; 5],
    /// Whether a batch norm follows each convolution.
    pub batch_norm: bool,
    /// The rate of the two dropouts.
    pub dropout: f64,
}

impl VggConfig {
    /// VGG-11 for 1000 classes: 132,863,336 parameters; 5,504 more with batch norm.
    pub fn vgg11() -> Self {
        VggConfig { num_classes: 1000, layers: [1, 1, 2, 2, 2], batch_norm: false, dropout: 0.5 }
    }

    /// VGG-13 for 1000 classes: 133,047,848 parameters; 5,888 more with batch norm.
    pub fn vgg13() -> Self {
        VggConfig { layers: [2, 2, 2, 2, 2], ..VggConfig::vgg11() }
    }

    /// VGG-16 for 1000 classes: 138,357,544 parameters; 8,448 more with batch norm.
    pub fn vgg16() -> Self {
        VggConfig { layers: [2, 2, 3, 3, 3], ..VggConfig::vgg11() }
    }

    /// VGG-19 for 1000 classes: 143,667,240 parameters; 11,008 more with batch norm.
    pub fn vgg19() -> Self {
        VggConfig { layers: [2, 2, 4, 4, 4], ..VggConfig::vgg11() }
    }
}

/// Output channels of the convolutions of each stage.
const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];

/// A VGG network for pictures `[N, 3, H, W]` of at least 32×32, usually 224×224, with torchvision's layers, keys and first weights.
/// (K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014; batch norm came later.)
///
/// Five stages of 3×3 convolutions with ReLU, each with maximum pooling behind it, means of 7×7 places, dense 4096, 4096 and the logits.
///
/// ```no_run
/// use ocelli_nn::{Layer, Module};
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::models::{Vgg, VggConfig};
/// # fn main() -> ocelli_vision::Result<()> {
/// let config = VggConfig { batch_norm: true, ..VggConfig::vgg16() };
/// let model = Vgg::from_safetensors(&config, "vgg16_bn.safetensors")?;
/// model.eval();
/// let logits = model.forward(&Tensor::zeros([1, 3, 224, 224], DType::F32)?.into())?;
/// assert_eq!(logits.shape()[..], [1, 1000]);
/// # Ok(())
/// # }
/// ```
#[derive(Module)]
pub struct Vgg {
    features: Sequential,
    avgpool: AdaptiveAvgPool2d,
    flatten: Flatten,
    classifier: Sequential,
}

impl Vgg {
    /// With first weights as in torchvision: He's normal kernels by their fan out, dense weights of standard deviation 0.01, biases of 0.
    ///
    /// # Errors
    /// If there are no classes, a stage has no convolution, or the dropout is not in `0..=1`.
    pub fn new(config: &VggConfig, generator: &mut Generator) -> Result<Self> {
        let features = features(config, generator)?;
        let classifier = Sequential::new()
            .add(normal_linear(CHANNELS[4] * 7 * 7, 4096, generator)?)
            .add(ReLU)
            .add(Dropout::new(config.dropout, generator)?)
            .add(normal_linear(4096, 4096, generator)?)
            .add(ReLU)
            .add(Dropout::new(config.dropout, generator)?)
            .add(normal_linear(4096, config.num_classes, generator)?);
        Ok(Vgg { features, avgpool: AdaptiveAvgPool2d::new([7, 7]), flatten: Flatten::new(), classifier })
    }

    from_safetensors!(VggConfig);
}

impl Layer for Vgg {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let x = self.avgpool.forward(&self.features.forward(x)?)?;
        self.classifier.forward(&self.flatten.forward(&x)?)
    }
}

/// The five stages.
fn features(config: &VggConfig, generator: &mut Generator) -> Result<Sequential> {
    if config.layers.contains(&0) {
        let message = format!("expected at least one convolution in each stage, received {:?}", config.layers);
        return Err(Error::argument("Vgg", message));
    }
    let mut features = Sequential::new();
    let mut inputs = 3;
    for (count, outputs) in config.layers.into_iter().zip(CHANNELS) {
        for _ in 0..count {
            features = features.add(he_conv(inputs, outputs, 3).padding(1).build(generator)?);
            if config.batch_norm {
                features = features.add(BatchNorm2d::new(outputs)?);
            }
            features = features.add(ReLU);
            inputs = outputs;
        }
        features = features.add(MaxPool2d::new(2));
    }
    Ok(features)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The classifier, which is the same in all and has most of the weights, is compared in `tests/models.rs`.
    #[test]
    fn keys_of_all_configs_are_torchvisions() {
        let configs = [
            ("vgg11", VggConfig::vgg11()),
            ("vgg13", VggConfig::vgg13()),
            ("vgg16", VggConfig::vgg16()),
            ("vgg19", VggConfig::vgg19()),
        ];
        for (name, config) in configs {
            for (name, batch_norm) in [(name.to_string(), false), (format!("{name}_bn"), true)] {
                let path = format!("{}/tests/fixtures/keys/{name}.txt", env!("CARGO_MANIFEST_DIR"));
                let text = std::fs::read_to_string(path).unwrap();
                let lines = text.lines().filter_map(|line| line.strip_prefix("features.")?.split_once(' '));
                let expected: BTreeMap<String, String> = lines.map(|(k, s)| (k.to_string(), s.to_string())).collect();
                let config = VggConfig { batch_norm, ..config.clone() };
                let state = features(&config, &mut Generator::new(0)).unwrap().state_dict();
                let received = state.iter().map(|(k, x)| (k.clone(), x.shape().to_string())).collect();
                assert_eq!(expected, received, "{name}");
            }
        }
    }
}
