//! First values whose variance follows from the number of connections.

use ocelli_tensor::{DType, Generator, Shape, Tensor};
use serde::{Deserialize, Serialize};

use super::{RandomNormal, RandomUniform, TruncatedNormal};
use crate::{Error, Result};

/// Random numbers of variance `scale / n`, where `n` is the number of connections that lead into a unit, out of it, or the mean
/// of both (at least 1). Glorot's, He's and Lecun's initializers are special cases.
///
/// A weight `[out, in, kernel…]` has `fan_in = in · Π kernel` and `fan_out = out · Π kernel`. A vector has its size as both
/// fans, a number 1. For a weight of another layout name its axes in `input_axes` and `output_axes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VarianceScaling {
    /// Gives the same numbers at each call.
    pub seed: Option<u64>,
    /// The factor of the variance; above 0.
    pub scale: f64,
    /// What `n` is.
    pub mode: FanMode,
    /// How the numbers are distributed.
    pub distribution: Distribution,
    /// Axes whose sizes' product is the fan in; used if `output_axes` is given too.
    pub input_axes: Option<Vec<isize>>,
    /// Axes whose sizes' product is the fan out; used if `input_axes` is given too.
    pub output_axes: Option<Vec<isize>>,
}

/// Which connections [`VarianceScaling`] counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanMode {
    /// Those into a unit: keeps the variance of what flows forward.
    #[default]
    FanIn,
    /// Those out of a unit: keeps the variance of the gradients.
    FanOut,
    /// The mean of both.
    FanAvg,
}

/// How the numbers of [`VarianceScaling`] are distributed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Normal, cut at two standard deviations, and scaled so that the variance after the cut is the one asked for.
    #[default]
    #[serde(alias = "normal")]
    TruncatedNormal,
    /// Normal.
    #[serde(alias = "untruncated")]
    UntruncatedNormal,
    /// Even, in `±√(3 · scale / n)`.
    Uniform,
}

/// The standard deviation of the standard normal distribution cut at ±2.
const CUT_DEVIATION: f64 = 0.879_625_661_034_239_8;

impl Default for VarianceScaling {
    fn default() -> Self {
        VarianceScaling::new(1.0, FanMode::FanIn, Distribution::TruncatedNormal)
    }
}

impl VarianceScaling {
    /// With this factor, these connections and this distribution.
    pub fn new(scale: f64, mode: FanMode, distribution: Distribution) -> Self {
        VarianceScaling { seed: None, scale, mode, distribution, input_axes: None, output_axes: None }
    }

    /// `(fan in, fan out)` of a weight of this shape.
    ///
    /// # Errors
    /// If `input_axes` or `output_axes` name an axis that the shape has not.
    pub fn fans(&self, shape: &Shape) -> Result<(f64, f64)> {
        if let (Some(inputs), Some(outputs)) = (&self.input_axes, &self.output_axes) {
            let product = |axes: &[isize]| {
                axes.iter().try_fold(1.0, |product, &axis| {
                    Ok::<_, Error>(product * shape[shape.axis("initializer", axis)?] as f64)
                })
            };
            return Ok((product(inputs)?, product(outputs)?));
        }
        Ok(match shape[..] {
            [] => (1.0, 1.0),
            [size] => (size as f64, size as f64),
            [outputs, inputs, ref kernel @ ..] => {
                let receptive: f64 = kernel.iter().map(|&size| size as f64).product();
                (inputs as f64 * receptive, outputs as f64 * receptive)
            }
        })
    }

    pub(super) fn values(&self, shape: &Shape, dtype: DType, generator: &mut Generator) -> Result<Tensor> {
        if !(self.scale.is_finite() && self.scale > 0.0) {
            let message = format!("expected a finite scale above 0, received {}", self.scale);
            return Err(Error::argument("variance_scaling initializer", message));
        }
        let (fan_in, fan_out) = self.fans(shape)?;
        let connections = match self.mode {
            FanMode::FanIn => fan_in,
            FanMode::FanOut => fan_out,
            FanMode::FanAvg => (fan_in + fan_out) / 2.0,
        };
        let variance = self.scale / connections.max(1.0);
        let seed = self.seed;
        match self.distribution {
            Distribution::TruncatedNormal => {
                TruncatedNormal { seed, mean: 0.0, stddev: variance.sqrt() / CUT_DEVIATION }
                    .values(shape, dtype, generator)
            }
            Distribution::UntruncatedNormal => {
                RandomNormal { seed, mean: 0.0, stddev: variance.sqrt() }.values(shape, dtype, generator)
            }
            Distribution::Uniform => {
                let limit = (3.0 * variance).sqrt();
                RandomUniform { seed, minval: -limit, maxval: limit }.values(shape, dtype, generator)
            }
        }
    }
}

/// A special case of [`VarianceScaling`] as a class of its own, with the part of the configuration that stays open.
macro_rules! special_case {
    ($(#[$doc:meta])* $Class:ident = ($scale:expr, $mode:ident, $distribution:ident)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $Class {
            /// Gives the same numbers at each call.
            pub seed: Option<u64>,
            /// As in [`VarianceScaling`](super::VarianceScaling).
            pub input_axes: Option<Vec<isize>>,
            /// As in [`VarianceScaling`](super::VarianceScaling).
            pub output_axes: Option<Vec<isize>>,
        }

        impl $Class {
            /// The general initializer that this is a case of.
            pub fn scaling(&self) -> super::VarianceScaling {
                super::VarianceScaling {
                    seed: self.seed,
                    scale: $scale,
                    mode: super::FanMode::$mode,
                    distribution: super::Distribution::$distribution,
                    input_axes: self.input_axes.clone(),
                    output_axes: self.output_axes.clone(),
                }
            }

            pub(super) fn values(
                &self,
                shape: &ocelli_tensor::Shape,
                dtype: ocelli_tensor::DType,
                generator: &mut ocelli_tensor::Generator,
            ) -> crate::Result<ocelli_tensor::Tensor> {
                self.scaling().values(shape, dtype, generator)
            }
        }
    };
}
pub(super) use special_case;
