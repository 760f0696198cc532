//! Pooling kernels over planes of up to three dimensions; lower dimensions come as leading axes of size 1.
//!
//! Which elements a window covers is worked out once per axis, so that fixed and adaptive windows, padding, dilation and
//! ceil mode are all one to the loops.

use super::parallel::{GRAIN, SharedMut, over_chunks, over_range};
use crate::element::{Number, Real};

/// What one window covers along one axis: `count` elements from `first`, `step` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// What an average divides by along this axis.
    pub(crate) divisor: usize,
}

/// The windows of one axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) input: usize,
    /// Distance of neighbours in a window.
    pub(crate) step: usize,
    pub(crate) windows: Vec<Window>,
}

impl Axis {
    fn len(&self) -> usize {
        self.windows.len()
    }
}

/// The windows of three axes, the last one fastest in memory.
pub(crate) type Windows = [Axis; 3];

fn volume(windows: &Windows) -> (usize, usize) {
    let [d, h, w] = windows;
    (d.input * h.input * w.input, d.len() * h.len() * w.len())
}

/// Elements that a typical window covers.
fn taps(windows: &Windows) -> usize {
    let longest = |axis: &Axis| axis.windows.iter().map(|window| window.count).max();
    windows
        .iter()
        .map(|axis| longest(axis).unwrap_or(0))
        .product()
}

/// Calls `f(first place of a row of the input, row of outputs)` for the rows of `out`, with the windows of the outer two axes.
fn over_rows<T: Send + Sync>(
    out: &mut [T],
    windows: &Windows,
    f: impl Fn(usize, Window, Window, &mut [T], &mut Vec<T>) + Sync,
) {
    let [d, h, w] = windows;
    let (plane, _) = volume(windows);
    over_chunks(out, w.len(), taps(windows), |start, piece| {
        let mut scratch = Vec::new();
        for (i, row) in piece.chunks_mut(w.len()).enumerate() {
            let index = start / w.len() + i;
            let (rest, y) = (index / h.len(), index % h.len());
            let (channel, z) = (rest / d.len(), rest % d.len());
            f(
                channel * plane,
                d.windows[z],
                h.windows[y],
                row,
                &mut scratch,
            );
        }
    });
}

/// Calls `f` with the start of each row of the input that the windows of the outer two axes cover.
#[inline(always)]
fn covered_rows(windows: &Windows, dw: Window, hw: Window, f: &mut dyn FnMut(usize)) {
    let [d, h, w] = windows;
    for z in 0..dw.count {
        for y in 0..hw.count {
            let (z, y) = (dw.first + z * d.step, hw.first + y * h.step);
            f((z * h.input + y) * w.input);
        }
    }
}

/// The greater one; NaN if either is.
#[inline(always)]
fn greater<T: Number>(best: T, x: T) -> T {
    if x > best || x.nan() { x } else { best }
}

/// The greatest element of each window. `x` holds planes in row-major order.
pub(crate) fn max<T: Number>(x: &[T], windows: &Windows, out: &mut [T]) {
    let w = &windows[2];
    over_rows(out, windows, |plane, dw, hw, row, columns| {
        // First down the columns, which the vector unit does for a whole row at a time, then across.
        columns.clear();
        columns.resize(w.input, T::LOWEST);
        covered_rows(windows, dw, hw, &mut |start| {
            let start = plane + start;
            for (best, &x) in columns.iter_mut().zip(&x[start..start + w.input]) {
                *best = greater(*best, x);
            }
        });
        for (out, window) in row.iter_mut().zip(&w.windows) {
            let covered = columns[window.first..].iter().step_by(w.step);
            *out = covered
                .take(window.count)
                .fold(T::LOWEST, |best, &x| greater(best, x));
        }
    });
}

