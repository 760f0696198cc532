//! Pooling and its gradients.

use super::elementwise::{F32, I32, I64, Numbers, ROUNDING, rounding};
use super::index::Scatter;
use super::reduce::extreme;
use super::{Grid, Kernel, Memory, Program, Stored};
use crate::cpu::pool::{Axis, Window, Windows};
use crate::layout::Layout;
use crate::ops::images::Images;
use crate::ops::index::Place;
use crate::{DType, Error, Result, Shape, Tensor};

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
/// Terms that an invocation folds, at most: adapters stop shaders of more than 65,535 rounds, and long sums lose digits. Windows of more
/// are folded along one axis after the other, and along an axis in rounds, each of which goes on from the result of the one before.
const MOST_TERMS: usize = 1024;

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

/// The means of windows that are the whole picture, if they are: that is a long sum.
fn whole(x: &Tensor, windows: &Windows) -> Result<Option<Tensor>> {
    if terms(windows) <= MOST_TERMS
        || !windows.iter().all(|axis| longest(axis) == axis.input && axis.windows.len() == 1)
    {
        return Ok(None);
    }
    let divisor: usize = windows.iter().map(|axis| axis.windows[0].divisor).product();
    let axes: Vec<isize> = (2..x.rank() as isize).collect();
    let sum = x.to_dtype(x.dtype().wide())?.sum_keepdim(&axes[..])?;
    Ok(Some(sum.div(divisor as f64)?.to_dtype(x.dtype())?))
}

fn pooled(x: &Tensor, windows: &Windows, shape: &Shape, pool: Pool) -> Result<(Tensor, Option<Tensor>)> {
    if pool == Pool::Average
        && let Some(mean) = whole(x, windows)?
    {
        return Ok((mean, None));
    }
    let x = Images::of(x)?;
    if terms(windows) <= MOST_TERMS || shape.numel() == 0 {
        let (y, places) = fold(&x, None, windows, (shape, x.tensor.dtype()), pool)?;
        let places = places.map(|places| x.result(shape, places)).transpose()?;
        return Ok((x.result(shape, y)?, places));
    }
    // Along one axis after the other, beginning with neighbours: so the first of equal elements is still found first. Sums of sums
    // are kept in f32.
    let dtype = if pool == Pool::Average { x.tensor.dtype().wide() } else { x.tensor.dtype() };
    let mut between = Images { tensor: x.tensor.clone(), inner: x.inner };
    let (mut sizes, mut places) = (windows.each_ref().map(|axis| axis.input), None);
    for axis in (0..3).rev().filter(|&axis| !is_each(&windows[axis])) {
        let mut one = sizes.map(each);
        one[axis] = windows[axis].clone();
        sizes[axis] = windows[axis].windows.len();
        let lead = shape.rank() - 2;
        let size: Shape = shape[..2].iter().chain(&sizes[3 - lead..]).copied().collect();
        (between.tensor, places) = fold(&between, places.as_ref(), &one, (&size, dtype), pool)?;
    }
    let places = places.map(|places| x.result(shape, places)).transpose()?;
    Ok((x.result(shape, between.tensor)?.to_dtype(x.tensor.dtype())?, places))
}

