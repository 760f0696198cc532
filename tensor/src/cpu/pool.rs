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
    windows.iter().map(|axis| longest(axis).unwrap_or(0)).product()
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
            f(channel * plane, d.windows[z], h.windows[y], row, &mut scratch);
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
            *out = covered.take(window.count).fold(T::LOWEST, |best, &x| greater(best, x));
        }
    });
}

/// As [`max`], with the place of each greatest element in its plane: the first one, or the last NaN, as PyTorch has it; -1 for
/// a window that covers padding only.
pub(crate) fn max_with_indices<T: Number>(x: &[T], windows: &Windows, out: &mut [T], indices: &mut [i64]) {
    let w = &windows[2];
    let indices = SharedMut::new(indices);
    let values = SharedMut::new(out);
    let rows = out.len() / w.len().max(1);
    let [d, h, _] = windows;
    let (plane_len, _) = volume(windows);
    over_range(rows, taps(windows) * w.len() * 2, &|range| {
        // For each column the greatest element of the rows that the window covers, and which of these rows it is in.
        let (mut columns, mut from) = (vec![T::LOWEST; w.input], vec![0u32; w.input]);
        let mut starts = Vec::new();
        for index in range {
            let (rest, y) = (index / h.len(), index % h.len());
            let (channel, z) = (rest / d.len(), rest % d.len());
            let plane = &x[channel * plane_len..(channel + 1) * plane_len];
            let places = index * w.len()..(index + 1) * w.len();
            // SAFETY: each row of the outputs belongs to one index, and the ranges of indices are disjoint.
            let (values, indices) = unsafe { (values.slice(places.clone()), indices.slice(places)) };
            starts.clear();
            covered_rows(windows, d.windows[z], h.windows[y], &mut |start| starts.push(start));
            let Some((&first, others)) = starts.split_first() else {
                values.fill(T::LOWEST);
                indices.fill(-1);
                continue;
            };
            columns.copy_from_slice(&plane[first..first + w.input]);
            from.fill(0);
            for (i, &start) in others.iter().enumerate() {
                let row = &plane[start..start + w.input];
                for ((best, from), &x) in columns.iter_mut().zip(from.iter_mut()).zip(row) {
                    let take = (x > *best) | x.nan();
                    *best = if take { x } else { *best };
                    *from = if take { i as u32 + 1 } else { *from };
                }
            }
            for ((value, place), window) in values.iter_mut().zip(indices.iter_mut()).zip(&w.windows) {
                let (columns, from) = (&columns[window.first..], &from[window.first..]);
                // Windows of known length without gaps are a few instructions.
                let nth = match (window.count, w.step) {
                    (0, _) => {
                        (*value, *place) = (T::LOWEST, -1);
                        continue;
                    }
                    (2, 1) => across(&columns[..2], &from[..2], 1),
                    (3, 1) => across(&columns[..3], &from[..3], 1),
                    (count, step) => {
                        let reach = (count - 1) * step + 1;
                        across(&columns[..reach], &from[..reach], step)
                    }
                };
                *value = columns[nth];
                *place = (starts[from[nth] as usize] + window.first + nth) as i64;
            }
        }
    });
}

/// The place of the greatest of some elements, `step` apart, given their rows: of equal ones that of the first row, of NaNs
/// that of the last, then the first or last column. Without branches, as which element is greatest cannot be foretold.
#[inline(always)]
fn across<T: Number>(columns: &[T], from: &[u32], step: usize) -> usize {
    let (mut best, mut row, mut nth) = (columns[0], from[0], 0);
    let mut i = step;
    while i < columns.len() {
        let (x, other) = (columns[i], from[i]);
        let equal = (x == best) & (other < row);
        let nan = x.nan() & (!best.nan() | (other >= row));
        let take = (x > best) | equal | nan;
        best = if take { x } else { best };
        row = if take { other } else { row };
        nth = if take { i } else { nth };
        i += step;
    }
    nth
}

/// What an average over three axes divides by; as a float, because paddings may be so wide that their product is no integer.
fn divisor<T: Real>(d: Window, h: Window, w: Window) -> T {
    T::r(d.divisor as f64 * h.divisor as f64 * w.divisor as f64)
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
            *out = sum / divisor(dw, hw, *window);
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
                let part = dy / divisor(dw, hw, *window);
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
            *out = if index < 0 { T::ZERO } else { x[channel * plane + index as usize] };
        }
    });
}

/// Calls `f(number of the plane, plane)`, planes in parallel.
fn over_planes<T: Send>(data: &mut [T], plane: usize, cost: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    if data.is_empty() {
        return;
    }
    over_chunks(data, plane, cost.min(GRAIN), |start, piece| {
        for (i, piece) in piece.chunks_mut(plane).enumerate() {
            f(start / plane + i, piece);
        }
    });
}