/// As [`max`], with the place of each greatest element in its plane: the first one, or the last NaN, as PyTorch has it; -1 for
/// a window that covers padding only.
pub(crate) fn max_with_indices<T: Number>(
    x: &[T],
    windows: &Windows,
    out: &mut [T],
    indices: &mut [i64],
) {
    let w = &windows[2];
    let indices = SharedMut::new(indices);
    let values = SharedMut::new(out);
    let rows = out.len() / w.len().max(1);
    let [d, h, _] = windows;
    let (plane_len, _) = volume(windows);
    over_range(rows, taps(windows) * w.len() * 2, &|range| {
        for index in range {
            let (rest, y) = (index / h.len(), index % h.len());
            let (channel, z) = (rest / d.len(), rest % d.len());
            let (dw, hw) = (d.windows[z], h.windows[y]);
            let plane = &x[channel * plane_len..(channel + 1) * plane_len];
            let places = index * w.len()..(index + 1) * w.len();
            // SAFETY: each row of the outputs belongs to one index, and the ranges of indices are disjoint.
            let (values, indices) =
                unsafe { (values.slice(places.clone()), indices.slice(places)) };
            values.fill(T::LOWEST);
            indices.fill(-1);
            covered_rows(windows, dw, hw, &mut |start| {
                let row = &plane[start..start + w.input];
                for ((best, place), window) in
                    values.iter_mut().zip(indices.iter_mut()).zip(&w.windows)
                {
                    for i in 0..window.count {
                        let column = window.first + i * w.step;
                        let x = row[column];
                        // The lowest value of all is still an element.
                        if x > *best || x.nan() || *place < 0 {
                            (*best, *place) = (x, (start + column) as i64);
                        }
                    }
                }
            });
        }
    });
}

/// The mean of each window.
pub(crate) fn average<T: Real>(x: &[T], windows: &Windows, out: &mut [T]) {
    let w = &windows[2];
    over_rows(out, windows, |plane, dw, hw, row, columns| {
        columns.clear();
        columns.resize(w.input, T::ZERO);
        covered_rows(windows, dw, hw, &mut |start| {
            let start = plane + start;
            for (sum, &x) in columns.iter_mut().zip(&x[start..start + w.input]) {
                *sum += x;
            }
        });
        for (out, window) in row.iter_mut().zip(&w.windows) {
            let covered = columns[window.first..].iter().step_by(w.step);
            let sum = covered.take(window.count).fold(T::ZERO, |sum, &x| sum + x);
            *out = sum / T::from_i64((dw.divisor * hw.divisor * window.divisor) as i64);
        }
    });
}

/// The transposed operation of [`average`]: each gradient goes in equal parts to the elements of its window.
pub(crate) fn average_backward<T: Real>(dy: &[T], windows: &Windows, dx: &mut [T]) {
    let [d, h, w] = windows;
    let (plane, outputs) = volume(windows);
    over_planes(dx, plane, taps(windows), |channel, dx| {
        dx.fill(T::ZERO);
        let dy = &dy[channel * outputs..(channel + 1) * outputs];
        let mut columns = vec![T::ZERO; w.input];
        for (i, row) in dy.chunks(w.len()).enumerate() {
            let (dw, hw) = (d.windows[i / h.len()], h.windows[i % h.len()]);
            columns.fill(T::ZERO);
            for (&dy, window) in row.iter().zip(&w.windows) {
                let part = dy / T::from_i64((dw.divisor * hw.divisor * window.divisor) as i64);
                for i in 0..window.count {
                    columns[window.first + i * w.step] += part;
                }
            }
            covered_rows(windows, dw, hw, &mut |start| {
                for (dx, &part) in dx[start..start + w.input].iter_mut().zip(&columns) {
                    *dx += part;
                }
            });
        }
    });
}

/// Adds each gradient to the element of its plane that the index names; -1 names none.
pub(crate) fn scatter<T: Real>(dy: &[T], indices: &[i64], plane: usize, dx: &mut [T]) {
    let planes = dx.len() / plane.max(1);
    let outputs = dy.len() / planes.max(1);
    over_planes(dx, plane, 1, |channel, dx| {
        dx.fill(T::ZERO);
        let range = channel * outputs..(channel + 1) * outputs;
        for (&dy, &index) in dy[range.clone()].iter().zip(&indices[range]) {
            if index >= 0 {
                dx[index as usize] += dy;
            }
        }
    });
}

/// The elements of each plane that the indices name; 0 for -1.
pub(crate) fn take<T: Real>(x: &[T], indices: &[i64], plane: usize, out: &mut [T]) {
    let outputs = out.len() / (x.len() / plane.max(1)).max(1);
    over_chunks(out, 1, 1, |start, piece| {
        for (i, out) in piece.iter_mut().enumerate() {
            let index = indices[start + i];
            let channel = (start + i) / outputs;
            *out = if index < 0 {
                T::ZERO
            } else {
                x[channel * plane + index as usize]
            };
        }
    });
}

/// Calls `f(number of the plane, plane)`, planes in parallel.
fn over_planes<T: Send>(
    data: &mut [T],
    plane: usize,
    cost: usize,
    f: impl Fn(usize, &mut [T]) + Sync,
) {
    if data.is_empty() {
        return;
    }
    over_chunks(data, plane, cost.min(GRAIN), |start, piece| {
        for (i, piece) in piece.chunks_mut(plane).enumerate() {
            f(start / plane + i, piece);
        }
    });
}
