//! Depthwise convolution, where a filter sees one channel: each output is a sum over taps, with no matrix product.
//!
//! There are kernels for both memory orders: [`planes`] for row-major images, [`channels`] for channels-last ones.
//! `geometry.filters` is the number of filters per channel (the depth multiplier).

mod channels;
mod channels_input;
mod channels_weight;
mod planes;
mod planes_weight;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{Geometry, rows};
use crate::Result;
use crate::cpu::gemm::{Output, Places};
use crate::cpu::math::Float;
use crate::cpu::parallel::{GRAIN, SharedMut, over_range};
use crate::cpu::simd::{Lane, dispatch};
use crate::cpu::threads;
use crate::memory::Buffer;
use crate::profile;
use channels::Forward;
use channels_input::Input;
use channels_weight::Weight;
use planes::{Plan, Sum};
use planes_weight::Dots;

/// Whether the kernels of row-major images are for this convolution: those of channels-last ones are for all.
pub(crate) fn serves_rows(geometry: &Geometry) -> bool {
    rows::are_short(geometry)
}

/// The convolution of row-major images; see [`super::forward::forward`].
pub(crate) fn forward<T: Lane>(
    geometry: &Geometry,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    out: &mut [T],
) -> Result<()> {
    let _span = profile::span_of_work("depthwise", geometry.bytes::<T>(), geometry.flops());
    sum_planes(&Plan::forward(geometry), x, weight, bias, out)
}

/// The gradient with respect to row-major images; see [`super::backward_input::input`].
pub(crate) fn input<T: Lane>(geometry: &Geometry, weight: &[T], dy: &[T], dx: &mut [T]) -> Result<()> {
    let _span = profile::span_of_work("depthwise to input", geometry.bytes::<T>(), geometry.flops());
    sum_planes(&Plan::input(geometry), dy, weight, None, dx)
}

fn sum_planes<T: Lane>(plan: &Plan, source: &[T], weight: &[T], bias: Option<&[T]>, out: &mut [T]) -> Result<()> {
    let windows = plan.windows();
    over_pieces(out, windows, GRAIN / windows.max(1), plan.scratch::<T>(), |first, out, scratch| {
        dispatch(Sum { plan, source, weight, bias, first, out, scratch });
    })
}

/// The gradient with respect to the weight for row-major images; see [`super::backward_weight::weight`]. Images are summed one after
/// the other.
pub(crate) fn weight<T: Lane>(geometry: &Geometry, x: &[T], dy: &[T], dw: &mut [T]) -> Result<()> {
    let _span = profile::span_of_work("depthwise to weight", geometry.bytes::<T>(), geometry.flops());
    if dy.is_empty() {
        dw.fill(T::ZERO);
        return Ok(());
    }
    let each = GRAIN / (geometry.windows() * geometry.images).max(1);
    let scratch = planes_weight::scratch::<T>(geometry);
    over_pieces(dw, geometry.taps(), each, scratch, |first, dw, scratch| {
        dispatch(Dots { geometry, x, dy, first, dw, scratch });
    })
}

/// Calls `f(first, piece, scratch)` on consecutive pieces of `out` of `each` units (at least one), `first` being the number of
/// the piece's first unit.
fn over_pieces<T: Lane>(
    out: &mut [T],
    unit: usize,
    each: usize,
    scratch: usize,
    f: impl Fn(usize, &mut [T], &mut [T]) + Sync,
) -> Result<()> {
    let count = out.len() / unit.max(1);
    let each = each.max(1);
    let shared = SharedMut::new(out);
    let one = |range: Range<usize>| {
        let mut scratch = Buffer::for_output::<T>(scratch)?;
        // SAFETY: the ranges are disjoint parts of `out`, which is borrowed until all calls have returned.
        let piece = unsafe { shared.slice(range.start * unit..range.end * unit) };
        f(range.start, piece, scratch.as_mut_slice());
        Ok(())
    };
    if count <= each {
        return if count > 0 { one(0..count) } else { Ok(()) };
    }
    threads::try_each(count.div_ceil(each), &|i| one(i * each..((i + 1) * each).min(count)))
}

/// Products that are worth a task of their own, as multiples of [`GRAIN`].
const GRAINS: usize = 16;

