//! Normalization by channel: batch, group and instance norm.

use smallvec::SmallVec;

use crate::cpu::norm::{self, Factors, Form, Statistics};
use crate::dtype::with_float;
use crate::layout::Layout;
use crate::memory::Buffer;
use crate::ops::on_cpu::or_on_cpu;
use crate::ops::reduce::{in_logical_order, in_memory_order};
use crate::{DType, Element, Error, Result, Shape, Tensor, wgpu};

/// Which elements of `[N, C, …]` share a mean and a variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormOver {
    /// Those of a channel, over the whole batch: batch norm.
    Batch,
    /// Those of a sample whose channels are in one of so many groups of neighbours: group norm. As many groups as channels are
    /// instance norm.
    Groups(usize),
}

/// How channels are normalized: `y = γ·(x - mean) / √(var + eps) + β`.
///
/// ```
/// use ocelli_tensor::{DType, Generator, NormOptions, Tensor};
/// # fn main() -> ocelli_tensor::Result<()> {
/// let x = Tensor::randn([8, 3, 4, 4], DType::F32, &mut Generator::new(0))?.mul(5.0)?;
/// let (gamma, beta) = (Tensor::ones([3], DType::F32)?, Tensor::zeros([3], DType::F32)?);
/// let (y, mean, _var) = x.channel_norm(&gamma, &beta, &NormOptions::batch(1e-5))?;
/// assert_eq!(mean.shape()[..], [3]);
/// assert!(y.mean([0, 2, 3])?.allclose(&Tensor::zeros([3], DType::F32)?, 0.0, 1e-5)?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormOptions {
    /// Which elements share a mean and a variance.
    pub over: NormOver,
    /// What is added to the variance, so that a channel of equal elements can be divided by its root.
    pub eps: f64,
    /// Whether negative results become 0, as by a following ReLU.
    pub relu: bool,
}

impl NormOptions {
    /// Batch norm: statistics of each channel over the batch. No ReLU.
    pub fn batch(eps: f64) -> Self {
        NormOptions { over: NormOver::Batch, eps, relu: false }
    }

    /// Group norm: statistics of so many groups of channels of each sample. No ReLU.
    pub fn groups(groups: usize, eps: f64) -> Self {
        NormOptions { over: NormOver::Groups(groups), eps, relu: false }
    }

    /// With or without a ReLU behind.
    #[must_use]
    pub fn relu(self, relu: bool) -> Self {
        NormOptions { relu, ..self }
    }

    /// The shape of mean and variance: `[C]` over the batch, `[N, groups]` in groups.
    ///
    /// # Errors
    /// [`Error::Shape`] if the rank is below 2; [`Error::Argument`] if the channels do not fall into the groups or `eps` is negative or
    /// not a number.
    pub fn statistics_shape(&self, shape: &Shape) -> Result<Shape> {
        self.checked("channel_norm", shape)
    }

    fn checked(&self, op: &'static str, shape: &Shape) -> Result<Shape> {
        if shape.rank() < 2 {
            return Err(Error::shape(op, "[N, C] and any further axes", shape));
        }
        if self.eps.is_nan() || self.eps < 0.0 {
            return Err(Error::argument(op, format!("expected eps ≥ 0, received {}", self.eps)));
        }
        match self.over {
            NormOver::Batch => Ok([shape[1]].into()),
            NormOver::Groups(groups) if groups > 0 && shape[1].is_multiple_of(groups) => Ok([shape[0], groups].into()),
            NormOver::Groups(groups) => {
                let message = format!("expected channels that fall into {groups} groups, received {}", shape[1]);
                Err(Error::argument(op, message))
            }
        }
    }
}

/// Checked operands: the input as it lies in memory, the rest as rows, all of the dtype that kernels compute in. Kernels of graphics
/// processors read and write half types themselves.
struct Operands {
    x: Tensor,
    order: SmallVec<[usize; 4]>,
    form: Form,
    gamma: Tensor,
    beta: Tensor,
    statistics: Shape,
    options: NormOptions,
}

impl Operands {
    fn new(op: &'static str, x: &Tensor, (gamma, beta): (&Tensor, &Tensor), options: &NormOptions) -> Result<Operands> {
        x.dtype().require_float(op)?;
        let statistics = options.checked(op, x.shape())?;
        let channels = x.shape()[1];
        let gamma = row(op, "a scale", gamma, x, &[channels].into())?;
        let beta = row(op, "a shift", beta, x, &[channels].into())?;
        let read = as_kernels_read(x)?;
        let (mut dense, mut order) = in_memory_order(&read)?;
        // Statistics of a sample need samples that lie apart.
        let slowest = order.iter().copied().find(|&axis| x.shape()[axis] > 1).unwrap_or_default();
        if matches!(options.over, NormOver::Groups(_)) && slowest != 0 && x.shape()[0] > 1 {
            (dense, order) = (read.contiguous()?, (0..x.rank()).collect());
        }
        let place = order.iter().position(|&axis| axis == 1).unwrap_or_default();
        // Axes of one element may stand anywhere, so those of the batch are left out by name.
        let sizes = |range: std::ops::Range<usize>, but: Option<usize>| -> usize {
            range.filter(|&i| Some(order[i]) != but).map(|i| dense.shape()[i]).product()
        };
        let (batch, groups, but) = match options.over {
            NormOver::Batch => (1, channels, None),
            NormOver::Groups(groups) => (x.shape()[0], groups, Some(0)),
        };
        let (outer, inner) = (sizes(0..place, but), sizes(place + 1..x.rank(), but));
        let form = Form { batch, outer, channels, inner, groups };
        Ok(Operands { x: dense, order, form, gamma, beta, statistics, options: *options })
    }

