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
                $T::from_f32(rounded_to_odd(value))
            }
            fn from_i64(value: i64) -> Self {
                Self::from_f64(value as f64)
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

/// The number that is rounded again, to fewer digits: where digits are lost its last one is odd, so that it is on no tie it was not on.
fn rounded_to_odd(value: f64) -> f32 {
    let nearest = value as f32;
    if f64::from(nearest) == value || value.is_nan() {
        return nearest;
    }
    let is_further = f64::from(nearest).abs() > value.abs();
    f32::from_bits((nearest.to_bits() - u32::from(is_further)) | 1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_types_are_rounded_once() {
        let of_bits = |bits: u32| f64::from(f32::from_bits(bits));
        // Just above, on and just below a tie between 0x3fac and 0x3fad; then the even one is above.
        for (value, expected) in [
            (of_bits(0x3fac_8001), 0x3fad),
            (of_bits(0x3fac_8000), 0x3fac),
            (of_bits(0x3fac_7fff), 0x3fac),
            (of_bits(0x3fad_8000), 0x3fae),
            (of_bits(0x3fad_7fff), 0x3fad),
        ] {
            assert_eq!(<bf16 as Element>::from_f64(value).to_bits(), expected, "{value}");
            assert_eq!(<bf16 as Element>::from_f64(-value).to_bits(), expected | 0x8000, "-{value}");
        }
        // What an `f32` cannot tell from a tie.
        let tie = of_bits(0x3fac_8000);
        assert_eq!(<bf16 as Element>::from_f64(tie.next_up()).to_bits(), 0x3fad);
        assert_eq!(<bf16 as Element>::from_f64(tie.next_down()).to_bits(), 0x3fac);
        let tie = 1.0 + 2f64.powi(-11);
        assert_eq!(
            [tie.next_down(), tie, tie.next_up()].map(|x| <f16 as Element>::from_f64(x).to_bits() - 0x3c00),
            [0, 0, 1]
        );
        // Beyond the largest and below the least.
        let half_step = 65_520.0f64;
        assert_eq!([half_step, half_step.next_down()].map(<f16 as Element>::from_f64), [f16::INFINITY, f16::MAX]);
        let least = 2f64.powi(-25);
        assert_eq!([least.next_up(), least].map(|x| <f16 as Element>::from_f64(x).to_bits()), [1, 0]);
        assert_eq!(<bf16 as Element>::from_f64(1e300), bf16::INFINITY);
        assert_eq!(<bf16 as Element>::from_f64(f64::NEG_INFINITY), bf16::NEG_INFINITY);
        assert_eq!(<bf16 as Element>::from_f64(-1e-300).to_bits(), 0x8000);
        assert!(<f16 as Element>::from_f64(f64::NAN).is_nan());
    }
}
