//! The two functions of gates.

use crate::cpu::simd::{Lane, Simd, Vector};

#[inline(always)]
fn exp<S: Simd, T: Lane>(s: S, x: T::Of<S>) -> T::Of<S> {
    let c = |value: f64| T::Of::<S>::splat(s, T::from_f64(value));
    let (bound, terms) = if size_of::<T>() == 4 { (87.0, 7) } else { (700.0, 13) };
    // In this order NaN remains, as it is the second operand.
    let x = c(bound).min(c(-bound).max(x));
    let n = x.mul(c(std::f64::consts::LOG2_E)).round();
    let r = n.mul_add(c(-0.693_145_751_953_125), x);
    let r = n.mul_add(c(-1.428_606_820_309_417_2e-6), r);
    let mut sum = c(1.0);
    let mut k = terms;
    while k > 0 {
        sum = sum.mul(r).mul_add(c(1.0 / k as f64), c(1.0));
        k -= 1;
    }
    sum.scale(n)
}

#[inline(always)]
pub(super) fn sigmoid<S: Simd, T: Lane>(s: S, x: T::Of<S>) -> T::Of<S> {
    let one = T::Of::<S>::splat(s, T::ONE);
    let e = exp::<S, T>(s, T::Of::<S>::zero(s).sub(x));
    one.div(one.add(e))
}

#[inline(always)]
pub(super) fn tanh<S: Simd, T: Lane>(s: S, x: T::Of<S>) -> T::Of<S> {
    let one = T::Of::<S>::splat(s, T::ONE);
    let two = T::Of::<S>::splat(s, T::from_f64(2.0));
    let e = exp::<S, T>(s, two.mul(x));
    one.sub(two.div(one.add(e)))
}
