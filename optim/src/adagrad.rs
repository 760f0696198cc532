//! Adagrad.

use ocelli_nn::Param;
use ocelli_tensor::{Tensor, UpdateRule};

use crate::error::require;
use crate::optimizer::{common_methods, field_accessors};
use crate::{Arithmetic, Optimizer, Parameters, Result, Slots, Update};

/// Divides each weight's step by the root of the sum of its squared gradients.
///
/// J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 2011.
#[derive(Debug)]
pub struct Adagrad {
    parameters: Parameters,
    initial_accumulator: f64,
    epsilon: f64,
    weight_decay: f64,
    arithmetic: Arithmetic,
}

impl Adagrad {
    /// In Keras' arithmetic, with its defaults: the sum starts at 0.1, ε = 1e-7.
    pub fn new(parameters: Vec<(String, Param)>) -> Self {
        Adagrad {
            parameters: Parameters::new(parameters),
            initial_accumulator: 0.1,
            epsilon: 1e-7,
            weight_decay: 0.0,
            arithmetic: Arithmetic::Keras,
        }
    }

    /// In PyTorch's arithmetic, with its defaults: the sum starts at 0, ε = 1e-10.
    pub fn pytorch(parameters: Vec<(String, Param)>) -> Self {
        Adagrad {
            initial_accumulator: 0.0,
            epsilon: 1e-10,
            arithmetic: Arithmetic::PyTorch,
            ..Adagrad::new(parameters)
        }
    }

    /// What the sum of squares starts at.
    #[must_use]
    pub fn initial_accumulator(mut self, value: f64) -> Self {
        self.initial_accumulator = value;
        self
    }

    /// What keeps the divisor from 0.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
}

common_methods!(Adagrad);

impl Optimizer for Adagrad {
    field_accessors!();

    fn name(&self) -> &'static str {
        "adagrad"
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        vec![("accumulator", self.initial_accumulator)]
    }

    fn weight_decay(&self) -> (f64, bool) {
        (self.weight_decay, self.arithmetic == Arithmetic::Keras)
    }

    fn check(&self) -> Result<()> {
        let expected = "a number of at least 0";
        require(self.epsilon >= 0.0, "epsilon", expected, self.epsilon)?;
        let initial = self.initial_accumulator;
        require(initial >= 0.0, "initial accumulator", expected, initial)
    }

    fn update(&self, value: &mut Tensor, update: &Update<'_>, slots: &mut Slots) -> Result<()> {
        let inside = self.arithmetic == Arithmetic::Keras;
        let rule = UpdateRule::Adagrad { epsilon: self.epsilon, inside, rate: update.learning_rate };
        update.apply(value, slots, &["accumulator"], rule)
    }
}
