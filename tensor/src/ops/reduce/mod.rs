//! Reductions over any set of axes: sums, products, extremes, moments, norms.

mod plan;
mod position;

use crate::cpu::reduce::{By, Fold, Max, Min, Squares, Sum, Vectors, keep, larger, smaller};
use crate::dtype::{with_float, with_number};
use crate::element::{Number, Real};
use crate::wgpu::reduce::extreme;
use crate::{Axes, DType, Error, Result, Scalar, Tensor};
use plan::Plan;
pub(crate) use plan::{in_logical_order, in_memory_order};

/// Each reduction in two forms: without the axes, and with size 1 in their place.
macro_rules! reductions {
    ($($(#[$doc:meta])* $name:ident, $keepdim_name:ident
        ($($before:ident: $B:ty)?; $($after:ident: $A:ty)?) = |$x:ident, $axes:ident, $keepdim:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            pub fn $name(&self, $($before: $B,)? axes: impl Into<Axes> $(, $after: $A)?) -> Result<Tensor> {
                let ($x, $axes, $keepdim) = (self, &axes.into(), false);
                $body
            }

            #[doc = concat!("As [`Tensor::", stringify!($name), "`], with size 1 in place of the axes.")]
            ///
            /// # Errors
            #[doc = concat!("Those of [`Tensor::", stringify!($name), "`].")]
            pub fn $keepdim_name(&self, $($before: $B,)? axes: impl Into<Axes> $(, $after: $A)?) -> Result<Tensor> {
                let ($x, $axes, $keepdim) = (self, &axes.into(), true);
                $body
            }
        )*}
    };
}

reductions! {
    /// The sum over these axes; 0 over no element. Integers and booleans give `i64`; half types are summed in `f32`.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::new([[1.0f32, 2.0], [3.0, 4.0]])?;
    /// assert_eq!(x.sum(0)?.to_vec::<f32>()?, [4.0, 6.0]);
    /// assert_eq!(x.sum(..)?.item::<f32>()?, 10.0);
    /// assert_eq!(x.sum_keepdim([-1])?.shape()[..], [2, 1]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    sum, sum_keepdim(;) = |x, axes, keepdim| x.sum_or_product("sum", axes, keepdim)?.to_dtype(x.sum_dtype());

    /// The product over these axes; 1 over no element. Integers and booleans give `i64`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    prod, prod_keepdim(;) = |x, axes, keepdim| x.sum_or_product("prod", axes, keepdim)?.to_dtype(x.sum_dtype());

    /// The mean over these axes; NaN over no element. Integers and booleans give `f32`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    mean, mean_keepdim(;) = |x, axes, keepdim| x.mean_of(axes, keepdim);

    /// The largest element over these axes; NaN if one is NaN.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice, [`Error::Shape`] if there is no element.
    max, max_keepdim(;) = |x, axes, keepdim| x.extreme("max", axes, keepdim);

    /// The smallest element over these axes; NaN if one is NaN.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice, [`Error::Shape`] if there is no element.
    min, min_keepdim(;) = |x, axes, keepdim| x.extreme("min", axes, keepdim);

    /// Whether any element over these axes is true (not zero); false over no element.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    any, any_keepdim(;) = |x, axes, keepdim| x.truth("any", axes, keepdim);

    /// Whether all elements over these axes are true (not zero); true over no element.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    all, all_keepdim(;) = |x, axes, keepdim| x.truth("all", axes, keepdim);

    /// The variance over these axes, `Σ(x - mean)² / max(n - correction, 0)`: correction 1 is the sample's (PyTorch's default), 0
    /// the population's (NumPy's and Keras' default). Integers and booleans give `f32`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    var, var_keepdim(; correction: usize) = |x, axes, keepdim| x.variance("var", axes, correction, keepdim)?.to_dtype(x.dtype().to_float());

    /// The standard deviation over these axes: the square root of [`Tensor::var`].
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    std, std_keepdim(; correction: usize) = |x, axes, keepdim| x.variance("std", axes, correction, keepdim)?.sqrt()?.to_dtype(x.dtype().to_float());

    /// The `p`-norm over these axes, `(Σ|x|^p)^(1/p)`: for `p` of ∞ (-∞) the largest (smallest) absolute value, for 0 the number of
    /// elements other than 0. Integers and booleans give `f32`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice or `p` is NaN, [`Error::Shape`] if `p` is ∞ or below 0 and
    /// there is no element.
    norm, norm_keepdim(p: f64;) = |x, axes, keepdim| x.p_norm(p, axes, keepdim);

    /// `ln Σ eˣ` over these axes, without overflow; -∞ over no element. Integers and booleans give `f32`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    logsumexp, logsumexp_keepdim(;) = |x, axes, keepdim| {
        x.to_dtype(x.dtype().to_float())?.widened(|x| {
            let plan = Plan::new("logsumexp", x, axes, keepdim)?;
            if x.is_on_wgpu() {
                return plan.logsumexp_on_wgpu(x, axes, keepdim);
            }
            with_float!(x.dtype(), T => plan.logsumexp::<T>())
        })
    };
}

