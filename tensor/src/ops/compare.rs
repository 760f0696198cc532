//! Comparison, logic, and choice by condition.

use crate::cpu::elementwise;
use crate::dtype::{with_element, with_number};
use crate::ops::arithmetic::Pair;
use crate::{DType, Device, Error, Operand, Result, Scalar, Tensor, wgpu};

/// The body of a comparison.
macro_rules! compare {
    ($op:literal, $tensor:expr, $other:expr, |$x:ident, $y:ident| $body:expr) => {{
        let pair = Pair::new($op, $tensor, $other.into())?;
        let wide = if pair.dtype == DType::Bool { DType::U8 } else { pair.a.dtype() };
        if pair.a.is_on_wgpu() {
            return wgpu::elementwise::compare([&pair.a, &pair.b], &pair.shape, $op);
        }
        let (a, b) = (pair.a.to_dtype(wide)?, pair.b.to_dtype(wide)?);
        with_number!(wide, T => {
            let test = |$x: T, $y: T| -> bool { $body };
            let (buffer, layout) = elementwise::zip(a.view::<T>(), b.view::<T>(), &pair.shape, test)?;
            Ok(Tensor::from_buffer(buffer, layout, DType::Bool))
        })
    }};
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident $text:literal: |$x:ident, $y:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`Error::Broadcast`], [`Error::Device`].
            pub fn $name<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
                compare!($text, self, other, |$x, $y| $body)
            }
        )*}
    };
}

comparisons! {
    /// Where both are equal, broadcast; NaN equals nothing.
    eq "eq": |x, y| x == y;
    /// Where both differ, broadcast.
    ne "ne": |x, y| x != y;
    /// Where `self < other`, broadcast.
    lt "lt": |x, y| x < y;
    /// Where `self <= other`, broadcast.
    le "le": |x, y| x <= y;
    /// Where `self > other`, broadcast.
    gt "gt": |x, y| x > y;
    /// Where `self >= other`, broadcast.
    ge "ge": |x, y| x >= y;
}

