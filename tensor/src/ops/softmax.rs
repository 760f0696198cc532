//! Softmax and its logarithm.

use crate::cpu::reduce::Block;
use crate::cpu::softmax;
use crate::dtype::with_float;
use crate::ops::reduce::{in_logical_order, in_memory_order};
use crate::{Result, Tensor};

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
    /// [`Error::Axis`](crate::Error::Axis) if `axis` is outside `-rank..rank`; [`Error::DType`](crate::Error::DType) if the tensor is
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

    fn normalized(&self, op: &'static str, axis: isize, log: bool) -> Result<Tensor> {
        let axis = self.shape().axis(op, axis)?;
        self.dtype().require_float(op)?;
        self.widened(|x| {
            let (dense, order) = in_memory_order(x)?;
            let place = order.iter().position(|&at| at == axis).unwrap_or_default();
            let block = Block::around(dense.shape(), place);
            let out = with_float!(x.dtype(), T => Tensor::build::<T>(dense.shape(), |out| {
                softmax::forward(dense.view::<T>().as_contiguous().unwrap_or_default(), out, block, log);
                Ok(())
            }))?;
            Ok(out.with_layout(in_logical_order(out.layout(), &order)))
        })
    }
}