    /// A tensor of the input's shape, its elements in the order in which the input's lie.
    fn aligned(&self, op: &'static str, dy: &Tensor) -> Result<Tensor> {
        dy.dtype().require_float(op)?;
        self.x.require_same_device(op, dy)?;
        let shape: Shape = in_logical_order(self.x.layout(), &self.order).shape;
        if *dy.shape() != shape {
            return Err(Error::shape(op, format!("a gradient of shape {shape}"), dy.shape()));
        }
        let dy = if self.x.is_on_wgpu() { dy.clone() } else { dy.to_dtype(self.x.dtype())? };
        dy.with_layout(dy.layout().permute(&self.order)).contiguous()
    }

    fn on_wgpu(&self) -> wgpu::norm::Factors<'_> {
        let NormOptions { eps, relu, .. } = self.options;
        wgpu::norm::Factors { gamma: &self.gamma, beta: &self.beta, eps, relu }
    }

    /// Of elements in the order of memory, the tensor of the input's shape.
    fn in_logical_order(&self, y: &Tensor) -> Tensor {
        y.with_layout(in_logical_order(y.layout(), &self.order))
    }

    fn factors<T: Element>(&self) -> Factors<'_, T> {
        let NormOptions { eps, relu, .. } = self.options;
        Factors { gamma: slice(&self.gamma), beta: slice(&self.beta), eps, relu }
    }

    /// The tensor of the input's shape whose elements a kernel has written in the order of memory.
    fn finish<T: Element>(&self, buffer: Buffer, dtype: DType) -> Result<Tensor> {
        let layout = in_logical_order(&Layout::contiguous(self.x.shape().clone()), &self.order);
        Tensor::from_buffer(buffer, layout, T::DTYPE).to_dtype(dtype)
    }
}

impl Tensor {
    /// Normalizes the channels of `[N, C, …]` by their own mean and biased variance and scales and shifts the result by `gamma` and
    /// `beta`, each `[C]`. Returns the result, the means and the variances ([`NormOptions::statistics_shape`]; in `f32` for half types).
    /// The result keeps the memory order of a dense input.
    ///
    /// # Errors
    /// [`Error::DType`] unless all hold floats; [`Error::Shape`] if the rank is below 2 or `gamma` or `beta` are not `[C]`;
    /// [`Error::Argument`] for options that do not fit.
    pub fn channel_norm(
        &self,
        gamma: &Tensor,
        beta: &Tensor,
        options: &NormOptions,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        const OP: &str = "channel_norm";
        let operands = Operands::new(OP, self, (gamma, beta), options)?;
        if self.is_on_wgpu() {
            let there = || {
                let [y, mean, var] = wgpu::norm::forward(&operands.x, operands.form, operands.on_wgpu())?;
                let statistic = |x: Tensor| x.with_layout(Layout::contiguous(operands.statistics.clone()));
                Ok((operands.in_logical_order(&y), statistic(mean), statistic(var)))
            };
            let here = |[x, gamma, beta]: [&Tensor; 3]| x.channel_norm(gamma, beta, options);
            return or_on_cpu(OP, [self, gamma, beta], there, here);
        }
        with_float!(operands.x.dtype(), T => {
            let count = operands.statistics.numel();
            let (mut mean, mut var) = (Buffer::for_output::<T>(count)?, Buffer::for_output::<T>(count)?);
            let mut y = Buffer::for_output::<T>(self.numel())?;
            let statistics = (mean.as_mut_slice::<T>(), var.as_mut_slice::<T>());
            norm::forward(slice::<T>(&operands.x), y.as_mut_slice(), operands.form, operands.factors(), statistics.0, statistics.1);
            let statistic = |buffer| Tensor::from_buffer(buffer, Layout::contiguous(operands.statistics.clone()), T::DTYPE);
            Ok((operands.finish::<T>(y, self.dtype())?, statistic(mean), statistic(var)))
        })
    }

