//! Softmax and its logarithm.

use crate::cpu::reduce::Block;
use crate::cpu::softmax;
use crate::dtype::with_float;
use crate::ops::reduce::{in_logical_order, in_memory_order};
use crate::{Error, Result, Tensor, wgpu};

impl Tensor {
    /// Softmax along `axis`: `exp(xᵢ - max x) / Σⱼ exp(xⱼ - max x)`. Shape and dtype are the input's. Where all are -∞ or one is
    /// +∞ or NaN, the result is NaN.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let p = Tensor::new([[0.0f32, 0.0], [1000.0, 0.0]])?.softmax(-1)?;
    /// assert_eq!(p.to_vec::<f32>()?, [0.5, 0.5, 1.0, 0.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`] if `axis` is outside `-rank..rank`; [`Error::DType`] if the tensor is
    /// not of a float type.
    pub fn softmax(&self, axis: isize) -> Result<Tensor> {
        self.normalized("softmax", axis, false)
    }

    /// The logarithm of [`Tensor::softmax`], finite also where the probability is too small to be a number:
    /// `xᵢ - max x - ln Σⱼ exp(xⱼ - max x)`.
    ///
    /// # Errors
    /// Those of [`Tensor::softmax`].
    pub fn log_softmax(&self, axis: isize) -> Result<Tensor> {
        self.normalized("log_softmax", axis, true)
    }

    /// The gradient at the input of [`Tensor::softmax`], from the gradient at its output (this tensor) and the output `y`:
    /// `y ⊙ (dy − Σ y ⊙ dy)`.
    ///
    /// # Errors
    /// Those of [`Tensor::softmax`], and [`Error::Shape`] or [`Error::DType`] if `y` has
    /// another shape or dtype.
    pub fn softmax_backward(&self, y: &Tensor, axis: isize) -> Result<Tensor> {
        self.normalized_backward("softmax_backward", y, axis, false)
    }

    /// The gradient at the input of [`Tensor::log_softmax`], from the gradient at its output (this tensor) and the output `y`:
    /// `dy − exp(y) ⊙ Σ dy`.
    ///
    /// # Errors
    /// Those of [`Tensor::softmax_backward`].
    pub fn log_softmax_backward(&self, y: &Tensor, axis: isize) -> Result<Tensor> {
        self.normalized_backward("log_softmax_backward", y, axis, true)
    }

    fn normalized(&self, op: &'static str, axis: isize, log: bool) -> Result<Tensor> {
        let axis = self.shape().axis(op, axis)?;
        self.dtype().require_float(op)?;
        self.widened(|x| {
            let (dense, order) = in_memory_order(x)?;
            let place = order.iter().position(|&at| at == axis).unwrap_or_default();
            let block = Block::around(dense.shape(), place);
            if x.is_on_wgpu() {
                let out = wgpu::windows::beside([&dense], place, &|[x]| {
                    wgpu::softmax::forward(&x.contiguous()?, Block::around(x.shape(), place), log)
                })?;
                return Ok(out.with_layout(in_logical_order(out.layout(), &order)));
            }
            let out = with_float!(x.dtype(), T => Tensor::build::<T>(dense.shape(), |out| {
                softmax::forward(dense.view::<T>().as_contiguous().unwrap_or_default(), out, block, log);
                Ok(())
            }))?;
            Ok(out.with_layout(in_logical_order(out.layout(), &order)))
        })
    }

    fn normalized_backward(&self, op: &'static str, y: &Tensor, axis: isize, log: bool) -> Result<Tensor> {
        let axis = self.shape().axis(op, axis)?;
        self.dtype().require_float(op)?;
        self.require_same_device(op, y)?;
        self.require_same_dtype(op, y)?;
        if y.shape() != self.shape() {
            return Err(Error::shape(op, format!("an output of the gradient's shape {}", self.shape()), y.shape()));
        }
        self.widened(|dy| {
            let (y, order) = in_memory_order(&y.to_dtype(dy.dtype())?)?;
            let dy = dy.with_layout(dy.layout().permute(&order)).contiguous()?;
            let place = order.iter().position(|&at| at == axis).unwrap_or_default();
            let block = Block::around(y.shape(), place);
            if y.is_on_wgpu() {
                let dx = wgpu::windows::beside([&y, &dy], place, &|[y, dy]| {
                    let block = Block::around(y.shape(), place);
                    wgpu::softmax::backward([&y.contiguous()?, &dy.contiguous()?], block, log)
                })?;
                return Ok(dx.with_layout(in_logical_order(dx.layout(), &order)));
            }
            let dx = with_float!(y.dtype(), T => Tensor::build::<T>(y.shape(), |dx| {
                let inputs = [&y, &dy].map(|x| x.view::<T>().as_contiguous().unwrap_or_default());
                softmax::backward(inputs, dx, block, log);
                Ok(())
            }))?;
            Ok(dx.with_layout(in_logical_order(dx.layout(), &order)))
        })
    }
}
