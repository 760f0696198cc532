//! Mathematical functions of vectors, for `f32` and `f64` on every instruction set.
//!
//! A kernel calls them as `math::exp::<f32, S>(s, x)` inside its `run`; they are inlined there. All take every number: subnormal,
//! infinite, NaN, −0. The stated errors are in units in the last place of the exact result, the largest that `tests` find on any
//! instruction set over the whole range of `f32` and a dense sample of `f64`.
//!
//! The polynomials interpolate at Chebyshev nodes; they were computed with 60 digits. Their own error is below a tenth of a unit in
//! the last place, what remains is rounding.

mod activation;
mod erf;
mod exp;
mod float;
mod ln;
#[cfg(test)]
mod tests;
mod unary;

pub(crate) use activation::{
    gelu, gelu_tanh, hard_sigmoid, hard_swish, leaky_relu, log_sigmoid, sigmoid, silu, softplus, tanh,
};
pub(crate) use erf::erf;
pub(crate) use exp::{exp, exp_m1};
pub(crate) use float::Float;
pub(crate) use ln::ln;
pub(crate) use unary::{LeakyRelu, Unary, functions};
