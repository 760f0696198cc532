//! Layer norm: the last axes normalized by themselves.

use smallvec::SmallVec;

use crate::cpu::norm::layer;
use crate::dtype::with_float;
use crate::layout::Layout;
use crate::memory::Buffer;
use crate::ops::norm::{as_kernels_read, row, slice};
use crate::ops::on_cpu::or_on_cpu;
use crate::ops::reduce::{in_logical_order, in_memory_order};
use crate::{Error, Result, Shape, Tensor, wgpu};

/// Checked operands, all of the dtype that kernels compute in (on graphics processors the input keeps its own): rows as they lie in memory, and the factors of a row.
struct Rows {
    x: Tensor,
    /// Of the axes in memory; the last axes are in their places.
    order: SmallVec<[usize; 4]>,
    /// Axes before those that are normalized.
    lead: usize,
    gamma: Tensor,
    beta: Tensor,
}

impl Rows {
    fn new(op: &'static str, x: &Tensor, (gamma, beta): (&Tensor, &Tensor), eps: f64) -> Result<Rows> {
        x.dtype().require_float(op)?;
        if eps.is_nan() || eps < 0.0 {
            return Err(Error::argument(op, format!("expected eps ≥ 0, received {eps}")));
        }
        let axes = gamma.rank();
        let Some(lead) = x.rank().checked_sub(axes).filter(|&lead| axes > 0 && x.shape()[lead..] == gamma.shape()[..])
        else {
            return Err(Error::shape(op, format!("a scale of the last axes of {}", x.shape()), gamma.shape()));
        };
        let factors = [("a scale", gamma), ("a shift", beta)];
        let [gamma, beta] = factors.map(|(what, factor)| row(op, what, factor, x, gamma.shape()));
        let (gamma, beta) = (gamma?, beta?);
        let read = as_kernels_read(x)?;
        let (mut x, mut order) = in_memory_order(&read)?;
        if !(lead..x.rank()).all(|axis| order[axis] == axis) {
            (x, order) = (read.contiguous()?, (0..read.rank()).collect());
        }
        Ok(Rows { x, order, lead, gamma, beta })
    }

    /// A tensor of the input's shape (`axes` all of them) or of its statistics', its elements as the input's lie.
    fn aligned(&self, op: &'static str, what: &str, tensor: &Tensor, axes: usize) -> Result<Tensor> {
        tensor.dtype().require_float(op)?;
        self.x.require_same_device(op, tensor)?;
        let shape = self.finished(axes).shape;
        if *tensor.shape() != shape {
            return Err(Error::shape(op, format!("{what} of shape {shape}"), tensor.shape()));
        }
        let reads_any_float = self.x.is_on_wgpu() && axes == self.x.rank();
        let tensor = if reads_any_float { tensor.clone() } else { tensor.to_dtype(self.x.dtype().wide())? };
        tensor.with_layout(tensor.layout().permute(&self.order[..axes])).contiguous()
    }

    /// The layout of a result that has so many of the axes.
    fn finished(&self, axes: usize) -> Layout {
        let shape: Shape = self.x.shape()[..axes].iter().copied().collect();
        in_logical_order(&Layout::contiguous(shape), &self.order[..axes])
    }
}

