//! Keeping gradients small.
//!
//! ```
//! use ocelli_nn::Param;
//! use ocelli_optim::clip_by_global_norm;
//! use ocelli_tensor::Tensor;
//!
//! # fn main() -> ocelli_optim::Result<()> {
//! let w = Param::new(Tensor::new([3.0f64, 4.0])?)?;
//! let parameters = [("w".to_string(), w.clone())];
//! let mut gradients = w.var().square()?.sum(..)?.backward()?;
//! assert_eq!(clip_by_global_norm(&mut gradients, &parameters, 1.0)?, 10.0);
//! let clipped = gradients.get(&w.var())?;
//! assert!(clipped.tensor().allclose(&Tensor::new([0.6, 0.8])?, 1e-12, 0.0)?);
//! # Ok(())
//! # }
//! ```

use ocelli_autograd::{Gradients, Var};
use ocelli_nn::{Param, distinct};
use ocelli_tensor::{DType, Tensor};

use crate::Result;
use crate::error::require;

/// Limits each element of the parameters' gradients to `-limit..=limit`.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) unless `limit` is at least 0.
pub fn clip_by_value(gradients: &mut Gradients, parameters: &[(String, Param)], limit: f64) -> Result<()> {
    require(limit >= 0.0, "clip_by_value", "a limit of at least 0", limit)?;
    replace(gradients, parameters, |gradient| Ok(gradient.clamp(Some(-limit), Some(limit))?))
}

/// Scales each parameter's gradient whose Euclidean norm is above `max_norm` down to it. Gradients whose norm is not finite stay
/// as they are.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) unless `max_norm` is at least 0.
pub fn clip_by_norm(gradients: &mut Gradients, parameters: &[(String, Param)], max_norm: f64) -> Result<()> {
    require(max_norm >= 0.0, "clip_by_norm", "a norm of at least 0", max_norm)?;
    replace(gradients, parameters, |gradient| {
        let norm = norm(gradient)?;
        scaled(gradient, norm, max_norm)
    })
}

/// Scales all gradients by one factor so that the Euclidean norm of them together is at most `max_norm`, and returns what it
/// was. If it is not finite the gradients stay as they are: look at [`largest`] then.
///
/// R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) unless `max_norm` is at least 0.
pub fn clip_by_global_norm(gradients: &mut Gradients, parameters: &[(String, Param)], max_norm: f64) -> Result<f64> {
    require(max_norm >= 0.0, "clip_by_global_norm", "a norm of at least 0", max_norm)?;
    let norm = global_norm(gradients, parameters)?;
    replace(gradients, parameters, |gradient| scaled(gradient, norm, max_norm))?;
    Ok(norm)
}

/// The Euclidean norm of the gradients of all parameters together, each shared one counted once.
///
/// # Errors
/// If memory runs out.
pub fn global_norm(gradients: &Gradients, parameters: &[(String, Param)]) -> Result<f64> {
    let mut total = 0.0;
    for param in distinct(parameters) {
        if let Some(gradient) = gradients.find(&param.var()) {
            total += norm(gradient.tensor())?.powi(2);
        }
    }
    Ok(total.sqrt())
}

/// The path of the parameter whose gradient has the largest Euclidean norm, and the norm; NaN counts as larger than any number.
/// `None` if no parameter has a gradient.
///
/// # Errors
/// If memory runs out.
pub fn largest(gradients: &Gradients, parameters: &[(String, Param)]) -> Result<Option<(String, f64)>> {
    let mut largest: Option<(String, f64)> = None;
    for (path, param) in parameters {
        let Some(gradient) = gradients.find(&param.var()) else {
            continue;
        };
        let norm = norm(gradient.tensor())?;
        let above = largest.as_ref().is_none_or(|(_, known)| !known.is_nan() && (norm.is_nan() || norm > *known));
        if above {
            largest = Some((path.clone(), norm));
        }
    }
    Ok(largest)
}

/// The sum of the squares is below this where some may have been too small for `f32`.
const SMALL: f64 = 1e-30;
/// Brings numbers whose squares leave the range of `f32` into it, up or down.
const SCALE: f64 = (1u128 << 100) as f64;

/// The Euclidean norm, in `f32` unless the numbers are of `f64`, which not every device has.
fn norm(x: &Tensor) -> Result<f64> {
    let x = if x.dtype() == DType::F64 { x.clone() } else { x.to_dtype(DType::F32)? };
    let squares = |x: &Tensor| -> Result<f64> { Ok(x.square()?.sum(..)?.item::<f64>()?) };
    let quick = squares(&x)?;
    if quick.is_nan() || (quick.is_finite() && quick > SMALL) {
        return Ok(quick.sqrt());
    }
    // Squares may leave the range where the norm does not.
    let scale = if quick.is_finite() { SCALE } else { 1.0 / SCALE };
    Ok(squares(&x.mul(scale)?)?.sqrt() / scale)
}

fn scaled(gradient: &Tensor, norm: f64, max_norm: f64) -> Result<Tensor> {
    if norm.is_finite() && norm > max_norm {
        return Ok(gradient.mul(max_norm / norm)?);
    }
    Ok(gradient.clone())
}

fn replace(
    gradients: &mut Gradients,
    parameters: &[(String, Param)],
    change: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<()> {
    for param in distinct(parameters) {
        let var = param.var();
        if let Some(gradient) = gradients.find(&var) {
            let changed = change(gradient.tensor())?;
            gradients.set(&var, Var::constant(changed));
        }
    }
    Ok(())
}
