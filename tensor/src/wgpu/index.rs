//! Reading and writing at places that an index names.
//!
//! An index below 0 names no place; whether others name places that there are is the caller's to check.

use std::sync::OnceLock;

use super::elementwise::{F32, I32, I64, Numbers, OPERANDS, ROUNDING, Run, fill};
use super::{Grid, Kernel, Program, Stored, windows};
use crate::args::Scalar;
use crate::cpu::reduce::Block;
use crate::layout::Layout;
use crate::{DType, Device, Result, Tensor};

const BOUNDS: &str = include_str!("shaders/bounds.wgsl");
const GATHER: &str = include_str!("shaders/gather.wgsl");
const LINKS: &str = include_str!("shaders/links.wgsl");
const CHAINS: &str = include_str!("shaders/chains.wgsl");
const SCATTER_ADD: &str = include_str!("shaders/scatter_add.wgsl");
/// By the [`Numbers`] of the index, here and below: indices are whole numbers.
static OUTSIDE: [Kernel; 2] =
    [Kernel { name: "bounds i32", files: &[I32, BOUNDS] }, Kernel { name: "bounds i64", files: &[I64, BOUNDS] }];
static GATHERS: [Kernel; 2] = [
    Kernel { name: "gather i32", files: &[OPERANDS, I32, GATHER] },
    Kernel { name: "gather i64", files: &[OPERANDS, I64, GATHER] },
];
static LINKED: [Kernel; 2] =
    [Kernel { name: "links i32", files: &[I32, LINKS] }, Kernel { name: "links i64", files: &[I64, LINKS] }];
static SCATTER: Kernel = Kernel { name: "scatter", files: &[OPERANDS, CHAINS, include_str!("shaders/scatter.wgsl")] };
/// By the [`Numbers`] that are added.
static SUMS: [Kernel; 3] = [
    Kernel { name: "scatter add f32", files: &[ROUNDING, OPERANDS, F32, CHAINS, SCATTER_ADD] },
    Kernel { name: "scatter add i32", files: &[ROUNDING, OPERANDS, I32, CHAINS, SCATTER_ADD] },
    Kernel { name: "scatter add i64", files: &[ROUNDING, OPERANDS, I64, CHAINS, SCATTER_ADD] },
];

/// Invocations of a workgroup that has no shared memory.
const GROUP: usize = 64;
/// Elements of an index that a workgroup sorts: 8 KiB of shared memory.
const SORTED: usize = 1024;

/// What becomes of an element and those that an index sends to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scatter {
    /// The last of them, in the index's order.
    Last,
    /// Their sum, in the index's order.
    Sum,
}

/// What is known of whole numbers in memory, so that the adapter need not be asked. Nothing changes whole numbers in place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// They are not less, nor greater.
    pub(super) extremes: OnceLock<(i64, i64)>,
    /// They are of so many classes, but for the label that does not count.
    pub(super) labels: OnceLock<(usize, Option<i64>)>,
}

/// Whether a tensor has all the numbers of its memory.
pub(super) fn is_whole(x: &Tensor) -> Result<bool> {
    let stored = Stored::of(x.dtype(), x.memory().context().has_f16())?;
    Ok(x.layout().is_dense() && x.numel() * stored.bytes() == x.memory().bytes())
}

/// The first of a row-major tensor's whole numbers that is not from `lowest` to `highest`. Waits for the adapter, which has to tell,
/// unless that is known: of numbers as they came from the CPU, and of those that were asked for before.
pub(crate) fn first_outside(x: &Tensor, lowest: i64, highest: i64) -> Result<Option<i64>> {
    if x.numel() == 0 {
        return Ok(None);
    }
    let extremes = &x.memory().known().extremes;
    if extremes.get().is_some_and(|&(least, greatest)| lowest <= least && greatest <= highest) {
        return Ok(None);
    }
    // In one axis any piece is a window.
    let line = Layout { offset: x.layout().offset, ..Layout::contiguous([x.numel()].into()) };
    let mut first = None;
    windows::each_window([&x.with_layout(line)], &mut |[part]| {
        if first.is_none() {
            first = first_outside_of(part, lowest, highest)?;
        }
        Ok(())
    })?;
    if first.is_none() && is_whole(x)? {
        extremes.get_or_init(|| (lowest, highest));
    }
    Ok(first)
}

