//! Layer normalization.

use ocelli_autograd::Var;
use ocelli_tensor::Shape;

use super::weights::scale_and_shift;
use crate::{Error, Layer, Module, Param, Result};

/// `y = γ·(x - mean) / √(var + eps) + β` over the last axes, for each place of the others by itself: the same in training and
/// evaluation. (J. L. Ba et al., "Layer normalization", 2016.)
///
/// Names and eps (1e-5) are PyTorch's; Keras' eps is 1e-3.
///
/// ```
/// use ocelli_nn::{Layer, LayerNorm};
/// use ocelli_tensor::{DType, Tensor};
/// # fn main() -> ocelli_nn::Result<()> {
/// let norm = LayerNorm::new([96])?;
/// let y = norm.forward(&Tensor::zeros([4, 49, 96], DType::F32)?.into())?;
/// assert_eq!(y.shape()[..], [4, 49, 96]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Module)]
pub struct LayerNorm {
    weight: Param,
    bias: Param,
    #[module(skip)]
    eps: f64,
}

impl LayerNorm {
    /// For inputs whose last axes have this shape: γ 1, β 0.
    ///
    /// # Errors
    /// If the shape has no elements.
    pub fn new(shape: impl Into<Shape>) -> Result<Self> {
        LayerNorm::with(shape, 1e-5)
    }

    /// As [`LayerNorm::new`] with another eps.
    ///
    /// # Errors
    /// If the shape has no axes or no elements, or `eps` is negative.
    pub fn with(shape: impl Into<Shape>, eps: f64) -> Result<Self> {
        let shape = shape.into();
        if shape.rank() == 0 || shape.numel() == 0 || eps.is_nan() || eps < 0.0 {
            let message = format!("expected a shape with axes and elements and eps ≥ 0, received {shape} and {eps}");
            return Err(Error::argument("LayerNorm", message));
        }
        let (weight, bias) = scale_and_shift(shape)?;
        Ok(LayerNorm { weight, bias, eps })
    }

    /// The scale γ.
    pub fn weight(&self) -> &Param {
        &self.weight
    }

    /// The shift β.
    pub fn bias(&self) -> &Param {
        &self.bias
    }
}

impl Layer for LayerNorm {
    fn call(&self, x: &Var) -> Result<Var> {
        let gamma = self.weight.var();
        if !x.shape().ends_with(gamma.shape()) {
            let expected = format!("an input whose last axes are {}", gamma.shape());
            return Err(Error::Input { layer: "LayerNorm", expected, received: format!("shape {}", x.shape()) });
        }
        Ok(x.layer_norm(&gamma, &self.bias.var(), self.eps)?)
    }
}
