//! Learning rates that change while training goes on, as functions of the number of steps taken: there is nothing to remember, so
//! a resumed run goes on as the interrupted one would have.
//!
//! ```
//! use ocelli_optim::schedules::{CosineDecay, Schedule};
//! let schedule = Schedule::from(CosineDecay::new(0.0, 1000).warm_up(0.1, 100));
//! assert_eq!(schedule.at(0), 0.0);
//! assert_eq!(schedule.at(100), 0.1);
//! assert!((schedule.at(600) - 0.05).abs() < 1e-12);
//! ```

mod cosine;
mod decay;
mod piecewise;

use serde::{Deserialize, Serialize};

use crate::Result;

pub use cosine::CosineDecay;
pub use decay::{Constant, ExponentialDecay, StepDecay};
pub use piecewise::PiecewiseConstantDecay;

/// A learning rate for each step. Serialized as Keras does it: `{"class_name": "CosineDecay", "config": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config")]
#[non_exhaustive]
pub enum Schedule {
    /// [`Constant`]
    Constant(Constant),
    /// [`StepDecay`]
    StepDecay(StepDecay),
    /// [`ExponentialDecay`]
    ExponentialDecay(ExponentialDecay),
    /// [`CosineDecay`]
    CosineDecay(CosineDecay),
    /// [`PiecewiseConstantDecay`]
    PiecewiseConstantDecay(PiecewiseConstantDecay),
}

impl Schedule {
    /// The learning rate of a step; the first step is 0.
    pub fn at(&self, step: u64) -> f64 {
        match self {
            Schedule::Constant(schedule) => schedule.learning_rate,
            Schedule::StepDecay(schedule) => schedule.at(step),
            Schedule::ExponentialDecay(schedule) => schedule.at(step),
            Schedule::CosineDecay(schedule) => schedule.at(step),
            Schedule::PiecewiseConstantDecay(schedule) => schedule.at(step),
        }
    }

    /// Refuses a schedule that cannot be right, before training begins.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) that names what was expected and received.
    pub fn check(&self) -> Result<()> {
        match self {
            Schedule::Constant(schedule) => decay::check_rate(schedule.learning_rate),
            Schedule::StepDecay(schedule) => schedule.check(),
            Schedule::ExponentialDecay(schedule) => schedule.check(),
            Schedule::CosineDecay(schedule) => schedule.check(),
            Schedule::PiecewiseConstantDecay(schedule) => schedule.check(),
        }
    }
}

impl From<f64> for Schedule {
    fn from(learning_rate: f64) -> Self {
        Schedule::Constant(Constant { learning_rate })
    }
}

macro_rules! from_class {
    ($($Class:ident),*) => {$(
        impl From<$Class> for Schedule {
            fn from(schedule: $Class) -> Self {
                Schedule::$Class(schedule)
            }
        }
    )*};
}
from_class!(Constant, StepDecay, ExponentialDecay, CosineDecay, PiecewiseConstantDecay);
