//! Activations on their own.

use super::{Activation, Float};
use crate::cpu::simd::{Kernel, Simd, dispatch};

struct Apply<'a, T> {
    activation: Activation,
    values: &'a mut [T],
}

impl<T: Float> Kernel for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.activation.apply(s, self.values);
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
