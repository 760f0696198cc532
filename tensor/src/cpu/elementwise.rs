//! One result element from the elements at the same place of one, two or three inputs.
//!
//! Functions come as closures, whose loops the compiler turns into vectors of each instruction set, or as [`Unary`] where it could
//! not. The loops see two axes at a time, so that short rows (a bias on few channels) cost little.

use super::math::{Float, Unary};
use super::parallel::over_chunks;
use super::simd::{Kernel, Simd, Vector, dispatch};
use super::stream;
use super::walk::Walk;
use crate::layout::Layout;
use crate::memory::Buffer;
use crate::profile;
use crate::tensor::View;
use crate::{Element, Result, Shape};

/// `out[i] = f(x[i])`. The result keeps the memory order of a dense input.
pub(crate) fn map<A: Element, R: Element>(x: View<'_, A>, f: impl Fn(A) -> R + Sync) -> Result<(Buffer, Layout)> {
    let _span = profile::span("map", profile::bytes(x.layout.numel(), size_of::<A>() + size_of::<R>()));
    let out_layout = x.layout.dense_like();
    let mut buffer = Buffer::for_output::<R>(out_layout.numel())?;
    let walk = Walk::along_first([&out_layout, x.layout]);
    over_blocks(buffer.as_mut_slice::<R>(), &walk, |out, block| dispatch(Map { out, x: x.data, block, f: &f }));
    Ok((buffer, out_layout))
}

/// `out[i] = f(x[i])` for a function of vectors.
pub(crate) fn map_vectors<T: Float>(x: View<'_, T>, f: impl Unary<T>) -> Result<(Buffer, Layout)> {
    let _span = profile::span("map", profile::bytes(x.layout.numel(), 2 * size_of::<T>()));
    let out_layout = x.layout.dense_like();
    let mut buffer = Buffer::for_output::<T>(out_layout.numel())?;
    let walk = Walk::along_first([&out_layout, x.layout]);
    over_blocks(buffer.as_mut_slice::<T>(), &walk, |out, block| dispatch(MapVectors { out, x: x.data, block, f }));
    Ok((buffer, out_layout))
}

/// `out[i] = f(a[i], b[i])` with both broadcast to `shape`. The result keeps the memory order of a dense operand of that shape.
pub(crate) fn zip<A: Element, B: Element, R: Element>(
    a: View<'_, A>,
    b: View<'_, B>,
    shape: &Shape,
    f: impl Fn(A, B) -> R + Sync,
) -> Result<(Buffer, Layout)> {
    let _span = profile::span("zip", profile::bytes(shape.numel(), size_of::<A>() + size_of::<B>() + size_of::<R>()));
    let out_layout = result_layout([a.layout, b.layout], shape);
    let (la, lb) = (a.layout.broadcast_to(shape), b.layout.broadcast_to(shape));
    let mut buffer = Buffer::for_output::<R>(out_layout.numel())?;
    let walk = Walk::along_first([&out_layout, &la, &lb]);
    over_blocks(buffer.as_mut_slice::<R>(), &walk, |out, block| {
        dispatch(Zip { out, a: a.data, b: b.data, block, f: &f });
    });
    Ok((buffer, out_layout))
}

/// `x[i] = f(x[i], y[i])`, both in the same order of memory.
pub(crate) fn zip_in_place<T: Element>(x: &mut [T], y: &[T], f: impl Fn(T, T) -> T + Sync) {
    let _span = profile::span("zip", 3 * size_of_val(y));
    over_chunks(x, 1, 1, |start, x| {
        let y = &y[start..start + x.len()];
        dispatch(ZipInPlace { x, y, f: &f });
    });
}

