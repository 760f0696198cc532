//! The product of a few rows of states and a weight that stays packed for all steps of a sequence.
//!
//! Every number is summed along the depth in order, whatever rows stand beside it: a row's result does not depend on how the
//! batch was cut.

use crate::Result;
use crate::cpu::parallel::over_chunks;
use crate::cpu::simd::{Kernel, Lane, Level, Simd, Vector, dispatch_at};
use crate::memory::Buffer;

/// A weight `depth × columns` in panels of some vectors side by side, one behind the other, each over the whole depth.
pub(super) struct Packed {
    buffer: Buffer,
    depth: usize,
    /// Vectors in a panel.
    vectors: usize,
    lanes: usize,
}

/// Steps of the depth that are packed at a time: the lines that a column is read from and those that it is written to stay in
/// the first-level cache.
const STEPS: usize = 16;

impl Packed {
    /// Packs `panels` panels; `column(panel, vector)` says which `count` columns stand in a vector, as `(first, count)`. An
    /// element is at `step · along + column · across` in `weight`.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`].
    pub(super) fn new<T: Lane>(
        weight: &[T],
        (depth, along): (usize, usize),
        across: usize,
        (panels, vectors, lanes): (usize, usize, usize),
        column: impl Fn(usize, usize) -> (usize, usize) + Sync,
    ) -> Result<Self> {
        let (wide, len) = (vectors * lanes, vectors * lanes * depth);
        let mut buffer = Buffer::for_output::<T>(panels.saturating_mul(len))?;
        if len > 0 {
            over_chunks(buffer.as_mut_slice::<T>(), len, 1, |start, piece| {
                for (i, panel) in piece.chunks_exact_mut(len).enumerate() {
                    for (block, panel) in panel.chunks_mut(wide * STEPS).enumerate() {
                        for vector in 0..vectors {
                            let (first, count) = column(start / len + i, vector);
                            for lane in 0..lanes {
                                let places = panel[vector * lanes + lane..].iter_mut().step_by(wide);
                                if lane >= count {
                                    places.for_each(|out| *out = T::ZERO);
                                    continue;
                                }
                                let from = &weight[(first + lane) * across + block * STEPS * along..];
                                places.zip(from.iter().step_by(along)).for_each(|(out, &value)| *out = value);
                            }
                        }
                    }
                }
            });
        }
        Ok(Packed { buffer, depth, vectors, lanes })
    }

    /// Writes the products of all rows of `a`, which lie `depth` elements apart, and one panel to `out`, where rows lie `wide`
    /// elements apart. The weight was packed for the level.
    pub(super) fn product<T: Lane>(&self, level: Level, a: &[T], panel: usize, out: &mut [T], wide: usize) {
        dispatch_at(level, Product { packed: self, a, panel, out, wide });
    }
}

/// One product, compiled apart from the cells: it is long, and they are many.
struct Product<'a, T> {
    packed: &'a Packed,
    a: &'a [T],
    panel: usize,
    out: &'a mut [T],
    wide: usize,
}

impl<T: Lane> Kernel for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Product { packed: &Packed { ref buffer, depth, vectors, lanes }, a, panel, out, wide } = self;
        let (rows, across) = (a.len() / depth, vectors * lanes);
        let panel = &buffer.as_slice::<T>()[panel * depth * across..(panel + 1) * depth * across];
        assert!(lanes == T::Of::<S>::LANES && (rows == 0 || out.len() >= (rows - 1) * wide + across));
        // Sums, one row of the panel and one number of the left factor share the registers.
        let most = ((S::REGISTERS - vectors - 1) / vectors).min(8);
        let tiles = rows.div_ceil(most);
        let mut row = 0;
        for tile in 0..tiles {
            let high = (rows - row).div_ceil(tiles - tile);
            let at = (a[row * depth..].as_ptr(), panel.as_ptr(), out[row * wide..].as_mut_ptr());
            // SAFETY: the tile's rows lie inside `a` and `out`, and the panel has `depth` steps (checked above).
            unsafe {
                match vectors {
                    1 => rows_of::<S, T, 1>(s, high, depth, at, wide),
                    2 => rows_of::<S, T, 2>(s, high, depth, at, wide),
                    _ => rows_of::<S, T, 3>(s, high, depth, at, wide),
                }
            }
            row += high;
        }
    }
}

/// # Safety
/// See [`tile`], with `high` for the number of rows.
#[inline(always)]
unsafe fn rows_of<S: Simd, T: Lane, const V: usize>(
    s: S,
    high: usize,
    depth: usize,
    at: (*const T, *const T, *mut T),
    wide: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        match high {
            1 => tile::<S, T, 1, V>(s, depth, at, wide),
            2 => tile::<S, T, 2, V>(s, depth, at, wide),
            3 => tile::<S, T, 3, V>(s, depth, at, wide),
            4 => tile::<S, T, 4, V>(s, depth, at, wide),
            5 => tile::<S, T, 5, V>(s, depth, at, wide),
            6 => tile::<S, T, 6, V>(s, depth, at, wide),
            7 => tile::<S, T, 7, V>(s, depth, at, wide),
            _ => tile::<S, T, 8, V>(s, depth, at, wide),
        }
    }
}

/// `R` rows times `V` vectors, summed in registers.
///
/// # Safety
/// `a` has `R` rows of `depth` elements one behind the other, `panel` `depth` rows of `V` vectors, and `out` room for `R` rows
/// of `V` vectors that begin `wide` elements apart.
#[inline(always)]
unsafe fn tile<S: Simd, T: Lane, const R: usize, const V: usize>(
    s: S,
    depth: usize,
    (a, panel, out): (*const T, *const T, *mut T),
    wide: usize,
) {
    let lanes = T::Of::<S>::LANES;
    let mut sums = [[T::Of::<S>::zero(s); V]; R];
    for k in 0..depth {
        // SAFETY: the caller's promise.
        unsafe {
            let mut row = [T::Of::<S>::zero(s); V];
            for (v, row) in row.iter_mut().enumerate() {
                *row = T::Of::<S>::load(s, panel.wrapping_add((k * V + v) * lanes));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = T::Of::<S>::splat(s, *a.wrapping_add(r * depth + k));
                for (sum, &row) in sums.iter_mut().zip(&row) {
                    *sum = x.mul_add(row, *sum);
                }
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { sum.store(out.wrapping_add(r * wide + v * lanes)) };
        }
    }
}
