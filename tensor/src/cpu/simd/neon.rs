//! NEON, which every aarch64 processor has.

use std::arch::aarch64::*;

use super::{Kernel, Simd, Vector};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Neon(());

impl Simd for Neon {
    type F32 = F32x4;
    type F64 = F64x2;
    const REGISTERS: usize = 32;
}

/// # Safety
/// The processor has NEON.
#[target_feature(enable = "neon")]
pub(super) unsafe fn neon<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Neon(()))
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct F32x4(float32x4_t);

impl Vector<f32> for F32x4 {
    type Token = Neon;
    type Mask = uint32x4_t;
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(_: Neon, value: f32) -> Self {
        // SAFETY: every aarch64 processor has NEON; so below.
        F32x4(unsafe { vdupq_n_f32(value) })
    }
    #[inline(always)]
    fn zero(token: Neon) -> Self {
        Self::splat(token, 0.0)
    }
    #[inline(always)]
    unsafe fn load(_: Neon, from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        F32x4(unsafe { vld1q_f32(from) })
    }
    #[inline(always)]
    unsafe fn load_first(token: Neon, from: *const f32, count: usize) -> Self {
        let mut part = [0.0; 4];
        for (i, value) in part.iter_mut().enumerate().take(count) {
            // SAFETY: the caller's promise.
            *value = unsafe { *from.add(i) };
        }
        // SAFETY: the array has as many elements as the vector.
        unsafe { Self::load(token, part.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { vst1q_f32(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        let mut all = [0.0; 4];
        // SAFETY: the array has as many elements as the vector.
        unsafe { self.store(all.as_mut_ptr()) }
        for (i, &value) in all.iter().enumerate().take(count) {
            // SAFETY: the caller's promise.
            unsafe { *to.add(i) = value };
        }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        F32x4(unsafe { vaddq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        F32x4(unsafe { vsubq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        F32x4(unsafe { vmulq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        F32x4(unsafe { vdivq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: see `splat`.
        F32x4(unsafe { vfmaq_f32(term.0, self.0, factor.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        Self::select(unsafe { vcgtq_f32(self.0, other.0) }, self, other)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self::select(self.less(other), self, other)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: see `splat`.
        F32x4(unsafe { vsqrtq_f32(self.0) })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: see `splat`.
        F32x4(unsafe { vabsq_f32(self.0) })
    }
    #[inline(always)]
    fn round(self) -> Self {
        // SAFETY: see `splat`.
        F32x4(unsafe { vrndnq_f32(self.0) })
    }
    #[inline(always)]
    fn scale(self, n: Self) -> Self {
        // SAFETY: see `splat`. The exponent of 2ⁿ stands above the fraction's bits.
        unsafe {
            let n = vaddq_s32(vcvtnq_s32_f32(n.0), vdupq_n_s32(127));
            F32x4(vmulq_f32(self.0, vreinterpretq_f32_s32(vshlq_n_s32::<23>(n))))
        }
    }
    #[inline(always)]
    fn copysign(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        F32x4(unsafe { vbslq_f32(vdupq_n_u32(0x8000_0000), other.0, self.0) })
    }
    #[inline(always)]
    fn split(self) -> (Self, Self) {
        // SAFETY: see `splat`.
        unsafe {
            let bits = vreinterpretq_u32_f32(self.0);
            let fraction = vorrq_u32(vandq_u32(bits, vdupq_n_u32(0x007f_ffff)), vdupq_n_u32(0x3f80_0000));
            let exponent = vsubq_s32(vreinterpretq_s32_u32(vshrq_n_u32::<23>(bits)), vdupq_n_s32(127));
            (F32x4(vreinterpretq_f32_u32(fraction)), F32x4(vcvtq_f32_s32(exponent)))
        }
    }
    #[inline(always)]
    fn less(self, other: Self) -> Self::Mask {
        // SAFETY: see `splat`.
        unsafe { vcltq_f32(self.0, other.0) }
    }
    #[inline(always)]
    fn equal(self, other: Self) -> Self::Mask {
        // SAFETY: see `splat`.
        unsafe { vceqq_f32(self.0, other.0) }
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        // SAFETY: see `splat`.
        F32x4(unsafe { vbslq_f32(mask, yes.0, no.0) })
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: see `splat`.
        unsafe { vaddvq_f32(self.0) }
    }
    #[inline(always)]
    fn largest(self) -> f32 {
        // SAFETY: see `splat`.
        unsafe { vmaxvq_f32(self.0) }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct F64x2(float64x2_t);

impl Vector<f64> for F64x2 {
    type Token = Neon;
    type Mask = uint64x2_t;
    const LANES: usize = 2;

    #[inline(always)]
    fn splat(_: Neon, value: f64) -> Self {
        // SAFETY: every aarch64 processor has NEON; so below.
        F64x2(unsafe { vdupq_n_f64(value) })
    }
    #[inline(always)]
    fn zero(token: Neon) -> Self {
        Self::splat(token, 0.0)
    }
    #[inline(always)]
    unsafe fn load(_: Neon, from: *const f64) -> Self {
        // SAFETY: the caller's promise.
        F64x2(unsafe { vld1q_f64(from) })
    }
    #[inline(always)]
    unsafe fn load_first(token: Neon, from: *const f64, count: usize) -> Self {
        let mut part = [0.0; 2];
        for (i, value) in part.iter_mut().enumerate().take(count) {
            // SAFETY: the caller's promise.
            *value = unsafe { *from.add(i) };
        }
        // SAFETY: the array has as many elements as the vector.
        unsafe { Self::load(token, part.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: the caller's promise.
        unsafe { vst1q_f64(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f64, count: usize) {
        let mut all = [0.0; 2];
        // SAFETY: the array has as many elements as the vector.
        unsafe { self.store(all.as_mut_ptr()) }
        for (i, &value) in all.iter().enumerate().take(count) {
            // SAFETY: the caller's promise.
            unsafe { *to.add(i) = value };
        }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        F64x2(unsafe { vaddq_f64(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        F64x2(unsafe { vsubq_f64(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        F64x2(unsafe { vmulq_f64(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        F64x2(unsafe { vdivq_f64(self.0, other.0) })
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: see `splat`.
        F64x2(unsafe { vfmaq_f64(term.0, self.0, factor.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        Self::select(unsafe { vcgtq_f64(self.0, other.0) }, self, other)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self::select(self.less(other), self, other)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: see `splat`.
        F64x2(unsafe { vsqrtq_f64(self.0) })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: see `splat`.
        F64x2(unsafe { vabsq_f64(self.0) })
    }
    #[inline(always)]
    fn round(self) -> Self {
        // SAFETY: see `splat`.
        F64x2(unsafe { vrndnq_f64(self.0) })
    }
    #[inline(always)]
    fn scale(self, n: Self) -> Self {
        // SAFETY: see `splat`. The exponent of 2ⁿ stands above the fraction's bits.
        unsafe {
            let n = vaddq_s64(vcvtnq_s64_f64(n.0), vdupq_n_s64(1023));
            F64x2(vmulq_f64(self.0, vreinterpretq_f64_s64(vshlq_n_s64::<52>(n))))
        }
    }
    #[inline(always)]
    fn copysign(self, other: Self) -> Self {
        // SAFETY: see `splat`.
        F64x2(unsafe { vbslq_f64(vdupq_n_u64(0x8000_0000_0000_0000), other.0, self.0) })
    }
    #[inline(always)]
    fn split(self) -> (Self, Self) {
        // SAFETY: see `splat`.
        unsafe {
            let bits = vreinterpretq_u64_f64(self.0);
            let fraction = vandq_u64(bits, vdupq_n_u64(0x000f_ffff_ffff_ffff));
            let fraction = vorrq_u64(fraction, vdupq_n_u64(0x3ff0_0000_0000_0000));
            let exponent = vsubq_s64(vreinterpretq_s64_u64(vshrq_n_u64::<52>(bits)), vdupq_n_s64(1023));
            (F64x2(vreinterpretq_f64_u64(fraction)), F64x2(vcvtq_f64_s64(exponent)))
        }
    }
    #[inline(always)]
    fn less(self, other: Self) -> Self::Mask {
        // SAFETY: see `splat`.
        unsafe { vcltq_f64(self.0, other.0) }
    }
    #[inline(always)]
    fn equal(self, other: Self) -> Self::Mask {
        // SAFETY: see `splat`.
        unsafe { vceqq_f64(self.0, other.0) }
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        // SAFETY: see `splat`.
        F64x2(unsafe { vbslq_f64(mask, yes.0, no.0) })
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        // SAFETY: see `splat`.
        unsafe { vaddvq_f64(self.0) }
    }
    #[inline(always)]
    fn largest(self) -> f64 {
        // SAFETY: see `splat`.
        unsafe { vmaxvq_f64(self.0) }
    }
}
