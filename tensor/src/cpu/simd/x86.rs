//! AVX-512 and AVX2 with FMA.

use std::arch::x86_64::*;

use super::{Kernel, Simd, Vector};

/// AVX-512 F, BW, DQ, VL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

/// AVX2, FMA, F16C.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Simd for Avx512 {
    type F32 = F32x16;
    type F64 = F64x8;
    const REGISTERS: usize = 32;
}

impl Simd for Avx2 {
    type F32 = F32x8;
    type F64 = F64x4;
    const REGISTERS: usize = 16;
}

/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

/// # Safety
/// The processor has AVX2, FMA and F16C.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct F32x16(__m512);
#[derive(Debug, Clone, Copy)]
pub(crate) struct F64x8(__m512d);
#[derive(Debug, Clone, Copy)]
pub(crate) struct F32x8(__m256);
#[derive(Debug, Clone, Copy)]
pub(crate) struct F64x4(__m256d);

/// The methods of a vector that are one intrinsic each, and those that differ (in braces).
macro_rules! vector {
    ($Vector:ident, $T:ty, $Token:ident, $lanes:literal, $Mask:ty,
     $splat:ident $zero:ident $load:ident $store:ident $add:ident $sub:ident $mul:ident $div:ident $fma:ident
     $max:ident $min:ident $sqrt:ident, { $($rest:item)* }) => {
        impl Vector<$T> for $Vector {
            type Token = $Token;
            type Mask = $Mask;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(_: $Token, value: $T) -> Self {
                // SAFETY: the token proves the instruction set; so does, below, every vector that exists.
                $Vector(unsafe { $splat(value) })
            }
            #[inline(always)]
            fn zero(_: $Token) -> Self {
                // SAFETY: see `splat`.
                $Vector(unsafe { $zero() })
            }
            #[inline(always)]
            unsafe fn load(_: $Token, from: *const $T) -> Self {
                // SAFETY: see `splat`; the memory is the caller's promise.
                $Vector(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $T) {
                // SAFETY: see `splat`; the memory is the caller's promise.
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: see `splat`.
                $Vector(unsafe { $add(self.0, other.0) })
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: see `splat`.
                $Vector(unsafe { $sub(self.0, other.0) })
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: see `splat`.
                $Vector(unsafe { $mul(self.0, other.0) })
            }
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                // SAFETY: see `splat`.
                $Vector(unsafe { $div(self.0, other.0) })
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                // SAFETY: see `splat`.
                $Vector(unsafe { $fma(self.0, factor.0, term.0) })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: see `splat`.
                $Vector(unsafe { $max(self.0, other.0) })
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // SAFETY: see `splat`.
                $Vector(unsafe { $min(self.0, other.0) })
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                // SAFETY: see `splat`.
                $Vector(unsafe { $sqrt(self.0) })
            }
            $($rest)*
        }
    };
}

/// A mask of the first `count` lanes.
#[inline(always)]
fn first(count: usize) -> u32 {
    debug_assert!(count <= 16);
    (1 << count) - 1
}

