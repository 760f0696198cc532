//! The network of a usual exercise of vision courses.

use ocelli_autograd::Var;
use ocelli_nn::{Conv2d, Flatten, Layer, Linear, MaxPool2d, Module};
use ocelli_tensor::{Generator, Padding};
use serde::{Deserialize, Serialize};

use super::from_safetensors;
use crate::Result;

/// What a [`Course`] is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CourseConfig {
    /// Number of logits.
    pub num_classes: usize,
}

impl Default for CourseConfig {
    fn default() -> Self {
        CourseConfig { num_classes: 10 }
    }
}

/// For pictures of 1×28×28: 32 3×3 filters with `same` padding, pooling to 14×14, 16 5×5 filters with `valid` padding, pooling to
/// 5×5, dense 100, dense 50, dense 10; ReLU, Glorot's uniform kernels. 58,796 parameters.
#[derive(Debug, Module)]
pub struct Course {
    conv1: Conv2d,
    pool1: MaxPool2d,
    conv2: Conv2d,
    pool2: MaxPool2d,
    flatten: Flatten,
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

impl Course {
    /// With first weights as in Keras.
    ///
    /// # Errors
    /// If there are no classes.
    pub fn new(config: &CourseConfig, generator: &mut Generator) -> Result<Self> {
        Ok(Course {
            conv1: Conv2d::builder(1, 32, 3).padding(Padding::Same).build(generator)?,
            pool1: MaxPool2d::new(2),
            conv2: Conv2d::builder(32, 16, 5).padding(Padding::Valid).build(generator)?,
            pool2: MaxPool2d::new(2),
            flatten: Flatten::new(),
            fc1: Linear::new(5 * 5 * 16, 100, generator)?,
            fc2: Linear::new(100, 50, generator)?,
            fc3: Linear::new(50, config.num_classes, generator)?,
        })
    }

    from_safetensors!(CourseConfig);
}

impl Layer for Course {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let x = self.pool1.forward(&self.conv1.forward(x)?.relu()?)?;
        let x = self.pool2.forward(&self.conv2.forward(&x)?.relu()?)?;
        let x = self.fc1.forward(&self.flatten.forward(&x)?)?.relu()?;
        self.fc3.forward(&self.fc2.forward(&x)?.relu()?)
    }
}
