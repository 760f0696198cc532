//! Convolution and linear layers with weights of their own: the tensor crate's products on copies of the slices, which allocate.

use ocelli_tensor::{ConvOptions, Result, Tensor};

use super::map::Chain;
use crate::unary::Unary;

/// Whether a run takes memory outside the arena.
pub(crate) const ALLOCATES: bool = true;

/// What an epilogue can apply to a sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Activation {
    Identity,
    Relu,
    Relu6,
    LeakyRelu(f32),
    Silu,
    HardSwish,
    Sigmoid,
    /// By the error function.
    Gelu,
}

/// Images in channels-last memory, `stride` elements from one place to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Images<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) images: usize,
    pub(crate) size: [usize; 2],
    pub(crate) channels: usize,
    pub(crate) stride: usize,
}

/// As [`Images`], to be written.
#[derive(Debug)]
pub(crate) struct ImagesMut<'a> {
    pub(crate) data: &'a mut [f32],
    pub(crate) channels: usize,
    pub(crate) stride: usize,
}

/// `activation(conv(x) + bias + residual)`.
#[derive(Debug)]
pub(crate) struct PackedConv {
    weight: Tensor,
    bias: Option<Tensor>,
    options: ConvOptions,
    chain: Chain,
}

impl PackedConv {
    pub(crate) fn new(
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: &ConvOptions,
        activation: Activation,
    ) -> Result<Self> {
        let chain = Chain::new(&[Unary::Activation(activation)], weight.shape()[0]);
        Ok(PackedConv { weight: weight.clone(), bias: bias.cloned(), options: options.clone(), chain })
    }

    pub(crate) fn flops(&self, images: usize, input: [usize; 2]) -> u64 {
        let shape = [images, self.weight.shape()[1] * self.options.groups, input[0], input[1]];
        let outputs = self.options.output_shape(&shape.into(), self.weight.shape()).map_or(0, |shape| shape.numel());
        2 * outputs as u64 * self.weight.shape()[1..].iter().product::<usize>() as u64
    }

    pub(crate) fn run(&self, x: Images<'_>, residual: Option<Images<'_>>, out: ImagesMut<'_>) -> Result<()> {
        let tensor = |x: Images<'_>| -> Result<Tensor> {
            let places = x.images * x.size[0] * x.size[1];
            let mut dense = vec![0.0; places * x.channels];
            super::map::copy_places(x.data, x.stride, &mut dense, x.channels, x.channels);
            Tensor::from_vec(dense, [x.images, x.size[0], x.size[1], x.channels])?.permute([0, 3, 1, 2])
        };
        let mut y = tensor(x)?.conv(&self.weight, self.bias.as_ref(), &self.options)?;
        if let Some(residual) = residual {
            y = y.add(&tensor(residual)?)?;
        }
        let y = y.permute([0, 2, 3, 1])?.to_vec::<f32>()?;
        super::map::copy_places(&y, out.channels, out.data, out.channels, out.stride);
        self.chain.apply(out.data, out.channels, out.stride);
        Ok(())
    }
}

/// `activation(x·Wᵀ + bias + residual)`.
#[derive(Debug)]
pub(crate) struct PackedLinear {
    weight: Tensor,
    bias: Option<Tensor>,
    chain: Chain,
}

impl PackedLinear {
    pub(crate) fn new(weight: &Tensor, bias: Option<&Tensor>, activation: Activation) -> Result<Self> {
        let chain = Chain::new(&[Unary::Activation(activation)], weight.shape()[0]);
        Ok(PackedLinear { weight: weight.clone(), bias: bias.cloned(), chain })
    }

    pub(crate) fn run(&self, x: &[f32], rows: usize, residual: Option<&[f32]>, out: &mut [f32]) -> Result<()> {
        let [outputs, inputs] = [self.weight.shape()[0], self.weight.shape()[1]];
        let mut y = Tensor::from_slice(x, [rows, inputs])?.matmul(&self.weight.t()?)?;
        if let Some(bias) = &self.bias {
            y = y.add(bias)?;
        }
        if let Some(residual) = residual {
            y = y.add(&Tensor::from_slice(residual, [rows, outputs])?)?;
        }
        out.copy_from_slice(&y.to_vec::<f32>()?);
        self.chain.apply(out, outputs, outputs);
        Ok(())
    }
}
