//! LeNet-5 as it is built today.

use ocelli_autograd::Var;
use ocelli_nn::{Conv2d, Flatten, Layer, Linear, MaxPool2d, Module};
use ocelli_tensor::Generator;
use serde::{Deserialize, Serialize};

use super::from_safetensors;
use crate::Result;

/// What a [`LeNet`] is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeNetConfig {
    /// Number of logits.
    pub num_classes: usize,
}

impl Default for LeNetConfig {
    fn default() -> Self {
        LeNetConfig { num_classes: 10 }
    }
}

/// LeNet-5 in today's parts, for pictures of 1×28×28: 6 5×5 filters with padding 2, pooling, 16 5×5 filters, pooling, dense 120, 84, 10;
/// ReLU, maximum pooling, every filter sees every channel, He's uniform kernels. 61,706 parameters.
/// [`LeNet1998`](super::LeNet1998) is the one of the paper.
#[derive(Debug, Module)]
pub struct LeNet {
    conv1: Conv2d,
    pool1: MaxPool2d,
    conv2: Conv2d,
    pool2: MaxPool2d,
    flatten: Flatten,
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

impl LeNet {
    /// With random first weights and biases of 0.
    ///
    /// # Errors
    /// If there are no classes.
    pub fn new(config: &LeNetConfig, generator: &mut Generator) -> Result<Self> {
        use ocelli_nn::initializers::HeUniform;
        let he = HeUniform::default;
        let mut dense = |inputs, outputs| Linear::builder(inputs, outputs).kernel_initializer(he()).build(generator);
        let (fc1, fc2, fc3) = (dense(16 * 5 * 5, 120)?, dense(120, 84)?, dense(84, config.num_classes)?);
        Ok(LeNet {
            conv1: Conv2d::builder(1, 6, 5).padding(2).kernel_initializer(he()).build(generator)?,
            pool1: MaxPool2d::new(2),
            conv2: Conv2d::builder(6, 16, 5).kernel_initializer(he()).build(generator)?,
            pool2: MaxPool2d::new(2),
            flatten: Flatten::new(),
            fc1,
            fc2,
            fc3,
        })
    }

    from_safetensors!(LeNetConfig);
}

impl Layer for LeNet {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let x = self.pool1.forward(&self.conv1.forward(x)?.relu()?)?;
        let x = self.pool2.forward(&self.conv2.forward(&x)?.relu()?)?;
        let x = self.fc1.forward(&self.flatten.forward(&x)?)?.relu()?;
        self.fc3.forward(&self.fc2.forward(&x)?.relu()?)
    }
}
