//! Activations. The epilogues of matrix products and convolutions call them too.

use super::erf::normal;
use super::exp::{exp, exp_m1};
use super::float::{Float, splat};
use super::ln::ln_1p_of_share;
use crate::cpu::simd::{Simd, Vector};

/// `max(x, 0)`; NaN stays NaN.
#[inline(always)]
pub(crate) fn relu<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    T::Of::<S>::zero(s).max(x)
}

/// `x` above 0, `slope · x` below.
#[inline(always)]
pub(crate) fn leaky_relu<T: Float, S: Simd>(s: S, x: T::Of<S>, slope: T) -> T::Of<S> {
    let below = x.less(T::Of::<S>::zero(s));
    T::Of::<S>::select(below, x.mul(T::Of::<S>::splat(s, slope)), x)
}

/// The hyperbolic tangent, within 2.5 units in the last place.
#[inline(always)]
pub(crate) fn tanh<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let t = exp_m1::<T, S>(s, x.abs().mul(splat::<T, S>(s, -2.0)));
    t.div(t.add(splat::<T, S>(s, 2.0))).copysign(x)
}

/// `1 / (1 + e⁻ˣ)` in a form whose exponential never overflows, within 2.5 units in the last place.
#[inline(always)]
pub(crate) fn sigmoid<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let one = splat::<T, S>(s, 1.0);
    let e = exp::<T, S>(s, T::Of::<S>::zero(s).sub(x.abs()));
    let numerator = T::Of::<S>::select(x.less(T::Of::<S>::zero(s)), e, one);
    numerator.div(one.add(e))
}

/// `x · sigmoid(x)`, within 3 units in the last place (of 10⁻³⁰ where it is smaller).
#[inline(always)]
pub(crate) fn silu<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    sigmoid::<T, S>(s, x).mul(x)
}

/// `ln(1 + eˣ) = max(x, 0) + ln(1 + e^(-|x|))`, within 2 units in the last place.
#[inline(always)]
pub(crate) fn softplus<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let zero = T::Of::<S>::zero(s);
    zero.max(x).add(ln_1p_of_share::<T, S>(s, exp::<T, S>(s, zero.sub(x.abs()))))
}

/// `ln(sigmoid(x)) = -softplus(-x)`, within 2 units in the last place.
#[inline(always)]
pub(crate) fn log_sigmoid<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let zero = T::Of::<S>::zero(s);
    softplus::<T, S>(s, zero.sub(x)).mul(splat::<T, S>(s, -1.0))
}

/// `x · Φ(x)` with the standard normal distribution function, within 16 units in the last place (of 10⁻³ where it is smaller).
#[inline(always)]
pub(crate) fn gelu<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    normal::<T, S>(s, x).mul(x)
}

/// `x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))`, which is `x · sigmoid` of twice that argument.
/// Within 16 units in the last place (of 10⁻³ where it is smaller).
#[inline(always)]
pub(crate) fn gelu_tanh<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let twice = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
    let slope = x.mul(x).mul_add(splat::<T, S>(s, 0.044715 * twice), splat::<T, S>(s, twice));
    sigmoid::<T, S>(s, slope.mul(x)).mul(x)
}

/// `min(max(x + 3, 0), 6) / 6`.
#[inline(always)]
pub(crate) fn hard_sigmoid<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let limited = splat::<T, S>(s, 6.0).min(relu::<T, S>(s, x.add(splat::<T, S>(s, 3.0))));
    limited.mul(splat::<T, S>(s, 1.0 / 6.0))
}

/// `x · min(max(x + 3, 0), 6) / 6`.
#[inline(always)]
pub(crate) fn hard_swish<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    hard_sigmoid::<T, S>(s, x).mul(x)
}
