//! What training makes small: the distance of predictions from targets.
//!
//! ```
//! use ocelli_autograd::Var;
//! use ocelli_nn::losses::{CrossEntropy, Loss};
//! use ocelli_tensor::Tensor;
//! # fn main() -> ocelli_nn::Result<()> {
//! // Two pictures, three classes.
//! let logits = Var::leaf(Tensor::new([[2.0f64, 0.5, -1.0], [0.0, 0.0, 0.0]])?)?;
//! let labels = Tensor::new([0i64, 2])?;
//! let loss = CrossEntropy::new().loss(&logits, &labels)?;
//! let expected = ((2.0f64.exp() + 0.5f64.exp() + (-1.0f64).exp()).ln() - 2.0 + 3.0f64.ln()) / 2.0;
//! assert!((loss.item::<f64>()? - expected).abs() < 1e-12);
//! let gradients = loss.backward()?;
//! assert_eq!(gradients.get(&logits)?.shape()[..], [2, 3]);
//! # Ok(())
//! # }
//! ```

mod binary;
mod categorical;
mod cross_entropy;
mod distance;

use ocelli_autograd::Var;
use ocelli_tensor::{DType, Shape, Tensor};

use crate::{Error, Result};

pub use binary::BinaryCrossEntropy;
pub use categorical::CategoricalCrossEntropy;
pub use cross_entropy::CrossEntropy;
pub use distance::{MeanAbsoluteError, MeanSquaredError};

/// A loss: how far a prediction is from what it should be. Any function of a prediction and a target is one too.
pub trait Loss: Send + Sync {
    /// The loss, one number unless the loss was asked not to reduce; differentiable in `prediction`.
    ///
    /// # Errors
    /// If shapes or dtypes do not fit each other, or the target holds values that it must not.
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var>;
}

impl<F> Loss for F
where
    F: Fn(&Var, &Tensor) -> Result<Var> + Send + Sync,
{
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        self(prediction, target)
    }
}

/// What becomes of the losses of single elements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean. Of nothing it is NaN, as in PyTorch.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// They stay as they are.
    None,
}

impl Reduction {
    /// `count` is what the mean divides by.
    fn reduce(self, losses: &Var, count: f64) -> Result<Var> {
        Ok(match self {
            Reduction::Mean => losses.sum(..)?.div(count)?,
            Reduction::Sum => losses.sum(..)?,
            Reduction::None => losses.clone(),
        })
    }
}

/// The loss of a name. Names of Keras' mean what Keras means, so the cross-entropies take probabilities:
///
/// | name | loss |
/// |---|---|
/// | `"sparse_categorical_crossentropy"` | [`CrossEntropy::of_probabilities`] |
/// | `"categorical_crossentropy"` | [`CategoricalCrossEntropy::of_probabilities`] |
/// | `"binary_crossentropy"` | [`BinaryCrossEntropy::of_probabilities`] |
/// | `"mean_squared_error"`, `"mse"` | [`MeanSquaredError`] |
/// | `"mean_absolute_error"`, `"mae"` | [`MeanAbsoluteError`] |
/// | `"cross_entropy"` | [`CrossEntropy::new`]: PyTorch's, of logits |
/// | `"binary_cross_entropy_with_logits"` | [`BinaryCrossEntropy::new`]: PyTorch's, of logits |
///
/// # Errors
/// [`Error::Argument`] that lists the names, if there is none of this name.
pub fn from_name(name: &str) -> Result<Box<dyn Loss>> {
    Ok(match name {
        "sparse_categorical_crossentropy" => Box::new(CrossEntropy::of_probabilities()),
        "categorical_crossentropy" => Box::new(CategoricalCrossEntropy::of_probabilities()),
        "binary_crossentropy" => Box::new(BinaryCrossEntropy::of_probabilities()),
        "mean_squared_error" | "mse" => Box::new(MeanSquaredError::new()),
        "mean_absolute_error" | "mae" => Box::new(MeanAbsoluteError::new()),
        "cross_entropy" => Box::new(CrossEntropy::new()),
        "binary_cross_entropy_with_logits" => Box::new(BinaryCrossEntropy::new()),
        _ => {
            let names = "sparse_categorical_crossentropy, categorical_crossentropy, binary_crossentropy, \
                mean_squared_error, mse, mean_absolute_error, mae, cross_entropy, binary_cross_entropy_with_logits";
            let message = format!("expected one of {names}, received \"{name}\"");
            return Err(Error::argument("loss", message));
        }
    })
}

/// What probabilities are kept away from 0 and 1, as Keras does it, so that their logarithms stay finite.
const EPSILON: f64 = 1e-7;

/// `ln p`, with `p` clipped to `EPSILON..=1-EPSILON`; the gradient of what was clipped is 0.
fn clipped_ln(probabilities: &Var) -> Result<Var> {
    Ok(probabilities.clamp(Some(EPSILON), Some(1.0 - EPSILON))?.ln()?)
}

/// The axis of the classes: 1, or 0 where there is no axis of samples.
fn class_axis(what: &'static str, prediction: &Shape) -> Result<usize> {
    match prediction.rank() {
        0 => {
            let expected = "predictions [classes] or [samples, classes, …]";
            Err(ocelli_tensor::Error::shape(what, expected, prediction).into())
        }
        1 => Ok(0),
        _ => Ok(1),
    }
}

/// Probabilities along an axis, made to add up to 1, as logarithms.
fn normalized_ln(probabilities: &Var, axis: usize) -> Result<Var> {
    let sums = probabilities.sum_keepdim(axis)?;
    clipped_ln(&probabilities.div(&sums)?)
}

/// The target as numbers of the prediction's dtype, after a check that its shape is the prediction's.
fn same_shape(what: &'static str, prediction: &Var, target: &Tensor) -> Result<Tensor> {
    require_float(what, prediction)?;
    if target.shape() != prediction.shape() {
        let expected = format!("a target of the prediction's shape {}", prediction.shape());
        return Err(ocelli_tensor::Error::shape(what, expected, target.shape()).into());
    }
    Ok(target.to_dtype(prediction.dtype())?)
}

fn require_float(what: &'static str, prediction: &Var) -> Result<DType> {
    if prediction.dtype().is_float() {
        return Ok(prediction.dtype());
    }
    let expected = "predictions of a float dtype";
    Err(ocelli_tensor::Error::dtype(what, expected, prediction.dtype()).into())
}

fn check_smoothing(what: &'static str, smoothing: f64) -> Result<()> {
    if (0.0..=1.0).contains(&smoothing) {
        return Ok(());
    }
    let message = format!("expected a label smoothing in 0..=1, received {smoothing}");
    Err(Error::argument(what, message))
}
