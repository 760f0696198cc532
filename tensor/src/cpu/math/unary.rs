//! Functions of one number as values, which kernels over whole tensors take.

use super::float::Float;
use crate::cpu::simd::Simd;

/// A function of one vector. `apply` carries `#[inline(always)]`.
pub(crate) trait Unary<T: Float>: Copy + Sync {
    fn apply<S: Simd>(self, s: S, x: T::Of<S>) -> T::Of<S>;
}

macro_rules! functions {
    ($($Name:ident $name:ident)*) => {
        /// A type for each function of [`super`].
        pub(crate) mod functions {
            use super::*;
            $(
                #[derive(Debug, Clone, Copy)]
                pub(crate) struct $Name;

                impl<T: Float> Unary<T> for $Name {
                    #[inline(always)]
                    fn apply<S: Simd>(self, s: S, x: T::Of<S>) -> T::Of<S> {
                        crate::cpu::math::$name::<T, S>(s, x)
                    }
                }
            )*
        }
    };
}

functions! {
    Exp exp
    ExpM1 exp_m1
    Ln ln
    Erf erf
    Tanh tanh
    Sigmoid sigmoid
    Silu silu
    Softplus softplus
    LogSigmoid log_sigmoid
    Gelu gelu
    GeluTanh gelu_tanh
    HardSigmoid hard_sigmoid
    HardSwish hard_swish
}

/// [`super::leaky_relu`] with its slope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeakyRelu(pub(crate) f64);

impl<T: Float> Unary<T> for LeakyRelu {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: T::Of<S>) -> T::Of<S> {
        super::leaky_relu::<T, S>(s, x, T::r(self.0))
    }
}