vector!(
    F32x16, f32, Avx512, 16, __mmask16,
    _mm512_set1_ps _mm512_setzero_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_add_ps _mm512_sub_ps _mm512_mul_ps
    _mm512_div_ps _mm512_fmadd_ps _mm512_max_ps _mm512_min_ps _mm512_sqrt_ps,
    {
        #[inline(always)]
        unsafe fn load_first(_: Avx512, from: *const f32, count: usize) -> Self {
            // SAFETY: only the first `count` numbers are read, which is the caller's promise.
            F32x16(unsafe { _mm512_maskz_loadu_ps(first(count) as __mmask16, from) })
        }
        #[inline(always)]
        unsafe fn store_first(self, to: *mut f32, count: usize) {
            // SAFETY: only the first `count` numbers are written, which is the caller's promise.
            unsafe { _mm512_mask_storeu_ps(to, first(count) as __mmask16, self.0) }
        }
        #[inline(always)]
        fn abs(self) -> Self {
            // SAFETY: see `splat`.
            F32x16(unsafe { _mm512_abs_ps(self.0) })
        }
        #[inline(always)]
        fn round(self) -> Self {
            // SAFETY: see `splat`.
            F32x16(unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
        }
        #[inline(always)]
        fn scale(self, n: Self) -> Self {
            // SAFETY: see `splat`.
            F32x16(unsafe { _mm512_scalef_ps(self.0, n.0) })
        }
        #[inline(always)]
        fn copysign(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            unsafe {
                let sign = _mm512_set1_ps(-0.0);
                F32x16(_mm512_or_ps(_mm512_andnot_ps(sign, self.0), _mm512_and_ps(sign, other.0)))
            }
        }
        #[inline(always)]
        fn split(self) -> (Self, Self) {
            // SAFETY: see `splat`.
            unsafe {
                let fraction = _mm512_getmant_ps::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_ZERO>(self.0);
                (F32x16(fraction), F32x16(_mm512_getexp_ps(self.0)))
            }
        }
        #[inline(always)]
        fn less(self, other: Self) -> Self::Mask {
            // SAFETY: see `splat`.
            unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0) }
        }
        #[inline(always)]
        fn equal(self, other: Self) -> Self::Mask {
            // SAFETY: see `splat`.
            unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self.0, other.0) }
        }
        #[inline(always)]
        fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
            // SAFETY: see `splat`.
            F32x16(unsafe { _mm512_mask_blend_ps(mask, no.0, yes.0) })
        }
        #[inline(always)]
        fn sum(self) -> f32 {
            // SAFETY: see `splat`.
            unsafe { _mm512_reduce_add_ps(self.0) }
        }
        #[inline(always)]
        fn largest(self) -> f32 {
            // SAFETY: see `splat`.
            unsafe { _mm512_reduce_max_ps(self.0) }
        }
    }
);

vector!(
    F64x8, f64, Avx512, 8, __mmask8,
    _mm512_set1_pd _mm512_setzero_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_add_pd _mm512_sub_pd _mm512_mul_pd
    _mm512_div_pd _mm512_fmadd_pd _mm512_max_pd _mm512_min_pd _mm512_sqrt_pd,
    {
        #[inline(always)]
        unsafe fn load_first(_: Avx512, from: *const f64, count: usize) -> Self {
            // SAFETY: only the first `count` numbers are read, which is the caller's promise.
            F64x8(unsafe { _mm512_maskz_loadu_pd(first(count) as __mmask8, from) })
        }
        #[inline(always)]
        unsafe fn store_first(self, to: *mut f64, count: usize) {
            // SAFETY: only the first `count` numbers are written, which is the caller's promise.
            unsafe { _mm512_mask_storeu_pd(to, first(count) as __mmask8, self.0) }
        }
        #[inline(always)]
        fn abs(self) -> Self {
            // SAFETY: see `splat`.
            F64x8(unsafe { _mm512_abs_pd(self.0) })
        }
        #[inline(always)]
        fn round(self) -> Self {
            // SAFETY: see `splat`.
            F64x8(unsafe { _mm512_roundscale_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
        }
        #[inline(always)]
        fn scale(self, n: Self) -> Self {
            // SAFETY: see `splat`.
            F64x8(unsafe { _mm512_scalef_pd(self.0, n.0) })
        }
        #[inline(always)]
        fn copysign(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            unsafe {
                let sign = _mm512_set1_pd(-0.0);
                F64x8(_mm512_or_pd(_mm512_andnot_pd(sign, self.0), _mm512_and_pd(sign, other.0)))
            }
        }
        #[inline(always)]
        fn split(self) -> (Self, Self) {
            // SAFETY: see `splat`.
            unsafe {
                let fraction = _mm512_getmant_pd::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_ZERO>(self.0);
                (F64x8(fraction), F64x8(_mm512_getexp_pd(self.0)))
            }
        }
        #[inline(always)]
        fn less(self, other: Self) -> Self::Mask {
            // SAFETY: see `splat`.
            unsafe { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.0, other.0) }
        }
        #[inline(always)]
        fn equal(self, other: Self) -> Self::Mask {
            // SAFETY: see `splat`.
            unsafe { _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(self.0, other.0) }
        }
        #[inline(always)]
        fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
            // SAFETY: see `splat`.
            F64x8(unsafe { _mm512_mask_blend_pd(mask, no.0, yes.0) })
        }
        #[inline(always)]
        fn sum(self) -> f64 {
            // SAFETY: see `splat`.
            unsafe { _mm512_reduce_add_pd(self.0) }
        }
        #[inline(always)]
        fn largest(self) -> f64 {
            // SAFETY: see `splat`.
            unsafe { _mm512_reduce_max_pd(self.0) }
        }
    }
);

