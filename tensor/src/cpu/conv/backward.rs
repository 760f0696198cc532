//! The gradients of a convolution with respect to its input (which is the transposed convolution) and its weight.

use rayon::prelude::*;

use super::Geometry;
use super::forward::{Lie, forward};
use super::windows::Taps;
use crate::Result;
use crate::cpu::gemm::{self, Blocked, Factor, Size, Strided, Target};
use crate::cpu::parallel::{SharedMut, over_chunks};
use crate::memory::Buffer;

/// Windows that are multiplied together: small images are taken several at a time.
const TOGETHER: usize = 512;
/// Partial sums of a weight gradient, and the size up to which a gradient is worth having several.
const PARTS: usize = 8;
const SMALL: usize = 256 * 1024;

/// `dx[n, c, i] = Σ dy · weight` over the windows and taps that read `i`. All three are row-major.
pub(crate) fn input<T: Factor>(geometry: &Geometry, weight: &[T], dy: &[T], dx: &mut [T]) -> Result<()> {
    if geometry.stride == [1; 3] {
        return input_by_windows(geometry, weight, dy, dx);
    }
    let &Geometry { images, channels, filters, groups, .. } = geometry;
    let (depth, windows, places) = (geometry.depth(), geometry.windows(), geometry.places());
    if dx.is_empty() {
        return Ok(());
    }
    let together = TOGETHER.div_ceil(windows.max(1)).clamp(1, images);
    let pieces = images.div_ceil(together);
    let shared = SharedMut::new(dx);
    (0..pieces * groups).into_par_iter().try_for_each(|i| {
        let (first, group) = (i / groups * together, i % groups);
        let count = together.min(images - first);
        let size = Size { m: depth, n: count * windows, k: filters };
        let mut columns = Buffer::for_output::<T>(size.m.saturating_mul(size.n))?;
        let columns = columns.as_mut_slice::<T>();
        let left = Strided::plain(weight, group * filters * depth, 1, depth as isize);
        let right = Strided {
            data: dy,
            offset: (first * groups + group) * filters * windows,
            lanes: Blocked { block: windows.max(1), outer: (groups * filters * windows) as isize, inner: 1 },
            depth: Blocked::plain(windows as isize),
        };
        gemm::gemm(size, &left, &right, Target::plain(columns, size.n))?;
        for image in 0..count {
            let start = ((first + image) * groups + group) * channels * places;
            // SAFETY: each image and group has a piece of `dx` of its own.
            let dx = unsafe { shared.slice(start..start + channels * places) };
            over_chunks(dx, places, geometry.taps(), |start, dx| {
                for (c, dx) in dx.chunks_exact_mut(places).enumerate() {
                    let channel = start / places + c;
                    dx.fill(T::ZERO);
                    for tap in 0..geometry.taps() {
                        let row = (channel * geometry.taps() + tap) * size.n + image * windows;
                        add_column(geometry, tap, &columns[row..row + windows], dx);
                    }
                }
            });
        }
        Ok(())
    })
}

/// Adds what one tap of each window gives to the places that it reads (col2im).
fn add_column<T: Factor>(geometry: &Geometry, tap: usize, column: &[T], dx: &mut [T]) {
    let tap = geometry.tap(tap);
    let [deep, high, wide] = geometry.output;
    let start = geometry.reads(2, 0, tap[2]);
    let inside = geometry.inside(start, wide);
    let start = start + (inside.start * geometry.stride[2]) as isize;
    if inside.is_empty() {
        return;
    }
    for x in 0..deep {
        let Some(depth) = geometry.reads_inside(0, x, tap[0]) else {
            continue;
        };
        for y in 0..high {
            let Some(row) = geometry.reads_inside(1, y, tap[1]) else {
                continue;
            };
            let from = (x * high + y) * wide;
            let source = &column[from + inside.start..from + inside.end];
            let to = (depth * geometry.input[1] + row) * geometry.input[2] + start as usize;
            for (out, &value) in dx[to..].iter_mut().step_by(geometry.stride[2]).zip(source) {
                *out = out.plus(value);
            }
        }
    }
}