/// Folds windows, the result being of this shape and dtype, and finds places: of pictures, or where there are `found` ones, of those
/// that their elements come from. Only along one axis may windows have more than [`MOST_TERMS`] elements. Both results are in the order
/// of memory.
fn fold(
    x: &Images,
    found: Option<&Tensor>,
    windows: &Windows,
    (shape, dtype): (&Shape, DType),
    pool: Pool,
) -> Result<(Tensor, Option<Tensor>)> {
    let context = x.tensor.memory().context();
    let numbers = Numbers::of(dtype);
    let out = Tensor::empty_on_wgpu(&x.tensor, shape, dtype)?;
    let has_places = pool == Pool::Max { places: true };
    let places = match has_places {
        true => Tensor::empty_on_wgpu(&x.tensor, shape, DType::I32)?,
        false => Tensor::empty_on_wgpu(&x.tensor, [1], DType::I32)?,
    };
    let stored = |dtype| Stored::of(dtype, context.has_f16());
    let types = [("R", stored(dtype)?), ("A", stored(x.tensor.dtype())?)];
    let kernel = match pool {
        Pool::Average => &AVERAGE,
        Pool::Max { .. } => &MAXIMA[numbers as usize],
    };
    let rounds = windows.iter().map(longest).max().unwrap_or(0).div_ceil(MOST_TERMS).max(1);
    for round in (0..rounds).filter(|_| out.numel() > 0) {
        let (mut table, mut starts) = (Vec::new(), [0; 4]);
        for (axis, start) in windows.iter().zip(&mut starts) {
            *start = table.len() as u32;
            let longest = longest(axis);
            table.extend(axis.windows.iter().flat_map(|window| {
                let (skipped, count) = part_of(window.count, round, longest);
                [window.first + skipped * axis.step, count, window.divisor].map(|x| x as u32)
            }));
        }
        let table = context.upload(bytemuck::cast_slice(&table))?;
        let mut params = vec![out.numel() as u32, 0, x.inner as u32, x.tensor.layout().offset as u32];
        params.extend(sizes(windows, |axis| axis.input));
        params.extend(sizes(windows, |axis| axis.windows.len()));
        params.extend(sizes(windows, |axis| axis.step));
        params.extend(starts);
        params.extend(if pool == Pool::Average { [0; 2] } else { numbers.bits(extreme(dtype, true)) });
        let mut constants = vec![("RESULT", rounding(dtype)), ("GOES_ON", u32::from(round > 0))];
        let mut reads: Vec<&Memory> = vec![x.tensor.memory(), &table];
        if pool != Pool::Average {
            constants.push(("HAS_PLACES", u32::from(has_places)));
            constants.push(("HAS_FOUND", u32::from(found.is_some())));
            reads.push(found.map_or(&table, |found| found.memory()));
        }
        let program = Program { kernel, types: &types, sizes: &[], constants: &constants };
        let writes: [&Memory; 2] = [out.memory(), places.memory()];
        context.run(program, &params, &writes, &reads, Grid::of(out.numel(), GROUP))?;
    }
    Ok((out, has_places.then_some(places)))
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
    if shape.numel() == 0 {
        // Of no pictures the sizes may be beyond any table.
        return Tensor::full_on(dy.device(), shape, 0, dy.dtype());
    }
    // Places lie as the input did.
    let order = Images::of(places.unwrap_or(dy))?;
    let dy = order.alike(dy)?;
    let [deep, down, across] = windows;
    let ranges = [Ranges::covering(deep)?, Ranges::covering(down)?, Ranges::covering(across)?];
    let dtype = dy.tensor.dtype();
    if ranges.iter().map(Ranges::most).fold(1, usize::saturating_mul) <= MOST_TERMS {
        let dx = spread(&dy, places.map(|_| &order.tensor), &ranges, (shape, dtype))?;
        return dy.result(shape, dx);
    }
    if places.is_some() {
        // Each of many windows has one place.
        let plane = shape[2..].iter().product::<usize>();
        let places = order.planes();
        let is_there = places.ge(0)?.logical_and(&places.lt(plane as i64)?)?;
        let index = is_there.where_(&places, -1)?;
        let wide = Images { tensor: dy.tensor.to_dtype(dtype.wide())?, inner: dy.inner };
        return dy.result(shape, scattered(&wide, &Place { axis: 1, index }, plane, shape)?.to_dtype(dtype)?);
    }
    // Along one axis after the other, with sums of sums in f32.
    let mut between = Images { tensor: dy.tensor.clone(), inner: dy.inner };
    let mut sizes = windows.each_ref().map(|axis| axis.windows.len());
    for axis in (0..3).rev().filter(|&axis| !is_each(&windows[axis])) {
        let mut one = sizes.map(Ranges::each);
        one[axis] = ranges[axis].clone();
        sizes[axis] = windows[axis].input;
        let lead = shape.rank() - 2;
        let size: Shape = shape[..2].iter().chain(&sizes[3 - lead..]).copied().collect();
        between.tensor = spread(&between, None, &one, (&size, dtype.wide()))?;
    }
    dy.result(shape, between.tensor)?.to_dtype(dtype)
}

/// Adds gradients up at their places (see [`Images::planes`]), in a picture of so many: the gradient of this shape in the order of memory.
pub(crate) fn scattered(dy: &Images, places: &Place, plane: usize, shape: &Shape) -> Result<Tensor> {
    let dy_planes = dy.planes();
    let planes = [dy_planes.shape()[0], plane, dy.inner];
    let dx = Tensor::full_on(dy.tensor.device(), planes, 0, dy.tensor.dtype())?;
    let dx = places.scattered(dx, &dy_planes, Scatter::Sum)?;
    Ok(dx.with_layout(Layout::contiguous(shape.clone())))
}

