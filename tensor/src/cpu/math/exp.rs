//! Exponentials: `eˣ = 2ⁿ·eʳ` with a whole `n` and `|r| ≤ ln 2 / 2`.

use super::float::{Float, polynomial, splat};
use crate::cpu::simd::{Simd, Vector};

/// `n`, and `eʳ - 1`.
#[inline(always)]
fn reduced<T: Float, S: Simd>(s: S, x: T::Of<S>) -> (T::Of<S>, T::Of<S>) {
    let n = x.mul(T::Of::<S>::splat(s, T::LOG2_E)).round();
    let r = n.mul_add(T::Of::<S>::splat(s, -T::LN_2[0]), x);
    let r = n.mul_add(T::Of::<S>::splat(s, -T::LN_2[1]), r);
    (n, polynomial::<T, S>(s, r, T::EXP).mul(r).mul_add(r, r))
}

/// `eˣ`, within 2 units in the last place.
#[inline(always)]
pub(crate) fn exp<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let low = T::Of::<S>::splat(s, T::EXP_LIMITS[0]);
    let high = T::Of::<S>::splat(s, T::EXP_LIMITS[1]);
    // In this order NaN passes.
    let x = high.min(low.max(x));
    let (n, rest) = reduced::<T, S>(s, x);
    // In two steps, so that a subnormal result is rounded once and 2ⁿ itself need not be a number.
    let half = n.mul(splat::<T, S>(s, 0.5)).round();
    rest.add(splat::<T, S>(s, 1.0)).scale(half).scale(n.sub(half))
}

/// `eˣ - 1`, exact near 0: within 2 units in the last place.
#[inline(always)]
pub(crate) fn exp_m1<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let (low, high) = (T::Of::<S>::splat(s, T::EXP_M1_LIMIT), T::Of::<S>::splat(s, T::EXP_LIMITS[1]));
    let (n, rest) = reduced::<T, S>(s, high.min(low.max(x)));
    // Half of it first: 2ⁿ itself may be beyond the largest number.
    let (one, half) = (splat::<T, S>(s, 1.0), splat::<T, S>(s, 0.5));
    let power = one.scale(n.sub(one));
    let y = rest.mul_add(power, power.sub(half));
    y.add(y).copysign(x)
}
