//! Activations named by a value: what layers apply to their results.

use ocelli_tensor::{Activation, Tensor};

use super::math::LeakyRelu;
use crate::{NodeView, Op, Result, Var, is_recording};

/// The gradient of an activation of straight pieces (ReLU, ReLU6, leaky ReLU) at a result: it passes, or a part of it, or nothing.
#[derive(Debug, Clone)]
pub struct ActivationBackward {
    /// Which.
    pub activation: Activation,
    /// The result at which.
    pub y: Tensor,
}

impl Op for ActivationBackward {
    fn name(&self) -> &'static str {
        "activation_backward"
    }

    fn forward(&self, dy: &[&Tensor]) -> Result<Tensor> {
        Ok(dy[0].activation_backward(&self.y, self.activation)?)
    }

    /// It is linear and its own transposed operation; `y` is in it as the choice of a piece, which has no gradient.
    fn backward(&self, _node: &NodeView<'_>, g: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(self.clone().apply(&[g])?)])
    }
}

/// The gradient of an activation from its result `y` and the gradient of that, in whose memory it comes to lie if nothing else needs it. It
/// must follow from the result.
pub(super) fn backward(activation: Activation, y: &Var, dy: Var) -> Result<Var> {
    let is_recorded = is_recording() && (y.requires_grad() || dy.requires_grad());
    match activation {
        Activation::Identity => Ok(dy),
        _ if !is_recorded => {
            let mut dx = dy.into_tensor();
            dx.change_to_activation_backward(y.tensor(), activation)?;
            Ok(Var::constant(dx))
        }
        Activation::Sigmoid => dy.mul(&y.mul(&y.neg()?.add(1.0)?)?),
        _ => ActivationBackward { activation, y: y.tensor().clone() }.apply(&[&dy]),
    }
}

impl Var {
    /// See [`Tensor::activate`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn activate(&self, activation: Activation) -> Result<Var> {
        match activation {
            Activation::Identity => Ok(self.clone()),
            Activation::Relu => self.relu(),
            Activation::Relu6 => self.relu6(),
            Activation::LeakyRelu(slope) => LeakyRelu { slope: f64::from(slope) }.apply(&[self]),
            Activation::Silu => self.silu(),
            Activation::HardSwish => self.hard_swish(),
            Activation::Sigmoid => self.sigmoid(),
            Activation::Gelu => self.gelu(),
            Activation::GeluTanh => self.gelu_tanh(),
        }
    }
}