/// The gradient at pictures of this shape and dtype, in the order of memory. Only along one axis may more than [`MOST_TERMS`] windows cover
/// a place.
fn spread(
    dy: &Images,
    places: Option<&Tensor>,
    ranges: &[Ranges; 3],
    (shape, dtype): (&Shape, DType),
) -> Result<Tensor> {
    let context = dy.tensor.memory().context();
    let dx = Tensor::empty_on_wgpu(&dy.tensor, shape, dtype)?;
    let stored = |dtype| Stored::of(dtype, context.has_f16());
    let types = [("R", stored(dtype)?), ("A", stored(dy.tensor.dtype())?)];
    let rounds = ranges.iter().map(Ranges::most).max().unwrap_or(0).div_ceil(MOST_TERMS).max(1);
    for round in (0..rounds).filter(|_| dx.numel() > 0) {
        let (mut table, mut starts) = (Vec::new(), [0; 4]);
        for (axis, start) in ranges.iter().zip(&mut starts) {
            *start = table.len() as u32;
            let most = axis.most();
            table.extend(axis.of_places.iter().flat_map(|&(first, count)| {
                let (skipped, count) = part_of(count, round, most);
                [first + skipped, count].map(|x| x as u32)
            }));
            table.extend(axis.divisors.iter().map(|&divisor| divisor as u32));
        }
        let table = context.upload(bytemuck::cast_slice(&table))?;
        let order = places.unwrap_or(&dy.tensor);
        let offsets = [dy.tensor.layout().offset, order.layout().offset].map(|x| x as u32);
        let mut params = vec![dx.numel() as u32, 0, dy.inner as u32, offsets[0], offsets[1], 0, 0, 0];
        let sizes = |of: fn(&Ranges) -> usize| [of(&ranges[0]), of(&ranges[1]), of(&ranges[2]), 0].map(|x| x as u32);
        params.extend(sizes(|axis| axis.of_places.len()));
        params.extend(sizes(|axis| axis.divisors.len()));
        params.extend(starts);
        let constants =
            [("MODE", u32::from(places.is_none())), ("RESULT", rounding(dtype)), ("GOES_ON", u32::from(round > 0))];
        let program = Program { kernel: &BACKWARD, types: &types, sizes: &[], constants: &constants };
        let reads: [&Memory; 3] = [dy.tensor.memory(), &table, order.memory()];
        context.run(program, &params, &[dx.memory()], &reads, Grid::of(dx.numel(), GROUP))?;
    }
    Ok(dx)
}

/// The windows that cover the places of an axis.
#[derive(Clone)]
struct Ranges {
    /// For each place the first window that may cover it, and how many may: windows begin one behind the other.
    of_places: Vec<(usize, usize)>,
    /// Of the windows.
    divisors: Vec<usize>,
}

impl Ranges {
    /// # Errors
    /// [`Error::OutOfMemory`] for an axis of more places than the gradient could have elements.
    fn covering(axis: &Axis) -> Result<Ranges> {
        let mut of_places = Vec::new();
        let refused = |_| Error::OutOfMemory { bytes: axis.input.saturating_mul(size_of::<(usize, usize)>()) };
        of_places.try_reserve_exact(axis.input).map_err(refused)?;
        of_places.resize(axis.input, (usize::MAX, 0));
        for (number, window) in axis.windows.iter().enumerate() {
            for tap in 0..window.count {
                let (first, count) = &mut of_places[window.first + tap * axis.step];
                *first = (*first).min(number);
                *count = number - *first + 1;
            }
        }
        // Where no window is, no number is looked at.
        of_places.iter_mut().filter(|(_, count)| *count == 0).for_each(|(first, _)| *first = 0);
        Ok(Ranges { of_places, divisors: axis.windows.iter().map(|window| window.divisor).collect() })
    }

    /// Of windows that are one place each.
    fn each(count: usize) -> Ranges {
        Ranges { of_places: (0..count).map(|first| (first, 1)).collect(), divisors: vec![1; count] }
    }

    /// The most windows of one place.
    fn most(&self) -> usize {
        self.of_places.iter().map(|&(_, count)| count).max().unwrap_or(0)
    }
}

/// Of so many terms those that are folded in this round, of an axis where some place has `longest`: how many are before them, and how many
/// they are. An axis that is not too long is gone through in every round, beside the one that is cut.
fn part_of(count: usize, round: usize, longest: usize) -> (usize, usize) {
    if longest <= MOST_TERMS {
        return (0, count);
    }
    let skipped = (round * MOST_TERMS).min(count);
    (skipped, MOST_TERMS.min(count - skipped))
}

/// The elements of an axis's longest window.
fn longest(axis: &Axis) -> usize {
    axis.windows.iter().map(|window| window.count).max().unwrap_or(0)
}

/// The elements of the largest window.
fn terms(windows: &Windows) -> usize {
    windows.iter().map(longest).fold(1, usize::saturating_mul)
}

/// An axis of so many windows, each of which is one element.
fn each(input: usize) -> Axis {
    let windows = (0..input).map(|first| Window { first, count: 1, divisor: 1 }).collect();
    Axis { input, step: 1, windows, regular: None }
}

/// Whether pooling leaves an axis as it is.
fn is_each(axis: &Axis) -> bool {
    let is_own = |(i, window): (usize, &Window)| *window == Window { first: i, count: 1, divisor: 1 };
    axis.windows.len() == axis.input && axis.windows.iter().enumerate().all(is_own)
}

fn sizes(windows: &Windows, of: impl Fn(&Axis) -> usize) -> [u32; 4] {
    let [d, h, w] = [&windows[0], &windows[1], &windows[2]].map(|axis| of(axis) as u32);
    [d, h, w, 0]
}