impl Tensor {
    /// Where both are true (not zero), broadcast.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`].
    pub fn logical_and<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.logic("logical_and", other.into(), |x, y| x & y)
    }

    /// Where one or both are true (not zero), broadcast.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`].
    pub fn logical_or<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.logic("logical_or", other.into(), |x, y| x | y)
    }

    /// Where exactly one is true (not zero), broadcast.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`].
    pub fn logical_xor<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.logic("logical_xor", other.into(), |x, y| x ^ y)
    }

    /// Where the tensor is false (zero).
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn logical_not(&self) -> Result<Tensor> {
        let bools = self.to_dtype(DType::Bool)?;
        if bools.is_on_wgpu() {
            return bools.eq(false);
        }
        let (buffer, layout) = elementwise::map(bools.view::<bool>(), |x: bool| !x)?;
        Ok(Tensor::from_buffer(buffer, layout, DType::Bool))
    }

    fn logic(&self, op: &'static str, other: Operand<'_>, f: impl Fn(bool, bool) -> bool + Sync) -> Result<Tensor> {
        let a = self.to_dtype(DType::Bool)?;
        let b = match other {
            Operand::Tensor(b) => {
                self.require_same_device(op, b)?;
                b.to_dtype(DType::Bool)?
            }
            Operand::Scalar(b) => Tensor::full_on(self.device(), (), b.to_f64() != 0.0, DType::Bool)?,
        };
        let shape = a.shape().broadcast(op, b.shape())?;
        shape.check_size(op, DType::Bool)?;
        if a.is_on_wgpu() {
            return wgpu::elementwise::zip([&a, &b], &shape, op, Scalar::Int(0), DType::Bool);
        }
        let (buffer, layout) = elementwise::zip(a.view::<bool>(), b.view::<bool>(), &shape, f)?;
        Ok(Tensor::from_buffer(buffer, layout, DType::Bool))
    }

    /// `yes` where this boolean tensor is true, `no` elsewhere; all three are broadcast, `yes` and `no` promoted.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::new([-1.0f32, 2.0])?;
    /// assert_eq!(x.gt(0.0)?.where_(&x, 0.0)?.to_vec::<f32>()?, [0.0, 2.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::DType`] unless this tensor is boolean, [`Error::Broadcast`], [`Error::Device`].
    pub fn where_<'a>(&self, yes: &Tensor, no: impl Into<Operand<'a>>) -> Result<Tensor> {
        if self.dtype() != DType::Bool {
            return Err(Error::dtype("where", "a boolean condition", self.dtype()));
        }
        self.require_same_device("where", yes)?;
        let (dtype, no) = match no.into() {
            Operand::Tensor(no) => {
                self.require_same_device("where", no)?;
                (yes.dtype().promote(no.dtype()), no.clone())
            }
            Operand::Scalar(no) => {
                let dtype = no.dtype_beside(yes.dtype());
                (dtype, Tensor::full_on(self.device(), (), no, dtype)?)
            }
        };
        let (yes, no) = (yes.to_dtype(dtype)?, no.to_dtype(dtype)?);
        let shape = self.shape().broadcast("where", &yes.shape().broadcast("where", no.shape())?)?;
        shape.check_size("where", dtype)?;
        if self.is_on_wgpu() {
            return wgpu::elementwise::choose([&yes, &no, self], &shape);
        }
        with_element!(dtype, T => {
            let views = (self.view::<bool>(), yes.view::<T>(), no.view::<T>());
            let (buffer, layout) = elementwise::zip3(views, &shape, |c: bool, x: T, y: T| if c { x } else { y })?;
            Ok(Tensor::from_buffer(buffer, layout, dtype))
        })
    }

    /// Whether both have the same shape and all elements are within `atol + rtol·|other|`; NaN is never close. The comparison is made on
    /// the CPU in `f64`: what is on a graphics processor is copied from there first, which waits for it. The two may be on different
    /// devices.
    ///
    /// # Errors
    /// [`Error::Adapter`] if a tensor's adapter fails or was lost, otherwise only if memory runs out.
    pub fn allclose(&self, other: &Tensor, rtol: f64, atol: f64) -> Result<bool> {
        if self.shape() != other.shape() {
            return Ok(false);
        }
        let values = |x: &Tensor| x.to_device(Device::Cpu)?.to_dtype(DType::F64)?.to_vec::<f64>();
        let (a, b) = (values(self)?, values(other)?);
        Ok(a.iter().zip(&b).all(|(a, b)| a == b || (a - b).abs() <= atol + rtol * b.abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_promote_and_treat_nan() {
        let x = Tensor::new([1i32, 2, 3]).unwrap();
        assert_eq!(x.gt(1.5).unwrap().to_vec::<bool>().unwrap(), [false, true, true]);
        let nan = Tensor::new([f32::NAN]).unwrap();
        assert_eq!(nan.eq(&nan).unwrap().to_vec::<bool>().unwrap(), [false]);
        assert_eq!(nan.ne(&nan).unwrap().to_vec::<bool>().unwrap(), [true]);
        let bools = Tensor::new([true, false]).unwrap();
        assert_eq!(bools.eq(true).unwrap().to_vec::<bool>().unwrap(), [true, false]);
    }

    #[test]
    fn logic_and_choice() {
        let a = Tensor::new([[true], [false]]).unwrap();
        let b = Tensor::new([true, false]).unwrap();
        assert_eq!(a.logical_xor(&b).unwrap().to_vec::<bool>().unwrap(), [false, true, true, false]);
        assert_eq!(a.logical_and(&b).unwrap().to_vec::<bool>().unwrap(), [true, false, false, false]);
        assert_eq!(b.logical_not().unwrap().to_vec::<bool>().unwrap(), [false, true]);
        let chosen = a.where_(&Tensor::new([1i64, 2]).unwrap(), 0.5).unwrap();
        assert_eq!(chosen.to_vec::<f32>().unwrap(), [1.0, 2.0, 0.5, 0.5]);
        let x = Tensor::new([1.0f32]).unwrap();
        assert_eq!(x.where_(&x, 0).unwrap_err().to_string(), "where: expected a boolean condition, received dtype f32");
    }
}
