//! Matrix products: packed into panels, cut into blocks that fit the caches, and computed tile by tile in registers.
//!
//! Every element of the result is summed in the same order, block of depth by block of depth, whatever tile it falls into and
//! whichever thread computes that: the result does not depend on the number of threads.

mod epilogue;
mod factor;
mod few;
mod finish;
mod halves;
mod operand;
mod packed;
pub(crate) mod tile;

use std::marker::PhantomData;
use std::ops::Range;

pub use epilogue::Activation;
pub(crate) use factor::Factor;
pub(crate) use few::few_gemm;
pub(crate) use finish::{Finish, Output, Places};
pub(crate) use halves::{Half, half_gemm};
pub(crate) use operand::{Blocked, Operand, Strided};
pub(crate) use packed::{EvenRows, Packed, Panel, Rows, panels, product, registers};

use super::parallel::SharedMut;
use super::simd::{Level, level};
use super::threads;
use crate::Result;
use crate::memory::Buffer;
use crate::profile;
use factor::Shape;

/// Steps of the depth that are packed at a time: the result is visited so much less often.
const DEPTH: usize = 512;
/// Columns of a task, about: so many of the right factor stay in the second-level cache, while the left one passes by.
const COLUMNS: usize = 512;
/// Rows of a task, about.
const ROWS: usize = 2048;
/// The left factor is packed as a whole up to this many elements, and in parts beyond.
const LEFT_LIMIT: usize = 8 << 20;
/// Elements of the left factor that a task packs for itself: they stay in the second-level cache.
const OWN_LEFT: usize = 128 * 1024;
/// Multiplications that are worth a task of their own.
const TASK: usize = 128 * 1024;

/// Called on a piece of a row of the finished result: `(row, first column, the elements)`.
pub(crate) type RowDone<'a, T> = &'a (dyn Fn(usize, usize, &mut [T]) + Sync);

/// Where a product goes: rows lie `row` elements apart, columns are neighbours within blocks (see [`Blocked`]).
pub(crate) struct Target<'a, T> {
    data: SharedMut<T>,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
    pub(crate) offset: usize,
    pub(crate) row: usize,
    /// Columns in a block.
    pub(crate) block: usize,
    /// Distance of two blocks.
    pub(crate) outer: usize,
    /// Whether to add to what is there.
    pub(crate) add: bool,
    /// What is done to the result while it is still in the cache.
    pub(crate) finish: Option<RowDone<'a, T>>,
}

impl<'a, T> Target<'a, T> {
    /// A row-major matrix with rows of `columns` elements, to be overwritten.
    pub(crate) fn plain(data: &'a mut [T], columns: usize) -> Self {
        let len = data.len();
        // SAFETY: the slice is borrowed for as long as the target lives.
        unsafe { Self::shared(SharedMut::new(data), len, columns) }
    }

    /// A row-major matrix in memory that other products may be written to meanwhile.
    ///
    /// # Safety
    /// `data` has `len` elements for as long as the target lives, and nobody else touches those that the product is written to.
    pub(crate) unsafe fn shared(data: SharedMut<T>, len: usize, columns: usize) -> Self {
        Target {
            data,
            len,
            borrow: PhantomData,
            offset: 0,
            row: columns,
            block: columns.max(1),
            outer: 0,
            add: false,
            finish: None,
        }
    }
}

/// The target while tasks write to it.
struct Shared<'a, T> {
    data: SharedMut<T>,
    offset: usize,
    row: usize,
    columns: Blocked,
    add: bool,
    finish: Option<RowDone<'a, T>>,
    /// Computes all tiles of a block.
    multiply: fn(Level, &Tiles<'_, T>),
}

impl<T> Shared<'_, T> {
    /// Where the element in a row that lies `at` behind the row's start is.
    fn place(&self, row: usize, at: isize) -> usize {
        ((self.offset + row * self.row) as isize + at) as usize
    }
}

/// `m × k` times `k × n`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
}

impl Size {
    /// Additions and multiplications.
    fn flops(&self) -> usize {
        2usize.saturating_mul(self.m).saturating_mul(self.n).saturating_mul(self.k)
    }

    /// Bytes of both factors and the product.
    fn bytes<T>(&self) -> usize {
        let matrices = [(self.m, self.k), (self.k, self.n), (self.m, self.n)];
        let sizes = matrices.map(|(rows, columns)| rows.saturating_mul(columns).saturating_mul(size_of::<T>()));
        sizes.into_iter().fold(0, usize::saturating_add)
    }
}