/// With stride 1 the gradient is itself a convolution: of `dy`, by the weight with its taps reversed.
fn input_by_windows<T: Factor>(geometry: &Geometry, weight: &[T], dy: &[T], dx: &mut [T]) -> Result<()> {
    let &Geometry { channels, filters, groups, .. } = geometry;
    let taps = geometry.taps();
    let mut reversed = Buffer::for_output::<T>(weight.len())?;
    let reversed = reversed.as_mut_slice::<T>();
    if !reversed.is_empty() {
        over_chunks(reversed, filters * taps, 2, |start, rows| {
            for (i, row) in rows.chunks_exact_mut(filters * taps).enumerate() {
                let (group, channel) = {
                    let row = start / (filters * taps) + i;
                    (row / channels, row % channels)
                };
                for (filter, out) in row.chunks_exact_mut(taps).enumerate() {
                    let from = ((group * filters + filter) * channels + channel) * taps;
                    let source = &weight[from..from + taps];
                    for (out, &value) in out.iter_mut().zip(source.iter().rev()) {
                        *out = value;
                    }
                }
            }
        });
    }
    let mut before = [0; 3];
    for (axis, before) in before.iter_mut().enumerate() {
        let span = geometry.dilation[axis] * (geometry.kernel[axis] - 1);
        *before = span as isize - geometry.before[axis];
    }
    let back = Geometry {
        channels: filters,
        filters: channels,
        input: geometry.output,
        output: geometry.input,
        before,
        ..*geometry
    };
    let lie = Lie::dense(groups * filters, geometry.output);
    forward(&back, (dy, lie), reversed, None, dx)
}

/// `dw[o, c, tap] = Σ dy · x` over images and windows. `dy` and `dw` are row-major.
///
/// Images are summed in an order that follows from the shape: some at a time within one product, then product by product.
pub(crate) fn weight<T: Factor>(geometry: &Geometry, (x, lie): (&[T], Lie), dy: &[T], dw: &mut [T]) -> Result<()> {
    let &Geometry { images, channels, filters, groups, .. } = geometry;
    let (depth, windows) = (geometry.depth(), geometry.windows());
    let together = TOGETHER.div_ceil(windows.max(1)).clamp(1, images.max(1));
    let products = images.div_ceil(together);
    let len = dw.len();
    let parts = if len <= SMALL { products.clamp(1, PARTS) } else { 1 };
    let each = products.div_ceil(parts);
    let mut others = Buffer::for_output::<T>((parts - 1).saturating_mul(len))?;
    let others = others.as_mut_slice::<T>();
    let (first, rest) = (SharedMut::new(dw), SharedMut::new(others));
    (0..parts * groups).into_par_iter().try_for_each(|i| {
        let (part, group) = (i / groups, i % groups);
        let (target, start) = match part {
            0 => (first, 0),
            _ => (rest, (part - 1) * len),
        };
        let own = start + group * filters * depth..start + (group + 1) * filters * depth;
        // SAFETY: each part and group has a piece of its own, in `dw` or `others`, which outlive the loop.
        let sum = unsafe { target.slice(own) };
        let of_part = part * each..((part + 1) * each).min(products);
        if of_part.is_empty() {
            sum.fill(T::ZERO);
        }
        for product in of_part.clone() {
            let image = product * together;
            let count = together.min(images - image);
            let size = Size { m: filters, n: depth, k: count * windows };
            let left = Strided {
                data: dy,
                offset: (image * groups + group) * filters * windows,
                lanes: Blocked::plain(windows as isize),
                depth: Blocked { block: windows.max(1), outer: (groups * filters * windows) as isize, inner: 1 },
            };
            let mut source = lie.group(x, group * channels);
            source.offset = (source.offset as isize + image as isize * lie.image) as usize;
            let right = Taps { images: source, geometry };
            let add = product > of_part.start;
            let mut target = Target::plain(sum, depth);
            target.add = add;
            gemm::gemm(size, &left, &right, target)?;
        }
        Ok(())
    })?;
    if parts > 1 {
        over_chunks(dw, 1, parts, |start, dw| {
            for part in others.chunks_exact(len) {
                for (sum, &value) in dw.iter_mut().zip(&part[start..]) {
                    *sum = sum.plus(value);
                }
            }
        });
    }
    Ok(())
}