impl Tensor {
    fn sum_dtype(&self) -> DType {
        if self.dtype().is_float() { self.dtype() } else { DType::I64 }
    }

    /// In the dtype that kernels compute in.
    fn sum_or_product(&self, op: &'static str, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        let x = self.to_dtype(self.sum_dtype().wide())?;
        let plan = Plan::new(op, &x, axes, keepdim)?;
        if x.is_on_wgpu() {
            return match op {
                "prod" => plan.fold_on_wgpu("mul", None, Scalar::Int(1)),
                _ => plan.fold_on_wgpu("add", None, Scalar::Int(0)),
            };
        }
        match (x.dtype(), op) {
            (DType::I64, "prod") => plan.fold::<i64>(&By { start: 1, map: keep, join: i64::wrapping_mul }),
            (DType::I64, _) => plan.fold::<i64>(&By { start: 0, map: keep, join: i64::wrapping_add }),
            (_, "prod") => {
                with_float!(x.dtype(), T => plan.fold::<T>(&By { start: T::ONE, map: keep, join: T::times }))
            }
            _ => with_float!(x.dtype(), T => plan.fold::<T>(&Vectors(Sum))),
        }
    }

    fn mean_of(&self, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        let dtype = self.dtype().to_float();
        let resolved = axes.resolve("mean", self.shape())?;
        let count: usize = resolved.iter().map(|&axis| self.shape()[axis]).product();
        let sum = self.to_dtype(dtype.wide())?.sum_or_product("mean", axes, keepdim)?;
        sum.div(count as f64)?.to_dtype(dtype)
    }