/// As [`first_outside`], of what a kernel may see at once.
fn first_outside_of(x: &Tensor, lowest: i64, highest: i64) -> Result<Option<i64>> {
    let (context, kernel, numbers) = (x.memory().context(), kernel_of(&OUTSIDE, x), Numbers::of(x.dtype()));
    // As a number without sign the greatest.
    let found = fill(context, &[1].into(), Scalar::Int(-1), DType::I32)?;
    let bits = |end: i64| match numbers {
        Numbers::I64 => numbers.bits(Scalar::Int(end)),
        _ => numbers.bits(Scalar::Int(end.clamp(i32::MIN.into(), i32::MAX.into()))),
    };
    let mut params = vec![x.numel() as u32, 0, x.layout().offset as u32, 0];
    params.extend(bits(lowest).into_iter().chain(bits(highest)));
    let types = [("A", Stored::of(x.dtype(), context.has_f16())?)];
    let program = Program { kernel, types: &types, sizes: &[], constants: &[] };
    context.run(program, &params, &[found.memory()], &[x.memory()], Grid::of(x.numel(), GROUP))?;
    match found.to_device(Device::Cpu)?.item::<i64>()? {
        -1 => Ok(None),
        place => {
            let place = x.layout().offset + place as u32 as usize;
            let element = x.with_layout(Layout { offset: place, ..Layout::contiguous(().into()) });
            Ok(Some(element.to_device(Device::Cpu)?.item::<i64>()?))
        }
    }
}

/// The elements of `x` that an index names, in its shape. `origin` is the layout of `x` in the shape of the index if every index were 0;
/// an index leads `stride` on.
pub(crate) fn gather(x: &Tensor, (origin, stride): (&Layout, isize), index: &Tensor) -> Result<Tensor> {
    let out = Tensor::empty_on_wgpu(x, index.shape(), x.dtype())?;
    if out.numel() > 0 {
        let parameters = [[stride as i32 as u32, 0], [0; 2]];
        let kernel = kernel_of(&GATHERS, index);
        let run = Run { kernel, result: x.dtype(), rounding: false, parameters };
        let places = [origin.clone(), index.layout().clone(), out.layout().clone()];
        run.record(x.memory().context(), [x, index], out.layout(), places, out.memory())?;
    }
    Ok(out)
}

/// Writes the elements of `src` (of the index's shape or longer) to the places of `out`, which is nobody else's, that an index names
/// along an axis. `origin` and `stride` are as for [`gather`], of `out`.
pub(crate) fn scatter(
    out: &Tensor,
    (origin, stride): (&Layout, isize),
    (axis, index): (usize, &Tensor),
    src: &Tensor,
    by: Scatter,
) -> Result<()> {
    if index.numel() == 0 {
        return Ok(());
    }
    let chunk = index.shape()[axis].next_power_of_two().min(SORTED);
    let links = links(&index.without_repetitions(Some(axis))?.contiguous()?, axis, chunk)?.expand(index.shape())?;
    let src_layout = Layout { shape: index.shape().clone(), ..src.layout().clone() };
    let [src_step, link_step] = [&src_layout, links.layout()].map(|layout| layout.strides[axis] as i32 as u32);
    let parameters = [[stride as i32 as u32, src_step], [link_step, 0]];
    let (kernel, rounding) = match by {
        Scatter::Last => (&SCATTER, false),
        Scatter::Sum => (&SUMS[Numbers::of(out.dtype()) as usize], true),
    };
    let run = Run { kernel, result: out.dtype(), rounding, parameters };
    // Chains do not go on from piece to piece: pieces come one after the other, in their order.
    for first in (0..index.shape()[axis]).step_by(chunk) {
        let count = chunk.min(index.shape()[axis] - first);
        let [from_src, from_links, to] = [&src_layout, links.layout(), origin].map(|x| narrowed(x, axis, first, count));
        let order = Layout::contiguous(to.shape.clone());
        run.record(out.memory().context(), [src, &links], &order, [from_src, from_links, to], out.memory())?;
    }
    Ok(())
}

/// The chains of a row-major index along an axis, in pieces of `chunk`: two words for each element, as `i64` has.
fn links(index: &Tensor, axis: usize, chunk: usize) -> Result<Tensor> {
    let (context, kernel) = (index.memory().context(), kernel_of(&LINKED, index));
    let out = Tensor::empty_on_wgpu(index, index.shape(), DType::I64)?;
    let Block { outer, n, inner } = Block::around(index.shape(), axis);
    let (parts, in_group) = (n.div_ceil(chunk), SORTED / chunk);
    let segments = outer * parts * inner;
    let params = [n, 0, inner, parts, segments, index.layout().offset].map(|x| x as u32);
    let types = [("A", Stored::of(index.dtype(), context.has_f16())?)];
    let sizes = [("CHUNK", chunk as u32), ("SEGMENTS", in_group as u32)];
    let program = Program { kernel, types: &types, sizes: &sizes, constants: &[] };
    context.run(program, &params, &[out.memory()], &[index.memory()], Grid::groups(segments.div_ceil(in_group)))?;
    Ok(out)
}

fn kernel_of(kernels: &'static [Kernel; 2], index: &Tensor) -> &'static Kernel {
    &kernels[usize::from(index.dtype() == DType::I64)]
}

fn narrowed(layout: &Layout, axis: usize, first: usize, count: usize) -> Layout {
    let mut narrowed = layout.clone();
    narrowed.shape[axis] = count;
    narrowed.offset = (layout.offset as isize + layout.strides[axis] * first as isize) as usize;
    narrowed
}