/// The product of `left` (lanes are rows) and `right` (lanes are columns).
///
/// # Errors
/// [`crate::Error::OutOfMemory`] if there is none for the panels.
pub(crate) fn gemm<T: Factor>(
    size: Size,
    left: &dyn Operand<T>,
    right: &dyn Operand<T>,
    target: Target<'_, T>,
) -> Result<()> {
    let _span = profile::span_of_work("matmul", size.bytes::<T>(), size.flops());
    gemm_by(level(), size, left, right, target, T::multiply)
}

/// As [`gemm`], with the function that computes all tiles of a block.
fn gemm_by<T: Factor>(
    level: Level,
    Size { m, n, k }: Size,
    left: &dyn Operand<T>,
    right: &dyn Operand<T>,
    target: Target<'_, T>,
    multiply: fn(Level, &Tiles<'_, T>),
) -> Result<()> {
    if m == 0 || n == 0 {
        return Ok(());
    }
    let shape = T::shape(level, n);
    let shared = Shared {
        data: target.data,
        offset: target.offset,
        row: target.row,
        columns: Blocked { block: target.block, outer: target.outer as isize, inner: 1 },
        add: target.add,
        finish: target.finish,
        multiply,
    };
    let last = shared.offset as isize
        + ((m - 1) * shared.row) as isize
        + shared.columns.place(n - 1).max(shared.columns.place(n.min(shared.columns.block) - 1));
    assert!((last as usize) < target.len, "a product was given too small a target");
    let multiplications = m.saturating_mul(n).saturating_mul(k);
    if n <= COLUMNS {
        // Nobody else reads these rows: they are packed where they are multiplied.
        let aim = (OWN_LEFT / k.max(1)).clamp(4 * shape.rows, ROWS).min(m.div_ceil(threads::num_threads()));
        let piece = piece(m, shape.rows, aim);
        return over_tasks(m.div_ceil(piece), multiplications, &|i| {
            let rows = i * piece..((i + 1) * piece).min(m);
            let mut packed = Buffer::for_output::<T>(rows.len().next_multiple_of(shape.rows).saturating_mul(k))?;
            pack_rows(shape, left, rows.clone(), k, packed.as_mut_slice::<T>());
            block(level, shape, packed.as_slice::<T>(), right, rows, 0..n, k, &shared)
        });
    }
    let rows_at_once = (LEFT_LIMIT / k.max(1)).max(shape.rows) / shape.rows * shape.rows;
    for start in (0..m).step_by(rows_at_once) {
        let rows = start..(start + rows_at_once).min(m);
        let packed = pack_left(shape, left, rows.clone(), k)?;
        // Every element is summed in the same order, however the result is cut.
        let column_piece = piece(n, shape.width(), COLUMNS);
        let across = n.div_ceil(column_piece);
        let at_least = threads::num_threads().div_ceil(across);
        let row_piece = piece(rows.len(), shape.rows, ROWS.min(rows.len().div_ceil(at_least)));
        let down = rows.len().div_ceil(row_piece);
        let task = |i: usize| {
            let (row, column) = (start + i % down * row_piece, i / down * column_piece);
            let rows = row..(row + row_piece).min(rows.end);
            let columns = column..(column + column_piece).min(n);
            let panels = &packed.as_slice::<T>()[(row - start) * k..];
            block(level, shape, panels, right, rows, columns, k, &shared)
        };
        over_tasks(down * across, multiplications, &task)?;
    }
    Ok(())
}

/// Calls `task` with all numbers below `count`: on all threads, if so many multiplications are worth it.
fn over_tasks(count: usize, multiplications: usize, task: &(dyn Fn(usize) -> Result<()> + Sync)) -> Result<()> {
    if count == 1 || multiplications < TASK { (0..count).try_for_each(task) } else { threads::try_each(count, task) }
}

/// How many of `count` lanes a task gets: about `aim`, in whole panels, all tasks alike.
fn piece(count: usize, panel: usize, aim: usize) -> usize {
    let pieces = count.div_ceil(aim);
    count.div_ceil(pieces).next_multiple_of(panel)
}

/// Rows of the left factor as panels, one behind the other, each over all of the depth.
fn pack_left<T: Factor>(shape: Shape, left: &dyn Operand<T>, rows: Range<usize>, k: usize) -> Result<Buffer> {
    let mr = shape.rows;
    let mut packed = Buffer::for_output::<T>(rows.len().next_multiple_of(mr).saturating_mul(k))?;
    if k > 0 {
        super::parallel::over_chunks(packed.as_mut_slice::<T>(), mr * k, 2, |start, piece| {
            pack_rows(shape, left, rows.start + start / k..rows.end, k, piece);
        });
    }
    Ok(packed)
}

/// As many of the rows as there is room for, on this thread.
fn pack_rows<T: Factor>(shape: Shape, left: &dyn Operand<T>, rows: Range<usize>, k: usize, out: &mut [T]) {
    let mr = shape.rows;
    for (i, panel) in out.chunks_exact_mut((mr * k).max(1)).enumerate() {
        let row = rows.start + i * mr;
        left.pack(0..k, row..(row + mr).min(rows.end), mr, panel);
    }
}

/// One task: a block of the result over the whole depth. `panels` begins with the block's first row.
#[allow(clippy::too_many_arguments)]
fn block<T: Factor>(
    level: Level,
    shape: Shape,
    panels: &[T],
    right: &dyn Operand<T>,
    rows: Range<usize>,
    columns: Range<usize>,
    k: usize,
    shared: &Shared<'_, T>,
) -> Result<()> {
    let nr = shape.width();
    let width = columns.len().next_multiple_of(nr);
    let mut packed = Buffer::for_output::<T>(width * k.min(DEPTH))?;
    let packed = packed.as_mut_slice::<T>();
    let steps = k.div_ceil(DEPTH).max(1);
    for step in 0..steps {
        let depth = step * DEPTH..((step + 1) * DEPTH).min(k);
        let count = depth.len();
        for (j, panel) in packed[..width * count].chunks_exact_mut((nr * count).max(1)).enumerate() {
            let column = columns.start + j * nr;
            right.pack(depth.clone(), column..(column + nr).min(columns.end), nr, panel);
        }
        let tiles = Tiles {
            shape,
            panels,
            right: packed,
            rows: rows.clone(),
            columns: columns.clone(),
            depth,
            k,
            add: shared.add || step > 0,
            last: step + 1 == steps,
            shared,
        };
        (shared.multiply)(level, &tiles);
    }
    Ok(())
}

/// A block of the result and a block of the depth: what is multiplied between two packings.
struct Tiles<'a, T> {
    shape: Shape,
    panels: &'a [T],
    right: &'a [T],
    rows: Range<usize>,
    columns: Range<usize>,
    depth: Range<usize>,
    k: usize,
    add: bool,
    last: bool,
    shared: &'a Shared<'a, T>,
}

