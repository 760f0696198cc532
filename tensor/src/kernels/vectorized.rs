//! Loops of other crates, compiled for each instruction set.

use crate::cpu::simd::{Kernel, Simd, dispatch};

/// A loop that [`vectorized`] compiles for each instruction set.
pub trait Loop {
    /// What the loop finds out; `()` if it only writes.
    type Output;

    /// The loop. It has to carry `#[inline(always)]`, and what it calls has to be inlined too: a function that stays one by itself is compiled once, for the oldest
    /// of processors.
    fn run(self) -> Self::Output;
}

/// Runs a loop that the compiler has made for the best instructions of this processor: AVX-512, AVX2, NEON, or those that all processors of its kind have. Loops over
/// slices gain most, as vectors get two to four times as wide, and [`f32::mul_add`] is one instruction instead of a call. The result is the same with all of them.
///
/// ```
/// use ocelli_tensor::kernels::{Loop, vectorized};
///
/// struct Scale<'a>(&'a mut [f32], f32);
///
/// impl Loop for Scale<'_> {
///     type Output = ();
///
///     #[inline(always)]
///     fn run(self) {
///         self.0.iter_mut().for_each(|x| *x = x.mul_add(self.1, 1.0));
///     }
/// }
///
/// let mut values = [1.0, 2.0, 3.0];
/// vectorized(Scale(&mut values, 2.0));
/// assert_eq!(values, [3.0, 5.0, 7.0]);
/// ```
pub fn vectorized<L: Loop>(work: L) -> L::Output {
    struct Compiled<L>(L);

    impl<L: Loop> Kernel for Compiled<L> {
        type Output = L::Output;

        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> L::Output {
            self.0.run()
        }
    }

    dispatch(Compiled(work))
}
