//! Transposes of small blocks of elements that are only moved.

use super::portable::Portable;

/// Square blocks that an instruction set transposes in its registers. Rows of a block lie `down` elements apart, rows of its
/// transpose `to_down`.
pub(crate) trait Transpose: Copy {
    /// Rows and columns of a block of 4-byte elements.
    const BLOCK32: usize = 4;
    /// Rows and columns of a block of 8-byte elements.
    const BLOCK64: usize = 2;
    /// Whether there is [`Transpose::transpose32_of`].
    const HAS_FEWER32: bool = false;

    /// # Safety
    /// The elements of the block can be read at `from`, those of its transpose be written at `to`.
    #[inline(always)]
    unsafe fn transpose32(self, from: *const u32, down: isize, to: *mut u32, to_down: isize) {
        // SAFETY: the caller's promise.
        unsafe { plain::<u32, 4>(from, down, to, to_down) }
    }

    /// As [`Transpose::transpose32`] for a block of fewer rows, at least one.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn transpose32_of(self, rows: usize, from: *const u32, down: isize, to: *mut u32, to_down: isize) {
        for (i, j) in (0..rows).flat_map(|i| (0..Self::BLOCK32).map(move |j| (i, j))) {
            // SAFETY: the caller's promise.
            unsafe { *to.offset(j as isize * to_down).add(i) = *from.offset(i as isize * down).add(j) };
        }
    }

    /// # Safety
    /// As [`Transpose::transpose32`].
    #[inline(always)]
    unsafe fn transpose64(self, from: *const u64, down: isize, to: *mut u64, to_down: isize) {
        // SAFETY: the caller's promise.
        unsafe { plain::<u64, 2>(from, down, to, to_down) }
    }
}

/// A block through arrays.
///
/// # Safety
/// `N` rows of `N` elements can be read at `from` and written at `to`.
#[inline(always)]
pub(crate) unsafe fn plain<W: Copy, const N: usize>(from: *const W, down: isize, to: *mut W, to_down: isize) {
    // SAFETY: the caller's promise.
    unsafe {
        let rows: [[W; N]; N] =
            std::array::from_fn(|i| from.offset(i as isize * down).cast::<[W; N]>().read_unaligned());
        let columns: [[W; N]; N] = std::array::from_fn(|j| std::array::from_fn(|i| rows[i][j]));
        for (j, column) in columns.into_iter().enumerate() {
            to.offset(j as isize * to_down).cast::<[W; N]>().write_unaligned(column);
        }
    }
}

impl Transpose for Portable {}

