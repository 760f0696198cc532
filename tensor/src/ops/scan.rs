//! Running sums and products along an axis.

use crate::cpu::reduce::Block;
use crate::cpu::scan::scan;
use crate::dtype::with_float;
use crate::ops::on_cpu::or_on_cpu;
use crate::ops::reduce::{in_logical_order, in_memory_order};
use crate::{DType, Element, Result, Tensor, wgpu};

impl Tensor {
    /// The running sum along `axis`: element `i` of the result is the sum of elements `0..=i`. Integers and booleans give `i64`;
    /// floats run in `f64`, on a graphics processor in `f32`, by parts: there the sum of a part beyond what `f32` can hold is infinite.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// assert_eq!(Tensor::new([1.0f32, 2.0, 3.0])?.cumsum(0)?.to_vec::<f32>()?, [1.0, 3.0, 6.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`](crate::Error::Axis) if `axis` is outside `-rank..rank`.
    pub fn cumsum(&self, axis: isize) -> Result<Tensor> {
        self.running("cumsum", axis, (0.0, |a, b| a + b), (0, i64::wrapping_add))
    }

    /// The running product along `axis`: element `i` of the result is the product of elements `0..=i`. Integers and booleans give
    /// `i64`; floats run in `f64`, on a graphics processor in `f32` (but with more room for the exponent), by parts.
    ///
    /// # Errors
    /// [`Error::Axis`](crate::Error::Axis) if `axis` is outside `-rank..rank`.
    pub fn cumprod(&self, axis: isize) -> Result<Tensor> {
        self.running("cumprod", axis, (1.0, |a, b| a * b), (1, i64::wrapping_mul))
    }

    fn running(
        &self,
        op: &'static str,
        axis: isize,
        floats: (f64, impl Fn(f64, f64) -> f64 + Copy + Sync),
        integers: (i64, impl Fn(i64, i64) -> i64 + Copy + Sync),
    ) -> Result<Tensor> {
        let axis = self.shape().axis(op, axis)?;
        let x = if self.dtype().is_float() { self.clone() } else { self.to_dtype(DType::I64)? };
        x.widened(|x| {
            let (dense, order) = in_memory_order(x)?;
            let place = order.iter().position(|&at| at == axis).unwrap_or_default();
            let block = Block::around(dense.shape(), place);
            let out = if x.is_on_wgpu() {
                let there = || {
                    wgpu::windows::beside([&dense], place, &|[x]| {
                        wgpu::scan::scan(&x.contiguous()?, Block::around(x.shape(), place), op == "cumprod")
                    })
                };
                or_on_cpu(op, [&dense], there, |[x]| x.running(op, place as isize, floats, integers))?
            } else if x.dtype() == DType::I64 {
                let same = |x: i64| x;
                let x = dense.view::<i64>().as_contiguous().unwrap_or_default();
                Tensor::build::<i64>(dense.shape(), |out| {
                    scan(x, out, block, integers.0, (same, same), integers.1);
                    Ok(())
                })?
            } else {
                with_float!(x.dtype(), T => Tensor::build::<T>(dense.shape(), |out| {
                    let x = dense.view::<T>().as_contiguous().unwrap_or_default();
                    scan(x, out, block, floats.0, (T::to_f64, T::from_f64), floats.1);
                    Ok(())
                }))?
            };
            Ok(out.with_layout(in_logical_order(out.layout(), &order)))
        })
    }
}
