//! Linear functions of random features.

use ocelli_tensor::{DType, Tensor};

use super::{Purpose, check_deviation, finished, normal, order, stream, uniform};
use crate::{Error, Result, TensorDataset};

const OP: &str = "make_regression";

/// Settings of [`make_regression`], under scikit-learn's names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regression {
    /// How many points there are; 100 by default.
    pub samples: usize,
    /// How many numbers a point has; 100 by default.
    pub features: usize,
    /// How many of them the targets depend on; 10 by default.
    pub informative: usize,
    /// How many targets a point has; 1 by default.
    pub targets: usize,
    /// What is added to every target; 0 by default.
    pub bias: f64,
    /// How many directions explain most of the inputs, which are then not independent; none by default.
    pub effective_rank: Option<usize>,
    /// How much of the inputs other directions explain, 0 to 1, where there is an effective rank; 0.5 by default.
    pub tail_strength: f64,
    /// The standard deviation of what is added to each target; 0 by default.
    pub noise: f64,
    /// Whether points and features come in random order, otherwise the informative features are the first; by default they do.
    pub shuffle: bool,
    /// What all that is random follows from; 0 by default.
    pub seed: u64,
}

impl Default for Regression {
    fn default() -> Self {
        Regression {
            samples: 100,
            features: 100,
            informative: 10,
            targets: 1,
            bias: 0.0,
            effective_rank: None,
            tail_strength: 0.5,
            noise: 0.0,
            shuffle: true,
            seed: 0,
        }
    }
}

impl Regression {
    /// The weight of each feature in each target, `f64` of shape `[features, targets]`: 0 of features that do not count, drawn evenly from
    /// 0 to 100 of the others.
    ///
    /// # Errors
    /// [`Error::Tensor`] if memory runs out.
    pub fn coefficients(&self) -> Result<Tensor> {
        let informative = self.informative.min(self.features);
        let drawn = Tensor::zeros([self.features, self.targets], DType::F64)?;
        let mut weights: Vec<f64> = drawn.to_vec()?;
        let mut rng = stream(self.seed, Purpose::Centers);
        let count = informative * self.targets;
        weights[..count].copy_from_slice(&uniform(count, [0.0, 100.0], &mut rng)?);
        let weights = Tensor::from_vec(weights, [self.features, self.targets])?;
        self.arranged(&weights, 0)
    }

    /// A tensor whose axis are the features, these brought into their order.
    fn arranged(&self, features: &Tensor, axis: isize) -> Result<Tensor> {
        if !self.shuffle {
            return Ok(features.clone());
        }
        let order = order(self.features, self.seed, Purpose::Features).into_iter().map(|i| i as i64).collect();
        Ok(features.index_select(axis, &Tensor::from_vec::<i64>(order, [self.features])?)?)
    }

    /// Independent features, or ones of low rank: singular values fall like a bell, with a tail that falls slowly.
    fn inputs(&self) -> Result<Tensor> {
        let &Regression { samples, features, tail_strength, seed, .. } = self;
        let Some(rank) = self.effective_rank else { return normal([samples, features], seed, Purpose::Points) };
        if rank == 0 || !(0.0..=1.0).contains(&tail_strength) {
            let expected = "an effective rank of at least 1 and a tail strength of 0 to 1";
            return Err(Error::argument(OP, format!("expected {expected}, received {rank} and {tail_strength}")));
        }
        let count = samples.min(features);
        let (left, _) = normal([samples, count], seed, Purpose::Points)?.qr()?;
        let (right, _) = normal([features, count], seed, Purpose::Mixing)?.qr()?;
        let singular = (0..count).map(|i| {
            let place = i as f64 / rank as f64;
            (1.0 - tail_strength) * (-place * place).exp() + tail_strength * (-0.1 * place).exp()
        });
        let singular = Tensor::from_vec(singular.collect::<Vec<f64>>(), [count])?;
        Ok(left.mul(&singular)?.matmul(&right.transpose(0, 1)?)?)
    }
}

/// Targets that are linear functions of random features, plus noise: scikit-learn's `make_regression`.
///
/// Inputs are `f32` of shape `[n, features]`, targets `f32` of shape `[n]`, or `[n, targets]` if there are several;
/// [`Regression::coefficients`] tells the weights.
///
/// ```
/// use ocelli_data::generated::{Regression, make_regression};
/// # fn main() -> ocelli_data::Result<()> {
/// let settings = Regression { samples: 200, features: 5, informative: 2, noise: 1.0, ..Regression::default() };
/// let data = make_regression(&settings)?;
/// assert_eq!((&data.inputs().shape()[..], &data.targets().shape()[..]), (&[200, 5][..], &[200][..]));
/// let weights = settings.coefficients()?.to_vec::<f64>()?;
/// assert_eq!(weights.iter().filter(|weight| **weight != 0.0).count(), 2);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] if a number is out of its range; [`Error::Tensor`] if memory runs out.
pub fn make_regression(settings: &Regression) -> Result<TensorDataset> {
    let &Regression { samples, targets, bias, noise, shuffle, seed, .. } = settings;
    check_deviation(OP, noise)?;
    if !bias.is_finite() {
        return Err(Error::argument(OP, format!("expected a finite bias, received {bias}")));
    }
    let inputs = settings.arranged(&settings.inputs()?, 1)?;
    let mut values = inputs.matmul(&settings.coefficients()?)?.add(bias)?;
    if noise > 0.0 {
        values = values.add(&normal([samples, targets], seed, Purpose::Noise)?.mul(noise)?)?;
    }
    if targets == 1 {
        values = values.reshape([samples])?;
    }
    finished(inputs, values.to_dtype(DType::F32)?, shuffle.then_some(seed))
}
