//! Pooling kernels over planes of up to three dimensions; lower dimensions come as leading axes of size 1.
//!
//! Which elements a window covers is worked out once per axis, so that fixed and adaptive windows, padding, dilation and
//! ceil mode are all one to the loops. A row of windows is pooled down the columns first, for a whole row of the input at a time, then
//! across. Both memory orders of images are one too: channels that lie side by side only make neighbours lie further apart.

mod average;
mod channels;
mod places;
mod rows;
#[cfg(test)]
mod tests;

pub(crate) use average::{average, average_backward};
pub(crate) use channels::max_backward;
pub(super) use channels::{Taps, of_channels};
pub(crate) use places::{Place, max_with_places, scatter, take};
pub(crate) use rows::max;

use std::ops::Range;

use crate::cpu::parallel::{SharedMut, over_range};
use crate::element::Number;

/// What one window covers along one axis: `count` elements from `first`, `step` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// What an average divides by along this axis.
    pub(crate) divisor: usize,
}

/// Windows that begin at equal distances, before the input's ends cut them: window `o` covers `o · stride - low + t · step` for
/// `t < kernel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Regular {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) low: usize,
}

/// The windows of one axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) input: usize,
    /// Distance of neighbours in a window.
    pub(crate) step: usize,
    pub(crate) windows: Vec<Window>,
    /// The rule behind the windows, if there is one.
    pub(crate) regular: Option<Regular>,
}

impl Axis {
    fn len(&self) -> usize {
        self.windows.len()
    }

    /// Elements that the longest window covers.
    fn longest(&self) -> usize {
        self.windows.iter().map(|window| window.count).max().unwrap_or(0)
    }

    /// Whether no element lies in two windows.
    fn is_apart(&self) -> bool {
        let end = |window: &Window| window.first + (window.count.max(1) - 1) * self.step + 1;
        self.windows.is_sorted_by(|a, b| end(a) <= b.first)
    }

    /// Whether every element lies in a window, where windows are apart.
    fn is_covered(&self) -> bool {
        self.step == 1 && self.windows.iter().map(|window| window.count).sum::<usize>() == self.input
    }

    /// Whether there is one window, over the whole axis.
    fn is_whole(&self) -> bool {
        matches!(self.windows[..], [Window { count, divisor, .. }] if count == self.input && divisor == count)
    }
}

/// The windows of three axes, the last one fastest in memory.
pub(crate) type Windows = [Axis; 3];

/// Windows over images that lie in one of two memory orders.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    windows: Windows,
    /// Channels side by side at each place: all of them in channels-last order, 1 in row-major order.
    inner: usize,
}

impl Grid {
    /// Windows over images of `inner` channels side by side.
    pub(crate) fn new(windows: Windows, inner: usize) -> Self {
        if inner == 1 && windows.iter().all(Axis::is_whole) {
            // The mean of a plane is that of one long row.
            let input = volume(&windows);
            let windows = vec![Window { first: 0, count: input, divisor: input }];
            let one =
                Axis { input: 1, step: 1, windows: vec![Window { first: 0, count: 1, divisor: 1 }], regular: None };
            return Grid { windows: [one.clone(), one, Axis { input, step: 1, windows, regular: None }], inner };
        }
        Grid { windows, inner }
    }

    /// Places of a plane of the input.
    fn places(&self) -> usize {
        volume(&self.windows)
    }

    /// Elements of a row of the input.
    fn row(&self) -> usize {
        self.windows[2].input * self.inner
    }

    /// Elements of a row of the output.
    fn out_row(&self) -> usize {
        self.windows[2].len() * self.inner
    }

    /// Elements that a typical window covers.
    fn taps(&self) -> usize {
        self.windows.iter().map(Axis::longest).product()
    }

    /// The plane of this row of the output, and the windows of the outer two axes.
    #[inline(always)]
    fn locate(&self, row: usize) -> (usize, Window, Window) {
        let [d, h, _] = &self.windows;
        let (rest, y) = (row / h.len(), row % h.len());
        (rest / d.len(), d.windows[rest % d.len()], h.windows[y])
    }

    /// Puts the numbers of the rows of a plane that the windows of the outer two axes cover into `rows`.
    #[inline(always)]
    fn covered(&self, dw: Window, hw: Window, rows: &mut Vec<usize>) {
        let [d, h, _] = &self.windows;
        rows.clear();
        for z in 0..dw.count {
            let first = (dw.first + z * d.step) * h.input + hw.first;
            rows.extend((0..hw.count).map(|y| first + y * h.step));
        }
    }

    /// The rule behind the windows of a row whose elements lie side by side, if it is one for which loops over all windows of a row are
    /// worth it: these need the row with padding around it.
    fn padded(&self) -> Option<Padded> {
        let w = &self.windows[2];
        let Regular { kernel, stride, low } = w.regular?;
        let reach = (kernel - 1).checked_mul(w.step)? + 1;
        let few = self.inner == 1 && kernel <= 16 && reach <= 64 && stride <= 4 && low <= reach;
        few.then(|| Padded { kernel, stride, low, len: (low + w.input).max(w.len() * stride + reach) })
    }
}

/// A row of columns with padding on both sides.
#[derive(Debug, Clone, Copy)]
struct Padded {
    kernel: usize,
    stride: usize,
    low: usize,
    len: usize,
}

/// Loops over rows whose elements lie side by side go on to the next multiple of this, where there is memory: what they write there is
/// written again, and a loop of whole vectors is faster than one with a remainder.
const WIDE: usize = 32;

/// Channels of a task, where images are few.
const FEW_CHANNELS: usize = 32;

/// Calls `f(plane, channels)` for all planes of `plane` places with `inner` channels side by side: few of them are shared among tasks by
/// their channels.
fn over_planes(planes: usize, plane: usize, inner: usize, f: &(dyn Fn(usize, Range<usize>) + Sync)) {
    let channels = if planes < 8 { inner.min(FEW_CHANNELS) } else { inner };
    let parts = inner.div_ceil(channels.max(1));
    over_range(planes * parts, plane * channels, &|range| {
        for task in range {
            let first = task % parts * channels;
            f(task / parts, first..(first + channels).min(inner));
        }
    });
}

/// Writes zeros to some channels of a plane, which begins at `out`.
///
/// # Safety
/// `out` was made from the plane or what it is a part of, which is still borrowed for it, and nobody else touches these channels.
unsafe fn clear<T: Number>(out: SharedMut<T>, plane: usize, inner: usize, channels: &Range<usize>) {
    if channels.len() == inner {
        // SAFETY: the caller's promise.
        unsafe { out.slice(0..plane * inner) }.fill(T::ZERO);
        return;
    }
    for place in 0..plane {
        let start = place * inner;
        // SAFETY: the caller's promise.
        unsafe { out.slice(start + channels.start..start + channels.end) }.fill(T::ZERO);
    }
}

/// Places of a plane of the input.
fn volume(windows: &Windows) -> usize {
    windows.iter().map(|axis| axis.input).product()
}

/// The greater one; NaN if either is.
#[inline(always)]
fn greater<T: Number>(best: T, x: T) -> T {
    let larger = if x > best { x } else { best };
    if x.nan() { x } else { larger }
}
