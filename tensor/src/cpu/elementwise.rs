//! One result element from the elements at the same place of one, two or three inputs.

use super::parallel::over_chunks;
use super::walk::Walk;
use crate::layout::Layout;
use crate::memory::Buffer;
use crate::tensor::View;
use crate::{Element, Result, Shape};

/// `out[i] = f(x[i])`. The result keeps the memory order of a dense input.
pub(crate) fn map<A: Element, R: Element>(x: View<'_, A>, f: impl Fn(A) -> R + Sync) -> Result<(Buffer, Layout)> {
    let out_layout = x.layout.dense_like();
    let mut buffer = Buffer::for_output::<R>(out_layout.numel())?;
    let walk = Walk::along_first([&out_layout, x.layout]);
    let [_, step] = walk.row_strides();
    over_rows(buffer.as_mut_slice::<R>(), &walk, |row, [_, start]: [usize; 2], skip| {
        let start = (start as isize + skip as isize * step) as usize;
        if step == 1 {
            for (out, &x) in row.iter_mut().zip(&x.data[start..]) {
                *out = f(x);
            }
        } else {
            for (i, out) in row.iter_mut().enumerate() {
                *out = f(x.data[(start as isize + i as isize * step) as usize]);
            }
        }
    });
    Ok((buffer, out_layout))
}

/// `out[i] = f(a[i], b[i])` with both broadcast to `shape`. The result keeps the memory order of a dense operand of that shape.
pub(crate) fn zip<A: Element, B: Element, R: Element>(
    a: View<'_, A>,
    b: View<'_, B>,
    shape: &Shape,
    f: impl Fn(A, B) -> R + Sync,
) -> Result<(Buffer, Layout)> {
    let out_layout = result_layout([a.layout, b.layout], shape);
    let (la, lb) = (a.layout.broadcast_to(shape), b.layout.broadcast_to(shape));
    let mut buffer = Buffer::for_output::<R>(out_layout.numel())?;
    let walk = Walk::along_first([&out_layout, &la, &lb]);
    let [_, step_a, step_b] = walk.row_strides();
    over_rows(buffer.as_mut_slice::<R>(), &walk, |row, [_, start_a, start_b]: [usize; 3], skip| {
        let start_a = (start_a as isize + skip as isize * step_a) as usize;
        let start_b = (start_b as isize + skip as isize * step_b) as usize;
        match (step_a, step_b) {
            (1, 1) => {
                for ((out, &a), &b) in row.iter_mut().zip(&a.data[start_a..]).zip(&b.data[start_b..]) {
                    *out = f(a, b);
                }
            }
            (1, 0) => {
                let b = b.data[start_b];
                for (out, &a) in row.iter_mut().zip(&a.data[start_a..]) {
                    *out = f(a, b);
                }
            }
            (0, 1) => {
                let a = a.data[start_a];
                for (out, &b) in row.iter_mut().zip(&b.data[start_b..]) {
                    *out = f(a, b);
                }
            }
            _ => {
                for (i, out) in row.iter_mut().enumerate() {
                    let i = i as isize;
                    let (i_a, i_b) = (start_a as isize + i * step_a, start_b as isize + i * step_b);
                    *out = f(a.data[i_a as usize], b.data[i_b as usize]);
                }
            }
        }
    });
    Ok((buffer, out_layout))
}

/// `out[i] = f(a[i], b[i], c[i])` with all broadcast to `shape`.
pub(crate) fn zip3<A: Element, B: Element, C: Element, R: Element>(
    (a, b, c): (View<'_, A>, View<'_, B>, View<'_, C>),
    shape: &Shape,
    f: impl Fn(A, B, C) -> R + Sync,
) -> Result<(Buffer, Layout)> {
    let out_layout = result_layout([a.layout, b.layout, c.layout], shape);
    let (la, lb, lc) = (a.layout.broadcast_to(shape), b.layout.broadcast_to(shape), c.layout.broadcast_to(shape));
    let mut buffer = Buffer::for_output::<R>(out_layout.numel())?;
    let walk = Walk::along_first([&out_layout, &la, &lb, &lc]);
    let steps = walk.row_strides();
    over_rows(buffer.as_mut_slice::<R>(), &walk, |row, starts: [usize; 4], skip| {
        let at = |operand: usize, i: usize| (starts[operand] as isize + (skip + i) as isize * steps[operand]) as usize;
        for (i, out) in row.iter_mut().enumerate() {
            *out = f(a.data[at(1, i)], b.data[at(2, i)], c.data[at(3, i)]);
        }
    });
    Ok((buffer, out_layout))
}

/// Calls `f(piece of a row of out, where the row starts in each operand, elements of the row before the piece)`. Long rows are
/// cut, short ones are bundled.
fn over_rows<R: Element, const N: usize>(
    out: &mut [R],
    walk: &Walk<N>,
    f: impl Fn(&mut [R], [usize; N], usize) + Sync,
) {
    let row_len = walk.row_len().max(1);
    if walk.rows() == 1 {
        over_chunks(out, 1, 1, |start, piece| walk.for_rows(0..1, &mut |starts| f(piece, starts, start)));
    } else {
        over_chunks(out, row_len, 1, |start, piece| walk.rows_of(start, piece, |row, starts| f(row, starts, 0)));
    }
}

fn result_layout<const N: usize>(operands: [&Layout; N], shape: &Shape) -> Layout {
    let dense = operands.into_iter().find(|layout| layout.shape == *shape && layout.is_dense());
    dense.map_or_else(|| Layout::contiguous(shape.clone()), Layout::dense_like)
}