impl Tensor {
    /// Normalizes the last axes, those of `gamma` and `beta`, by their mean and biased variance: `y = γ·(x - mean) / √(var + eps) + β`.
    /// Returns the result, the means and the variances, which have the axes before these (in `f32` for half types).
    /// (J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016.)
    ///
    /// ```
    /// use ocelli_tensor::{DType, Generator, Tensor};
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::randn([2, 5, 16], DType::F32, &mut Generator::new(0))?;
    /// let (gamma, beta) = (Tensor::ones([16], DType::F32)?, Tensor::zeros([16], DType::F32)?);
    /// let (y, mean, _var) = x.layer_norm(&gamma, &beta, 1e-5)?;
    /// assert_eq!(mean.shape()[..], [2, 5]);
    /// assert!(y.mean(-1)?.allclose(&Tensor::zeros([2, 5], DType::F32)?, 0.0, 1e-5)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::DType`] unless all hold floats; [`Error::Shape`] if `gamma` and `beta` are not of the shape of the last axes, one at
    /// least; [`Error::Argument`] if `eps` is negative or not a number.
    pub fn layer_norm(&self, gamma: &Tensor, beta: &Tensor, eps: f64) -> Result<(Tensor, Tensor, Tensor)> {
        const OP: &str = "layer_norm";
        let rows = Rows::new(OP, self, (gamma, beta), eps)?;
        if self.is_on_wgpu() {
            let there = || {
                let factors = wgpu::norm::Factors { gamma: &rows.gamma, beta: &rows.beta, eps, relu: false };
                let leading: Vec<usize> = (0..rows.lead).collect();
                let [y, mean, var] = wgpu::windows::in_parts([&rows.x], &leading, &|[x]| {
                    let [y, mean, var] = wgpu::layer_norm::forward(&x.contiguous()?, factors)?;
                    let statistic = |of: Tensor| of.with_layout(Layout::contiguous(x.shape()[..rows.lead].into()));
                    Ok([y, statistic(mean), statistic(var)])
                })?;
                let [mean, var] = [mean, var].map(|x| x.with_layout(rows.finished(rows.lead)));
                Ok((y.with_layout(rows.finished(self.rank())), mean, var))
            };
            let here = |[x, gamma, beta]: [&Tensor; 3]| x.layer_norm(gamma, beta, eps);
            return or_on_cpu(OP, [self, gamma, beta], there, here);
        }
        with_float!(rows.x.dtype(), T => {
            let statistics = rows.finished(rows.lead);
            let count = statistics.numel();
            let (mut mean, mut var) = (Buffer::for_output::<T>(count)?, Buffer::for_output::<T>(count)?);
            let mut y = Buffer::for_output::<T>(self.numel())?;
            let factors = (slice::<T>(&rows.gamma), slice::<T>(&rows.beta));
            layer::forward(slice::<T>(&rows.x), y.as_mut_slice(), factors, eps, mean.as_mut_slice(), var.as_mut_slice());
            let y = Tensor::from_buffer(y, rows.finished(self.rank()), rows.x.dtype()).to_dtype(self.dtype())?;
            let statistic = |buffer| Tensor::from_buffer(buffer, statistics.clone(), rows.x.dtype());
            Ok((y, statistic(mean), statistic(var)))
        })
    }

    /// The gradients of [`Tensor::layer_norm`] at its input, `gamma` and `beta`, from the gradient at its result (this tensor), the
    /// input `x`, and the means and variances that it gave. The latter two are of `gamma`'s dtype.
    ///
    /// # Errors
    /// As there, and [`Error::Shape`] if this tensor is not of the input's shape, or the means and variances not of theirs.
    pub fn layer_norm_backward(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        (mean, var): (&Tensor, &Tensor),
        eps: f64,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        const OP: &str = "layer_norm_backward";
        let operands = [self, x, gamma, mean, var];
        let rows = Rows::new(OP, x, (gamma, gamma), eps)?;
        let dy = rows.aligned(OP, "a gradient", self, x.rank())?;
        let (mean, var) = (rows.aligned(OP, "means", mean, rows.lead)?, rows.aligned(OP, "variances", var, rows.lead)?);
        if x.is_on_wgpu() {
            let there = || {
                // The first of the axes before, if there are any.
                let size = if rows.lead == 0 { 1 } else { rows.x.shape()[0] };
                let parts = wgpu::windows::over_parts(size, |first, count| {
                    let narrow = |x: &Tensor| if rows.lead == 0 { Ok(x.clone()) } else { x.narrow(0, first, count) };
                    let statistics = [&narrow(&mean)?, &narrow(&var)?];
                    wgpu::layer_norm::backward([&narrow(&dy)?, &narrow(&rows.x)?], &rows.gamma, eps, statistics)
                })?;
                let [dx, dgamma, dbeta] = wgpu::windows::gathered(parts)?;
                let (dgamma, dbeta) = (dgamma.to_dtype(gamma.dtype())?, dbeta.to_dtype(gamma.dtype())?);
                Ok((dx.with_layout(rows.finished(x.rank())), dgamma, dbeta))
            };
            return or_on_cpu(OP, operands, there, |[dy, x, gamma, mean, var]| {
                dy.layer_norm_backward(x, gamma, (mean, var), eps)
            });
        }
        with_float!(rows.x.dtype(), T => {
            let width = rows.gamma.numel();
            let (mut dgamma, mut dbeta) = (Buffer::for_output::<T>(width)?, Buffer::for_output::<T>(width)?);
            let mut dx = Buffer::for_output::<T>(x.numel())?;
            let all = (slice::<T>(&dy), slice::<T>(&rows.x), dx.as_mut_slice());
            let statistics = (slice::<T>(&mean), slice::<T>(&var));
            let of_factors = (dgamma.as_mut_slice(), dbeta.as_mut_slice());
            layer::backward(all, slice(&rows.gamma), eps, statistics, of_factors.0, of_factors.1);
            let dx = Tensor::from_buffer(dx, rows.finished(x.rank()), rows.x.dtype()).to_dtype(x.dtype())?;
            let layout = || Layout::contiguous(gamma.shape().clone());
            let of_factor = |buffer| Tensor::from_buffer(buffer, layout(), rows.x.dtype()).to_dtype(gamma.dtype());
            Ok((dx, of_factor(dgamma)?, of_factor(dbeta)?))
        })
    }
}