/// `out[i] = f(a[i], b[i], c[i])` with all broadcast to `shape`.
pub(crate) fn zip3<A: Element, B: Element, C: Element, R: Element>(
    (a, b, c): (View<'_, A>, View<'_, B>, View<'_, C>),
    shape: &Shape,
    f: impl Fn(A, B, C) -> R + Sync,
) -> Result<(Buffer, Layout)> {
    let each = size_of::<A>() + size_of::<B>() + size_of::<C>() + size_of::<R>();
    let _span = profile::span("choose", profile::bytes(shape.numel(), each));
    let out_layout = result_layout([a.layout, b.layout, c.layout], shape);
    let (la, lb, lc) = (a.layout.broadcast_to(shape), b.layout.broadcast_to(shape), c.layout.broadcast_to(shape));
    let mut buffer = Buffer::for_output::<R>(out_layout.numel())?;
    let walk = Walk::along_first([&out_layout, &la, &lb, &lc]);
    over_blocks(buffer.as_mut_slice::<R>(), &walk, |out, block| {
        dispatch(Zip3 { out, a: a.data, b: b.data, c: c.data, block, f: &f });
    });
    Ok((buffer, out_layout))
}

/// Rows of a piece of the output, and where they lie in the operands: neighbours in a row `steps` apart, rows `strides` apart.
#[derive(Clone, Copy)]
struct Block<const N: usize> {
    starts: [usize; N],
    strides: [isize; N],
    steps: [isize; N],
    row_len: usize,
}

impl<const N: usize> Block<N> {
    /// Where the row starts in an operand.
    #[inline(always)]
    fn start(&self, operand: usize, row: usize) -> usize {
        (self.starts[operand] as isize + row as isize * self.strides[operand]) as usize
    }

    /// The elements of an operand that a row reads, whose neighbours are next to each other.
    #[inline(always)]
    fn row<'a, T>(&self, operand: usize, row: usize, len: usize, data: &'a [T]) -> &'a [T] {
        &data[self.start(operand, row)..][..len]
    }

    /// The place of an element of a row.
    #[inline(always)]
    fn at(&self, operand: usize, start: usize, i: usize) -> usize {
        (start as isize + i as isize * self.steps[operand]) as usize
    }
}

struct Map<'a, A, R, F> {
    out: &'a mut [R],
    x: &'a [A],
    block: Block<2>,
    f: &'a F,
}

impl<A: Element, R: Element, F: Fn(A) -> R> Kernel for Map<'_, A, R, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Map { out, x, block, f } = self;
        for (i, out) in out.chunks_mut(block.row_len).enumerate() {
            let len = out.len();
            if block.steps[1] == 1 {
                for (out, &x) in out.iter_mut().zip(block.row(1, i, len, x)) {
                    *out = f(x);
                }
            } else {
                let start = block.start(1, i);
                for (j, out) in out.iter_mut().enumerate() {
                    *out = f(x[block.at(1, start, j)]);
                }
            }
        }
    }
}

struct MapVectors<'a, T, F> {
    out: &'a mut [T],
    x: &'a [T],
    block: Block<2>,
    f: F,
}

impl<T: Float, F: Unary<T>> Kernel for MapVectors<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let MapVectors { out, x, block, f } = self;
        let lanes = T::Of::<S>::LANES;
        for (i, out) in out.chunks_mut(block.row_len).enumerate() {
            let len = out.len();
            if block.steps[1] == 1 {
                let x = block.row(1, i, len, x);
                let whole = out.len() / lanes * lanes;
                for j in (0..whole).step_by(lanes) {
                    // SAFETY: both have `whole` elements at least.
                    unsafe { f.apply(s, T::Of::<S>::load(s, x.as_ptr().add(j))).store(out.as_mut_ptr().add(j)) };
                }
                let rest = out.len() - whole;
                if rest > 0 {
                    // SAFETY: behind `whole` are `rest` elements of both.
                    unsafe {
                        let x = T::Of::<S>::load_first(s, x.as_ptr().add(whole), rest);
                        f.apply(s, x).store_first(out.as_mut_ptr().add(whole), rest);
                    }
                }
            } else {
                let start = block.start(1, i);
                for (j, out) in out.chunks_mut(lanes).enumerate() {
                    for (k, out) in out.iter_mut().enumerate() {
                        *out = x[block.at(1, start, j * lanes + k)];
                    }
                    // SAFETY: `out` has that many elements, at most `LANES`.
                    unsafe {
                        let x = T::Of::<S>::load_first(s, out.as_ptr(), out.len());
                        f.apply(s, x).store_first(out.as_mut_ptr(), out.len());
                    }
                }
            }
        }
    }
}

struct Zip<'a, A, B, R, F> {
    out: &'a mut [R],
    a: &'a [A],
    b: &'a [B],
    block: Block<3>,
    f: &'a F,
}

