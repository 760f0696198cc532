//! Adam with decoupled weight decay.

use ocelli_nn::Param;
use ocelli_tensor::Tensor;

use crate::adam::{Moments, moment_methods};
use crate::optimizer::{common_methods, field_accessors};
use crate::{Arithmetic, Optimizer, Parameters, Result, Slots, Update};

/// [`Adam`](crate::Adam) with weight decay that is not part of the gradient: `w ← w − η·λ·w` before each step.
///
/// I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
#[derive(Debug)]
pub struct AdamW {
    parameters: Parameters,
    moments: Moments,
    weight_decay: f64,
}

impl AdamW {
    /// In Keras' arithmetic, with its defaults: λ = 0.004, β = (0.9, 0.999), ε = 1e-7.
    pub fn new(parameters: Vec<(String, Param)>) -> Self {
        AdamW { parameters: Parameters::new(parameters), moments: Moments::new(Arithmetic::Keras), weight_decay: 0.004 }
    }

    /// In PyTorch's arithmetic, with its defaults: λ = 0.01, β = (0.9, 0.999), ε = 1e-8.
    pub fn pytorch(parameters: Vec<(String, Param)>) -> Self {
        AdamW { moments: Moments::new(Arithmetic::PyTorch), weight_decay: 0.01, ..AdamW::new(parameters) }
    }
}

common_methods!(AdamW);
moment_methods!(AdamW);

impl Optimizer for AdamW {
    field_accessors!();

    fn name(&self) -> &'static str {
        "adamw"
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        self.moments.slots()
    }

    fn weight_decay(&self) -> (f64, bool) {
        (self.weight_decay, true)
    }

    fn check(&self) -> Result<()> {
        self.moments.check()
    }

    fn update(&self, value: &mut Tensor, update: &Update<'_>, slots: &mut Slots) -> Result<()> {
        self.moments.update(value, update, slots)
    }
}
