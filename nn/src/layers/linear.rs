//! The fully connected layer.

use ocelli_autograd::Var;
use ocelli_tensor::{Activation, Generator};

use super::weights::{Weights, penalize_activity, weight_setters};
use crate::{Error, Layer, Module, Param, Regularizer, Result};

/// `y = x·Wᵀ + b`: Keras' `Dense`, PyTorch's `Linear`. The weight is `[out, in]`; the input's last axis has `in` elements,
/// whatever stands before it.
#[derive(Debug, Clone, Module)]
pub struct Linear {
    weight: Param,
    bias: Option<Param>,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    activity_regularizer: Option<Regularizer>,
}

/// How to make a [`Linear`].
#[derive(Debug, Clone)]
pub struct LinearBuilder {
    inputs: usize,
    outputs: usize,
    weights: Weights,
}

impl Linear {
    /// With a bias, Glorot's uniform weight and a bias of zeros.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(inputs: usize, outputs: usize, generator: &mut Generator) -> Result<Self> {
        Linear::builder(inputs, outputs).build(generator)
    }

    /// To choose initializers, regularizers, constraints, an activation or no bias.
    pub fn builder(inputs: usize, outputs: usize) -> LinearBuilder {
        LinearBuilder { inputs, outputs, weights: Weights::default() }
    }

    /// The weight, `[out, in]`.
    pub fn weight(&self) -> &Param {
        &self.weight
    }

    /// The bias, `[out]`.
    pub fn bias(&self) -> Option<&Param> {
        self.bias.as_ref()
    }

    /// What is applied to the output.
    pub fn activation(&self) -> Activation {
        self.activation
    }
}

impl LinearBuilder {
    weight_setters!();

    /// Makes the layer.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn build(self, generator: &mut Generator) -> Result<Linear> {
        if self.inputs == 0 || self.outputs == 0 {
            let message =
                format!("expected at least 1 input and output, received {} and {}", self.inputs, self.outputs);
            return Err(Error::argument("Linear", message));
        }
        let (weight, bias) = self.weights.make([self.outputs, self.inputs], self.outputs, generator)?;
        let Weights { activation, activity_regularizer, .. } = self.weights;
        Ok(Linear { weight, bias, activation, activity_regularizer })
    }
}

impl Layer for Linear {
    fn call(&self, x: &Var) -> Result<Var> {
        let weight = self.weight.var();
        let inputs = weight.shape()[1];
        if x.shape().last() != Some(&inputs) {
            let expected = format!("an input whose last axis has {inputs} elements");
            return Err(Error::Input { layer: "Linear", expected, received: format!("shape {}", x.shape()) });
        }
        let mut y = x.matmul(&weight.t()?)?;
        if let Some(bias) = &self.bias {
            y = y.add(&bias.var())?;
        }
        y = y.activate(self.activation)?;
        penalize_activity(self.activity_regularizer.as_ref(), &y)?;
        Ok(y)
    }
}
