//! A circle in a circle.

use std::f64::consts::TAU;

use super::{check_deviation, curves, linspace};
use crate::{Error, Result, TensorDataset};

const OP: &str = "make_circles";

/// Settings of [`make_circles`], under scikit-learn's names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circles {
    /// How many points lie on the outer and the inner circle; 50 each by default.
    pub samples: [usize; 2],
    /// Whether they come in random order; by default they do.
    pub shuffle: bool,
    /// The standard deviation of what is added to each coordinate; 0 by default.
    pub noise: f64,
    /// The radius of the inner circle, that of the outer one being 1: at least 0 and below 1, 0.8 by default.
    pub factor: f64,
    /// What all that is random follows from; 0 by default.
    pub seed: u64,
}

impl Default for Circles {
    fn default() -> Self {
        Circles { samples: [50, 50], shuffle: true, noise: 0.0, factor: 0.8, seed: 0 }
    }
}

/// Points at equal distances on two circles about the origin: class 0 on the one of radius 1, class 1 on the smaller one within it.
///
/// Inputs are `f32` of shape `[n, 2]`, targets `i64` of shape `[n]`. Without noise and order they are those of scikit-learn's
/// `make_circles`.
///
/// ```
/// use ocelli_data::generated::{Circles, make_circles};
/// # fn main() -> ocelli_data::Result<()> {
/// let data = make_circles(&Circles { samples: [100, 60], noise: 0.05, ..Circles::default() })?;
/// assert_eq!((&data.inputs().shape()[..], &data.targets().shape()[..]), (&[160, 2][..], &[160][..]));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] if `noise` or `factor` is out of its range; [`Error::Tensor`] if memory runs out.
pub fn make_circles(settings: &Circles) -> Result<TensorDataset> {
    let &Circles { samples: [outer, inner], shuffle, noise, factor, seed } = settings;
    check_deviation(OP, noise)?;
    if !(0.0..1.0).contains(&factor) {
        return Err(Error::argument(OP, format!("expected a factor in 0..1, received {factor}")));
    }
    let circle = |count, radius: f64| linspace(count, TAU, false).map(move |a| [radius * a.cos(), radius * a.sin()]);
    curves(circle(outer, 1.0), circle(inner, factor), [outer.saturating_add(inner), outer], noise, shuffle, seed)
}
