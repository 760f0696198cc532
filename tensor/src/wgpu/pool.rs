//! Pooling and its gradients.

use super::elementwise::{F32, I32, I64, Numbers, ROUNDING, rounding};
use super::reduce::extreme;
use super::{Grid, Kernel, Memory, Program, Stored};
use crate::cpu::pool::{Axis, Windows};
use crate::ops::images::Images;
use crate::{DType, Result, Shape, Tensor};

const WINDOWS: &str = include_str!("shaders/pool.wgsl");
const MAX: &str = include_str!("shaders/pool_max.wgsl");
/// By [`Numbers`].
static MAXIMA: [Kernel; 3] = [
    Kernel { name: "max pool f32", files: &[ROUNDING, F32, WINDOWS, MAX] },
    Kernel { name: "max pool i32", files: &[ROUNDING, I32, WINDOWS, MAX] },
    Kernel { name: "max pool i64", files: &[ROUNDING, I64, WINDOWS, MAX] },
];
static AVERAGE: Kernel =
    Kernel { name: "average pool", files: &[ROUNDING, WINDOWS, include_str!("shaders/pool_average.wgsl")] };
static BACKWARD: Kernel =
    Kernel { name: "pool backward", files: &[ROUNDING, include_str!("shaders/pool_backward.wgsl")] };

/// Invocations of a workgroup.
const GROUP: usize = 64;

/// What is pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    /// The greatest element, with its place (`i32`) if that is asked for.
    Max {
        places: bool,
    },
    Average,
}

/// Windows over pictures; the result is of this shape, and has places beside it if they were asked for.
pub(crate) fn forward(x: &Tensor, windows: &Windows, shape: &Shape, pool: Pool) -> Result<(Tensor, Option<Tensor>)> {
    if pool == (Pool::Max { places: true }) {
        let [y, places] = super::windows::over_images([x], shape, |[x], shape| {
            let (y, places) = pooled(x, windows, shape, pool)?;
            Ok([y.clone(), places.unwrap_or(y)])
        })?;
        return Ok((y, Some(places)));
    }
    let [y] = super::windows::over_images([x], shape, |[x], shape| Ok([pooled(x, windows, shape, pool)?.0]))?;
    Ok((y, None))
}

fn pooled(x: &Tensor, windows: &Windows, shape: &Shape, pool: Pool) -> Result<(Tensor, Option<Tensor>)> {
    let x = Images::of(x)?;
    let (dtype, context) = (x.tensor.dtype(), x.tensor.memory().context());
    let numbers = Numbers::of(dtype);
    let out = Tensor::empty_on_wgpu(&x.tensor, shape, dtype)?;
    let has_places = pool == Pool::Max { places: true };
    let places = match has_places {
        true => Tensor::empty_on_wgpu(&x.tensor, shape, DType::I32)?,
        false => Tensor::empty_on_wgpu(&x.tensor, [1], DType::I32)?,
    };
    if out.numel() > 0 {
        let (mut table, mut starts) = (Vec::new(), [0; 4]);
        for (axis, start) in windows.iter().zip(&mut starts) {
            *start = table.len() as u32;
            table.extend(axis.windows.iter().flat_map(|w| [w.first, w.count, w.divisor].map(|x| x as u32)));
        }
        let table = context.upload(bytemuck::cast_slice(&table))?;
        let mut params = vec![out.numel() as u32, 0, x.inner as u32, x.tensor.layout().offset as u32];
        params.extend(sizes(windows, |axis| axis.input));
        params.extend(sizes(windows, |axis| axis.windows.len()));
        params.extend(sizes(windows, |axis| axis.step));
        params.extend(starts);
        let start = if pool == Pool::Average { [0; 2] } else { numbers.bits(extreme(dtype, true)) };
        params.extend(start);
        let stored = Stored::of(dtype, context.has_f16())?;
        let types = [("R", stored), ("A", stored)];
        let mut constants = vec![("RESULT", rounding(dtype))];
        let kernel = match pool {
            Pool::Average => &AVERAGE,
            Pool::Max { .. } => {
                constants.push(("HAS_PLACES", u32::from(has_places)));
                &MAXIMA[numbers as usize]
            }
        };
        let program = Program { kernel, types: &types, sizes: &[], constants: &constants };
        let writes: [&Memory; 2] = [out.memory(), places.memory()];
        context.run(program, &params, &writes, &[x.tensor.memory(), &table], Grid::of(out.numel(), GROUP))?;
    }
    let places = has_places.then(|| x.result(shape, places)).transpose()?;
    Ok((x.result(shape, out)?, places))
}

