//! Metrics: numbers that tell how good predictions are, gathered over batches.

mod accuracy;
mod confusion;
mod top_k;

pub use accuracy::{Accuracy, BinaryAccuracy};
pub use confusion::ConfusionMatrix;
use ocelli_tensor::{DType, Tensor};
pub use top_k::TopKAccuracy;

use crate::{Error, Result};

/// A number gathered over the batches of an epoch.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_train::{Accuracy, Metric};
/// # fn main() -> ocelli_train::Result<()> {
/// let mut accuracy = Accuracy::new();
/// let logits = Tensor::new([[0.1f32, 2.0], [3.0, 1.0], [0.0, 1.0]])?;
/// accuracy.update(&logits, &Tensor::new([1i64, 0, 0])?)?;
/// assert_eq!(accuracy.value(), 2.0 / 3.0);
/// # Ok(())
/// # }
/// ```
pub trait Metric: Send {
    /// Its name in logs and files.
    fn name(&self) -> &str;

    /// Takes a batch in.
    ///
    /// # Errors
    /// If prediction and target do not fit together.
    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()>;

    /// The number so far; 0 before the first sample.
    fn value(&self) -> f64;

    /// Forgets all batches.
    fn reset(&mut self);

    /// Whether more is better. Callbacks that watch the metric read it.
    fn is_better_when_larger(&self) -> bool {
        true
    }

    /// All that was gathered so far, for a checkpoint in the middle of an epoch.
    fn state(&self) -> Vec<f64>;

    /// Goes on from a [`Metric::state`].
    ///
    /// # Errors
    /// If it is not a state of this metric.
    fn restore(&mut self, state: &[f64]) -> Result<()>;

    /// Another one of the same kind.
    fn boxed_clone(&self) -> Box<dyn Metric>;
}

/// The mean of numbers, each with a weight: the loss of an epoch is that of its batches weighted by their samples.
///
/// ```
/// use ocelli_train::Mean;
///
/// let mut loss = Mean::new();
/// loss.add(1.0, 64.0);
/// loss.add(4.0, 32.0);
/// assert_eq!(loss.value(), 2.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    /// Of no numbers yet.
    pub fn new() -> Self {
        Mean::default()
    }

    /// Takes a number in.
    pub fn add(&mut self, value: f64, weight: f64) {
        self.sum += value * weight;
        self.weight += weight;
    }

    /// The mean so far; 0 before the first number, as in Keras.
    pub fn value(&self) -> f64 {
        if self.weight == 0.0 { 0.0 } else { self.sum / self.weight }
    }

    /// The sum of the weights.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Forgets all numbers.
    pub fn reset(&mut self) {
        *self = Mean::default();
    }

    /// What was gathered so far.
    pub fn state(&self) -> Vec<f64> {
        vec![self.sum, self.weight]
    }

    /// Goes on from a [`Mean::state`].
    ///
    /// # Errors
    /// [`Error::Argument`] unless there are two numbers.
    pub fn restore(&mut self, state: &[f64]) -> Result<()> {
        let [sum, weight] = numbers("mean", state)?;
        *self = Mean { sum, weight };
        Ok(())
    }
}

/// The state of a metric that consists of so many numbers.
fn numbers<const N: usize>(what: &'static str, state: &[f64]) -> Result<[f64; N]> {
    state.try_into().map_err(|_| {
        let message = format!("expected a state of {N} numbers, received {}", state.len());
        Error::argument(what, message)
    })
}

/// The rows of scores `[n, classes, …]`, one per sample or pixel, and the number of classes.
fn rows(what: &'static str, prediction: &Tensor) -> Result<(Vec<f32>, usize)> {
    if prediction.rank() < 2 || !prediction.dtype().is_float() {
        let message = format!(
            "expected float scores of shape [n, classes, …], received {} of {}",
            prediction.shape(),
            prediction.dtype()
        );
        return Err(Error::argument(what, message));
    }
    let classes = prediction.shape()[1];
    let last: Vec<isize> = (0..prediction.rank() as isize).filter(|&axis| axis != 1).chain([1]).collect();
    let rows = prediction.permute(&last[..])?.to_dtype(DType::F32)?;
    Ok((rows.to_vec::<f32>()?, classes))
}

/// The true classes of what `prediction` scores: `target` holds indices, or one-hot rows of the prediction's shape.
fn classes(what: &'static str, prediction: &Tensor, target: &Tensor) -> Result<Vec<usize>> {
    let sizes = prediction.shape();
    let count = sizes.get(1).copied().unwrap_or(0);
    let without: Vec<usize> = [&sizes[..1.min(sizes.len())], &sizes[2.min(sizes.len())..]].concat();
    if target.shape() == sizes && target.rank() > 1 {
        let (rows, count) = rows(what, &target.to_dtype(DType::F32)?)?;
        return Ok(rows.chunks_exact(count.max(1)).map(largest).collect());
    }
    if target.shape()[..] != without[..] {
        let message = format!(
            "expected class indices of shape {without:?} or one-hot rows of shape {sizes} for scores of shape {sizes}, received shape {}",
            target.shape()
        );
        return Err(Error::argument(what, message));
    }
    let indices = target.to_dtype(DType::I64)?.to_vec::<i64>()?;
    let class = |index: i64| match usize::try_from(index) {
        Ok(class) if class < count => Ok(class),
        _ => {
            let message = format!("expected class indices in 0..{count}, received {index}");
            Err(Error::argument(what, message))
        }
    };
    indices.into_iter().map(class).collect()
}

/// The place of the largest number, the first of several; a NaN counts as the largest, as in NumPy.
fn largest(row: &[f32]) -> usize {
    let mut best = 0;
    for (i, value) in row.iter().enumerate() {
        if value.is_nan() {
            return i;
        }
        if *value > row[best] {
            best = i;
        }
    }
    best
}
