//! The innermost loop: one tile of the product from one panel of each factor, held in registers.
//!
//! A panel of the left factor has `mr` numbers for each step of the depth, one of the right factor `nr`. The tile `mr × nr` is
//! written to row-major memory. Each kernel exists for the instruction sets that the processor may have, and which of them
//! runs is decided once, at run time.

use std::sync::LazyLock;

use crate::element::Number;

/// `(depth, left, right, out, row stride of out, whether to add to out)`.
///
/// # Safety
/// `left` has `depth · mr` elements, `right` `depth · nr`, and `out` `mr` rows of `nr` elements, which nobody else touches. The
/// processor has the instructions that the function was compiled for.
type Run<T> = unsafe fn(usize, *const T, *const T, *mut T, usize, bool);

/// A micro-kernel and the size of its tile.
#[derive(Clone, Copy)]
pub(crate) struct Kernel<T> {
    pub(crate) mr: usize,
    pub(crate) nr: usize,
    pub(crate) run: Run<T>,
}

/// Elements of the largest tile.
pub(crate) const LARGEST_TILE: usize = 512;

/// A number that matrix products are made of.
pub(crate) trait Factor: Number {
    fn kernel() -> Kernel<Self>;
}

/// The kernel without special instructions.
///
/// # Safety
/// See [`Run`].
unsafe fn portable<T: Number, const MR: usize, const NR: usize>(
    depth: usize,
    left: *const T,
    right: *const T,
    out: *mut T,
    stride: usize,
    add: bool,
) {
    let mut tile = [[T::ZERO; NR]; MR];
    for p in 0..depth {
        // SAFETY: the panels have `depth` steps of MR and NR elements (the caller's promise).
        let (a, b) = unsafe { (&*left.add(p * MR).cast::<[T; MR]>(), &*right.add(p * NR).cast::<[T; NR]>()) };
        for i in 0..MR {
            for j in 0..NR {
                tile[i][j] = tile[i][j].plus(a[i].times(b[j]));
            }
        }
    }
    for (i, row) in tile.iter().enumerate() {
        // SAFETY: `out` has MR rows of NR elements (the caller's promise).
        let out = unsafe { &mut *out.add(i * stride).cast::<[T; NR]>() };
        for j in 0..NR {
            out[j] = if add { out[j].plus(row[j]) } else { row[j] };
        }
    }
}

macro_rules! portable_factor {
    ($T:ty, $mr:literal, $nr:literal) => {
        impl Factor for $T {
            fn kernel() -> Kernel<Self> {
                Kernel { mr: $mr, nr: $nr, run: portable::<$T, $mr, $nr> }
            }
        }
    };
}
portable_factor!(i32, 4, 4);
portable_factor!(i64, 4, 4);

/// A kernel of some rows of two vectors. The rows are written out by the macro, so that every sum is a variable of its own and
/// stays in a register; pointers move by `wrapping_add`, which a debug build does not check step by step.
#[cfg(target_arch = "x86_64")]
macro_rules! vector_kernel {
    ($name:ident, $features:literal, $T:ty, $lanes:literal, [$($row:literal)*],
     $zero:ident, $splat:ident, $load:ident, $store:ident, $plus:ident, $fma:ident) => {
        /// # Safety
        /// See [`Run`](super::Run).
        #[target_feature(enable = $features)]
        unsafe fn $name(
            depth: usize,
            left: *const $T,
            right: *const $T,
            out: *mut $T,
            stride: usize,
            add: bool,
        ) {
            use std::arch::x86_64::*;
            const ROWS: usize = [$($row),*].len();
            let mut tile = [[$zero(); 2]; ROWS];
            let (mut a, mut b) = (left, right);
            for _ in 0..depth {
                // SAFETY: the panels have `depth` steps of `ROWS` and `2 · lanes` elements (the caller's promise).
                unsafe {
                    let (first, second) = ($load(b), $load(b.wrapping_add($lanes)));
                    $(
                        let factor = $splat(*a.wrapping_add($row));
                        tile[$row][0] = $fma(factor, first, tile[$row][0]);
                        tile[$row][1] = $fma(factor, second, tile[$row][1]);
                    )*
                }
                a = a.wrapping_add(ROWS);
                b = b.wrapping_add(2 * $lanes);
            }
            // SAFETY: `out` has `ROWS` rows of `2 · lanes` elements (the caller's promise).
            unsafe {
                $(
                    let first = out.wrapping_add($row * stride);
                    let second = first.wrapping_add($lanes);
                    if add {
                        tile[$row][0] = $plus($load(first), tile[$row][0]);
                        tile[$row][1] = $plus($load(second), tile[$row][1]);
                    }
                    $store(first, tile[$row][0]);
                    $store(second, tile[$row][1]);
                )*
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    vector_kernel!(
        f32_avx512, "avx512f", f32, 16, [0 1 2 3 4 5 6 7 8 9 10 11],
        _mm512_setzero_ps, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps
    );
    vector_kernel!(
        f64_avx512, "avx512f", f64, 8, [0 1 2 3 4 5 6 7 8 9 10 11],
        _mm512_setzero_pd, _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_add_pd, _mm512_fmadd_pd
    );
    vector_kernel!(
        f32_avx2, "avx2,fma", f32, 8, [0 1 2 3 4 5],
        _mm256_setzero_ps, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_add_ps, _mm256_fmadd_ps
    );
    vector_kernel!(
        f64_avx2, "avx2,fma", f64, 4, [0 1 2 3 4 5],
        _mm256_setzero_pd, _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_add_pd, _mm256_fmadd_pd
    );

    pub(super) const F32_AVX512: super::Kernel<f32> = super::Kernel { mr: 12, nr: 32, run: f32_avx512 };
    pub(super) const F64_AVX512: super::Kernel<f64> = super::Kernel { mr: 12, nr: 16, run: f64_avx512 };
    pub(super) const F32_AVX2: super::Kernel<f32> = super::Kernel { mr: 6, nr: 16, run: f32_avx2 };
    pub(super) const F64_AVX2: super::Kernel<f64> = super::Kernel { mr: 6, nr: 8, run: f64_avx2 };
}

macro_rules! real_factor {
    ($T:ty, $avx512:ident, $avx2:ident, $mr:literal, $nr:literal) => {
        impl Factor for $T {
            fn kernel() -> Kernel<Self> {
                static BEST: LazyLock<Kernel<$T>> = LazyLock::new(|| <$T>::kernels()[0]);
                *BEST
            }
        }
        impl Kernels for $T {
            fn kernels() -> Vec<Kernel<Self>> {
                let mut kernels = Vec::new();
                #[cfg(target_arch = "x86_64")]
                {
                    if is_x86_feature_detected!("avx512f") {
                        kernels.push(x86::$avx512);
                    }
                    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                        kernels.push(x86::$avx2);
                    }
                }
                kernels.push(Kernel { mr: $mr, nr: $nr, run: portable::<$T, $mr, $nr> });
                kernels
            }
        }
    };
}
real_factor!(f32, F32_AVX512, F32_AVX2, 4, 8);
real_factor!(f64, F64_AVX512, F64_AVX2, 4, 4);

/// All kernels that this processor can run, the best first.
pub(crate) trait Kernels: Factor {
    fn kernels() -> Vec<Kernel<Self>>;
}