    fn extreme(&self, op: &'static str, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        let wide = match self.dtype() {
            DType::Bool => DType::U8,
            dtype => dtype.wide(),
        };
        let plan = Plan::new(op, &self.to_dtype(wide)?, axes, keepdim)?;
        plan.require_elements(op)?;
        let max = op == "max";
        if self.is_on_wgpu() {
            let name = if max { "maximum" } else { "minimum" };
            return plan.fold_on_wgpu(name, None, extreme(wide, max))?.to_dtype(self.dtype());
        }
        let values = match wide.is_float() {
            true if max => with_float!(wide, T => plan.fold::<T>(&Vectors(Max))),
            true => with_float!(wide, T => plan.fold::<T>(&Vectors(Min))),
            false if max => with_number!(wide, T => plan.fold(&By { start: T::LOWEST, map: keep, join: larger })),
            false => with_number!(wide, T => plan.fold(&By { start: T::HIGHEST, map: keep, join: smaller })),
        }?;
        values.to_dtype(self.dtype())
    }

    fn truth(&self, op: &'static str, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        let plan = Plan::new(op, &self.to_dtype(DType::Bool)?.to_dtype(DType::U8)?, axes, keepdim)?;
        if self.is_on_wgpu() {
            let truth = match op {
                "any" => plan.fold_on_wgpu("maximum", None, Scalar::Int(0)),
                _ => plan.fold_on_wgpu("minimum", None, Scalar::Int(1)),
            };
            return truth?.to_dtype(DType::Bool);
        }
        let truth = match op {
            "any" => plan.fold::<u8>(&By { start: 0, map: keep, join: |a, b| a | b }),
            _ => plan.fold::<u8>(&By { start: 1, map: keep, join: |a, b| a & b }),
        };
        truth?.to_dtype(DType::Bool)
    }

    /// In the dtype that kernels compute in.
    fn variance(&self, op: &'static str, axes: &Axes, correction: usize, keepdim: bool) -> Result<Tensor> {
        let x = self.to_dtype(self.dtype().to_float().wide())?;
        let plan = Plan::new(op, &x, axes, keepdim)?;
        let degrees = plan.count.saturating_sub(correction);
        if x.is_on_wgpu() {
            let distances = x.sub(&x.mean_of(axes, true)?)?;
            let squares =
                Plan::new(op, &distances, axes, keepdim)?.fold_on_wgpu("add", Some("square"), Scalar::Int(0))?;
            return squares.div(degrees as f64);
        }
        with_float!(x.dtype(), T => plan.squared_deviations::<T>())?.div(degrees as f64)
    }

    fn p_norm(&self, p: f64, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        if p.is_nan() {
            return Err(Error::argument("norm", "expected p to be a number, received NaN"));
        }
        let x = self.to_dtype(self.dtype().to_float().wide())?;
        let plan = Plan::new("norm", &x, axes, keepdim)?;
        if p < 0.0 || p == f64::INFINITY {
            plan.require_elements("norm")?;
        }
        if x.is_on_wgpu() {
            let norm = match p {
                f64::INFINITY => plan.fold_on_wgpu("maximum", Some("abs"), Scalar::Int(0))?,
                f64::NEG_INFINITY => plan.fold_on_wgpu("minimum", Some("abs"), Scalar::Float(f64::INFINITY))?,
                0.0 => x.ne(0)?.to_dtype(x.dtype())?.sum_or_product("norm", axes, keepdim)?,
                1.0 => plan.fold_on_wgpu("add", Some("abs"), Scalar::Int(0))?,
                2.0 => plan.fold_on_wgpu("add", Some("square"), Scalar::Int(0))?.sqrt()?,
                _ => x.abs()?.pow(p)?.sum_or_product("norm", axes, keepdim)?.pow(1.0 / p)?,
            };
            return norm.to_dtype(self.dtype().to_float());
        }
        let norm = with_float!(x.dtype(), T => if p == f64::INFINITY {
            plan.fold::<T>(&By { start: T::ZERO, map: |x: T, _| x.abs(), join: larger })
        } else if p == f64::NEG_INFINITY {
            plan.fold::<T>(&By { start: T::HIGHEST, map: |x: T, _| x.abs(), join: smaller })
        } else if p == 0.0 {
            plan.fold::<T>(&sum_of(|x: T| if x == T::ZERO { T::ZERO } else { T::ONE }))
        } else if p == 1.0 {
            plan.fold::<T>(&sum_of(T::abs))
        } else if p == 2.0 {
            plan.fold::<T>(&Vectors(Squares))?.sqrt()
        } else {
            plan.fold::<T>(&sum_of(|x: T| x.abs().powf(T::r(p))))?.pow(1.0 / p)
        })?;
        norm.to_dtype(self.dtype().to_float())
    }
}

/// The fold that sums a function of each element.
fn sum_of<T: Number>(f: impl Fn(T) -> T + Sync) -> impl Fold<T> {
    By { start: T::ZERO, map: move |x, _| f(x), join: T::plus }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sums_keep_their_digits() {
        // Added one after the other in f32, this sum would stop at 2²⁴.
        let n = 20_000_000;
        let x = Tensor::full([n], 1.0, DType::F32).unwrap();
        assert_eq!(x.sum(..).unwrap().item::<f64>().unwrap(), n as f64);
        let columns = x.reshape([n / 4, 4]).unwrap().sum(0).unwrap();
        assert_eq!(columns.to_vec::<f32>().unwrap(), [(n / 4) as f32; 4]);
    }

    #[test]
    fn variance_far_from_zero() {
        let x = Tensor::arange(0.0, 1000.0, 1.0).unwrap().add(1e6).unwrap();
        let var = x.var(.., 0).unwrap().item::<f64>().unwrap();
        assert!((var / 83_333.25 - 1.0).abs() < 1e-6, "{var}");
    }
}
