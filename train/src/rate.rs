//! The learning rate: a number that callbacks may change, or a function of the step.

use ocelli_optim::Schedule;

use crate::{Error, Result};

/// What the learning rate of a step follows from.
pub(crate) enum Rate {
    Fixed(f64),
    Scheduled(Box<dyn Schedule>),
}

impl Rate {
    /// The rate of a step, counted from 0 over all epochs.
    pub(crate) fn at(&self, step: u64) -> f64 {
        match self {
            Rate::Fixed(rate) => *rate,
            Rate::Scheduled(schedule) => schedule.at(step),
        }
    }

    /// The number, if it is one.
    pub(crate) fn fixed(&self) -> Option<f64> {
        match self {
            Rate::Fixed(rate) => Some(*rate),
            Rate::Scheduled(_) => None,
        }
    }

    /// Changes the number.
    pub(crate) fn set(&mut self, rate: f64) -> Result<()> {
        if !(rate.is_finite() && rate >= 0.0) {
            let message = format!("expected a finite number of at least 0, received {rate}");
            return Err(Error::argument("learning rate", message));
        }
        match self {
            Rate::Fixed(fixed) => {
                *fixed = rate;
                Ok(())
            }
            Rate::Scheduled(_) => {
                let message = format!(
                    "expected a trainer without a schedule to set the rate {rate} in, received one that follows a schedule"
                );
                Err(Error::argument("learning rate", message))
            }
        }
    }
}
