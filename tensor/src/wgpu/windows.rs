//! Tensors larger than what a kernel may see of one at once (128 MiB on some adapters, and wherever a browser says so).
//!
//! What a kernel sees of a tensor is the part of memory that its elements span (`Tensor::with_layout` leaves out the rest). So a view that
//! spans little is small, whatever it is a view of. Kernels that make element by element write to windows of their result one after the
//! other ([`each_window`]); others work on parts of their operands along axes that do not touch each other, and the results are joined
//! ([`in_parts`]). Whether that is necessary is found out by trying: `Context::run` refuses what is too large ([`Error::Binding`]). What
//! cannot be cut along any axis is left to the CPU (`ops/on_cpu.rs`).

use std::sync::Arc;

use super::{Memory, Stored};
use crate::layout::Layout;
use crate::{DType, Error, Result, Shape, Tensor};

/// Axes are cut at multiples of this where they are long, so that a window begins where the adapter lets it.
const CUT: usize = 256;

/// The part of memory that is too large to be seen which a layout spans, and the layout within that.
pub(crate) fn spanned(memory: &Arc<Memory>, mut layout: Layout, dtype: DType) -> (Arc<Memory>, Layout) {
    let Ok(stored) = Stored::of(dtype, memory.context().has_f16()) else { return (memory.clone(), layout) };
    let (mut first, mut last) = (layout.offset, layout.offset);
    for (&size, &stride) in layout.shape.iter().zip(&layout.strides) {
        let reach = size.saturating_sub(1) * stride.unsigned_abs();
        if stride < 0 { first -= reach } else { last += reach }
    }
    let end = if layout.numel() == 0 { first } else { last + 1 };
    let (part, skipped) = memory.part(first * stored.bytes()..end * stored.bytes());
    layout.offset -= skipped / stored.bytes();
    (part, layout)
}

/// Runs a kernel for parts of tensors of one shape, the first of which it writes: all of them, or as many as it takes until it may see
/// each part.
pub(crate) fn each_window<const N: usize>(
    tensors: [&Tensor; N],
    run: &mut dyn FnMut([&Tensor; N]) -> Result<()>,
) -> Result<()> {
    let Some((axis, first)) = cut(&tensors) else { return run(tensors) };
    let size = tensors[0].shape()[axis];
    for (start, count) in [(0, first), (first, size - first)] {
        let mut parts = Vec::with_capacity(N);
        for x in tensors {
            parts.push(x.narrow(axis as isize, start, count)?);
        }
        each_window(std::array::from_fn(|i| &parts[i]), run)?;
    }
    Ok(())
}

/// Where tensors of one shape are cut in two, so that the one that spans most spans less; `None` if all can be seen.
fn cut(tensors: &[&Tensor]) -> Option<(usize, usize)> {
    let large = tensors.iter().filter(|x| !x.memory().is_visible());
    let layout = large.max_by_key(|x| x.memory().bytes())?.layout();
    let reach = |&axis: &usize| (layout.shape[axis] - 1) * layout.strides[axis].unsigned_abs();
    let axis = (0..layout.shape.rank()).filter(|axis| reach(axis) > 0).max_by_key(reach)?;
    let half = layout.shape[axis] / 2;
    Some((axis, if half > CUT { half.next_multiple_of(CUT) } else { half }))
}

/// Results of parts of an axis of this size, from `first` on so many: of all of it, or of as many as it takes that nothing is refused as
/// too large.
pub(crate) fn over_parts<R>(size: usize, op: impl Fn(usize, usize) -> Result<R>) -> Result<Vec<R>> {
    let mut part = size.max(1);
    loop {
        let starts = (0..size.max(1)).step_by(part);
        match starts.map(|first| op(first, part.min(size - first))).collect() {
            Err(Error::Binding { .. }) if part > 1 => part = part.div_ceil(2),
            results => return results,
        }
    }
}

/// Applies an operation to all of its operands, or to parts of them along the first of these axes where that does it, else along the
/// next ones too. Each operand and each result has these axes, and what the operation does along them does not mix.
pub(crate) fn in_parts<const N: usize, const R: usize>(
    operands: [&Tensor; N],
    axes: &[usize],
    op: &dyn Fn([&Tensor; N]) -> Result<[Tensor; R]>,
) -> Result<[Tensor; R]> {
    let whole = op(operands);
    let (Err(Error::Binding { .. }), Some((&axis, others))) = (&whole, axes.split_first()) else { return whole };
    let narrowed = |first: usize, count: usize| {
        operands.iter().map(|x| x.narrow(axis as isize, first, count)).collect::<Result<Vec<Tensor>>>()
    };
    let size = operands[0].shape()[axis];
    let parts = over_parts(size, |first, count| {
        let parts = narrowed(first, count)?;
        let parts = std::array::from_fn(|i| &parts[i]);
        if count == 1 { in_parts(parts, others, op) } else { op(parts) }
    })?;
    let mut joined = Vec::with_capacity(R);
    for i in 0..R {
        let results: Vec<&Tensor> = parts.iter().map(|part| &part[i]).collect();
        joined.push(Tensor::concat(&results, axis as isize)?);
    }
    Ok(std::array::from_fn(|i| joined[i].clone()))
}

/// As [`in_parts`] along all axes but one, of an operation with one result.
pub(crate) fn beside<const N: usize>(
    operands: [&Tensor; N],
    axis: usize,
    op: &dyn Fn([&Tensor; N]) -> Result<Tensor>,
) -> Result<Tensor> {
    let axes: Vec<usize> = (0..operands[0].rank()).filter(|&other| other != axis).collect();
    let [result] = in_parts(operands, &axes, &|parts| Ok([op(parts)?]))?;
    Ok(result)
}

/// As [`in_parts`] of images `[N, C, …]` whose channels do not mix: the operation is told the shape of its result, which for all of them
/// is `shape`.
pub(crate) fn over_images<const N: usize, const R: usize>(
    operands: [&Tensor; N],
    shape: &Shape,
    op: impl Fn([&Tensor; N], &Shape) -> Result<[Tensor; R]>,
) -> Result<[Tensor; R]> {
    in_parts(operands, &[0, 1], &|parts| {
        let mut shape = shape.clone();
        (shape[0], shape[1]) = (parts[0].shape()[0], parts[0].shape()[1]);
        op(parts, &shape)
    })
}

/// Of the gradients of parts along the first axis: those at the operand, joined, and the sums of those at two factors of all parts.
pub(crate) fn gathered(parts: Vec<[Tensor; 3]>) -> Result<[Tensor; 3]> {
    let dx: Vec<&Tensor> = parts.iter().map(|[dx, _, _]| dx).collect();
    let sum = |i: usize| total(parts.iter().map(|part| &part[i]));
    Ok([Tensor::concat(&dx, 0)?, sum(1)?, sum(2)?])
}

/// The sum of tensors, of which there is one at least.
pub(crate) fn total<'a>(mut parts: impl Iterator<Item = &'a Tensor>) -> Result<Tensor> {
    let Some(first) = parts.next() else { return Err(Error::argument("sum", "expected a part, received none")) };
    parts.try_fold(first.clone(), |sum, part| sum.add(part))
}
