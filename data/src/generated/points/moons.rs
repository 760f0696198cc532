//! Two half circles that interlock.

use std::f64::consts::PI;

use super::{check_deviation, curves, linspace};
use crate::{Result, TensorDataset};

/// Settings of [`make_moons`], under scikit-learn's names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moons {
    /// How many points lie on the upper and the lower half circle; 50 each by default.
    pub samples: [usize; 2],
    /// Whether they come in random order; by default they do.
    pub shuffle: bool,
    /// The standard deviation of what is added to each coordinate; 0 by default.
    pub noise: f64,
    /// What all that is random follows from; 0 by default.
    pub seed: u64,
}

impl Default for Moons {
    fn default() -> Self {
        Moons { samples: [50, 50], shuffle: true, noise: 0.0, seed: 0 }
    }
}

/// Points at equal distances on two half circles of radius 1: class 0 on the upper one about the origin, class 1 on the lower one about
/// (1, ½), so that the end of each lies within the other.
///
/// Inputs are `f32` of shape `[n, 2]`, targets `i64` of shape `[n]`. Without noise and order they are those of scikit-learn's `make_moons`.
///
/// ```
/// use ocelli_data::generated::{Moons, make_moons};
/// # fn main() -> ocelli_data::Result<()> {
/// let data = make_moons(&Moons { noise: 0.1, seed: 7, ..Moons::default() })?;
/// assert_eq!(data.inputs().shape()[..], [100, 2]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if `noise` is negative or not finite; [`Error::Tensor`](crate::Error::Tensor) if memory runs out.
pub fn make_moons(settings: &Moons) -> Result<TensorDataset> {
    let &Moons { samples: [upper, lower], shuffle, noise, seed } = settings;
    check_deviation("make_moons", noise)?;
    let first = linspace(upper, PI, true).map(|a| [a.cos(), a.sin()]);
    let second = linspace(lower, PI, true).map(|a| [1.0 - a.cos(), 1.0 - a.sin() - 0.5]);
    curves(first, second, [upper.saturating_add(lower), upper], noise, shuffle, seed)
}
