//! Rows whose elements lie side by side: vectors along the row.

use crate::cpu::math::{Float, exp};
use crate::cpu::simd::{Simd, Vector, get, put};

/// Elements whose sum is taken in vectors; sums of such runs are added in f64, so that long rows lose no digits.
const RUN: usize = 1024;

/// The most lanes that vectors have.
const LANES: usize = 16;

/// The largest element, any number if one is NaN.
#[inline(always)]
pub(crate) fn largest<T: Float, S: Simd>(s: S, x: &[T]) -> T {
    let lanes = T::Of::<S>::LANES;
    let Some(last) = x.len().checked_sub(lanes) else {
        return x.iter().fold(T::LOWEST, |most, &x| if x > most { x } else { most });
    };
    let mut most = [get(s, &x[last..]); 4];
    let mut i = 0;
    while i + 4 * lanes <= x.len() {
        for (k, most) in most.iter_mut().enumerate() {
            *most = most.max(get(s, &x[i + k * lanes..]));
        }
        i += 4 * lanes;
    }
    while i < last {
        most[0] = most[0].max(get(s, &x[i..]));
        i += lanes;
    }
    most[0].max(most[1]).max(most[2].max(most[3])).largest()
}

/// `Σ exp(x − most)`, whose terms are written to `out` if `STORE`.
#[inline(always)]
pub(crate) fn exponentials<T: Float, S: Simd, const STORE: bool>(s: S, x: &[T], most: T, out: &mut [T]) -> T {
    let lanes = T::Of::<S>::LANES;
    let most = T::Of::<S>::splat(s, most);
    let mut total = 0.0;
    for (run, x) in x.chunks(RUN).enumerate() {
        let mut sum = T::Of::<S>::zero(s);
        let whole = x.len() / lanes * lanes;
        for i in (0..whole).step_by(lanes) {
            let term = exp::<T, S>(s, get(s, &x[i..]).sub(most));
            if STORE {
                put::<S, T>(term, &mut out[run * RUN + i..]);
            }
            sum = sum.add(term);
        }
        if whole < x.len() {
            let term = exp::<T, S>(s, get(s, &x[whole..]).sub(most));
            // Lanes behind the last element must not count.
            let mut rest = [T::ZERO; LANES];
            put::<S, T>(term, &mut rest[..x.len() - whole]);
            if STORE {
                put::<S, T>(term, &mut out[run * RUN + whole..]);
            }
            sum = sum.add(get(s, &rest));
        }
        total += sum.sum().to_f64();
    }
    T::r(total)
}

/// Softmax of a row, or its logarithm.
#[inline(always)]
pub(super) fn forward<T: Float, S: Simd>(s: S, x: &[T], out: &mut [T], log: bool) {
    let most = largest(s, x);
    if log {
        let sum = exponentials::<T, S, false>(s, x, most, &mut []);
        let [most, ln] = [most, sum.ln()].map(|number| T::Of::<S>::splat(s, number));
        for i in (0..x.len()).step_by(T::Of::<S>::LANES) {
            put::<S, T>(get(s, &x[i..]).sub(most).sub(ln), &mut out[i..]);
        }
        return;
    }
    let sum = T::Of::<S>::splat(s, exponentials::<T, S, true>(s, x, most, out));
    for i in (0..x.len()).step_by(T::Of::<S>::LANES) {
        put::<S, T>(get(s, &out[i..]).div(sum), &mut out[i..]);
    }
}

/// The gradient of a row's softmax `y`, `y · (dy − Σ y · dy)`, or of its logarithm, `dy − exp(y) · Σ dy`.
#[inline(always)]
pub(super) fn backward<T: Float, S: Simd>(s: S, y: &[T], dy: &[T], dx: &mut [T], log: bool) {
    let lanes = T::Of::<S>::LANES;
    let mut total = 0.0;
    for (y, dy) in y.chunks(RUN).zip(dy.chunks(RUN)) {
        let mut sum = T::Of::<S>::zero(s);
        for i in (0..y.len()).step_by(lanes) {
            let dy = get(s, &dy[i..]);
            sum = if log { sum.add(dy) } else { get(s, &y[i..]).mul_add(dy, sum) };
        }
        total += sum.sum().to_f64();
    }
    let total = T::Of::<S>::splat(s, T::r(total));
    for i in (0..y.len()).step_by(lanes) {
        let (y, dy) = (get(s, &y[i..]), get(s, &dy[i..]));
        let slope = if log { dy.sub(exp::<T, S>(s, y).mul(total)) } else { y.mul(dy.sub(total)) };
        put::<S, T>(slope, &mut dx[i..]);
    }
}