impl<A: Element, B: Element, R: Element, F: Fn(A, B) -> R> Kernel for Zip<'_, A, B, R, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Zip { out, a, b, block, f } = self;
        for (i, out) in out.chunks_mut(block.row_len).enumerate() {
            let len = out.len();
            let (start_a, start_b) = (block.start(1, i), block.start(2, i));
            match (block.steps[1], block.steps[2]) {
                (1, 1) => {
                    let (a, b) = (block.row(1, i, len, a), block.row(2, i, len, b));
                    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                        *out = f(a, b);
                    }
                }
                (1, 0) => {
                    let b = b[start_b];
                    for (out, &a) in out.iter_mut().zip(block.row(1, i, len, a)) {
                        *out = f(a, b);
                    }
                }
                (0, 1) => {
                    let a = a[start_a];
                    for (out, &b) in out.iter_mut().zip(block.row(2, i, len, b)) {
                        *out = f(a, b);
                    }
                }
                _ => {
                    for (j, out) in out.iter_mut().enumerate() {
                        *out = f(a[block.at(1, start_a, j)], b[block.at(2, start_b, j)]);
                    }
                }
            }
        }
    }
}

struct ZipInPlace<'a, T, F> {
    x: &'a mut [T],
    y: &'a [T],
    f: &'a F,
}

impl<T: Element, F: Fn(T, T) -> T> Kernel for ZipInPlace<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (x, &y) in self.x.iter_mut().zip(self.y) {
            *x = (self.f)(*x, y);
        }
    }
}

struct Zip3<'a, A, B, C, R, F> {
    out: &'a mut [R],
    a: &'a [A],
    b: &'a [B],
    c: &'a [C],
    block: Block<4>,
    f: &'a F,
}

impl<A: Element, B: Element, C: Element, R: Element, F: Fn(A, B, C) -> R> Kernel for Zip3<'_, A, B, C, R, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Zip3 { out, a, b, c, block, f } = self;
        for (i, out) in out.chunks_mut(block.row_len).enumerate() {
            let len = out.len();
            if block.steps == [1; 4] {
                let (a, b, c) = (block.row(1, i, len, a), block.row(2, i, len, b), block.row(3, i, len, c));
                for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
                    *out = f(a, b, c);
                }
            } else {
                let [start_a, start_b, start_c] = [1, 2, 3].map(|operand| block.start(operand, i));
                for (j, out) in out.iter_mut().enumerate() {
                    let (a, b) = (a[block.at(1, start_a, j)], b[block.at(2, start_b, j)]);
                    *out = f(a, b, c[block.at(3, start_c, j)]);
                }
            }
        }
    }
}

/// Calls `f(rows of out, where they lie in the operands)` for pieces that cover `out`. Long rows are cut, short ones are bundled.
fn over_blocks<R: Element, const N: usize>(out: &mut [R], walk: &Walk<N>, f: impl Fn(&mut [R], Block<N>) + Sync) {
    let (row_len, steps) = (walk.row_len().max(1), walk.row_strides());
    let (_, strides) = walk.blocks();
    if walk.rows() == 1 {
        let large = size_of_val(out) >= stream::LARGE;
        over_chunks(out, 1, 1, |start, piece| {
            walk.for_rows(0..1, &mut |starts| {
                let begin = |skip: usize| {
                    let mut starts = starts;
                    for (start, step) in starts.iter_mut().zip(steps) {
                        *start = (*start as isize + skip as isize * step) as usize;
                    }
                    starts
                };
                if large {
                    stream::through(piece, |skip, piece| {
                        f(piece, Block { starts: begin(start + skip), strides, steps, row_len });
                    });
                } else {
                    f(piece, Block { starts: begin(start), strides, steps, row_len });
                }
            });
        });
    } else {
        over_chunks(out, row_len, 1, |start, piece| {
            let (first, mut rest) = (start / row_len, piece);
            walk.for_blocks(first..first + rest.len() / row_len, &mut |starts, rows| {
                let (rows, behind) = std::mem::take(&mut rest).split_at_mut(rows * row_len);
                f(rows, Block { starts, strides, steps, row_len });
                rest = behind;
            });
        });
    }
}

fn result_layout<const N: usize>(operands: [&Layout; N], shape: &Shape) -> Layout {
    let dense = operands.into_iter().find(|layout| layout.shape == *shape && layout.is_dense());
    dense.map_or_else(|| Layout::contiguous(shape.clone()), Layout::dense_like)
}
