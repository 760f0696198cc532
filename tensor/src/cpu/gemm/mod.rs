//! Matrix products: packed into panels, cut into blocks that fit the caches, and computed tile by tile in registers.
//!
//! Every element of the result is summed in the same order, block of depth by block of depth, whatever tile it falls into and
//! whichever thread computes that: the result does not depend on the number of threads.

mod kernel;
mod operand;
mod vector;

use std::marker::PhantomData;

use rayon::prelude::*;

pub(crate) use kernel::{Factor, Kernel};
pub(crate) use operand::{Blocked, Operand, Strided};
pub(crate) use vector::matrix_vector;

use super::parallel::SharedMut;
use crate::Result;
use crate::memory::Buffer;

/// Steps of the depth that are packed at a time: a panel of the right factor stays in the first-level cache.
const DEPTH: usize = 256;
/// Rows of a task, about: they and the columns below fill half of the second-level cache.
const ROWS: usize = 240;
/// Columns of a task, about.
const COLUMNS: usize = 256;
/// The left factor is packed as a whole up to this many elements, and in parts beyond.
const LEFT_LIMIT: usize = 8 << 20;
/// Multiplications that are worth a task of their own.
const TASK: usize = 128 * 1024;

/// Called on a piece of a row of the finished result: `(row, first column, the elements)`.
pub(crate) type Finish<'a, T> = &'a (dyn Fn(usize, usize, &mut [T]) + Sync);

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
    pub(crate) finish: Option<Finish<'a, T>>,
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
    len: usize,
    offset: usize,
    row: usize,
    columns: Blocked,
    add: bool,
    finish: Option<Finish<'a, T>>,
}

/// `m × k` times `k × n`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
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
    gemm_with(T::kernel(), size, left, right, target)
}

fn gemm_with<T: Factor>(
    kernel: Kernel<T>,
    Size { m, n, k }: Size,
    left: &dyn Operand<T>,
    right: &dyn Operand<T>,
    target: Target<'_, T>,
) -> Result<()> {
    if m == 0 || n == 0 {
        return Ok(());
    }
    let shared = Shared {
        data: target.data,
        len: target.len,
        offset: target.offset,
        row: target.row,
        columns: Blocked { block: target.block, outer: target.outer as isize, inner: 1 },
        add: target.add,
        finish: target.finish,
    };
    let last = shared.offset as isize
        + ((m - 1) * shared.row) as isize
        + shared.columns.place(n - 1).max(shared.columns.place(n.min(shared.columns.block) - 1));
    assert!((last as usize) < shared.len, "a product was given too small a target");
    let rows_at_once = (LEFT_LIMIT / k.max(1)).max(kernel.mr) / kernel.mr * kernel.mr;
    for start in (0..m).step_by(rows_at_once) {
        let rows = start..(start + rows_at_once).min(m);
        let packed = pack_left(kernel, left, rows.clone(), k)?;
        let row_piece = piece(rows.len(), kernel.mr, ROWS);
        let column_piece = piece(n, kernel.nr, COLUMNS);
        let (down, across) = (rows.len().div_ceil(row_piece), n.div_ceil(column_piece));
        let task = |i: usize| {
            let (row, column) = (start + i % down * row_piece, i / down * column_piece);
            let rows = row..(row + row_piece).min(rows.end);
            let columns = column..(column + column_piece).min(n);
            let panels = &packed.as_slice::<T>()[(row - start) * k..];
            block(kernel, panels, right, rows, columns, k, &shared)
        };
        if down * across == 1 || rows.len().saturating_mul(n).saturating_mul(k) < TASK {
            (0..down * across).try_for_each(task)?;
        } else {
            (0..down * across).into_par_iter().try_for_each(task)?;
        }
    }
    Ok(())
}

/// How many of `count` lanes a task gets: about `aim`, in whole panels, all tasks alike.
fn piece(count: usize, panel: usize, aim: usize) -> usize {
    let pieces = count.div_ceil(aim);
    count.div_ceil(pieces).next_multiple_of(panel)
}

/// Rows of the left factor as panels, one behind the other, each over all of the depth.
fn pack_left<T: Factor>(
    kernel: Kernel<T>,
    left: &dyn Operand<T>,
    rows: std::ops::Range<usize>,
    k: usize,
) -> Result<Buffer> {
    let mr = kernel.mr;
    let mut packed = Buffer::for_output::<T>(rows.len().next_multiple_of(mr).saturating_mul(k))?;
    if k > 0 {
        super::parallel::over_chunks(packed.as_mut_slice::<T>(), mr * k, 2, |start, piece| {
            for (i, panel) in piece.chunks_exact_mut(mr * k).enumerate() {
                let row = rows.start + start / k + i * mr;
                left.pack(0..k, row..(row + mr).min(rows.end), mr, panel);
            }
        });
    }
    Ok(packed)
}