/// The gradient at the input, of this shape, from that at the result: by places (of `i32`), or evenly if there are none.
pub(crate) fn backward(dy: &Tensor, places: Option<&Tensor>, windows: &Windows, shape: &Shape) -> Result<Tensor> {
    let [dx] = match places {
        Some(places) => super::windows::over_images([dy, places], shape, |[dy, places], shape| {
            Ok([returned(dy, Some(places), windows, shape)?])
        }),
        None => super::windows::over_images([dy], shape, |[dy], shape| Ok([returned(dy, None, windows, shape)?])),
    }?;
    Ok(dx)
}

fn returned(dy: &Tensor, places: Option<&Tensor>, windows: &Windows, shape: &Shape) -> Result<Tensor> {
    // Places lie as the input did.
    let order = Images::of(places.unwrap_or(dy))?;
    let dy = order.alike(dy)?;
    let context = dy.tensor.memory().context();
    let dx = Tensor::empty_on_wgpu(&dy.tensor, shape, dy.tensor.dtype())?;
    if dx.numel() > 0 {
        let (mut table, mut starts) = (Vec::new(), [0; 4]);
        for (axis, start) in windows.iter().zip(&mut starts) {
            *start = table.len() as u32;
            table.extend(covering(axis).into_iter().flatten());
            table.extend(axis.windows.iter().map(|window| window.divisor as u32));
        }
        let table = context.upload(bytemuck::cast_slice(&table))?;
        let offsets = [dy.tensor.layout().offset, order.tensor.layout().offset].map(|x| x as u32);
        let mut params = vec![dx.numel() as u32, 0, dy.inner as u32, offsets[0], offsets[1], 0, 0, 0];
        params.extend(sizes(windows, |axis| axis.input));
        params.extend(sizes(windows, |axis| axis.windows.len()));
        params.extend(starts);
        let stored = Stored::of(dx.dtype(), context.has_f16())?;
        let types = [("R", stored), ("A", stored)];
        let constants = [("MODE", u32::from(places.is_none())), ("RESULT", rounding(dx.dtype()))];
        let program = Program { kernel: &BACKWARD, types: &types, sizes: &[], constants: &constants };
        let reads: [&Memory; 3] = [dy.tensor.memory(), &table, order.tensor.memory()];
        context.run(program, &params, &[dx.memory()], &reads, Grid::of(dx.numel(), GROUP))?;
    }
    dy.result(shape, dx)
}

/// For each place of an axis the first window that may cover it, and how many: windows begin one behind the other.
fn covering(axis: &Axis) -> Vec<[u32; 2]> {
    let mut ranges = vec![[u32::MAX, 0]; axis.input];
    for (number, window) in axis.windows.iter().enumerate() {
        for tap in 0..window.count {
            let [first, count] = &mut ranges[window.first + tap * axis.step];
            *first = (*first).min(number as u32);
            *count = number as u32 - *first + 1;
        }
    }
    // Where no window is, no number is looked at.
    ranges.iter_mut().filter(|range| range[1] == 0).for_each(|range| range[0] = 0);
    ranges
}

fn sizes(windows: &Windows, of: impl Fn(&Axis) -> usize) -> [u32; 4] {
    let [d, h, w] = [&windows[0], &windows[1], &windows[2]].map(|axis| of(axis) as u32);
    [d, h, w, 0]
}
