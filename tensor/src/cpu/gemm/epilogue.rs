//! What is done to the results of a product or convolution before they leave the cache.

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
}
