//! Resizing and its gradient.
//!
//! Both are weighted sums along each spatial axis, and of all axes at once where that is not too many terms: else one axis after the other,
//! and, of more terms than one invocation may add up, in parts.

use super::elementwise::{ROUNDING, rounding};
use super::reduce::sum_of_parts;
use super::{Grid, Kernel, Program, Stored};
use crate::cpu::interpolate::{Sums, Table};
use crate::layout::Layout;
use crate::ops::images::Images;
use crate::{DType, Result, Shape, Tensor};

const TAPS: &str = include_str!("shaders/interpolate.wgsl");
static COPY: Kernel =
    Kernel { name: "interpolate copy", files: &[TAPS, include_str!("shaders/interpolate_copy.wgsl")] };
static SUM: Kernel =
    Kernel { name: "interpolate sum", files: &[ROUNDING, TAPS, include_str!("shaders/interpolate_sum.wgsl")] };

/// Invocations of a workgroup.
const GROUP: usize = 64;
/// Terms of a sum over all axes at once, at most.
const MOST_TERMS: usize = 64;
/// Terms that an invocation adds up along one axis, at most: adapters stop shaders of more than 65,535 rounds, and long sums lose digits.
const MOST_TAPS: usize = 1024;

/// What makes each axis of a result; `None` for those that stay as they are.
type Axes = [Option<Sums<f32>>];

/// Pictures resized to this shape by tables for their spatial axes; `copies` if these have one tap for each place and no weights.
pub(crate) fn forward(x: &Tensor, tables: &[Option<Table>], shape: &Shape, copies: bool) -> Result<Tensor> {
    let axes: Vec<_> = tables.iter().map(|table| table.as_ref().map(Sums::of)).collect();
    let [y] = super::windows::over_images([x], shape, |[x], shape| {
        let x = Images::of(x)?;
        if axes.iter().all(Option::is_none) {
            return Ok([x.tensor]);
        }
        Ok([pass(if copies { &COPY } else { &SUM }, &x, &axes, shape, x.tensor.dtype())?])
    })?;
    Ok(y)
}

/// The gradient at pictures of this shape that these tables resize.
pub(crate) fn backward(dy: &Tensor, tables: &[Option<Table>], shape: &Shape) -> Result<Tensor> {
    let [dx] = super::windows::over_images([dy], shape, |[dy], shape| Ok([returned(dy, tables, shape)?]))?;
    Ok(dx)
}

fn returned(dy: &Tensor, tables: &[Option<Table>], shape: &Shape) -> Result<Tensor> {
    let sizes = shape[2..].iter();
    let axes = tables.iter().zip(sizes).map(|(table, &size)| table.as_ref().map(|table| Sums::transposed(table, size)));
    let mut axes: Vec<_> = axes.collect();
    let mut dx = Images::of(dy)?;
    let terms = axes.iter().flatten().map(most_taps).fold(1, usize::saturating_mul);
    if terms > 0 && terms <= MOST_TERMS && axes.iter().any(Option::is_some) {
        return pass(&SUM, &dx, &axes, shape, dy.dtype());
    }
    // Sums of sums are kept in f32.
    for place in (0..axes.len()).rev() {
        if let Some(sums) = axes[place].take() {
            let mut one: Vec<Option<Sums<f32>>> = axes.iter().map(|_| None).collect();
            one[place] = Some(sums);
            let mut between = dx.tensor.shape().clone();
            between[place + 2] = shape[place + 2];
            dx.tensor = pass(&SUM, &dx, &one, &between, DType::F32)?;
        }
    }
    dx.tensor.to_dtype(dy.dtype())
}

/// The largest number of taps of one place.
fn most_taps(sums: &Sums<f32>) -> usize {
    sums.starts.windows(2).map(|bounds| bounds[1] - bounds[0]).max().unwrap_or(0)
}

/// Makes all these axes at once. If one has more taps than an invocation may add up, it must be the only one.
fn pass(kernel: &'static Kernel, x: &Images, axes: &Axes, shape: &Shape, dtype: DType) -> Result<Tensor> {
    let taps: Vec<usize> = axes.iter().map(|sums| sums.as_ref().map_or(1, most_taps)).collect();
    let cut = (0..taps.len()).max_by_key(|&i| taps[i]).unwrap_or(0);
    let parts = taps[cut].div_ceil(MOST_TAPS).max(1);
    let out = match parts {
        1 => Tensor::empty_on_wgpu(&x.tensor, shape, dtype)?,
        _ => Tensor::empty_on_wgpu(&x.tensor, [parts, shape.numel()], DType::F32)?,
    };
    if out.numel() > 0 {
        let context = x.tensor.memory().context();
        // Pictures of fewer than three axes have others of size 1 before them.
        let missing = 3 - axes.len();
        let sizes = |shape: &Shape| -> [u32; 4] {
            std::array::from_fn(|i| if (missing..3).contains(&i) { shape[2 + i - missing] as u32 } else { 1 })
        };
        let (table, starts) = table(axes, sizes(shape));
        let table = context.upload(bytemuck::cast_slice(&table))?;
        let mut params = [out.numel(), 0, x.inner, x.tensor.layout().offset].map(|x| x as u32).to_vec();
        params.extend(sizes(x.tensor.shape()));
        params.extend(sizes(shape));
        params.extend(starts);
        params.extend([shape.numel(), 2 * MOST_TAPS, missing + cut, 0].map(|x| x as u32));
        let types = [
            ("R", Stored::of(out.dtype(), context.has_f16())?),
            ("A", Stored::of(x.tensor.dtype(), context.has_f16())?),
        ];
        let result = [("RESULT", rounding(out.dtype()))];
        let constants = if std::ptr::eq(kernel, &SUM) { &result[..] } else { &[] };
        let program = Program { kernel, types: &types, sizes: &[], constants };
        let reads = [x.tensor.memory(), &table];
        context.run(program, &params, &[out.memory()], &reads, Grid::of(out.numel(), GROUP))?;
    }
    if parts == 1 {
        return x.result(shape, out);
    }
    let sum = sum_of_parts(&out, parts)?.with_layout(Layout::contiguous(shape.clone()));
    x.result(shape, sum.to_dtype(dtype)?)
}

/// The taps of three axes of these sizes as the kernels read them, and where each axis begins.
fn table(axes: &Axes, sizes: [u32; 4]) -> (Vec<u32>, [u32; 4]) {
    let (mut table, mut starts) = (Vec::new(), [0; 4]);
    for (i, start) in starts[..3].iter_mut().enumerate() {
        *start = table.len() as u32;
        let given = (i + axes.len()).checked_sub(3).and_then(|axis| axes[axis].as_ref());
        let same;
        let sums = match given {
            Some(sums) => sums,
            None => {
                let places = (0..sizes[i] as usize).collect();
                same = Sums::of(&Table { taps: 1, places, weights: Vec::new() });
                &same
            }
        };
        let first = table.len() + sums.starts.len();
        table.extend(sums.starts.iter().map(|start| (first + 2 * start) as u32));
        table.extend(sums.taps.iter().flat_map(|&(place, weight)| [place as u32, weight.to_bits()]));
    }
    (table, starts)
}