    /// As [`Tensor::channel_norm`] with given means and variances ([`NormOptions::statistics_shape`]).
    ///
    /// # Errors
    /// As there, and [`Error::Shape`] if these are not of that shape.
    pub fn channel_norm_with(
        &self,
        gamma: &Tensor,
        beta: &Tensor,
        (mean, var): (&Tensor, &Tensor),
        options: &NormOptions,
    ) -> Result<Tensor> {
        const OP: &str = "channel_norm_with";
        let operands = Operands::new(OP, self, (gamma, beta), options)?;
        let mean = row(OP, "means", mean, self, &operands.statistics)?;
        let var = row(OP, "variances", var, self, &operands.statistics)?;
        if self.is_on_wgpu() {
            let there = || {
                let y = wgpu::norm::evaluate(&operands.x, operands.form, operands.on_wgpu(), [&mean, &var])?;
                Ok(operands.in_logical_order(&y))
            };
            return or_on_cpu(OP, [self, gamma, beta, &mean, &var], there, |[x, gamma, beta, mean, var]| {
                x.channel_norm_with(gamma, beta, (mean, var), options)
            });
        }
        with_float!(operands.x.dtype(), T => {
            let mut y = Buffer::for_output::<T>(self.numel())?;
            let statistics = Statistics { mean: slice::<T>(&mean), var: slice::<T>(&var) };
            norm::evaluate(slice::<T>(&operands.x), y.as_mut_slice(), operands.form, operands.factors(), statistics);
            operands.finish::<T>(y, self.dtype())
        })
    }

    /// The gradients of [`Tensor::channel_norm`] at its input, `gamma` and `beta`, from the gradient at its result (this tensor), the
    /// input `x`, and the means and variances that it gave.
    ///
    /// # Errors
    /// As there, and [`Error::Shape`] if this tensor is not of the input's shape.
    pub fn channel_norm_backward(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        (mean, var): (&Tensor, &Tensor),
        options: &NormOptions,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        const OP: &str = "channel_norm_backward";
        let operands = Operands::new(OP, x, (gamma, beta), options)?;
        let dy = operands.aligned(OP, self)?;
        let mean = row(OP, "means", mean, x, &operands.statistics)?;
        let var = row(OP, "variances", var, x, &operands.statistics)?;
        if x.is_on_wgpu() {
            let there = || {
                let (form, factors) = (operands.form, operands.on_wgpu());
                let [dx, dgamma, dbeta] = wgpu::norm::backward([&dy, &operands.x], form, factors, [&mean, &var])?;
                let (dgamma, dbeta) = (dgamma.to_dtype(gamma.dtype())?, dbeta.to_dtype(beta.dtype())?);
                Ok((operands.in_logical_order(&dx), dgamma, dbeta))
            };
            let all = [self, x, gamma, beta, &mean, &var];
            return or_on_cpu(OP, all, there, |[dy, x, gamma, beta, mean, var]| {
                dy.channel_norm_backward(x, gamma, beta, (mean, var), options)
            });
        }
        with_float!(operands.x.dtype(), T => {
            let channels = operands.form.channels;
            let (mut dgamma, mut dbeta) = (Buffer::for_output::<T>(channels)?, Buffer::for_output::<T>(channels)?);
            let mut dx = Buffer::for_output::<T>(x.numel())?;
            let all = (slice::<T>(&dy), slice::<T>(&operands.x), dx.as_mut_slice());
            let statistics = Statistics { mean: slice::<T>(&mean), var: slice::<T>(&var) };
            let of_factors = (dgamma.as_mut_slice(), dbeta.as_mut_slice());
            norm::backward(all, operands.form, operands.factors(), statistics, of_factors.0, of_factors.1);
            let row = |buffer| Tensor::from_buffer(buffer, Layout::contiguous([channels].into()), T::DTYPE);
            let (dgamma, dbeta) = (row(dgamma).to_dtype(gamma.dtype())?, row(dbeta).to_dtype(beta.dtype())?);
            Ok((operands.finish::<T>(dx, x.dtype())?, dgamma, dbeta))
        })
    }
}

/// The elements of a row-major tensor.
pub(super) fn slice<T: Element>(x: &Tensor) -> &[T] {
    x.view::<T>().as_contiguous().unwrap_or_default()
}

/// The input in the dtype that kernels read: on the CPU the one that they compute in.
pub(super) fn as_kernels_read(x: &Tensor) -> Result<Tensor> {
    if x.is_on_wgpu() { Ok(x.clone()) } else { x.to_dtype(x.dtype().wide()) }
}

/// A small operand in row-major order and in the dtype that kernels compute in for `x`.
pub(super) fn row(op: &'static str, what: &str, tensor: &Tensor, x: &Tensor, shape: &Shape) -> Result<Tensor> {
    tensor.dtype().require_float(op)?;
    x.require_same_device(op, tensor)?;
    if tensor.shape() != shape {
        return Err(Error::shape(op, format!("{what} of shape {shape}"), tensor.shape()));
    }
    tensor.to_dtype(x.dtype().wide())?.contiguous()
}