vector!(
    F32x8, f32, Avx2, 8, F32x8,
    _mm256_set1_ps _mm256_setzero_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_add_ps _mm256_sub_ps _mm256_mul_ps
    _mm256_div_ps _mm256_fmadd_ps _mm256_max_ps _mm256_min_ps _mm256_sqrt_ps,
    {
        #[inline(always)]
        unsafe fn load_first(_: Avx2, from: *const f32, count: usize) -> Self {
            // SAFETY: only the first `count` numbers are read, which is the caller's promise.
            unsafe {
                let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
                F32x8(_mm256_maskload_ps(from, mask))
            }
        }
        #[inline(always)]
        unsafe fn store_first(self, to: *mut f32, count: usize) {
            // SAFETY: only the first `count` numbers are written, which is the caller's promise.
            unsafe {
                let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
                _mm256_maskstore_ps(to, mask, self.0);
            }
        }
        #[inline(always)]
        fn abs(self) -> Self {
            // SAFETY: see `splat`.
            F32x8(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0) })
        }
        #[inline(always)]
        fn round(self) -> Self {
            // SAFETY: see `splat`.
            F32x8(unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
        }
        #[inline(always)]
        fn scale(self, n: Self) -> Self {
            // SAFETY: see `splat`. The exponent of 2ⁿ stands above the fraction's bits.
            unsafe {
                let n = _mm256_add_epi32(_mm256_cvtps_epi32(n.0), _mm256_set1_epi32(127));
                F32x8(_mm256_mul_ps(self.0, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(n))))
            }
        }
        #[inline(always)]
        fn copysign(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            unsafe {
                let sign = _mm256_set1_ps(-0.0);
                F32x8(_mm256_or_ps(_mm256_andnot_ps(sign, self.0), _mm256_and_ps(sign, other.0)))
            }
        }
        #[inline(always)]
        fn split(self) -> (Self, Self) {
            // SAFETY: see `splat`.
            unsafe {
                let bits = _mm256_castps_si256(self.0);
                let fraction = _mm256_and_si256(bits, _mm256_set1_epi32(0x007f_ffff));
                let fraction = _mm256_or_si256(fraction, _mm256_set1_epi32(0x3f80_0000));
                let exponent = _mm256_sub_epi32(_mm256_srli_epi32::<23>(bits), _mm256_set1_epi32(127));
                (F32x8(_mm256_castsi256_ps(fraction)), F32x8(_mm256_cvtepi32_ps(exponent)))
            }
        }
        #[inline(always)]
        fn less(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            F32x8(unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0) })
        }
        #[inline(always)]
        fn equal(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            F32x8(unsafe { _mm256_cmp_ps::<_CMP_EQ_OQ>(self.0, other.0) })
        }
        #[inline(always)]
        fn select(mask: Self, yes: Self, no: Self) -> Self {
            // SAFETY: see `splat`.
            F32x8(unsafe { _mm256_blendv_ps(no.0, yes.0, mask.0) })
        }
        #[inline(always)]
        fn sum(self) -> f32 {
            // SAFETY: see `splat`.
            unsafe {
                let half = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
                let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
                _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)))
            }
        }
        #[inline(always)]
        fn largest(self) -> f32 {
            // SAFETY: see `splat`.
            unsafe {
                let half = _mm_max_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
                let pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
                _mm_cvtss_f32(_mm_max_ss(pair, _mm_movehdup_ps(pair)))
            }
        }
    }
);

