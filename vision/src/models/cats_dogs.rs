//! The network of Keras' examples for cats and dogs.

use ocelli_autograd::Var;
use ocelli_nn::{Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, Module};
use ocelli_tensor::Generator;
use serde::{Deserialize, Serialize};

use super::{after_stage, from_safetensors};
use crate::{Error, Result};

/// What a [`CatsDogs`] is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CatsDogsConfig {
    /// Number of logits: 1 for "is it a dog?".
    pub num_classes: usize,
    /// Height and width of the pictures.
    pub input_size: [usize; 2],
    /// The rate of a dropout before the first dense layer; 0 for none. Keras' second version of the network has 0.5.
    pub dropout: f64,
}

impl Default for CatsDogsConfig {
    fn default() -> Self {
        CatsDogsConfig { num_classes: 1, input_size: [150, 150], dropout: 0.0 }
    }
}

/// For colour pictures of 150×150: four times 3×3 convolution without padding and pooling (32, 64, 128, 128 filters), dense 512, dense 1;
/// ReLU, Glorot's uniform kernels. 3,453,121 parameters. (F. Chollet, *Deep Learning with Python*, section 5.2.)
///
/// The output is a logit, for a binary cross-entropy from logits. Layers have Keras' names; `dense.weight` reads the features channel by
/// channel, Keras' pixel by pixel.
#[derive(Debug, Module)]
pub struct CatsDogs {
    conv2d: Conv2d,
    max_pooling2d: MaxPool2d,
    conv2d_1: Conv2d,
    max_pooling2d_1: MaxPool2d,
    conv2d_2: Conv2d,
    max_pooling2d_2: MaxPool2d,
    conv2d_3: Conv2d,
    max_pooling2d_3: MaxPool2d,
    flatten: Flatten,
    dropout: Option<Dropout>,
    dense: Linear,
    dense_1: Linear,
}

impl CatsDogs {
    /// With first weights as in Keras.
    ///
    /// # Errors
    /// If there are no classes, the pictures are too small for four stages, or the dropout is not in `0..=1`.
    pub fn new(config: &CatsDogsConfig, generator: &mut Generator) -> Result<Self> {
        let stages = |size: usize| (0..4).try_fold(size, |size, _| after_stage(size));
        let [height, width] = config.input_size;
        let features = stages(height).zip(stages(width)).and_then(|(h, w)| h.checked_mul(w)?.checked_mul(128));
        let Some(features) = features else {
            let message = format!("expected pictures of at least 46×46, received {height}×{width}");
            return Err(Error::argument("CatsDogs", message));
        };
        Ok(CatsDogs {
            conv2d: Conv2d::new(3, 32, 3, generator)?,
            max_pooling2d: MaxPool2d::new(2),
            conv2d_1: Conv2d::new(32, 64, 3, generator)?,
            max_pooling2d_1: MaxPool2d::new(2),
            conv2d_2: Conv2d::new(64, 128, 3, generator)?,
            max_pooling2d_2: MaxPool2d::new(2),
            conv2d_3: Conv2d::new(128, 128, 3, generator)?,
            max_pooling2d_3: MaxPool2d::new(2),
            flatten: Flatten::new(),
            dropout: (config.dropout != 0.0).then(|| Dropout::new(config.dropout, generator)).transpose()?,
            dense: Linear::new(features, 512, generator)?,
            dense_1: Linear::new(512, config.num_classes, generator)?,
        })
    }

    from_safetensors!(CatsDogsConfig);
}

impl Layer for CatsDogs {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let x = self.max_pooling2d.forward(&self.conv2d.forward(x)?.relu()?)?;
        let x = self.max_pooling2d_1.forward(&self.conv2d_1.forward(&x)?.relu()?)?;
        let x = self.max_pooling2d_2.forward(&self.conv2d_2.forward(&x)?.relu()?)?;
        let x = self.max_pooling2d_3.forward(&self.conv2d_3.forward(&x)?.relu()?)?;
        let mut x = self.flatten.forward(&x)?;
        if let Some(dropout) = &self.dropout {
            x = dropout.forward(&x)?;
        }
        self.dense_1.forward(&self.dense.forward(&x)?.relu()?)
    }
}
