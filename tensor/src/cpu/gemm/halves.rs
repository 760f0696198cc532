//! Products of half-precision numbers, summed in `f32`, without a copy of the factors in `f32` first.
//!
//! Numbers are widened as they are packed. Where the processor multiplies pairs of bfloat16 (AVX-512 BF16), a pair of neighbours in the
//! depth is packed as one element instead, and the depth is half as long.

use std::ops::Range;

use bytemuck::Pod;
use half::{bf16, f16};

#[cfg(target_arch = "x86_64")]
use super::operand::Blocked;
use super::operand::{Operand, Strided};
use super::{Size, Target, gemm_by};
#[cfg(target_arch = "x86_64")]
use crate::DType;
use crate::cpu::gemm::Factor;
use crate::cpu::simd::Level;
use crate::{Element, Result};

/// A half-precision number.
pub(crate) trait Half: Element + Into<f32> + Pod {}

impl Half for bf16 {}
impl Half for f16 {}

/// The product of plain matrices `left` (lanes are rows) and `right` (lanes are columns).
///
/// # Errors
/// [`crate::Error::OutOfMemory`] if there is none for the panels.
pub(crate) fn half_gemm<H: Half>(
    level: Level,
    size: Size,
    left: Strided<'_, H>,
    right: Strided<'_, H>,
    target: Target<'_, f32>,
) -> Result<()> {
    #[cfg(target_arch = "x86_64")]
    if H::DTYPE == DType::BF16 && pairs::are_known(level) {
        let k = size.k;
        let (left, right) = (Pairs { matrix: left, k }, Pairs { matrix: right, k });
        return gemm_by(level, Size { k: k.div_ceil(2), ..size }, &left, &right, target, pairs::multiply);
    }
    gemm_by(level, size, &Widened(left), &Widened(right), target, f32::multiply)
}

/// A plain matrix, packed as numbers of `f32`.
struct Widened<'a, H>(Strided<'a, H>);

impl<H: Half> Operand<f32> for Widened<'_, H> {
    fn pack(&self, depth: Range<usize>, lanes: Range<usize>, width: usize, out: &mut [f32]) {
        self.0.each_step(depth, lanes, width, out, |out, at, across| {
            for (i, out) in out.iter_mut().enumerate() {
                *out = self.0.data[(at + i as isize * across) as usize].into();
            }
        });
    }
}

/// A plain matrix, packed as pairs of numbers that follow each other along the depth of `k`, in the bits of an `f32`.
#[cfg(target_arch = "x86_64")]
struct Pairs<'a, H> {
    matrix: Strided<'a, H>,
    k: usize,
}

#[cfg(target_arch = "x86_64")]
impl<H: Half> Operand<f32> for Pairs<'_, H> {
    fn pack(&self, depth: Range<usize>, lanes: Range<usize>, width: usize, out: &mut [f32]) {
        let Strided { data, depth: Blocked { inner: along, .. }, .. } = self.matrix;
        let pair = |first: H, second: H| {
            let [first, second]: [u16; 2] = [first, second].map(bytemuck::cast);
            f32::from_bits(u32::from(first) | u32::from(second) << 16)
        };
        let zero = H::zeroed();
        let mut step = depth.start;
        // A step of pairs is two of the matrix.
        let firsts = Strided { depth: Blocked::plain(2 * along), ..self.matrix };
        firsts.each_step(depth, lanes, width, out, |out, first, across| {
            let has_second = 2 * step + 1 < self.k;
            step += 1;
            let count = out.len();
            let row = |at: isize| &data[at as usize..][..count];
            match (across == 1, has_second) {
                (true, true) => {
                    let rows = row(first).iter().zip(row(first + along));
                    out.iter_mut().zip(rows).for_each(|(out, (&a, &b))| *out = pair(a, b));
                }
                (true, false) => out.iter_mut().zip(row(first)).for_each(|(out, &a)| *out = pair(a, zero)),
                (false, _) => {
                    for (i, out) in out.iter_mut().enumerate() {
                        let at = first + i as isize * across;
                        let second = if has_second { data[(at + along) as usize] } else { zero };
                        *out = pair(data[at as usize], second);
                    }
                }
            }
        });
    }
}

/// Tiles of pairs.
#[cfg(target_arch = "x86_64")]
mod pairs {
    use std::arch::x86_64::*;

    use crate::cpu::gemm::Tiles;
    use crate::cpu::simd::Level;

    /// Rows of a tile at this level.
    const ROWS: usize = 12;

    pub(super) fn are_known(level: Level) -> bool {
        level == Level::Avx512 && is_x86_feature_detected!("avx512bf16")
    }

    /// For processors that know pairs.
    pub(super) fn multiply(_: Level, tiles: &Tiles<'_, f32>) {
        assert!(tiles.shape.rows == ROWS, "panels of another height were packed");
        let vectors = tiles.shape.width() / 16;
        tiles.each(|left, right, high, wide, out, stride, add| {
            assert!(high <= ROWS && wide <= 16 * vectors && right.len() * ROWS == left.len() * 16 * vectors);
            // SAFETY: the processor has the instructions, as whoever chose this has asked; the panels are as long as was checked, and
            // `out` has `high` rows of `wide` columns that this task alone touches.
            unsafe {
                match vectors {
                    1 => tile::<1>(left, right, (high, wide), out, stride, add),
                    _ => tile::<2>(left, right, (high, wide), out, stride, add),
                }
            }
        });
    }

    /// # Safety
    /// The processor has the instructions. `right` has as many steps of `V` vectors as `left` has of [`ROWS`] pairs; `out` has `high` rows
    /// of `wide` columns, `stride` apart, that nobody else touches.
    // Indices say which register is meant, alike in all loops; the compiler unrolls them.
    #[allow(clippy::needless_range_loop)]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    unsafe fn tile<const V: usize>(
        left: &[f32],
        right: &[f32],
        (high, wide): (usize, usize),
        out: *mut f32,
        stride: usize,
        add: bool,
    ) {
        let mut sums = [[_mm512_setzero_ps(); V]; ROWS];
        let (mut a, mut b) = (left.as_ptr().cast::<i32>(), right.as_ptr());
        for _ in 0..left.len() / ROWS {
            let mut row = [_mm512_setzero_ps(); V];
            // SAFETY: the caller's promise. A vector of pairs has the size of one of floats.
            unsafe {
                for j in 0..V {
                    row[j] = _mm512_loadu_ps(b.wrapping_add(16 * j));
                }
                for i in 0..ROWS {
                    let pair = std::mem::transmute::<__m512i, __m512bh>(_mm512_set1_epi32(*a.wrapping_add(i)));
                    for j in 0..V {
                        sums[i][j] =
                            _mm512_dpbf16_ps(sums[i][j], pair, std::mem::transmute::<__m512, __m512bh>(row[j]));
                    }
                }
            }
            (a, b) = (a.wrapping_add(ROWS), b.wrapping_add(16 * V));
        }
        for i in 0..ROWS {
            for j in 0..V {
                let columns = wide.saturating_sub(16 * j).min(16);
                if i < high && columns > 0 {
                    let mask = (u32::MAX >> (32 - columns)) as u16;
                    let to = out.wrapping_add(i * stride + 16 * j);
                    // SAFETY: the caller's promise, for the columns of the mask.
                    unsafe {
                        let before = if add { _mm512_maskz_loadu_ps(mask, to) } else { _mm512_setzero_ps() };
                        _mm512_mask_storeu_ps(to, mask, _mm512_add_ps(before, sums[i][j]));
                    }
                }
            }
        }
    }
}
