//! Copies from one layout to another, and casts.

use super::parallel::over_chunks;
use super::walk::Walk;
use crate::layout::Layout;
use crate::tensor::View;

/// Writes the elements of `x` into `out` in logical order.
pub(crate) fn to_contiguous<W: Copy + Send + Sync>(x: View<'_, W>, out: &mut [W]) {
    if let Some(source) = x.as_contiguous() {
        over_chunks(out, 1, 1, |start, piece| piece.copy_from_slice(&source[start..start + piece.len()]));
        return;
    }
    let target = Layout::contiguous(x.layout.shape.clone());
    let walk = Walk::new([&target, x.layout]);
    if transposes::<W>(&walk) {
        return by_tiles(x, &walk, out);
    }
    let (row_len, [_, step]) = (walk.row_len(), walk.row_strides());
    over_chunks(out, row_len, 1, |start, piece| {
        walk.rows_of(start, piece, |row, [_, start]| {
            if step == 1 {
                row.copy_from_slice(&x.data[start..start + row.len()]);
            } else {
                for (i, out) in row.iter_mut().enumerate() {
                    *out = x.data[(start as isize + i as isize * step) as usize];
                }
            }
        });
    });
}

/// Rows and columns that are copied together: what they read and write stays in the first-level cache.
const TILE: usize = 32;

/// What the second-level cache surely holds.
const CACHE: usize = 1 << 20;
/// A cache line, and the distance of lines that compete for one place in the first-level cache.
const LINE: usize = 64;
const CONFLICT: usize = 4096;

/// Whether the cache lines that a row is read from are gone before the next row wants their other elements: because they are
/// too many, or because they lie at distances (powers of two) that share few places of the cache. Elsewhere plain rows are
/// faster than tiles.
fn transposes<W>(walk: &Walk<2>) -> bool {
    walk.last_matrix().is_some_and(|([rows, columns], [[_, down], [_, across]])| {
        let step = across.unsigned_abs().saturating_mul(size_of::<W>());
        let crowded = step.is_multiple_of(CONFLICT) && columns > 2 * TILE;
        let touched = columns.saturating_mul(step.min(LINE));
        rows > 1 && down.unsigned_abs() < across.unsigned_abs() && (crowded || touched > CACHE)
    })
}

/// As [`to_contiguous`] where [`transposes`] says so, tile by tile.
fn by_tiles<W: Copy + Send + Sync>(x: View<'_, W>, walk: &Walk<2>, out: &mut [W]) {
    let Some(([rows, columns], [[_, down], [_, across]])) = walk.last_matrix() else { return };
    // A task has whole matrices where these are flat, else bands of them.
    let band = if rows <= 2 * TILE { rows } else { TILE };
    over_chunks(out, band * columns, 1, |start, piece| {
        let first = start / columns;
        let end = first + piece.len() / columns;
        let mut row = first;
        while row < end {
            let high = TILE.min(end - row).min(rows - row % rows);
            walk.for_rows(row..row + 1, &mut |[_, from]| {
                let out = &mut piece[(row - first) * columns..(row - first + high) * columns];
                for left in (0..columns).step_by(TILE) {
                    let wide = TILE.min(columns - left);
                    for (i, out) in out.chunks_exact_mut(columns).enumerate() {
                        let from = from as isize + i as isize * down + left as isize * across;
                        for (j, out) in out[left..left + wide].iter_mut().enumerate() {
                            *out = x.data[(from + j as isize * across) as usize];
                        }
                    }
                }
            });
            row += high;
        }
    });
}

/// Writes the elements of `x` to the places that `target` (of the same shape) names in `out`.
pub(crate) fn into_layout<W: Copy>(x: View<'_, W>, out: &mut [W], target: &Layout) {
    let walk = Walk::new([target, x.layout]);
    let [step_out, step_x] = walk.row_strides();
    let row_len = walk.row_len() as isize;
    walk.for_rows(0..walk.rows(), &mut |[to, from]| {
        for i in 0..row_len {
            out[(to as isize + i * step_out) as usize] = x.data[(from as isize + i * step_x) as usize];
        }
    });
}
