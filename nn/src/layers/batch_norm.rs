//! Batch normalization.

use ocelli_autograd::Var;
use ocelli_tensor::{DType, Shape, Tensor};

use crate::{Buffer, Error, Layer, Mode, Module, Param, Result};

/// `y = γ·(x - mean) / √(var + eps) + β` for each channel of `[N, C, H, W]`: with the batch's own statistics in training, with
/// running averages of them in evaluation. (S. Ioffe and C. Szegedy, "Batch normalization", 2015.)
///
/// Names, defaults and arithmetic are PyTorch's: `running = (1 - momentum)·running + momentum·batch` with the unbiased variance,
/// momentum 0.1, eps 1e-5. Keras' `momentum` is `1 -` this one.
#[derive(Debug, Clone, Module)]
pub struct BatchNorm2d {
    weight: Param,
    bias: Param,
    running_mean: Buffer,
    running_var: Buffer,
    num_batches_tracked: Buffer,
    mode: Mode,
    eps: f64,
    momentum: f64,
}

impl BatchNorm2d {
    /// For so many channels: γ 1, β 0, running mean 0, running variance 1.
    ///
    /// # Errors
    /// If there are no channels.
    pub fn new(channels: usize) -> Result<Self> {
        BatchNorm2d::with(channels, 1e-5, 0.1)
    }

    /// As [`BatchNorm2d::new`] with another eps and momentum.
    ///
    /// # Errors
    /// If there are no channels, `eps` is negative or `momentum` is not in `0..=1`.
    pub fn with(channels: usize, eps: f64, momentum: f64) -> Result<Self> {
        if channels == 0 || eps.is_nan() || eps < 0.0 || !(0.0..=1.0).contains(&momentum) {
            let message = format!(
                "expected channels ≥ 1, eps ≥ 0 and momentum in 0..=1, received {channels}, {eps} and {momentum}"
            );
            return Err(Error::argument("BatchNorm2d", message));
        }
        Ok(BatchNorm2d {
            weight: Param::new(Tensor::ones([channels], DType::F32)?)?,
            bias: Param::new(Tensor::zeros([channels], DType::F32)?)?,
            running_mean: Buffer::new(Tensor::zeros([channels], DType::F32)?),
            running_var: Buffer::new(Tensor::ones([channels], DType::F32)?),
            num_batches_tracked: Buffer::new(Tensor::zeros((), DType::I64)?),
            mode: Mode::default(),
            eps,
            momentum,
        })
    }

    /// The scale γ.
    pub fn weight(&self) -> &Param {
        &self.weight
    }

    /// The shift β.
    pub fn bias(&self) -> &Param {
        &self.bias
    }

    /// The batch's mean and variance as variables; the running averages follow them.
    fn batch_statistics(&self, x: &Var, per_channel: &Shape) -> Result<(Var, Var)> {
        let count = x.numel() / x.shape()[1];
        if count < 2 {
            let received = format!("shape {}", x.shape());
            let expected = "more than one value per channel in training".to_string();
            return Err(Error::Input { layer: "BatchNorm2d", expected, received });
        }
        let mean = x.mean_keepdim([0, 2, 3])?;
        let var = x.sub(&mean)?.square()?.mean_keepdim([0, 2, 3])?;
        let follow = |buffer: &Buffer, batch: &Tensor, factor: f64| -> Result<()> {
            let batch = batch.reshape(self.weight.shape())?.mul(self.momentum * factor)?;
            buffer.set(buffer.tensor().mul(1.0 - self.momentum)?.add(&batch)?)
        };
        follow(&self.running_mean, mean.tensor(), 1.0)?;
        follow(&self.running_var, var.tensor(), count as f64 / (count - 1) as f64)?;
        self.num_batches_tracked.set(self.num_batches_tracked.tensor().add(1)?)?;
        debug_assert_eq!(mean.shape(), per_channel);
        Ok((mean, var))
    }
}

impl Layer for BatchNorm2d {
    fn call(&self, x: &Var) -> Result<Var> {
        let channels = self.weight.numel();
        if x.rank() != 4 || x.shape()[1] != channels {
            let received = format!("shape {}", x.shape());
            return Err(Error::Input {
                layer: "BatchNorm2d",
                expected: format!("pictures [N, {channels}, H, W]"),
                received,
            });
        }
        let per_channel: Shape = [1, channels, 1, 1].into();
        let (mean, var) = if self.mode.is_training() {
            self.batch_statistics(x, &per_channel)?
        } else {
            let constant =
                |buffer: &Buffer| -> Result<Var> { Ok(Var::constant(buffer.tensor().reshape(&per_channel)?)) };
            (constant(&self.running_mean)?, constant(&self.running_var)?)
        };
        // One multiplication and one addition for each element: the rest is done per channel.
        let scale = var.add(self.eps)?.rsqrt()?.mul(&self.weight.var().reshape(&per_channel)?)?;
        let shift = self.bias.var().reshape(&per_channel)?.sub(&mean.mul(&scale)?)?;
        Ok(x.mul(&scale)?.add(&shift)?)
    }
}
