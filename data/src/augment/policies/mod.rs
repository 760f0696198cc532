//! Augmentation by policies: which operations are made, how often and how strongly, was searched for once, or is drawn.

mod aug_mix;
mod auto_augment;
mod magnitudes;
mod operation;
mod rand_augment;
mod sub_policies;
mod trivial_augment;

pub use aug_mix::AugMix;
pub use auto_augment::{AutoAugment, AutoAugmentPolicy, Candidate};
pub use magnitudes::{MagnitudeTable, Magnitudes};
pub use operation::Operation;
pub use rand_augment::RandAugment;
pub use trivial_augment::TrivialAugment;

use serde::{Deserialize, Serialize};

use super::{Fill, Interpolation, Keep};
use crate::{Error, Result, SampleRng};

/// How the operations of a policy that move pixels do so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Warp {
    /// How pixels are mixed.
    pub interpolation: Interpolation,
    /// What lies outside the picture.
    pub fill: Fill,
    /// Which objects stay.
    pub keep: Keep,
}

impl Default for Warp {
    /// torchvision's: the nearest pixel, black.
    fn default() -> Self {
        Warp { interpolation: Interpolation::Nearest, fill: Fill::black(), keep: Keep::default() }
    }
}

impl Magnitudes {
    /// The strength of a step, to one side or the other where there are two; 0 of an operation that has none.
    fn signed(&self, step: usize, rng: &mut SampleRng) -> f64 {
        match self {
            Magnitudes::None => 0.0,
            Magnitudes::Plain(all) => all[step],
            Magnitudes::Signed(all) if rng.chance(0.5) => -all[step],
            Magnitudes::Signed(all) => all[step],
        }
    }
}

/// `Err` unless strengths can be cut into so many steps.
fn check_steps(op: &'static str, steps: usize) -> Result<()> {
    if (2..=1 << 16).contains(&steps) {
        return Ok(());
    }
    Err(Error::argument(op, format!("expected 2 to 65536 steps, received {steps}")))
}