impl<T: Factor> Tiles<'_, T> {
    /// Calls `compute(left panel, right panel, rows, columns, first element of the result, distance of its rows, whether to add)` for every
    /// tile, and then finishes its rows.
    #[inline(always)]
    fn each(&self, mut compute: impl FnMut(&[T], &[T], usize, usize, *mut T, usize, bool)) {
        let Tiles { shape, shared, .. } = *self;
        let (mr, nr) = (shape.rows, shape.width());
        let count = self.depth.len();
        let mut apart = [T::ZERO; factor::LARGEST_TILE];
        for column in self.columns.clone().step_by(nr) {
            let right = &self.right[(column - self.columns.start) * count..][..nr * count];
            let wide = nr.min(self.columns.end - column);
            for row in self.rows.clone().step_by(mr) {
                let left = &self.panels[(row - self.rows.start) * self.k + self.depth.start * mr..][..mr * count];
                let high = mr.min(self.rows.end - row);
                if column % shared.columns.block + wide <= shared.columns.block {
                    let at = shared.place(row, shared.columns.place(column));
                    // This task alone writes to these rows and columns, which lie inside the target (checked in `gemm_at`).
                    compute(left, right, high, wide, shared.data.pointer().wrapping_add(at), shared.row, self.add);
                } else {
                    // The columns are torn apart by the end of a block.
                    compute(left, right, high, wide, apart.as_mut_ptr(), nr, false);
                    for i in 0..high {
                        shared.columns.runs(column..column + wide, |first, len, at| {
                            let at = shared.place(row + i, at);
                            // SAFETY: this task alone writes to these rows and columns, inside the target.
                            let out = unsafe { shared.data.slice(at..at + len) };
                            let sums = &apart[i * nr + first..i * nr + first + len];
                            if self.add {
                                for (out, &sum) in out.iter_mut().zip(sums) {
                                    *out = out.plus(sum);
                                }
                            } else {
                                out.copy_from_slice(sums);
                            }
                        });
                    }
                }
                if let (true, Some(finish)) = (self.last, shared.finish) {
                    for row in row..row + high {
                        shared.columns.runs(column..column + wide, |first, len, at| {
                            let at = shared.place(row, at);
                            // SAFETY: as above.
                            finish(row, column + first, unsafe { shared.data.slice(at..at + len) });
                        });
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
