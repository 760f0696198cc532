//! Chains of functions of one element, a block of places at a time so that all but the first function find it in the cache.

use ocelli_autograd::ops::math::MathFunction;
use ocelli_tensor::kernels::activate;

use super::{Activation, over_pieces, places_per_task};
use crate::unary::Unary;

/// Elements of a block: as many as stay in the first cache with their source.
const BLOCK: usize = 2048;

/// A chain of functions, ready to run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain(Vec<Stage>);

#[derive(Debug, Clone)]
enum Stage {
    /// One number for all channels.
    Uniform {
        scale: f32,
        shift: f32,
    },
    /// One number for each.
    Channels {
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
    Each(Function),
}

#[derive(Debug, Clone, Copy)]
enum Function {
    Activation(Activation),
    Clamp(f32, f32),
    Power(f32),
    Math(fn(f32) -> f32),
}

impl Chain {
    /// For values of so many channels.
    pub(crate) fn new(unaries: &[Unary], channels: usize) -> Self {
        let stage = |unary: &Unary| match unary {
            Unary::Affine { scale, shift } => {
                if let Some((scale, shift)) = unary.uniform() {
                    return Stage::Uniform { scale: scale as f32, shift: shift as f32 };
                }
                let spread = |values: &[f64]| -> Vec<f32> {
                    (0..channels).map(|c| values[if values.len() == 1 { 0 } else { c }] as f32).collect()
                };
                Stage::Channels { scale: spread(scale), shift: spread(shift) }
            }
            Unary::Activation(activation) => Stage::Each(Function::Activation(*activation)),
            Unary::Clamp(low, high) => Stage::Each(Function::Clamp(*low, *high)),
            Unary::Power(exponent) => Stage::Each(Function::Power(*exponent)),
            Unary::Math(function) => match scalar(*function) {
                Some(f) => Stage::Each(Function::Math(f)),
                None => unreachable!("a plan leaves {function:?} to the tensor crate"),
            },
        };
        Chain(unaries.iter().map(stage).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies the functions to places that lie `stride` apart.
    pub(crate) fn apply(&self, data: &mut [f32], channels: usize, stride: usize) {
        for stage in &self.0 {
            if stride == channels {
                stage.apply(data, channels);
            } else {
                data.chunks_mut(stride).for_each(|place| stage.apply(&mut place[..channels], channels));
            }
        }
    }
}

impl Stage {
    fn apply(&self, data: &mut [f32], channels: usize) {
        match self {
            Stage::Uniform { scale, shift } => data.iter_mut().for_each(|x| *x = *x * scale + shift),
            Stage::Channels { scale, shift } => {
                for place in data.chunks_mut(channels) {
                    for ((x, scale), shift) in place.iter_mut().zip(scale).zip(shift) {
                        *x = *x * scale + shift;
                    }
                }
            }
            Stage::Each(function) => function.apply(data),
        }
    }
}

impl Function {
    fn apply(self, data: &mut [f32]) {
        fn each(data: &mut [f32], f: impl Fn(f32) -> f32) {
            data.iter_mut().for_each(|x| *x = f(*x));
        }
        match self {
            Function::Activation(activation) => activate(activation, data),
            Function::Clamp(low, high) => each(data, |x| {
                if x < low {
                    low
                } else if x > high {
                    high
                } else {
                    x
                }
            }),
            Function::Power(exponent) => each(data, |x| x.powf(exponent)),
            Function::Math(function) => each(data, function),
        }
    }
}

/// The function for a single number; `None` for those that an epilogue knows by name, or that a plan leaves to the tensor crate.
pub(crate) fn scalar(function: MathFunction) -> Option<fn(f32) -> f32> {
    Some(match function {
        MathFunction::Abs => f32::abs,
        MathFunction::Square => |x| x * x,
        MathFunction::Sqrt => f32::sqrt,
        MathFunction::Rsqrt => |x| 1.0 / x.sqrt(),
        MathFunction::Recip => |x| 1.0 / x,
        MathFunction::Exp => f32::exp,
        MathFunction::Ln => f32::ln,
        MathFunction::Sin => f32::sin,
        MathFunction::Cos => f32::cos,
        MathFunction::Tanh => f32::tanh,
        MathFunction::Erf => libm::erff,
        // The larger part first, so that neither overflows.
        MathFunction::Softplus => |x| x.max(0.0) + (-x.abs()).exp().ln_1p(),
        MathFunction::LogSigmoid => |x| x.min(0.0) - (-x.abs()).exp().ln_1p(),
        MathFunction::HardSigmoid => |x| (x + 3.0).clamp(0.0, 6.0) / 6.0,
        MathFunction::Floor => f32::floor,
        MathFunction::Ceil => f32::ceil,
        MathFunction::Trunc => f32::trunc,
        _ => return None,
    })
}

/// `out = chain(x)`, place by place; `x` is `None` where the values already stand in `out`.
pub(crate) fn map(x: Option<(&[f32], usize)>, chain: &Chain, out: &mut [f32], channels: usize, stride: usize) {
    let per_block = (BLOCK / channels.max(1)).max(1);
    let per_task = places_per_task(channels * (1 + chain.0.len())).next_multiple_of(per_block);
    over_pieces(out, per_task * stride, &|task, out| {
        for (block, out) in out.chunks_mut(per_block * stride).enumerate() {
            let first = task * per_task + block * per_block;
            if let Some((x, x_stride)) = x {
                copy_places(&x[first * x_stride..], x_stride, out, channels, stride);
            }
            chain.apply(out, channels, stride);
        }
    });
}

/// Copies as many places as `out` has.
pub(crate) fn copy_places(x: &[f32], x_stride: usize, out: &mut [f32], channels: usize, stride: usize) {
    if x_stride == channels && stride == channels {
        out.copy_from_slice(&x[..out.len()]);
        return;
    }
    for (x, out) in x.chunks(x_stride).zip(out.chunks_mut(stride)) {
        out[..channels].copy_from_slice(&x[..channels]);
    }
}
