//! Batch normalization.

use ocelli_autograd::Var;
use ocelli_tensor::{DType, NormOptions, Tensor};

use super::weights::scale_and_shift;
use crate::{Buffer, Error, Layer, Mode, Module, Param, Result, Visitor};

/// `y = γ·(x - mean) / √(var + eps) + β` for each channel of `[N, C, …]`, behind which stand `AXES` axes: with the batch's own
/// statistics in training, with running averages of them in evaluation. (S. Ioffe and C. Szegedy, "Batch normalization", 2015.)
///
/// Names, defaults and arithmetic are PyTorch's: `running = (1 - momentum)·running + momentum·batch` with the unbiased variance,
/// momentum 0.1, eps 1e-5. Keras' `momentum` is `1 -` this one.
///
/// ```
/// use ocelli_nn::{BatchNorm2d, Layer};
/// use ocelli_tensor::{DType, Tensor};
/// # fn main() -> ocelli_nn::Result<()> {
/// let norm = BatchNorm2d::new(16)?.relu();
/// let y = norm.forward(&Tensor::zeros([4, 16, 8, 8], DType::F32)?.into())?;
/// assert_eq!(y.shape()[..], [4, 16, 8, 8]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct BatchNorm<const AXES: usize> {
    weight: Param,
    bias: Param,
    running_mean: Buffer,
    running_var: Buffer,
    num_batches_tracked: Buffer,
    mode: Mode,
    momentum: f64,
    options: NormOptions,
}

/// Batch norm of rows `[N, C]` or sequences `[N, C, L]`.
pub type BatchNorm1d = BatchNorm<1>;
/// Batch norm of pictures `[N, C, H, W]`.
pub type BatchNorm2d = BatchNorm<2>;
/// Batch norm of volumes `[N, C, D, H, W]`.
pub type BatchNorm3d = BatchNorm<3>;

impl<const AXES: usize> BatchNorm<AXES> {
    const NAME: &'static str = match AXES {
        1 => "BatchNorm1d",
        2 => "BatchNorm2d",
        3 => "BatchNorm3d",
        _ => "BatchNorm",
    };

    /// For so many channels: γ 1, β 0, running mean 0, running variance 1.
    ///
    /// # Errors
    /// If there are no channels.
    pub fn new(channels: usize) -> Result<Self> {
        BatchNorm::with(channels, 1e-5, 0.1)
    }

    /// As [`BatchNorm::new`] with another eps and momentum.
    ///
    /// # Errors
    /// If there are no channels, `eps` is negative or `momentum` is not in `0..=1`.
    pub fn with(channels: usize, eps: f64, momentum: f64) -> Result<Self> {
        if channels == 0 || eps.is_nan() || eps < 0.0 || !(0.0..=1.0).contains(&momentum) {
            let message = format!(
                "expected channels ≥ 1, eps ≥ 0 and momentum in 0..=1, received {channels}, {eps} and {momentum}"
            );
            return Err(Error::argument(Self::NAME, message));
        }
        let (weight, bias) = scale_and_shift([channels])?;
        Ok(BatchNorm {
            weight,
            bias,
            running_mean: Buffer::new(Tensor::zeros([channels], DType::F32)?),
            running_var: Buffer::new(Tensor::ones([channels], DType::F32)?),
            num_batches_tracked: Buffer::new(Tensor::zeros((), DType::I64)?),
            mode: Mode::default(),
            momentum,
            options: NormOptions::batch(eps),
        })
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

    /// The result with the batch's own mean and variance; the running averages follow them.
    fn train_on(&self, x: &Var) -> Result<Var> {
        let count = x.numel() / x.shape()[1];
        if count < 2 {
            let received = format!("shape {}", x.shape());
            let expected = "more than one value per channel in training".to_string();
            return Err(Error::Input { layer: Self::NAME, expected, received });
        }
        let (y, mean, var) = x.channel_norm(&self.weight.var(), &self.bias.var(), &self.options)?;
        let follow = |buffer: &Buffer, batch: &Tensor, factor: f64| -> Result<()> {
            buffer.set(buffer.tensor().mul(1.0 - self.momentum)?.add(&batch.mul(self.momentum * factor)?)?)
        };
        follow(&self.running_mean, &mean, 1.0)?;
        follow(&self.running_var, &var, count as f64 / (count - 1) as f64)?;
        self.num_batches_tracked.set(self.num_batches_tracked.tensor().add(1)?)?;
        Ok(y)
    }

    fn require_input(&self, x: &Var) -> Result<()> {
        let channels = self.weight.numel();
        // Rows are sequences of one element.
        let fits = x.rank() == AXES + 2 || (AXES == 1 && x.rank() == 2);
        if fits && x.shape()[1] == channels {
            return Ok(());
        }
        let expected = match AXES {
            1 => format!("rows [N, {channels}] or sequences [N, {channels}, L]"),
            2 => format!("pictures [N, {channels}, H, W]"),
            3 => format!("volumes [N, {channels}, D, H, W]"),
            _ => format!("[N, {channels}] and {AXES} further axes"),
        };
        Err(Error::Input { layer: Self::NAME, expected, received: format!("shape {}", x.shape()) })
    }
}

impl<const AXES: usize> Module for BatchNorm<AXES> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        self.weight.visit_as("weight", visitor);
        self.bias.visit_as("bias", visitor);
        self.running_mean.visit_as("running_mean", visitor);
        self.running_var.visit_as("running_var", visitor);
        self.num_batches_tracked.visit_as("num_batches_tracked", visitor);
        self.mode.visit_as("mode", visitor);
    }

    fn type_name(&self) -> &'static str {
        Self::NAME
    }
}

impl<const AXES: usize> Layer for BatchNorm<AXES> {
    fn call(&self, x: &Var) -> Result<Var> {
        self.require_input(x)?;
        if self.mode.is_training() {
            return self.train_on(x);
        }
        let [mean, var] = [&self.running_mean, &self.running_var].map(|buffer| Var::constant(buffer.tensor()));
        Ok(x.channel_norm_with(&self.weight.var(), &self.bias.var(), (&mean, &var), &self.options)?)
    }
}
