//! Logarithms: `ln(2ᵉ·m) = e·ln 2 + ln m` with `√½ < m ≤ √2`.

use super::float::{Float, polynomial, splat};
use crate::cpu::simd::{Simd, Vector};

/// `e·ln 2 + ln(1 + f)` for `√½ ≤ 1 + f ≤ √2`.
///
/// With `s = f / (2 + f)` is `ln(1 + f) = 2·artanh(s) = f - f²/2 + s·(f²/2 + R(s²))`: the leading term is exact.
#[inline(always)]
fn sum<T: Float, S: Simd>(s: S, f: T::Of<S>, e: T::Of<S>) -> T::Of<S> {
    let quotient = f.div(f.add(splat::<T, S>(s, 2.0)));
    let z = quotient.mul(quotient);
    let rest = polynomial::<T, S>(s, z, T::LN).mul(z);
    let half_square = f.mul(f).mul(splat::<T, S>(s, 0.5));
    let low = e.mul_add(T::Of::<S>::splat(s, T::LN_2[1]), quotient.mul(half_square.add(rest)));
    e.mul_add(T::Of::<S>::splat(s, T::LN_2[0]), f.sub(half_square.sub(low)))
}

/// The natural logarithm, within 2 units in the last place: -∞ of 0, NaN below.
#[inline(always)]
pub(crate) fn ln<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let (one, zero) = (splat::<T, S>(s, 1.0), T::Of::<S>::zero(s));
    let subnormal = x.less(T::Of::<S>::splat(s, T::SMALLEST_NORMAL));
    let normal = T::Of::<S>::select(subnormal, x.mul(T::Of::<S>::splat(s, T::RAISE.0)), x);
    let (m, e) = normal.split();
    let e = T::Of::<S>::select(subnormal, e.sub(T::Of::<S>::splat(s, T::RAISE.1)), e);
    let above = splat::<T, S>(s, std::f64::consts::SQRT_2).less(m);
    let m = T::Of::<S>::select(above, m.mul(splat::<T, S>(s, 0.5)), m);
    let e = T::Of::<S>::select(above, e.add(one), e);
    let y = sum::<T, S>(s, m.sub(one), e);
    // What `split` makes of other numbers is not defined.
    let y = T::Of::<S>::select(x.less(T::Of::<S>::splat(s, T::HIGHEST)), y, x);
    let y = T::Of::<S>::select(x.less(zero), splat::<T, S>(s, f64::NAN), y);
    T::Of::<S>::select(x.equal(zero), T::Of::<S>::splat(s, T::LOWEST), y)
}

/// `ln(1 + x)` for `x` in `0..=1`, within 2 units in the last place.
#[inline(always)]
pub(super) fn ln_1p_of_share<T: Float, S: Simd>(s: S, x: T::Of<S>) -> T::Of<S> {
    let one = splat::<T, S>(s, 1.0);
    let above = splat::<T, S>(s, std::f64::consts::SQRT_2 - 1.0).less(x);
    let f = T::Of::<S>::select(above, x.sub(one).mul(splat::<T, S>(s, 0.5)), x);
    sum::<T, S>(s, f, T::Of::<S>::select(above, one, T::Of::<S>::zero(s)))
}
