//! The network of Keras' examples for MNIST.

use ocelli_autograd::Var;
use ocelli_nn::{Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, Module};
use ocelli_tensor::{Activation, Generator};
use serde::{Deserialize, Serialize};

use super::from_safetensors;
use crate::Result;

/// What a [`KerasMnist`] is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KerasMnistConfig {
    /// Number of logits.
    pub num_classes: usize,
    /// The rate of a dropout before the first dense layer; 0 for none.
    pub dropout: f64,
}

impl Default for KerasMnistConfig {
    fn default() -> Self {
        KerasMnistConfig { num_classes: 10, dropout: 0.0 }
    }
}

/// For digits of 28×28: 32 3×3 filters, pooling, 64, pooling, 64, dense 64, dense 10; ReLU, Glorot's uniform kernels, no padding.
/// 93,322 parameters. (F. Chollet, *Deep Learning with Python*, section 5.1.)
///
/// Layers have Keras' names. `dense.weight` reads the features channel by channel, Keras' pixel by pixel.
#[derive(Debug, Module)]
pub struct KerasMnist {
    conv2d: Conv2d,
    max_pooling2d: MaxPool2d,
    conv2d_1: Conv2d,
    max_pooling2d_1: MaxPool2d,
    conv2d_2: Conv2d,
    flatten: Flatten,
    dropout: Option<Dropout>,
    dense: Linear,
    dense_1: Linear,
}

impl KerasMnist {
    /// With first weights as in Keras.
    ///
    /// # Errors
    /// If there are no classes or the dropout is not in `0..=1`.
    pub fn new(config: &KerasMnistConfig, generator: &mut Generator) -> Result<Self> {
        let relu = Activation::Relu;
        let conv = |inputs, outputs| Conv2d::builder(inputs, outputs, 3).activation(relu);
        Ok(KerasMnist {
            conv2d: conv(1, 32).build(generator)?,
            max_pooling2d: MaxPool2d::new(2),
            conv2d_1: conv(32, 64).build(generator)?,
            max_pooling2d_1: MaxPool2d::new(2),
            conv2d_2: conv(64, 64).build(generator)?,
            flatten: Flatten::new(),
            dropout: (config.dropout != 0.0).then(|| Dropout::new(config.dropout, generator)).transpose()?,
            dense: Linear::builder(3 * 3 * 64, 64).activation(relu).build(generator)?,
            dense_1: Linear::new(64, config.num_classes, generator)?,
        })
    }

    from_safetensors!(KerasMnistConfig);
}

impl Layer for KerasMnist {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let x = self.max_pooling2d.forward(&self.conv2d.forward(x)?)?;
        let x = self.max_pooling2d_1.forward(&self.conv2d_1.forward(&x)?)?;
        let mut x = self.flatten.forward(&self.conv2d_2.forward(&x)?)?;
        if let Some(dropout) = &self.dropout {
            x = dropout.forward(&x)?;
        }
        self.dense_1.forward(&self.dense.forward(&x)?)
    }
}
