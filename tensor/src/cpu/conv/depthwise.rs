//! Depthwise convolution, where a filter sees one channel: rows of windows are summed tap by tap, with no matrix product.
//!
//! Everything is row-major here. A plane is what one channel of one image has of input places or windows; `geometry.filters` is
//! the number of filters per channel (the depth multiplier).

use std::ops::Range;

use smallvec::SmallVec;

use super::Geometry;
use crate::cpu::gemm::Factor;
use crate::cpu::parallel::over_chunks;

/// What the taps of a kernel row read in a row of windows: for each tap the windows that read inside the image, and where the
/// first of these reads.
type Columns = SmallVec<[(Range<usize>, usize); 8]>;

fn columns(geometry: &Geometry) -> Columns {
    let column = |tap: usize| {
        let start = geometry.reads(2, 0, tap);
        let inside = geometry.inside(start, geometry.output[2]);
        let start = start + (inside.start * geometry.stride[2]) as isize;
        (inside, usize::try_from(start).unwrap_or(0))
    };
    (0..geometry.kernel[2]).map(column).collect()
}

/// Calls `f(first window of the row, first tap of the kernel row, first place that they read)` for every row of windows and
/// every kernel row that reads inside the image.
#[inline(always)]
fn for_rows(geometry: &Geometry, mut f: impl FnMut(usize, usize, usize)) {
    let [deep, high, wide] = geometry.output;
    for x in 0..deep {
        for y in 0..high {
            for a in 0..geometry.kernel[0] {
                let Some(depth) = geometry.reads_inside(0, x, a) else { continue };
                for b in 0..geometry.kernel[1] {
                    let Some(row) = geometry.reads_inside(1, y, b) else { continue };
                    f(
                        (x * high + y) * wide,
                        (a * geometry.kernel[1] + b) * geometry.kernel[2],
                        (depth * geometry.input[1] + row) * geometry.input[2],
                    );
                }
            }
        }
    }
}

/// One plane of the result, to which the bias has been written.
#[inline(always)]
fn forward_plane<T: Factor>(geometry: &Geometry, columns: &Columns, x: &[T], weight: &[T], out: &mut [T]) {
    let stride = geometry.stride[2];
    for_rows(geometry, |window, tap, place| {
        for ((inside, start), &factor) in columns.iter().zip(&weight[tap..]) {
            let out = &mut out[window + inside.start..window + inside.end];
            let x = &x[(place + start).min(x.len())..];
            if stride == 1 {
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = out.plus(x.times(factor));
                }
            } else {
                for (out, &x) in out.iter_mut().zip(x.iter().step_by(stride)) {
                    *out = out.plus(x.times(factor));
                }
            }
        }
    });
}

/// Adds to one plane of the input's gradient what one filter gives.
#[inline(always)]
fn input_plane<T: Factor>(geometry: &Geometry, columns: &Columns, dy: &[T], weight: &[T], dx: &mut [T]) {
    let stride = geometry.stride[2];
    for_rows(geometry, |window, tap, place| {
        for ((inside, start), &factor) in columns.iter().zip(&weight[tap..]) {
            let dy = &dy[window + inside.start..window + inside.end];
            let from = (place + start).min(dx.len());
            let dx = &mut dx[from..];
            if stride == 1 {
                for (dx, &dy) in dx.iter_mut().zip(dy) {
                    *dx = dx.plus(dy.times(factor));
                }
            } else {
                for (dx, &dy) in dx.iter_mut().step_by(stride).zip(dy) {
                    *dx = dx.plus(dy.times(factor));
                }
            }
        }
    });
}

/// Adds to the gradient of one filter's weight what one plane gives.
#[inline(always)]
fn weight_plane<T: Factor>(geometry: &Geometry, columns: &Columns, x: &[T], dy: &[T], dw: &mut [T]) {
    let stride = geometry.stride[2];
    for_rows(geometry, |window, tap, place| {
        for ((inside, start), dw) in columns.iter().zip(&mut dw[tap..]) {
            let dy = &dy[window + inside.start..window + inside.end];
            *dw = dw.plus(dot(dy, &x[(place + start).min(x.len())..], stride));
        }
    });
}

/// Sums that a dot product keeps side by side.
const LANES: usize = 16;

