//! Adadelta.

use ocelli_nn::Param;
use ocelli_tensor::{Tensor, UpdateRule};

use crate::error::require;
use crate::optimizer::{common_methods, field_accessors};
use crate::{Arithmetic, Optimizer, Parameters, Result, Slots, Update};

/// Scales each weight's step by the ratio of the root mean squares of its past steps and gradients.
///
/// M. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701, 2012. The paper's learning rate is 1.
#[derive(Debug)]
pub struct Adadelta {
    parameters: Parameters,
    rho: f64,
    epsilon: f64,
    weight_decay: f64,
    arithmetic: Arithmetic,
}

impl Adadelta {
    /// With Keras' defaults: ρ = 0.95, ε = 1e-7.
    pub fn new(parameters: Vec<(String, Param)>) -> Self {
        Adadelta {
            parameters: Parameters::new(parameters),
            rho: 0.95,
            epsilon: 1e-7,
            weight_decay: 0.0,
            arithmetic: Arithmetic::Keras,
        }
    }

    /// With PyTorch's defaults: ρ = 0.9, ε = 1e-6.
    pub fn pytorch(parameters: Vec<(String, Param)>) -> Self {
        Adadelta { rho: 0.9, epsilon: 1e-6, arithmetic: Arithmetic::PyTorch, ..Adadelta::new(parameters) }
    }

    /// The share of the mean squares that each step keeps.
    #[must_use]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// What is added to the mean squares.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
}

common_methods!(Adadelta);

impl Optimizer for Adadelta {
    field_accessors!();

    fn name(&self) -> &'static str {
        "adadelta"
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        vec![("accumulated_gradient", 0.0), ("accumulated_delta", 0.0)]
    }

    fn weight_decay(&self) -> (f64, bool) {
        (self.weight_decay, self.arithmetic == Arithmetic::Keras)
    }

    fn check(&self) -> Result<()> {
        require((0.0..=1.0).contains(&self.rho), "rho", "a number in 0..=1", self.rho)?;
        require(self.epsilon >= 0.0, "epsilon", "a number of at least 0", self.epsilon)
    }

    fn update(&self, value: &mut Tensor, update: &Update<'_>, slots: &mut Slots) -> Result<()> {
        let rule = UpdateRule::Adadelta { rho: self.rho, epsilon: self.epsilon, rate: update.learning_rate };
        update.apply(value, slots, &["accumulated_gradient", "accumulated_delta"], rule)
    }
}
