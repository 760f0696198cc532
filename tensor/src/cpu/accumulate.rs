//! Adding to a tensor in place.

use super::parallel::over_chunks;
use super::simd::{Kernel, Simd, dispatch};
use crate::element::Real;

/// `sum[i] += x[i]`.
pub(crate) fn add<T: Real>(sum: &mut [T], x: &[T]) {
    over_chunks(sum, 1, 1, |start, sum| {
        let x = &x[start..start + sum.len()];
        dispatch(Add { sum, x });
    });
}

struct Add<'a, T> {
    sum: &'a mut [T],
    x: &'a [T],
}

impl<T: Real> Kernel for Add<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (sum, &x) in self.sum.iter_mut().zip(self.x) {
            *sum += x;
        }
    }
}
