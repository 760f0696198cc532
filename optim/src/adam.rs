//! Adam.

use ocelli_nn::Param;
use ocelli_tensor::{Tensor, UpdateRule};

use crate::error::require;
use crate::optimizer::{common_methods, field_accessors};
use crate::{Arithmetic, Optimizer, Parameters, Result, Slots, Update};

/// Divides the running mean of each weight's gradients by their running root mean square, both freed of the bias of their start.
///
/// D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015; AMSGrad: S. Reddi et al., "On the convergence of
/// Adam and beyond", ICLR 2018.
#[derive(Debug)]
pub struct Adam {
    parameters: Parameters,
    moments: Moments,
    weight_decay: f64,
}

/// What [`Adam`] and [`AdamW`](crate::AdamW) have in common: everything but weight decay.
#[derive(Debug)]
pub(crate) struct Moments {
    pub(crate) beta_1: f64,
    pub(crate) beta_2: f64,
    pub(crate) epsilon: f64,
    pub(crate) amsgrad: bool,
    pub(crate) arithmetic: Arithmetic,
}

impl Adam {
    /// In Keras' arithmetic, with its defaults: β = (0.9, 0.999), ε = 1e-7.
    pub fn new(parameters: Vec<(String, Param)>) -> Self {
        Adam { parameters: Parameters::new(parameters), moments: Moments::new(Arithmetic::Keras), weight_decay: 0.0 }
    }

    /// In PyTorch's arithmetic, with its defaults: β = (0.9, 0.999), ε = 1e-8.
    pub fn pytorch(parameters: Vec<(String, Param)>) -> Self {
        Adam { moments: Moments::new(Arithmetic::PyTorch), ..Adam::new(parameters) }
    }
}

/// The builder methods that both have.
macro_rules! moment_methods {
    ($Optimizer:ident) => {
        impl $Optimizer {
            /// The shares of the running mean and mean square that each step keeps.
            #[must_use]
            pub fn betas(mut self, beta_1: f64, beta_2: f64) -> Self {
                self.moments.beta_1 = beta_1;
                self.moments.beta_2 = beta_2;
                self
            }

            /// What keeps the divisor from 0.
            #[must_use]
            pub fn epsilon(mut self, epsilon: f64) -> Self {
                self.moments.epsilon = epsilon;
                self
            }

            /// Divides by the largest mean square so far.
            #[must_use]
            pub fn amsgrad(mut self, amsgrad: bool) -> Self {
                self.moments.amsgrad = amsgrad;
                self
            }
        }
    };
}
pub(crate) use moment_methods;

common_methods!(Adam);
moment_methods!(Adam);

impl Moments {
    pub(crate) fn new(arithmetic: Arithmetic) -> Self {
        Moments {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: match arithmetic {
                Arithmetic::Keras => 1e-7,
                Arithmetic::PyTorch => 1e-8,
            },
            amsgrad: false,
            arithmetic,
        }
    }

    pub(crate) fn slots(&self) -> Vec<(&'static str, f64)> {
        let mut slots = vec![("momentum", 0.0), ("velocity", 0.0)];
        slots.extend(self.amsgrad.then_some(("largest_velocity", 0.0)));
        slots
    }

    pub(crate) fn check(&self) -> Result<()> {
        // At 1 the correction of the bias would divide by 0.
        let share = "a number in 0..1";
        require((0.0..1.0).contains(&self.beta_1), "beta_1", share, self.beta_1)?;
        require((0.0..1.0).contains(&self.beta_2), "beta_2", share, self.beta_2)?;
        require(self.epsilon >= 0.0, "epsilon", "a number of at least 0", self.epsilon)
    }

    pub(crate) fn update(&self, value: &mut Tensor, update: &Update<'_>, slots: &mut Slots) -> Result<()> {
        let remaining = |beta: f64| 1.0 - beta.powf(update.step as f64);
        let (mean_share, square_share) = (remaining(self.beta_1), remaining(self.beta_2).sqrt());
        // Where the correction of the mean square's bias stands decides what epsilon is relative to.
        let (rate, correction) = match self.arithmetic {
            Arithmetic::Keras => (update.learning_rate * square_share / mean_share, 1.0),
            Arithmetic::PyTorch => (update.learning_rate / mean_share, square_share),
        };
        let betas = [self.beta_1, self.beta_2];
        let rule = UpdateRule::Adam { betas, epsilon: self.epsilon, correction, amsgrad: self.amsgrad, rate };
        let names = ["momentum", "velocity", "largest_velocity"];
        update.apply(value, slots, if self.amsgrad { &names } else { &names[..2] }, rule)
    }
}

impl Optimizer for Adam {
    field_accessors!();

    fn name(&self) -> &'static str {
        "adam"
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        self.moments.slots()
    }

    fn weight_decay(&self) -> (f64, bool) {
        (self.weight_decay, self.moments.arithmetic == Arithmetic::Keras)
    }

    fn check(&self) -> Result<()> {
        self.moments.check()
    }

    fn update(&self, value: &mut Tensor, update: &Update<'_>, slots: &mut Slots) -> Result<()> {
        self.moments.update(value, update, slots)
    }
}
