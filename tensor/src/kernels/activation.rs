//! Activations on their own.

use super::{Activation, Float};
use crate::cpu::simd::{Kernel, Simd, Vector, dispatch};

struct Apply<'a, T> {
    activation: Activation,
    values: &'a mut [T],
}

impl<T: Float> Kernel for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Some((low, high)) = self.activation.range() else { return self.activation.apply(s, self.values) };
        let (low, high) = (T::Of::<S>::splat(s, T::from_f64(low)), T::Of::<S>::splat(s, T::from_f64(high)));
        for piece in self.values.chunks_mut(T::Of::<S>::LANES) {
            // SAFETY: the piece has as many numbers as are read and written.
            unsafe {
                let x = T::Of::<S>::load_first(s, piece.as_ptr(), piece.len());
                // In this order NaN stays NaN.
                high.min(low.max(x)).store_first(piece.as_mut_ptr(), piece.len());
            }
        }
    }
}

/// Replaces every number by its activation, on this thread.
///
/// ```
/// use ocelli_tensor::kernels::{Activation, activate};
///
/// let mut x = [-1.0f32, 0.5, 7.0];
/// activate(Activation::Relu6, &mut x);
/// assert_eq!(x, [0.0, 0.5, 6.0]);
/// ```
pub fn activate<T: Float>(activation: Activation, values: &mut [T]) {
    dispatch(Apply { activation, values });
}