/// The convolution of channels-last images. The weight is `[taps, filters]` (see [`taps_first`]); nothing is allocated.
pub(crate) fn forward_channels_last<T: Float>(
    geometry: &Geometry,
    x: Places<'_, T>,
    weight: &[T],
    out: &Output<'_, T>,
) {
    let _span = profile::span_of_work("depthwise", geometry.bytes::<T>(), geometry.flops());
    let filters = geometry.groups * geometry.filters;
    let [deep, high, wide] = geometry.output;
    let (windows, taps) = (geometry.images * geometry.windows(), geometry.taps());
    if windows * filters == 0 {
        return;
    }
    assert!(x.holds(geometry.images * geometry.places(), geometry.groups), "the input is shorter than its geometry");
    assert!(out.holds(windows, filters), "the result is shorter than its geometry");
    assert!(weight.len() == taps * filters, "the weight is not of its geometry");
    over_range(geometry.images * deep * high, (wide * filters * taps).div_ceil(GRAINS), &|rows| {
        dispatch(Forward { geometry, x, weight, rows, out });
    });
}

/// The gradient with respect to dense channels-last images; the weight is as for [`forward_channels_last`].
pub(crate) fn input_channels_last<T: Lane>(geometry: &Geometry, weight: &[T], dy: Places<'_, T>, dx: &mut [T]) {
    let _span = profile::span_of_work("depthwise to input", geometry.bytes::<T>(), geometry.flops());
    let filters = geometry.groups * geometry.filters;
    let [deep, high, wide] = geometry.input;
    let taps = geometry.taps();
    if dx.is_empty() {
        return;
    }
    assert!(dy.holds(geometry.images * geometry.windows(), filters), "the gradient is shorter than its geometry");
    assert!(dx.len() == geometry.images * geometry.places() * geometry.groups, "the result is not of its geometry");
    assert!(weight.len() == taps * filters, "the weight is not of its geometry");
    let shared = SharedMut::new(dx);
    over_range(geometry.images * deep * high, (wide * filters * taps).div_ceil(GRAINS), &|rows| {
        dispatch(Input { geometry, dy, weight, rows, dx: shared });
    });
}

/// Most parts that a weight's gradient is summed in.
const PARTS: usize = 32;

/// The gradient with respect to the weight for channels-last images. Rows are summed in parts that follow from the shape, then
/// the parts one after the other.
pub(crate) fn weight_channels_last<T: Lane>(
    geometry: &Geometry,
    x: Places<'_, T>,
    dy: Places<'_, T>,
    dw: &mut [T],
) -> Result<()> {
    let _span = profile::span_of_work("depthwise to weight", geometry.bytes::<T>(), geometry.flops());
    let filters = geometry.groups * geometry.filters;
    let [deep, high, wide] = geometry.output;
    let (rows, taps) = (geometry.images * deep * high, geometry.taps());
    if dw.is_empty() {
        return Ok(());
    }
    assert!(x.holds(geometry.images * geometry.places(), geometry.groups), "the input is shorter than its geometry");
    assert!(dy.holds(rows * wide, filters), "the gradient is shorter than its geometry");
    assert!(dw.len() == taps * filters, "the result is not of its geometry");
    let each = (GRAIN * GRAINS).div_ceil((wide * filters * taps).max(1)).max(rows.div_ceil(PARTS)).max(1);
    let parts = rows.div_ceil(each);
    let mut sums = Buffer::for_output::<T>(parts.saturating_mul(dw.len()))?;
    let sums = sums.as_mut_slice::<T>();
    let (shared, len) = (SharedMut::new(sums), dw.len());
    threads::each(parts, &|part| {
        // SAFETY: every part has its own piece, and they are borrowed until all are done.
        let sums = unsafe { shared.slice(part * len..(part + 1) * len) };
        let rows = part * each..((part + 1) * each).min(rows);
        dispatch(Weight { geometry, x, dy, rows, sums });
    });
    for (filter, dw) in dw.chunks_exact_mut(taps).enumerate() {
        for (tap, dw) in dw.iter_mut().enumerate() {
            *dw = sums.iter().skip(tap * filters + filter).step_by(taps * filters).fold(T::ZERO, |sum, &x| sum.plus(x));
        }
    }
    Ok(())
}

/// The weight `[filters, taps]` as `[taps, filters]`.
pub(crate) fn taps_first<T: Copy>(weight: &[T], taps: usize, out: &mut [T]) {
    let filters = weight.len() / taps.max(1);
    for (filter, weight) in weight.chunks_exact(taps.max(1)).enumerate() {
        for (tap, &weight) in weight.iter().enumerate() {
            out[tap * filters + filter] = weight;
        }
    }
}
