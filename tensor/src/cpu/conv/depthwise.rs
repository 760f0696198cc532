//! Depthwise convolution, where a filter sees one channel: rows of windows are summed tap by tap, with no matrix product.
//!
//! Everything is row-major here. `filters` is the number of filters per channel (the depth multiplier).

use super::Geometry;
use crate::cpu::gemm::Factor;
use crate::cpu::parallel::over_chunks;

/// The part of one tap in one row of windows.
struct Row {
    /// The windows of the row that read inside the image.
    inside: std::ops::Range<usize>,
    /// Where in the channel's places the first of these reads.
    start: usize,
}

/// What the tap of the windows in the output row (`x`, `y`) reads, unless all of it is outside.
fn row(geometry: &Geometry, x: usize, y: usize, tap: [usize; 3]) -> Option<Row> {
    let depth = geometry.reads_inside(0, x, tap[0])?;
    let high = geometry.reads_inside(1, y, tap[1])?;
    let column = geometry.reads(2, 0, tap[2]);
    let inside = geometry.inside(column, geometry.output[2]);
    if inside.is_empty() {
        return None;
    }
    let column = (column + (inside.start * geometry.stride[2]) as isize) as usize;
    let start = (depth * geometry.input[1] + high) * geometry.input[2] + column;
    Some(Row { inside, start })
}

/// The rows of the output, as their first two indices.
fn output_rows(geometry: &Geometry) -> impl Iterator<Item = (usize, usize)> {
    let [deep, high, _] = geometry.output;
    (0..deep).flat_map(move |x| (0..high).map(move |y| (x, y)))
}

/// The convolution; see [`super::forward::forward`].
pub(crate) fn forward<T: Factor>(geometry: &Geometry, x: &[T], weight: &[T], bias: Option<&[T]>, out: &mut [T]) {
    let (places, windows, taps) = (geometry.places(), geometry.windows(), geometry.taps());
    let (wide, stride) = (geometry.output[2], geometry.stride[2]);
    let filters = geometry.groups * geometry.filters;
    over_chunks(out, windows, taps, |start, out| {
        for (i, out) in out.chunks_exact_mut(windows).enumerate() {
            let plane = start / windows + i;
            let (image, filter) = (plane / filters, plane % filters);
            let channel = image * geometry.groups + filter / geometry.filters;
            let x = &x[channel * places..(channel + 1) * places];
            let weight = &weight[filter * taps..(filter + 1) * taps];
            let first = bias.map_or(T::ZERO, |bias| bias[filter]);
            for ((depth, high), out) in output_rows(geometry).zip(out.chunks_exact_mut(wide)) {
                out.fill(first);
                for (tap, &factor) in weight.iter().enumerate() {
                    if let Some(Row { inside, start }) = row(geometry, depth, high, geometry.tap(tap)) {
                        let out = &mut out[inside];
                        if stride == 1 {
                            let x = &x[start..start + out.len()];
                            for (out, &x) in out.iter_mut().zip(x) {
                                *out = out.plus(x.times(factor));
                            }
                        } else {
                            for (out, &x) in out.iter_mut().zip(x[start..].iter().step_by(stride)) {
                                *out = out.plus(x.times(factor));
                            }
                        }
                    }
                }
            }
        }
    });
}

/// The gradient with respect to the input; see [`super::backward::input`].
pub(crate) fn input<T: Factor>(geometry: &Geometry, weight: &[T], dy: &[T], dx: &mut [T]) {
    let (places, windows, taps) = (geometry.places(), geometry.windows(), geometry.taps());
    let (wide, stride) = (geometry.output[2], geometry.stride[2]);
    if dx.is_empty() {
        return;
    }
    over_chunks(dx, places, taps * geometry.filters, |start, dx| {
        for (i, dx) in dx.chunks_exact_mut(places).enumerate() {
            let plane = start / places + i;
            dx.fill(T::ZERO);
            for of_channel in 0..geometry.filters {
                let filter = plane % geometry.groups * geometry.filters + of_channel;
                let dy = &dy[(plane * geometry.filters + of_channel) * windows..][..windows];
                let weight = &weight[filter * taps..(filter + 1) * taps];
                for ((depth, high), dy) in output_rows(geometry).zip(dy.chunks_exact(wide.max(1))) {
                    for (tap, &factor) in weight.iter().enumerate() {
                        if let Some(Row { inside, start }) = row(geometry, depth, high, geometry.tap(tap)) {
                            let dy = &dy[inside];
                            if stride == 1 {
                                let dx = &mut dx[start..start + dy.len()];
                                for (dx, &dy) in dx.iter_mut().zip(dy) {
                                    *dx = dx.plus(dy.times(factor));
                                }
                            } else {
                                let dx = dx[start..].iter_mut().step_by(stride);
                                for (dx, &dy) in dx.zip(dy) {
                                    *dx = dx.plus(dy.times(factor));
                                }
                            }
                        }
                    }
                }
            }
        }
    });
}

/// Sums that a dot product keeps side by side.
const LANES: usize = 8;

/// The gradient with respect to the weight; see [`super::backward::weight`]. Images are summed one after the other.
pub(crate) fn weight<T: Factor>(geometry: &Geometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let (places, windows, taps) = (geometry.places(), geometry.windows(), geometry.taps());
    let (wide, stride) = (geometry.output[2], geometry.stride[2]);
    let filters = geometry.groups * geometry.filters;
    over_chunks(dw, taps, geometry.images * windows, |start, dw| {
        for (i, dw) in dw.chunks_exact_mut(taps).enumerate() {
            let filter = start / taps + i;
            dw.fill(T::ZERO);
            for image in 0..geometry.images {
                let channel = image * geometry.groups + filter / geometry.filters;
                let x = &x[channel * places..(channel + 1) * places];
                let dy = &dy[(image * filters + filter) * windows..][..windows];
                for ((depth, high), dy) in output_rows(geometry).zip(dy.chunks_exact(wide.max(1))) {
                    for (tap, dw) in dw.iter_mut().enumerate() {
                        if let Some(Row { inside, start }) = row(geometry, depth, high, geometry.tap(tap)) {
                            let dy = &dy[inside];
                            *dw = dw.plus(dot(dy, &x[start..], stride));
                        }
                    }
                }
            }
        }
    });
}

/// `Σ_i dy[i] · x[i · stride]`.
fn dot<T: Factor>(dy: &[T], x: &[T], stride: usize) -> T {
    let mut sums = [T::ZERO; LANES];
    if stride == 1 {
        let pairs = dy.chunks(LANES).zip(x[..dy.len()].chunks(LANES));
        for (dy, x) in pairs {
            for (sum, (&dy, &x)) in sums.iter_mut().zip(dy.iter().zip(x)) {
                *sum = sum.plus(dy.times(x));
            }
        }
    } else {
        for (i, (&dy, &x)) in dy.iter().zip(x.iter().step_by(stride)).enumerate() {
            sums[i % LANES] = sums[i % LANES].plus(dy.times(x));
        }
    }
    sums.into_iter().fold(T::ZERO, T::plus)
}
