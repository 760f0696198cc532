//! Activations as layers. The functions themselves are methods of [`Var`].

use ocelli_autograd::Var;

use crate::{Layer, Module, Result};

/// `max(x, 0)`; its gradient at 0 is 0, as in PyTorch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
pub struct ReLU;

impl Layer for ReLU {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.relu()?)
    }
}

/// `min(max(x, 0), 6)`; its gradient at 0 and at 6 is 0, as in PyTorch. (A. Krizhevsky, "Convolutional deep belief networks on CIFAR-10",
/// 2010.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
pub struct ReLU6;

impl Layer for ReLU6 {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.relu6()?)
    }
}

/// `x` above 0, `slope · x` below. Keras' slope is 0.3 and PyTorch's is 0.01, which is the default here.
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct LeakyReLU {
    slope: f64,
}

impl LeakyReLU {
    /// With this slope below 0.
    pub fn new(slope: f64) -> Self {
        LeakyReLU { slope }
    }
}

impl Default for LeakyReLU {
    fn default() -> Self {
        LeakyReLU { slope: 0.01 }
    }
}

impl Layer for LeakyReLU {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.leaky_relu(self.slope)?)
    }
}

/// `1 / (1 + e⁻ˣ)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
pub struct Sigmoid;

impl Layer for Sigmoid {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.sigmoid()?)
    }
}

/// `x · sigmoid(x)`, also called swish. (P. Ramachandran et al., "Searching for activation functions", 2017.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
pub struct SiLU;

impl Layer for SiLU {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.silu()?)
    }
}

/// `x · Φ(x)` with the standard normal distribution function, or its approximation by a hyperbolic tangent. (D. Hendrycks and K. Gimpel,
/// "Gaussian error linear units", 2016.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
pub struct GELU {
    approximate: bool,
}

impl GELU {
    /// Approximate as Keras' `approximate=True` and PyTorch's `approximate="tanh"`, or not.
    pub fn new(approximate: bool) -> Self {
        GELU { approximate }
    }
}

impl Layer for GELU {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(if self.approximate { x.gelu_tanh()? } else { x.gelu()? })
    }
}

/// `min(max(x + 3, 0), 6) / 6`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
pub struct HardSigmoid;

impl Layer for HardSigmoid {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.hard_sigmoid()?)
    }
}

/// `x · min(max(x + 3, 0), 6) / 6`. (A. Howard et al., "Searching for MobileNetV3", 2019.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
pub struct HardSwish;

impl Layer for HardSwish {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.hard_swish()?)
    }
}

/// The hyperbolic tangent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
pub struct Tanh;

impl Layer for Tanh {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.tanh()?)
    }
}

/// `exp(xᵢ) / Σⱼ exp(xⱼ)` along an axis. A loss on logits does without this layer and is exact where it would overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct Softmax {
    axis: isize,
}

impl Softmax {
    /// Along this axis.
    pub fn new(axis: isize) -> Self {
        Softmax { axis }
    }
}

impl Default for Softmax {
    fn default() -> Self {
        Softmax { axis: -1 }
    }
}

impl Layer for Softmax {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.softmax(self.axis)?)
    }
}
