//! Dropout.

use super::parallel::over_chunks;
use super::simd::{Kernel, Simd, dispatch};
use crate::element::Real;
use crate::profile;
use crate::random::philox_lanes;

/// Counters whose words are made together.
const LANES: usize = 16;

/// `out[i] = x[i] · scale` where word `i` of the stream is below `limit`, `x[i] · 0` elsewhere. The stream is that of a seed from a
/// counter on.
pub(crate) fn forward<T: Real>(x: &[T], out: &mut [T], (seed, first): (u64, u64), limit: u64, scale: T) {
    let _span = profile::span("dropout", 2 * size_of_val(x));
    over_chunks(out, 4 * LANES, 4, |start, out| {
        let x = &x[start..start + out.len()];
        dispatch(Dropout { x, out, seed, first: first.wrapping_add(start as u64 / 4), limit, scale });
    });
}

struct Dropout<'a, T> {
    x: &'a [T],
    out: &'a mut [T],
    seed: u64,
    first: u64,
    limit: u64,
    scale: T,
}

impl<T: Real> Kernel for Dropout<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Dropout { x, out, seed, first, limit, scale } = self;
        // As `word <= last`, which fits 32 bits.
        let (last, scale) = match limit.checked_sub(1) {
            Some(last) => (last as u32, scale),
            None => (0, T::ZERO),
        };
        for (i, (x, out)) in x.chunks(4 * LANES).zip(out.chunks_mut(4 * LANES)).enumerate() {
            let words = philox_lanes::<LANES>(seed, first.wrapping_add((i * LANES) as u64));
            let mut factors = [T::ZERO; 4 * LANES];
            for (j, factors) in factors.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *factors = std::array::from_fn(|k| if words[k][j] <= last { scale } else { T::ZERO });
            }
            for ((out, &x), &factor) in out.iter_mut().zip(x).zip(&factors) {
                *out = x * factor;
            }
        }
    }
}