vector!(
    F64x4, f64, Avx2, 4, F64x4,
    _mm256_set1_pd _mm256_setzero_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_add_pd _mm256_sub_pd _mm256_mul_pd
    _mm256_div_pd _mm256_fmadd_pd _mm256_max_pd _mm256_min_pd _mm256_sqrt_pd,
    {
        #[inline(always)]
        unsafe fn load_first(_: Avx2, from: *const f64, count: usize) -> Self {
            // SAFETY: only the first `count` numbers are read, which is the caller's promise.
            unsafe {
                let mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(count as i64), _mm256_setr_epi64x(0, 1, 2, 3));
                F64x4(_mm256_maskload_pd(from, mask))
            }
        }
        #[inline(always)]
        unsafe fn store_first(self, to: *mut f64, count: usize) {
            // SAFETY: only the first `count` numbers are written, which is the caller's promise.
            unsafe {
                let mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(count as i64), _mm256_setr_epi64x(0, 1, 2, 3));
                _mm256_maskstore_pd(to, mask, self.0);
            }
        }
        #[inline(always)]
        fn abs(self) -> Self {
            // SAFETY: see `splat`.
            F64x4(unsafe { _mm256_andnot_pd(_mm256_set1_pd(-0.0), self.0) })
        }
        #[inline(always)]
        fn round(self) -> Self {
            // SAFETY: see `splat`.
            F64x4(unsafe { _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
        }
        #[inline(always)]
        fn scale(self, n: Self) -> Self {
            // SAFETY: see `splat`. The exponent of 2ⁿ stands above the fraction's bits.
            unsafe {
                let n = _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(n.0)), _mm256_set1_epi64x(1023));
                F64x4(_mm256_mul_pd(self.0, _mm256_castsi256_pd(_mm256_slli_epi64::<52>(n))))
            }
        }
        #[inline(always)]
        fn copysign(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            unsafe {
                let sign = _mm256_set1_pd(-0.0);
                F64x4(_mm256_or_pd(_mm256_andnot_pd(sign, self.0), _mm256_and_pd(sign, other.0)))
            }
        }
        #[inline(always)]
        fn split(self) -> (Self, Self) {
            // SAFETY: see `splat`. Below the bits of 2⁵² the exponent is a whole number that a subtraction lays bare: there is no
            // instruction that converts 64-bit integers.
            unsafe {
                let bits = _mm256_castpd_si256(self.0);
                let fraction = _mm256_and_si256(bits, _mm256_set1_epi64x(0x000f_ffff_ffff_ffff));
                let fraction = _mm256_or_si256(fraction, _mm256_set1_epi64x(0x3ff0_0000_0000_0000));
                let shifted = _mm256_or_si256(_mm256_srli_epi64::<52>(bits), _mm256_set1_epi64x(0x4330_0000_0000_0000));
                let exponent = _mm256_sub_pd(_mm256_castsi256_pd(shifted), _mm256_set1_pd(4_503_599_627_370_496.0 + 1023.0));
                (F64x4(_mm256_castsi256_pd(fraction)), F64x4(exponent))
            }
        }
        #[inline(always)]
        fn less(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            F64x4(unsafe { _mm256_cmp_pd::<_CMP_LT_OQ>(self.0, other.0) })
        }
        #[inline(always)]
        fn equal(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            F64x4(unsafe { _mm256_cmp_pd::<_CMP_EQ_OQ>(self.0, other.0) })
        }
        #[inline(always)]
        fn select(mask: Self, yes: Self, no: Self) -> Self {
            // SAFETY: see `splat`.
            F64x4(unsafe { _mm256_blendv_pd(no.0, yes.0, mask.0) })
        }
        #[inline(always)]
        fn sum(self) -> f64 {
            // SAFETY: see `splat`.
            unsafe {
                let half = _mm_add_pd(_mm256_castpd256_pd128(self.0), _mm256_extractf128_pd::<1>(self.0));
                _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)))
            }
        }
        #[inline(always)]
        fn largest(self) -> f64 {
            // SAFETY: see `splat`.
            unsafe {
                let half = _mm_max_pd(_mm256_castpd256_pd128(self.0), _mm256_extractf128_pd::<1>(self.0));
                _mm_cvtsd_f64(_mm_max_sd(half, _mm_unpackhi_pd(half, half)))
            }
        }
    }
);