/// One task: a block of the result over the whole depth. `panels` begins with the block's first row.
fn block<T: Factor>(
    kernel: Kernel<T>,
    panels: &[T],
    right: &dyn Operand<T>,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    k: usize,
    shared: &Shared<'_, T>,
) -> Result<()> {
    let Kernel { mr, nr, run } = kernel;
    let width = columns.len().next_multiple_of(nr);
    let mut packed = Buffer::for_output::<T>(width * k.min(DEPTH))?;
    let packed = packed.as_mut_slice::<T>();
    let mut tile = [T::ZERO; kernel::LARGEST_TILE];
    let steps = k.div_ceil(DEPTH).max(1);
    for step in 0..steps {
        let depth = step * DEPTH..((step + 1) * DEPTH).min(k);
        let count = depth.len();
        let (add, last) = (shared.add || step > 0, step + 1 == steps);
        for (j, panel) in packed[..width * count].chunks_exact_mut((nr * count).max(1)).enumerate() {
            let column = columns.start + j * nr;
            right.pack(depth.clone(), column..(column + nr).min(columns.end), nr, panel);
        }
        for column in columns.clone().step_by(nr) {
            let right = &packed[(column - columns.start) * count..];
            let wide = nr.min(columns.end - column);
            for row in rows.clone().step_by(mr) {
                let left = &panels[(row - rows.start) * k + depth.start * mr..];
                assert!(left.len() >= count * mr && right.len() >= count * nr);
                let high = mr.min(rows.end - row);
                let place = |row: usize, at: isize| (shared.offset + row * shared.row) as isize + at;
                let in_block = column % shared.columns.block + nr <= shared.columns.block;
                if high == mr && wide == nr && in_block {
                    let at = place(row, shared.columns.place(column)) as usize;
                    // SAFETY: the panels were checked above; this task alone writes to these rows and columns, which lie
                    // inside the target (checked in `gemm_with`). The kernel was chosen for this processor.
                    unsafe {
                        let out = shared.data.pointer().add(at);
                        run(count, left.as_ptr(), right.as_ptr(), out, shared.row, add);
                    }
                } else {
                    // SAFETY: as above, with the tile as target, which holds `mr · nr` elements.
                    unsafe {
                        run(count, left.as_ptr(), right.as_ptr(), tile.as_mut_ptr(), nr, false);
                    }
                    for (i, row) in (row..row + high).enumerate() {
                        shared.columns.runs(column..column + wide, |first, len, at| {
                            let at = place(row, at) as usize;
                            // SAFETY: this task alone writes to these rows and columns, inside the target.
                            let out = unsafe { shared.data.slice(at..at + len) };
                            let sums = &tile[i * nr + first..i * nr + first + len];
                            if add {
                                for (out, &sum) in out.iter_mut().zip(sums) {
                                    *out = out.plus(sum);
                                }
                            } else {
                                out.copy_from_slice(sums);
                            }
                        });
                    }
                }
                if let (true, Some(finish)) = (last, shared.finish) {
                    for row in row..row + high {
                        shared.columns.runs(column..column + wide, |first, len, at| {
                            let at = place(row, at) as usize;
                            // SAFETY: as above.
                            finish(row, column + first, unsafe { shared.data.slice(at..at + len) });
                        });
                    }
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::kernel::Kernels;
    use super::*;

    fn numbers<T: Factor>(count: usize, seed: usize) -> Vec<T> {
        (0..count).map(|i| T::from_f64(((i * 7 + seed * 13) % 11) as f64 - 5.0)).collect()
    }

    /// Small whole numbers, so that every order of summing is exact.
    fn check<T: Factor>(kernel: Kernel<T>) {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (13, 33, 9), (50, 70, 300), (250, 300, 20), (24, 64, 0)] {
            let (a, b) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2));
            let mut out = vec![T::ONE; m * n];
            // The left factor lies transposed.
            let left = Strided::plain(&a, 0, 1, m as isize);
            let right = Strided::plain(&b, 0, 1, n as isize);
            for add in [false, true] {
                let double = |_: usize, _: usize, x: &mut [T]| x.iter_mut().for_each(|x| *x += *x);
                let target = Target { add, finish: Some(&double), ..Target::plain(&mut out, n) };
                gemm_with(kernel, Size { m, n, k }, &left, &right, target).unwrap();
            }
            for i in 0..m {
                for j in 0..n {
                    let sum: f64 = (0..k).map(|p| a[p * m + i].to_f64() * b[p * n + j].to_f64()).sum();
                    assert_eq!(out[i * n + j].to_f64(), 6.0 * sum, "{m}×{k}×{n} at {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn every_kernel_of_this_processor() {
        f32::kernels().into_iter().for_each(check);
        f64::kernels().into_iter().for_each(check);
        check(i32::kernel());
        check(i64::kernel());
    }

    #[test]
    fn blocked_columns_and_depth() {
        // Two images of 3 channels and 20 places: [2, 3, 20] is multiplied as a matrix 3 × (2·20).
        let x = numbers::<f32>(120, 3);
        let w = numbers::<f32>(6, 4);
        let places = Blocked { block: 20, outer: 60, inner: 1 };
        let right = Strided { data: &x, offset: 0, lanes: places, depth: Blocked::plain(20) };
        let mut out = vec![0f32; 80];
        let target = Target { row: 20, block: 20, outer: 40, ..Target::plain(&mut out, 0) };
        let left = Strided::plain(&w, 0, 3, 1);
        gemm(Size { m: 2, n: 40, k: 3 }, &left, &right, target).unwrap();
        for (i, &out) in out.iter().enumerate() {
            let (image, o, place) = (i / 40, i / 20 % 2, i % 20);
            let sum: f32 = (0..3).map(|c| w[o * 3 + c] * x[image * 60 + c * 20 + place]).sum();
            assert_eq!(out, sum);
        }
    }
}
