//! The product of a few rows of states and a weight that stays packed for all steps of a sequence.
//!
//! Every number is summed along the depth in order, whatever rows stand beside it: a row's result does not depend on how the
//! batch was cut.

use crate::Result;
use crate::cpu::gemm::tile::{self, End, Left, MOST_ROWS, Start, Tile};
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
        let tall = tile::rows(S::REGISTERS, vectors);
        for first in (0..rows).step_by(tall) {
            let count = tall.min(rows - first);
            let (mut left, mut outs) = ([std::ptr::null(); MOST_ROWS], [std::ptr::null_mut(); MOST_ROWS]);
            for i in 0..count {
                left[i] = a[(first + i) * depth..].as_ptr();
                outs[i] = out[(first + i) * wide..].as_mut_ptr();
            }
            let tile = Tile {
                left: Left::Rows { segments: &[left], steps: depth, right: panel.as_ptr() },
                right_step: across,
                out: &outs,
                columns: across,
                start: Start::Zero,
                end: End { residual: None, range: None },
            };
            // SAFETY: the tile's rows lie inside `a` and `out`, and the panel has `depth` steps of whole vectors (checked above).
            unsafe { tile::compute(s, count, vectors, &tile) };
        }
    }
}
