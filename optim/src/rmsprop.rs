//! RMSprop.

use ocelli_nn::Param;
use ocelli_tensor::{Tensor, UpdateRule};

use crate::error::require;
use crate::optimizer::{common_methods, field_accessors};
use crate::{Arithmetic, Optimizer, Parameters, Result, Slots, Update};

/// Divides each weight's step by the running root mean square of its gradients.
///
/// T. Tieleman and G. Hinton, "Neural networks for machine learning", lecture 6.5, Coursera 2012; centered: A. Graves,
/// "Generating sequences with recurrent neural networks", arXiv:1308.0850, 2013.
#[derive(Debug)]
pub struct RmsProp {
    parameters: Parameters,
    rho: f64,
    momentum: f64,
    epsilon: f64,
    centered: bool,
    weight_decay: f64,
    arithmetic: Arithmetic,
}

impl RmsProp {
    /// In Keras' arithmetic, with its defaults: ρ = 0.9, ε = 1e-7.
    pub fn new(parameters: Vec<(String, Param)>) -> Self {
        RmsProp {
            parameters: Parameters::new(parameters),
            rho: 0.9,
            momentum: 0.0,
            epsilon: 1e-7,
            centered: false,
            weight_decay: 0.0,
            arithmetic: Arithmetic::Keras,
        }
    }

    /// In PyTorch's arithmetic, with its defaults: ρ (there called α) = 0.99, ε = 1e-8.
    pub fn pytorch(parameters: Vec<(String, Param)>) -> Self {
        RmsProp { rho: 0.99, epsilon: 1e-8, arithmetic: Arithmetic::PyTorch, ..RmsProp::new(parameters) }
    }

    /// The share of the mean square that each step keeps.
    #[must_use]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// The share of the velocity that each step keeps.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// What keeps the divisor from 0.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Divides by the running standard deviation instead: takes the square of the running mean off.
    #[must_use]
    pub fn centered(mut self, centered: bool) -> Self {
        self.centered = centered;
        self
    }
}

common_methods!(RmsProp);

impl Optimizer for RmsProp {
    field_accessors!();

    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        let mut slots = vec![("velocity", 0.0)];
        slots.extend(self.centered.then_some(("average", 0.0)));
        slots.extend((self.momentum != 0.0).then_some(("momentum", 0.0)));
        slots
    }

    fn weight_decay(&self) -> (f64, bool) {
        (self.weight_decay, self.arithmetic == Arithmetic::Keras)
    }

    fn check(&self) -> Result<()> {
        let share = "a number in 0..=1";
        require((0.0..=1.0).contains(&self.rho), "rho", share, self.rho)?;
        require((0.0..=1.0).contains(&self.momentum), "momentum", share, self.momentum)?;
        require(self.epsilon >= 0.0, "epsilon", "a number of at least 0", self.epsilon)
    }

    fn update(&self, value: &mut Tensor, update: &Update<'_>, slots: &mut Slots) -> Result<()> {
        let keras = self.arithmetic == Arithmetic::Keras;
        // In PyTorch's arithmetic the learning rate comes in at the end, in Keras' it is part of the velocity.
        let moves = self.momentum != 0.0;
        let (taken, rate) = if keras && moves { (update.learning_rate, 1.0) } else { (1.0, update.learning_rate) };
        let rule = UpdateRule::RmsProp {
            rho: self.rho,
            epsilon: self.epsilon,
            inside: keras,
            centered: self.centered,
            momentum: moves.then_some([self.momentum, taken]),
            rate,
        };
        let names: &[&str] = match (self.centered, moves) {
            (false, false) => &["velocity"],
            (true, false) => &["velocity", "average"],
            (false, true) => &["velocity", "momentum"],
            (true, true) => &["velocity", "average", "momentum"],
        };
        update.apply(value, slots, names, rule)
    }
}
