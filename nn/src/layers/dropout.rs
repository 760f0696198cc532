//! Dropout.

use ocelli_autograd::Var;
use ocelli_tensor::Generator;

use crate::{Error, Layer, Mode, Module, RandomStream, Result};

/// In training, sets each element to 0 with probability `rate` and divides the others by `1 - rate`; in evaluation, lets
/// everything pass. (N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.)
#[derive(Debug, Module)]
pub struct Dropout {
    rate: f64,
    mode: Mode,
    noise: RandomStream,
}

impl Dropout {
    /// With this share of zeros. The layer draws from a stream of its own, whose seed comes from `generator`.
    ///
    /// # Errors
    /// Unless `rate` is in `0..=1`.
    pub fn new(rate: f64, generator: &mut Generator) -> Result<Self> {
        if !(0.0..=1.0).contains(&rate) {
            return Err(Error::argument("Dropout", format!("expected a rate in 0..=1, received {rate}")));
        }
        Ok(Dropout { rate, mode: Mode::default(), noise: RandomStream::new(generator) })
    }
}

impl Layer for Dropout {
    fn call(&self, x: &Var) -> Result<Var> {
        if !self.mode.is_training() || self.rate == 0.0 {
            return Ok(x.clone());
        }
        Ok(x.dropout(self.rate, self.noise.next())?)
    }
}
