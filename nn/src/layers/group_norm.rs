//! Group normalization.

use ocelli_autograd::Var;
use ocelli_tensor::NormOptions;

use super::weights::scale_and_shift;
use crate::{Error, Layer, Module, Param, Result};

/// `y = γ·(x - mean) / √(var + eps) + β` for `[N, C, …]`, with the mean and variance of a group of channels of one picture and a γ and β
/// for each channel: the same in training and evaluation, at any batch size. (Y. Wu and K. He, "Group normalization", 2018.)
///
/// With one group for each channel it is instance normalization. Names and eps (1e-5) are PyTorch's; Keras' eps is 1e-3.
///
/// ```
/// use ocelli_nn::{GroupNorm, Layer};
/// use ocelli_tensor::{DType, Tensor};
/// # fn main() -> ocelli_nn::Result<()> {
/// let norm = GroupNorm::new(4, 16)?.relu();
/// let y = norm.forward(&Tensor::zeros([1, 16, 8, 8], DType::F32)?.into())?;
/// assert_eq!(y.shape()[..], [1, 16, 8, 8]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Module)]
pub struct GroupNorm {
    weight: Param,
    bias: Param,
    #[module(skip)]
    options: NormOptions,
}

impl GroupNorm {
    /// So many groups of so many channels in all: γ 1, β 0.
    ///
    /// # Errors
    /// If there are no channels, or they do not fall into the groups.
    pub fn new(groups: usize, channels: usize) -> Result<Self> {
        GroupNorm::with(groups, channels, 1e-5)
    }

    /// As [`GroupNorm::new`] with another eps.
    ///
    /// # Errors
    /// As [`GroupNorm::new`], or if `eps` is negative.
    pub fn with(groups: usize, channels: usize, eps: f64) -> Result<Self> {
        if channels == 0 || groups == 0 || !channels.is_multiple_of(groups) || eps.is_nan() || eps < 0.0 {
            let message = format!(
                "expected channels that fall into the groups and eps ≥ 0, received {channels}, {groups} and {eps}"
            );
            return Err(Error::argument("GroupNorm", message));
        }
        let (weight, bias) = scale_and_shift([channels])?;
        Ok(GroupNorm { weight, bias, options: NormOptions::groups(groups, eps) })
    }

    /// With a ReLU behind, which costs nothing here: a network that would have a ReLU layer after this one does without it.
    #[must_use]
    pub fn relu(mut self) -> Self {
        self.options.relu = true;
        self
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

impl Layer for GroupNorm {
    fn call(&self, x: &Var) -> Result<Var> {
        let channels = self.weight.numel();
        if x.rank() < 2 || x.shape()[1] != channels {
            let expected = format!("an input [N, {channels}, …]");
            return Err(Error::Input { layer: "GroupNorm", expected, received: format!("shape {}", x.shape()) });
        }
        let (y, _, _) = x.channel_norm(&self.weight.var(), &self.bias.var(), &self.options)?;
        Ok(y)
    }
}
