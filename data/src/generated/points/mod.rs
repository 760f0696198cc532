//! scikit-learn's sets of points.

mod blobs;
mod circles;
mod classification;
mod moons;
mod regression;

pub use blobs::{Blobs, Centers, make_blobs};
pub use circles::{Circles, make_circles};
pub use classification::{Classification, make_classification};
pub use moons::{Moons, make_moons};
use ocelli_tensor::{DType, Generator, Tensor};
use rand::Rng;
pub use regression::{Regression, make_regression};

use super::sample_rng;
use crate::random::permutation;
use crate::reserve::with_capacity;
use crate::{Error, Result, SampleRng, TensorDataset};

/// What random numbers are drawn for: each has a stream of its own, so that one setting does not change what another draws.
#[derive(Clone, Copy)]
enum Purpose {
    Centers = 0,
    Points,
    Noise,
    Mixing,
    Redundant,
    Repeated,
    Labels,
    Shift,
    Scale,
    /// The order of samples, and of features.
    Samples,
    Features,
}

fn stream(seed: u64, purpose: Purpose) -> SampleRng {
    sample_rng(seed, purpose as usize)
}

/// Standard normal numbers, `f64` of this shape.
fn normal(shape: [usize; 2], seed: u64, purpose: Purpose) -> Result<Tensor> {
    let mut generator = Generator::new(stream(seed, purpose).next_u64());
    Ok(Tensor::randn(shape, DType::F64, &mut generator)?)
}

/// `count` numbers drawn evenly from `low..high`.
fn uniform(count: usize, [low, high]: [f64; 2], rng: &mut SampleRng) -> Result<Vec<f64>> {
    let mut numbers = with_capacity(count)?;
    for _ in 0..count {
        numbers.push(rng.uniform(low, high)?);
    }
    Ok(numbers)
}

/// A random order of samples or features.
fn order(count: usize, seed: u64, purpose: Purpose) -> Vec<usize> {
    permutation(count, stream(seed, purpose).next_u64(), 0)
}

/// As many points as are to be made of each class: the rest of an uneven division goes to the first ones.
fn shared(samples: usize, classes: usize) -> impl Iterator<Item = usize> {
    let (each, rest) = (samples / classes.max(1), samples % classes.max(1));
    (0..classes).map(move |class| each + usize::from(class < rest))
}

/// `count` numbers at equal distances from 0 to `end`, which is the last one or comes after it.
fn linspace(count: usize, end: f64, with_end: bool) -> impl Iterator<Item = f64> {
    let steps = if with_end { count.saturating_sub(1) } else { count };
    (0..count).map(move |i| i as f64 * (end / steps.max(1) as f64))
}

fn check_deviation(op: &'static str, noise: f64) -> Result<()> {
    if noise >= 0.0 && noise.is_finite() {
        return Ok(());
    }
    Err(Error::argument(op, format!("expected a finite deviation of the noise that is not negative, received {noise}")))
}

/// Two curves in the plane as classes 0 and 1, with noise, in random order.
fn curves(
    outer: impl Iterator<Item = [f64; 2]>,
    inner: impl Iterator<Item = [f64; 2]>,
    [samples, outer_samples]: [usize; 2],
    noise: f64,
    shuffle: bool,
    seed: u64,
) -> Result<TensorDataset> {
    let mut places: Vec<[f64; 2]> = with_capacity(samples)?;
    places.extend(outer.chain(inner));
    if noise > 0.0 {
        let off: Vec<f64> = normal([samples, 2], seed, Purpose::Noise)?.to_vec()?;
        for (number, off) in places.as_flattened_mut().iter_mut().zip(off) {
            *number += noise * off;
        }
    }
    let labels = (0..samples).map(|i| i64::from(i >= outer_samples)).collect();
    labelled(places.into_flattened(), 2, labels, shuffle.then_some(seed))
}

/// Rows of features with a class each, in the random order of a seed if there is one.
fn labelled(rows: Vec<f64>, features: usize, labels: Vec<i64>, seed: Option<u64>) -> Result<TensorDataset> {
    let inputs = Tensor::from_vec(rows, [labels.len(), features])?;
    let samples = labels.len();
    let targets = Tensor::from_vec(labels, [samples])?;
    finished(inputs, targets, seed)
}

/// Inputs as `f32`, in the random order of a seed if there is one.
fn finished(inputs: Tensor, targets: Tensor, seed: Option<u64>) -> Result<TensorDataset> {
    let inputs = inputs.to_dtype(DType::F32)?;
    let Some(seed) = seed else { return TensorDataset::new(inputs, targets) };
    let samples = inputs.size(0)?;
    let order = order(samples, seed, Purpose::Samples).into_iter().map(|i| i as i64).collect();
    let order = Tensor::from_vec::<i64>(order, [samples])?;
    TensorDataset::new(inputs.index_select(0, &order)?, targets.index_select(0, &order)?)
}
