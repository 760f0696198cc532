//! Stochastic gradient descent.

use ocelli_nn::Param;
use ocelli_tensor::{Tensor, UpdateRule};

use crate::error::require;
use crate::optimizer::{common_methods, field_accessors};
use crate::{Arithmetic, Optimizer, Parameters, Result, Slots, Update};

/// Stochastic gradient descent, with momentum if asked for: `w ← w − η·g`.
///
/// I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
#[derive(Debug)]
pub struct Sgd {
    parameters: Parameters,
    momentum: f64,
    nesterov: bool,
    dampening: f64,
    weight_decay: f64,
    arithmetic: Arithmetic,
}

impl Sgd {
    /// Without momentum, in Keras' arithmetic.
    pub fn new(parameters: Vec<(String, Param)>) -> Self {
        Sgd {
            parameters: Parameters::new(parameters),
            momentum: 0.0,
            nesterov: false,
            dampening: 0.0,
            weight_decay: 0.0,
            arithmetic: Arithmetic::Keras,
        }
    }

    /// Without momentum, in PyTorch's arithmetic.
    pub fn pytorch(parameters: Vec<(String, Param)>) -> Self {
        Sgd { arithmetic: Arithmetic::PyTorch, ..Sgd::new(parameters) }
    }

    /// The share of the velocity that each step keeps.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Takes the gradient as if it were found where the momentum leads.
    #[must_use]
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// The share of the gradient that does not go into the velocity. In PyTorch's arithmetic the first gradient goes in whole.
    #[must_use]
    pub fn dampening(mut self, dampening: f64) -> Self {
        self.dampening = dampening;
        self
    }
}

common_methods!(Sgd);

impl Optimizer for Sgd {
    field_accessors!();

    fn name(&self) -> &'static str {
        "sgd"
    }

    fn default_learning_rate(&self) -> f64 {
        0.01
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        match self.momentum == 0.0 {
            true => vec![],
            false => vec![("momentum", 0.0)],
        }
    }

    fn weight_decay(&self) -> (f64, bool) {
        (self.weight_decay, self.arithmetic == Arithmetic::Keras)
    }

    fn check(&self) -> Result<()> {
        let share = "a number in 0..=1";
        require((0.0..=1.0).contains(&self.momentum), "momentum", share, self.momentum)?;
        require((0.0..=1.0).contains(&self.dampening), "dampening", share, self.dampening)
    }

    fn update(&self, value: &mut Tensor, update: &Update<'_>, slots: &mut Slots) -> Result<()> {
        let rate = update.learning_rate;
        if self.momentum == 0.0 {
            return update.apply(value, slots, &[], UpdateRule::Descent { rate });
        }
        // In PyTorch's arithmetic the learning rate comes in at the end, in Keras' it is part of the velocity.
        let (inside, outside) = match self.arithmetic {
            Arithmetic::Keras => (rate, 1.0),
            Arithmetic::PyTorch => (1.0, rate),
        };
        let whole = self.arithmetic == Arithmetic::PyTorch && update.step == 1;
        let rule = UpdateRule::Momentum {
            momentum: self.momentum,
            taken: if whole { inside } else { (1.0 - self.dampening) * inside },
            ahead: self.nesterov.then_some(inside),
            rate: outside,
        };
        update.apply(value, slots, &["momentum"], rule)
    }
}
