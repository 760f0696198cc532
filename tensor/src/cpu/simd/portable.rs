//! Vectors without special instructions: arrays, whose loops the compiler turns into whatever the target surely has.

use super::{Lane, Simd, Vector};
use crate::element::Real;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

impl Simd for Portable {
    type F32 = Array<f32, 4>;
    type F64 = Array<f64, 2>;
    const REGISTERS: usize = 16;
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Array<T, const N: usize>([T; N]);

/// What arrays need of a number beyond [`Real`].
pub(crate) trait Scalar: Lane + Real {
    fn round(self) -> Self;
    /// `2ⁿ` for a whole number.
    fn exp2_whole(self) -> Self;
    fn copysign(self, other: Self) -> Self;
    /// The fraction in `1..2` and the exponent of a positive normal number.
    fn split(self) -> (Self, Self);
}

impl Scalar for f32 {
    /// Adding 1.5 · 2²³ leaves no bits for a fraction; without SSE4 the rounding of the standard library is a call.
    #[inline(always)]
    fn round(self) -> f32 {
        const SHIFT: f32 = 12_582_912.0;
        (self + SHIFT) - SHIFT
    }
    #[inline(always)]
    fn exp2_whole(self) -> f32 {
        f32::from_bits(((self as i32 + 127) as u32) << 23)
    }
    #[inline(always)]
    fn copysign(self, other: f32) -> f32 {
        f32::copysign(self, other)
    }
    #[inline(always)]
    fn split(self) -> (f32, f32) {
        let bits = self.to_bits();
        (f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000), ((bits >> 23) as i32 - 127) as f32)
    }
}

impl Scalar for f64 {
    #[inline(always)]
    fn round(self) -> f64 {
        const SHIFT: f64 = 6_755_399_441_055_744.0;
        (self + SHIFT) - SHIFT
    }
    #[inline(always)]
    fn exp2_whole(self) -> f64 {
        f64::from_bits(((self as i64 + 1023) as u64) << 52)
    }
    #[inline(always)]
    fn copysign(self, other: f64) -> f64 {
        f64::copysign(self, other)
    }
    #[inline(always)]
    fn split(self) -> (f64, f64) {
        let bits = self.to_bits();
        let fraction = bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000;
        (f64::from_bits(fraction), f64::from((bits >> 52) as i32 - 1023))
    }
}

impl<T: Scalar, const N: usize> Array<T, N> {
    #[inline(always)]
    fn map(self, f: impl Fn(T) -> T) -> Self {
        Array(self.0.map(f))
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        Array(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl<T: Scalar, const N: usize> Vector<T> for Array<T, N> {
    type Token = Portable;
    type Mask = [bool; N];
    const LANES: usize = N;

    #[inline(always)]
    fn splat(_: Portable, value: T) -> Self {
        Array([value; N])
    }
    #[inline(always)]
    fn zero(_: Portable) -> Self {
        Array([T::ZERO; N])
    }
    #[inline(always)]
    unsafe fn load(_: Portable, from: *const T) -> Self {
        // SAFETY: the caller's promise.
        Array(unsafe { from.cast::<[T; N]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_first(_: Portable, from: *const T, count: usize) -> Self {
        // SAFETY: the caller's promise.
        Array(std::array::from_fn(|i| if i < count { unsafe { *from.add(i) } } else { T::ZERO }))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[T; N]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut T, count: usize) {
        for (i, &value) in self.0.iter().enumerate().take(count) {
            // SAFETY: the caller's promise.
            unsafe { *to.add(i) = value };
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, T::plus)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, T::minus)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, T::times)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self.mul(factor).add(term)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(Real::sqrt)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.map(Real::abs)
    }
    #[inline(always)]
    fn round(self) -> Self {
        self.map(Scalar::round)
    }
    #[inline(always)]
    fn scale(self, n: Self) -> Self {
        self.zip(n, |x, n| x.times(n.exp2_whole()))
    }
    #[inline(always)]
    fn copysign(self, other: Self) -> Self {
        self.zip(other, Scalar::copysign)
    }
    #[inline(always)]
    fn split(self) -> (Self, Self) {
        (self.map(|x| x.split().0), self.map(|x| x.split().1))
    }
    #[inline(always)]
    fn less(self, other: Self) -> [bool; N] {
        std::array::from_fn(|i| self.0[i] < other.0[i])
    }
    #[inline(always)]
    fn equal(self, other: Self) -> [bool; N] {
        std::array::from_fn(|i| self.0[i] == other.0[i])
    }
    #[inline(always)]
    fn select(mask: [bool; N], yes: Self, no: Self) -> Self {
        Array(std::array::from_fn(|i| if mask[i] { yes.0[i] } else { no.0[i] }))
    }
    #[inline(always)]
    fn sum(self) -> T {
        self.0.into_iter().fold(T::ZERO, T::plus)
    }
    #[inline(always)]
    fn largest(self) -> T {
        self.0.into_iter().fold(self.0[0], |a, b| if a > b { a } else { b })
    }
}