#[cfg(target_arch = "aarch64")]
impl Transpose for super::neon::Neon {}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Transpose;
    use crate::cpu::simd::x86::{Avx2, Avx512};

    // The quarters (or halves) of a register are loaded from rows that lie far enough apart that a transpose within each quarter
    // completes the transpose of the block: half as many shuffles as from whole rows.
    // In all functions the tokens prove the instruction sets, and the memory is the caller's promise.

    impl Transpose for Avx512 {
        const BLOCK32: usize = 16;
        const HAS_FEWER32: bool = true;
        const BLOCK64: usize = 8;

        #[inline(always)]
        unsafe fn transpose32(self, from: *const u32, down: isize, to: *mut u32, to_down: isize) {
            // SAFETY: the caller's promise.
            unsafe { self.transpose32_of(16, from, down, to, to_down) }
        }

        #[inline(always)]
        unsafe fn transpose32_of(self, rows: usize, from: *const u32, down: isize, to: *mut u32, to_down: isize) {
            let from = from.cast::<f32>();
            let to = to.cast::<f32>();
            // What stands for rows that are not there is not stored.
            let last = rows as isize - 1;
            let mask = (0xffff_u32 >> (15 - last)) as __mmask16;
            for left in (0..16).step_by(4) {
                // SAFETY: see above.
                unsafe {
                    let rows = |j: isize| {
                        let part = |k: isize| _mm_loadu_ps(from.offset((4 * k + j).min(last) * down + left));
                        let rows = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(part(0)), part(1));
                        _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(rows, part(2)), part(3))
                    };
                    let (a, b, c, d) = (rows(0), rows(1), rows(2), rows(3));
                    let low = [_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d)].map(|x| _mm512_castps_pd(x));
                    let high = [_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d)].map(|x| _mm512_castps_pd(x));
                    let store = |j: isize, x| {
                        let to = to.offset((left + j) * to_down);
                        _mm512_mask_storeu_ps(to, mask, _mm512_castpd_ps(x));
                    };
                    store(0, _mm512_unpacklo_pd(low[0], low[1]));
                    store(1, _mm512_unpackhi_pd(low[0], low[1]));
                    store(2, _mm512_unpacklo_pd(high[0], high[1]));
                    store(3, _mm512_unpackhi_pd(high[0], high[1]));
                }
            }
        }

        #[inline(always)]
        unsafe fn transpose64(self, from: *const u64, down: isize, to: *mut u64, to_down: isize) {
            let from = from.cast::<f64>();
            let to = to.cast::<f64>();
            for left in (0..8).step_by(2) {
                // SAFETY: see above.
                unsafe {
                    let rows = |j: isize| {
                        let part = |k: isize| _mm_loadu_pd(from.offset((2 * k + j) * down + left));
                        let rows = _mm512_insertf64x2::<1>(_mm512_castpd128_pd512(part(0)), part(1));
                        _mm512_insertf64x2::<3>(_mm512_insertf64x2::<2>(rows, part(2)), part(3))
                    };
                    let (a, b) = (rows(0), rows(1));
                    _mm512_storeu_pd(to.offset(left * to_down), _mm512_unpacklo_pd(a, b));
                    _mm512_storeu_pd(to.offset((left + 1) * to_down), _mm512_unpackhi_pd(a, b));
                }
            }
        }
    }

    impl Transpose for Avx2 {
        const BLOCK32: usize = 8;
        const BLOCK64: usize = 4;

        #[inline(always)]
        unsafe fn transpose32(self, from: *const u32, down: isize, to: *mut u32, to_down: isize) {
            let from = from.cast::<f32>();
            let to = to.cast::<f32>();
            for left in (0..8).step_by(4) {
                // SAFETY: see above.
                unsafe {
                    let rows = |j: isize| {
                        let part = |k: isize| _mm_loadu_ps(from.offset((4 * k + j) * down + left));
                        _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(part(0)), part(1))
                    };
                    let (a, b, c, d) = (rows(0), rows(1), rows(2), rows(3));
                    let low = [_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d)].map(|x| _mm256_castps_pd(x));
                    let high = [_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d)].map(|x| _mm256_castps_pd(x));
                    let store = |j: isize, x| _mm256_storeu_ps(to.offset((left + j) * to_down), _mm256_castpd_ps(x));
                    store(0, _mm256_unpacklo_pd(low[0], low[1]));
                    store(1, _mm256_unpackhi_pd(low[0], low[1]));
                    store(2, _mm256_unpacklo_pd(high[0], high[1]));
                    store(3, _mm256_unpackhi_pd(high[0], high[1]));
                }
            }
        }

        #[inline(always)]
        unsafe fn transpose64(self, from: *const u64, down: isize, to: *mut u64, to_down: isize) {
            let from = from.cast::<f64>();
            let to = to.cast::<f64>();
            for left in (0..4).step_by(2) {
                // SAFETY: see above.
                unsafe {
                    let rows = |j: isize| {
                        let part = |k: isize| _mm_loadu_pd(from.offset((2 * k + j) * down + left));
                        _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(part(0)), part(1))
                    };
                    let (a, b) = (rows(0), rows(1));
                    _mm256_storeu_pd(to.offset(left * to_down), _mm256_unpacklo_pd(a, b));
                    _mm256_storeu_pd(to.offset((left + 1) * to_down), _mm256_unpackhi_pd(a, b));
                }
            }
        }
    }
}
