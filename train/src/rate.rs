//! The learning rate: a number that callbacks may change, or a function of the step.

use ocelli_optim::Schedule;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What the learning rate of a step follows from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Rate {
    Fixed(f64),
    Scheduled(Schedule),
}

impl Rate {
    /// The rate of a step, counted from 0 over all epochs.
    pub(crate) fn at(&self, step: u64) -> f64 {
        match self {
            Rate::Fixed(rate) => *rate,
            Rate::Scheduled(schedule) => schedule.at(step),
        }
    }

    /// Refuses what cannot be right, before training begins.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Rate::Fixed(rate) if !(rate.is_finite() && *rate >= 0.0) => {
                let message = format!("expected a finite number of at least 0, received {rate}");
                Err(Error::argument("learning rate", message))
            }
            Rate::Fixed(_) => Ok(()),
            Rate::Scheduled(schedule) => Ok(schedule.check()?),
        }
    }

    /// Changes the number.
    pub(crate) fn set(&mut self, rate: f64) -> Result<()> {
        match self {
            Rate::Fixed(fixed) => {
                Rate::Fixed(rate).check()?;
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
