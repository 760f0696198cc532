//! AlexNet.

use ocelli_autograd::Var;
use ocelli_nn::{AdaptiveAvgPool2d, Dropout, Flatten, Layer, MaxPool2d, Module, ReLU, Sequential};
use ocelli_tensor::Generator;
use serde::{Deserialize, Serialize};

use super::from_safetensors;
use super::initialization::{conv, linear};
use crate::Result;

/// What an [`AlexNet`] is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlexNetConfig {
    /// Number of logits.
    pub num_classes: usize,
    /// The rate of the two dropouts.
    pub dropout: f64,
}

impl Default for AlexNetConfig {
    fn default() -> Self {
        AlexNetConfig { num_classes: 1000, dropout: 0.5 }
    }
}

/// AlexNet for pictures `[N, 3, H, W]` of at least 63×63, usually 224×224, with torchvision's layers, keys and first weights: 61,100,840
/// parameters for 1000 classes. (A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014: the version in one
/// column and without response normalization.)
#[derive(Module)]
pub struct AlexNet {
    features: Sequential,
    avgpool: AdaptiveAvgPool2d,
    flatten: Flatten,
    classifier: Sequential,
}

impl AlexNet {
    /// With first weights as in torchvision.
    ///
    /// # Errors
    /// If there are no classes or the dropout is not in `0..=1`.
    pub fn new(config: &AlexNetConfig, generator: &mut Generator) -> Result<Self> {
        let pool = || MaxPool2d::new(3).stride(2);
        let features = Sequential::new()
            .add(conv([3, 64, 11], 4, 2, generator)?)
            .add(ReLU)
            .add(pool())
            .add(conv([64, 192, 5], 1, 2, generator)?)
            .add(ReLU)
            .add(pool())
            .add(conv([192, 384, 3], 1, 1, generator)?)
            .add(ReLU)
            .add(conv([384, 256, 3], 1, 1, generator)?)
            .add(ReLU)
            .add(conv([256, 256, 3], 1, 1, generator)?)
            .add(ReLU)
            .add(pool());
        let classifier = Sequential::new()
            .add(Dropout::new(config.dropout, generator)?)
            .add(linear(256 * 6 * 6, 4096, generator)?)
            .add(ReLU)
            .add(Dropout::new(config.dropout, generator)?)
            .add(linear(4096, 4096, generator)?)
            .add(ReLU)
            .add(linear(4096, config.num_classes, generator)?);
        Ok(AlexNet { features, avgpool: AdaptiveAvgPool2d::new([6, 6]), flatten: Flatten::new(), classifier })
    }

    from_safetensors!(AlexNetConfig);
}

impl Layer for AlexNet {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let x = self.avgpool.forward(&self.features.forward(x)?)?;
        self.classifier.forward(&self.flatten.forward(&x)?)
    }
}