/// `Σ_i dy[i] · x[i · stride]`.
#[inline(always)]
fn dot<T: Factor>(dy: &[T], x: &[T], stride: usize) -> T {
    let mut sums = [T::ZERO; LANES];
    if stride == 1 {
        let (whole, rest) = dy.as_chunks::<LANES>();
        let (x_whole, x_rest) = x[..dy.len()].as_chunks::<LANES>();
        for (dy, x) in whole.iter().zip(x_whole) {
            for i in 0..LANES {
                sums[i] = sums[i].plus(dy[i].times(x[i]));
            }
        }
        for (sum, (&dy, &x)) in sums.iter_mut().zip(rest.iter().zip(x_rest)) {
            *sum = sum.plus(dy.times(x));
        }
    } else {
        for (i, (&dy, &x)) in dy.iter().zip(x.iter().step_by(stride)).enumerate() {
            sums[i % LANES] = sums[i % LANES].plus(dy.times(x));
        }
    }
    sums.into_iter().fold(T::ZERO, T::plus)
}

/// Compiles a kernel for several instruction sets, and runs that which suits the processor.
macro_rules! dispatched {
    ($name:ident, $kernel:ident, ($($input:ident),*), $output:ident) => {
        fn $name<T: Factor>(geometry: &Geometry, columns: &Columns, $($input: &[T],)* $output: &mut [T]) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn avx512<T: Factor>(geometry: &Geometry, columns: &Columns, $($input: &[T],)* $output: &mut [T]) {
                    $kernel(geometry, columns, $($input,)* $output);
                }
                #[target_feature(enable = "avx2")]
                fn avx2<T: Factor>(geometry: &Geometry, columns: &Columns, $($input: &[T],)* $output: &mut [T]) {
                    $kernel(geometry, columns, $($input,)* $output);
                }
                if is_x86_feature_detected!("avx512f") {
                    // SAFETY: the processor has these instructions.
                    return unsafe { avx512(geometry, columns, $($input,)* $output) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: as above.
                    return unsafe { avx2(geometry, columns, $($input,)* $output) };
                }
            }
            $kernel(geometry, columns, $($input,)* $output);
        }
    };
}
dispatched!(run_forward, forward_plane, (x, weight), out);
dispatched!(run_input, input_plane, (dy, weight), dx);
dispatched!(run_weight, weight_plane, (x, dy), dw);

/// The convolution; see [`super::forward::forward`].
pub(crate) fn forward<T: Factor>(geometry: &Geometry, x: &[T], weight: &[T], bias: Option<&[T]>, out: &mut [T]) {
    let (places, windows, taps) = (geometry.places(), geometry.windows(), geometry.taps());
    let columns = columns(geometry);
    let filters = geometry.groups * geometry.filters;
    over_chunks(out, windows, taps, |start, out| {
        for (i, out) in out.chunks_exact_mut(windows).enumerate() {
            let plane = start / windows + i;
            let (image, filter) = (plane / filters, plane % filters);
            let channel = image * geometry.groups + filter / geometry.filters;
            let x = &x[channel * places..(channel + 1) * places];
            out.fill(bias.map_or(T::ZERO, |bias| bias[filter]));
            run_forward(geometry, &columns, x, &weight[filter * taps..(filter + 1) * taps], out);
        }
    });
}

/// The gradient with respect to the input; see [`super::backward::input`].
pub(crate) fn input<T: Factor>(geometry: &Geometry, weight: &[T], dy: &[T], dx: &mut [T]) {
    let (places, windows, taps) = (geometry.places(), geometry.windows(), geometry.taps());
    let columns = columns(geometry);
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
                run_input(geometry, &columns, dy, &weight[filter * taps..(filter + 1) * taps], dx);
            }
        }
    });
}

/// The gradient with respect to the weight; see [`super::backward::weight`]. Images are summed one after the other.
pub(crate) fn weight<T: Factor>(geometry: &Geometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let (places, windows, taps) = (geometry.places(), geometry.windows(), geometry.taps());
    let columns = columns(geometry);
    let filters = geometry.groups * geometry.filters;
    over_chunks(dw, taps, geometry.images * windows, |start, dw| {
        for (i, dw) in dw.chunks_exact_mut(taps).enumerate() {
            let filter = start / taps + i;
            dw.fill(T::ZERO);
            for image in 0..geometry.images {
                let channel = image * geometry.groups + filter / geometry.filters;
                let x = &x[channel * places..(channel + 1) * places];
                let dy = &dy[(image * filters + filter) * windows..][..windows];
                run_weight(geometry, &columns, x, dy, dw);
            }
        }
    });
}
