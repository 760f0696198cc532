//! The error function.

use super::exp::exp;
use super::float::{Float, polynomial, splat};
use crate::cpu::simd::{Simd, Vector};

/// `erf(x)` for `|x| ≤ 1`.
#[inline(always)]
fn inner<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    polynomial::<T, S>(s, x.mul(x), T::ERF).mul(x)
}

/// `1 - erf(x)` for `x ≥ 1` with `x² = a·b`, of small relative error.
#[inline(always)]
fn complement<T: Float, S: Simd>(s: S, x: T::Of<S>, [a, b]: [T::Of<S>; 2]) -> T::Of<S> {
    let (one, zero) = (splat::<T, S>(s, 1.0), T::Of::<S>::zero(s));
    let scale = T::Of::<S>::splat(s, T::ERFC_SCALE);
    let u = scale.div(x.add(scale));
    let factor = polynomial::<T, S>(s, one.sub(u.add(u)), T::ERFC).mul(u);
    // What x² loses by rounding would count x² times as much. (Without fused `mul_add` it does.)
    let square = a.mul(b);
    let lost = a.mul_add(b, zero.sub(square));
    exp::<T, S>(s, zero.sub(square)).mul(factor.sub(factor.mul(lost)))
}

/// `2/√π ∫₀ˣ e^(-t²) dt`, within 3 units in the last place.
#[inline(always)]
pub(crate) fn erf<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let (one, size) = (splat::<T, S>(s, 1.0), x.abs());
    let limited = T::Of::<S>::splat(s, T::ERFC_LIMIT).min(size);
    let outer = one.sub(complement::<T, S>(s, limited, [limited; 2])).copysign(x);
    T::Of::<S>::select(size.less(one), inner::<T, S>(s, x), outer)
}

/// The standard normal distribution function `½·(1 + erf(x / √2))`.
#[inline(always)]
pub(super) fn normal<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let (one, half) = (splat::<T, S>(s, 1.0), splat::<T, S>(s, 0.5));
    let root_half = splat::<T, S>(s, std::f64::consts::FRAC_1_SQRT_2);
    let limit = T::Of::<S>::splat(s, T::ERFC_LIMIT * T::r(std::f64::consts::SQRT_2));
    let limited = limit.min(x.abs());
    let tail = complement::<T, S>(s, limited.mul(root_half), [limited.mul(half), limited]).mul(half);
    let outer = T::Of::<S>::select(x.less(T::Of::<S>::zero(s)), tail, one.sub(tail));
    let scaled = x.mul(root_half);
    T::Of::<S>::select(scaled.abs().less(one), inner::<T, S>(s, scaled).mul_add(half, half), outer)
}
