//! What is done to the results of a product or convolution before they leave the cache.

use crate::cpu::math;
use crate::cpu::simd::{Simd, Vector};

/// A function applied to the results of a convolution or product, in the same pass.
///
/// ```
/// use ocelli_tensor::Activation;
///
/// assert_eq!(Activation::default(), Activation::Identity);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Activation {
    /// `x`
    #[default]
    Identity,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x` above zero, `x` times this slope below.
    LeakyRelu(f32),
    /// `x · sigmoid(x)`, also called swish.
    Silu,
    /// `x · min(max(x + 3, 0), 6) / 6`
    HardSwish,
    /// `1 / (1 + exp(−x))`
    Sigmoid,
    /// `x · Φ(x)` with the error function.
    Gelu,
    /// The approximation of GELU by a hyperbolic tangent.
    GeluTanh,
}

impl Activation {
    /// Whether the gradient at a place follows from the result there, so that a network in training need not keep what went in.
    ///
    /// ```
    /// use ocelli_tensor::Activation;
    ///
    /// assert!(Activation::Relu.follows_from_result() && !Activation::Gelu.follows_from_result());
    /// ```
    pub fn follows_from_result(self) -> bool {
        match self {
            Activation::Identity | Activation::Relu | Activation::Relu6 | Activation::Sigmoid => true,
            // With a negative slope a result above 0 does not tell on which side it came about.
            Activation::LeakyRelu(slope) => slope >= 0.0,
            Activation::Silu | Activation::HardSwish | Activation::Gelu | Activation::GeluTanh => false,
        }
    }

    /// The range to which this clamps, if that is all it does.
    pub(crate) fn range(self) -> Option<(f64, f64)> {
        match self {
            Activation::Relu => Some((0.0, f64::INFINITY)),
            Activation::Relu6 => Some((0.0, 6.0)),
            _ => None,
        }
    }

    /// Whether results must be passed over again, because a clamp is not enough.
    pub(crate) fn is_curved(self) -> bool {
        self.range().is_none() && self != Activation::Identity
    }

    /// Applies it to numbers that are still in the cache.
    #[inline(always)]
    pub(crate) fn apply<S: Simd, T: math::Float>(self, s: S, row: &mut [T]) {
        match self {
            Activation::Identity => {}
            Activation::Relu | Activation::Relu6 => {
                let (low, high) = self.range().unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
                let (low, high) = (T::Of::<S>::splat(s, T::from_f64(low)), T::Of::<S>::splat(s, T::from_f64(high)));
                map(
                    s,
                    row,
                    // In this order NaN stays NaN.
                    #[inline(always)]
                    |x| high.min(low.max(x)),
                );
            }
            Activation::LeakyRelu(slope) => {
                let slope = T::from_f64(f64::from(slope));
                map(
                    s,
                    row,
                    #[inline(always)]
                    |x| math::leaky_relu::<T, S>(s, x, slope),
                );
            }
            Activation::Silu => map(
                s,
                row,
                #[inline(always)]
                |x| math::silu::<T, S>(s, x),
            ),
            Activation::HardSwish => map(
                s,
                row,
                #[inline(always)]
                |x| math::hard_swish::<T, S>(s, x),
            ),
            Activation::Sigmoid => map(
                s,
                row,
                #[inline(always)]
                |x| math::sigmoid::<T, S>(s, x),
            ),
            Activation::Gelu => map(
                s,
                row,
                #[inline(always)]
                |x| math::gelu::<T, S>(s, x),
            ),
            Activation::GeluTanh => map(
                s,
                row,
                #[inline(always)]
                |x| math::gelu_tanh::<T, S>(s, x),
            ),
        }
    }
}

/// Replaces every number `x` by `f(x)`.
#[inline(always)]
fn map<S: Simd, T: math::Float>(s: S, row: &mut [T], f: impl Fn(T::Of<S>) -> T::Of<S>) {
    let lanes = T::Of::<S>::LANES;
    for piece in row.chunks_mut(lanes) {
        // SAFETY: the piece has as many numbers as are read and written.
        unsafe {
            let x = T::Of::<S>::load_first(s, piece.as_ptr(), piece.len());
            f(x).store_first(piece.as_mut_ptr(), piece.len());
        }
    }
}
