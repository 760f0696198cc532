//! The Rust types that stand behind the dtypes.

use bytemuck::NoUninit;
use half::{bf16, f16};

use crate::DType;

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that a tensor can hold: `f32`, `f64`, [`half::f16`], [`half::bf16`], `i32`, `i64`, `u8` or `bool`.
///
/// The conversions are those of a cast between dtypes: float to integer truncates towards zero and saturates, anything to
/// `bool` asks for "not zero", wide float to narrow float rounds to nearest even.
pub trait Element:
    sealed::Sealed + NoUninit + Default + PartialEq + PartialOrd + Send + Sync + std::fmt::Debug
{
    /// The dtype of this type.
    const DTYPE: DType;
    /// Cast from `f64`.
    fn from_f64(value: f64) -> Self;
    /// Cast from `i64`.
    fn from_i64(value: i64) -> Self;
    /// Cast to `f64`.
    fn to_f64(self) -> f64;
    /// Cast to `i64`.
    fn to_i64(self) -> i64;
}

/// An element with arithmetic of its own: the types that kernels compute in.
pub(crate) trait Number:
    Element
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::AddAssign
{
    const ZERO: Self;
    const ONE: Self;
    /// The value that every other is above (or equal to): `-∞` for floats.
    const LOWEST: Self;
    /// The value that every other is below (or equal to): `+∞` for floats.
    const HIGHEST: Self;
    /// Whether this is a float's NaN; `false` for integers.
    fn nan(self) -> bool;
    /// Addition that wraps in integers.
    fn plus(self, other: Self) -> Self;
    /// Subtraction that wraps in integers.
    fn minus(self, other: Self) -> Self;
    /// Multiplication that wraps in integers.
    fn times(self, other: Self) -> Self;
}

/// An element that float kernels compute in: `f32` or `f64`. The methods are those of the standard library.
pub(crate) trait Real:
    Number + std::ops::Div<Output = Self> + std::ops::Neg<Output = Self> + std::ops::MulAssign + std::iter::Sum
{
    fn r(value: f64) -> Self;
    fn sqrt(self) -> Self;
    fn ln(self) -> Self;
    fn abs(self) -> Self;
}

macro_rules! impl_integer {
    ($T:ty, $dtype:ident) => {
        impl sealed::Sealed for $T {}
        impl Element for $T {
            const DTYPE: DType = DType::$dtype;
            fn from_f64(value: f64) -> Self {
                value as $T
            }
            fn from_i64(value: i64) -> Self {
                value as $T
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn to_i64(self) -> i64 {
                self as i64
            }
        }
        impl Number for $T {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LOWEST: Self = <$T>::MIN;
            const HIGHEST: Self = <$T>::MAX;
            fn nan(self) -> bool {
                false
            }
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
        }
    };
}

macro_rules! impl_real {
    ($T:ident, $dtype:ident) => {
        impl sealed::Sealed for $T {}
        impl Element for $T {
            const DTYPE: DType = DType::$dtype;
            fn from_f64(value: f64) -> Self {
                value as $T
            }
            fn from_i64(value: i64) -> Self {
                value as $T
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn to_i64(self) -> i64 {
                self as i64
            }
        }
        impl Number for $T {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LOWEST: Self = $T::NEG_INFINITY;
            const HIGHEST: Self = $T::INFINITY;
            #[inline(always)]
            fn nan(self) -> bool {
                self.is_nan()
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self - other
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }
        }
        impl Real for $T {
            #[inline(always)]
            fn r(value: f64) -> Self {
                value as $T
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $T::sqrt(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                $T::ln(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $T::abs(self)
            }
        }
    };
}

macro_rules! impl_half {
    ($T:ident, $dtype:ident) => {
        impl sealed::Sealed for $T {}
        impl Element for $T {
            const DTYPE: DType = DType::$dtype;
            fn from_f64(value: f64) -> Self {
                $T::from_f64(value)
            }
            fn from_i64(value: i64) -> Self {
                $T::from_f64(value as f64)
            }
            fn to_f64(self) -> f64 {
                $T::to_f64(self)
            }
            fn to_i64(self) -> i64 {
                $T::to_f64(self) as i64
            }
        }
    };
}

impl_integer!(u8, U8);
impl_integer!(i32, I32);
impl_integer!(i64, I64);
impl_real!(f32, F32);
impl_real!(f64, F64);
impl_half!(f16, F16);
impl_half!(bf16, BF16);

impl sealed::Sealed for bool {}
impl Element for bool {
    const DTYPE: DType = DType::Bool;
    fn from_f64(value: f64) -> Self {
        value != 0.0
    }
    fn from_i64(value: i64) -> Self {
        value != 0
    }
    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
    fn to_i64(self) -> i64 {
        i64::from(self)
    }
}
