//! Maxima with their places, and their gradient, where channels lie side by side: a window's elements meet in registers, many channels at
//! once.
// Loops of constant length over several arrays at once become vectors; iterators over them would not read better.
#![allow(clippy::needless_range_loop)]

use super::places::NOWHERE;
use super::{Axis, Grid, Place, Window, clear, over_planes};
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Kernel, Simd, dispatch};
use crate::element::{Number, Real};
use crate::profile;

/// Channels that are kept in registers, and those of a rest.
const LANES: usize = 16;
const FEW: usize = 4;

/// Some rows of the outputs of [`super::max_with_places`].
pub(super) struct Max<'a, T, P> {
    pub(super) x: &'a [T],
    pub(super) grid: &'a Grid,
    pub(super) first: usize,
    pub(super) out: &'a mut [T],
    pub(super) places: &'a mut [P],
}

impl<T: Number, P: Place> Kernel for Max<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Max { x, grid, first, out, places } = self;
        let (inner, wide) = (grid.inner, grid.windows[2].input);
        let mut rows = Vec::new();
        let outputs = out.chunks_exact_mut(grid.out_row()).zip(places.chunks_exact_mut(grid.out_row()));
        for (i, (out, places)) in outputs.enumerate() {
            let (plane, dw, hw) = grid.locate(first + i);
            grid.covered(dw, hw, &mut rows);
            let x = &x[plane * grid.places() * inner..][..grid.places() * inner];
            let windows = out.chunks_exact_mut(inner).zip(places.chunks_exact_mut(inner));
            for ((out, places), &window) in windows.zip(&grid.windows[2].windows) {
                let taps = Taps { rows: &rows, wide, window, step: grid.windows[2].step };
                of_channels(x, &taps, out, places);
            }
        }
    }
}

/// What a window covers of a plane.
pub(in crate::cpu) struct Taps<'a> {
    pub(in crate::cpu) rows: &'a [usize],
    /// Places of a row.
    pub(in crate::cpu) wide: usize,
    pub(in crate::cpu) window: Window,
    pub(in crate::cpu) step: usize,
}

impl Taps<'_> {
    /// Calls `f` with each place in order.
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize)) {
        for row in self.rows {
            for tap in 0..self.window.count {
                f(row * self.wide + self.window.first + tap * self.step);
            }
        }
    }
}

/// The greatest elements of all channels of a window of this plane, and their places: the first of equal ones, or the last NaN.
#[inline(always)]
pub(in crate::cpu) fn of_channels<T: Number, P: Place>(x: &[T], taps: &Taps<'_>, out: &mut [T], places: &mut [P]) {
    let inner = out.len();
    let (out, out_rest) = out.as_chunks_mut::<LANES>();
    let (places, places_rest) = places.as_chunks_mut::<LANES>();
    for (i, (out, places)) in out.iter_mut().zip(places).enumerate() {
        of_window(x, inner, i * LANES, taps, out, places);
    }
    let first = inner / LANES * LANES;
    let (out, out_rest) = out_rest.as_chunks_mut::<FEW>();
    let (places, places_rest) = places_rest.as_chunks_mut::<FEW>();
    for (i, (out, places)) in out.iter_mut().zip(places).enumerate() {
        of_window(x, inner, first + i * FEW, taps, out, places);
    }
    let first = inner / FEW * FEW;
    for (i, (out, place)) in out_rest.iter_mut().zip(places_rest).enumerate() {
        of_window(x, inner, first + i, taps, std::array::from_mut(out), std::array::from_mut(place));
    }
}

/// The greatest elements of `N` channels of a window, and their places: the first of equal ones, or the last NaN.
#[inline(always)]
fn of_window<T: Number, P: Place, const N: usize>(
    x: &[T],
    inner: usize,
    channel: usize,
    taps: &Taps<'_>,
    out: &mut [T; N],
    places: &mut [P; N],
) {
    let (mut best, mut found, mut is_first) = ([T::LOWEST; N], [P::of(NOWHERE); N], true);
    taps.each(
        #[inline(always)]
        |place| {
            let x = &x[place * inner + channel..][..N];
            let place = P::of(place as u32);
            if is_first {
                best.copy_from_slice(x);
                found = [place; N];
                is_first = false;
                return;
            }
            for c in 0..N {
                let take = (x[c] > best[c]) | x[c].nan();
                best[c] = if take { x[c] } else { best[c] };
                found[c] = if take { place } else { found[c] };
            }
        },
    );
    (*out, *places) = (best, found);
}

/// Adds each gradient to the element of its window that its place names. `dx` is written whole.
pub(crate) fn max_backward<T: Real, P: Place>(dy: &[T], places: &[P], grid: &Grid, dx: &mut [T]) {
    let _span = profile::span("max pool backward", size_of_val(dy) + size_of_val(dx) + size_of_val(places));
    let (plane, inner) = (grid.places(), grid.inner);
    let planes = dx.len() / (plane * inner).max(1);
    let shared = SharedMut::new(dx);
    over_planes(planes, plane, inner, &|plane, channels| {
        dispatch(MaxBackward { dy, places, grid, plane, channels, dx: shared });
    });
}

/// Some channels of a plane.
pub(super) struct MaxBackward<'a, T, P> {
    pub(super) dy: &'a [T],
    pub(super) places: &'a [P],
    pub(super) grid: &'a Grid,
    pub(super) plane: usize,
    pub(super) channels: std::ops::Range<usize>,
    pub(super) dx: SharedMut<T>,
}

impl<T: Real, P: Place> Kernel for MaxBackward<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let MaxBackward { dy, places, grid, plane, channels, dx: dx_all } = self;
        let ([d, h, w], inner) = (&grid.windows, grid.inner);
        let start = plane * grid.places() * inner;
        // SAFETY: these channels of this plane belong to this task alone, and one slice is given up before the next is asked for.
        let dx = |place: usize, channel: usize, count: usize| unsafe {
            dx_all.slice(start + place * inner + channel..start + place * inner + channel + count)
        };
        let (apart, everywhere) = (grid.windows.iter().all(Axis::is_apart), grid.windows.iter().all(Axis::is_covered));
        if !(apart && everywhere) {
            // SAFETY: as above.
            unsafe { clear(dx_all.from(start), grid.places(), inner, &channels) };
        }
        let rows_of_windows = d.len() * h.len();
        let mut rows = Vec::new();
        for row in 0..rows_of_windows {
            let (_, dw, hw) = grid.locate(row);
            grid.covered(dw, hw, &mut rows);
            for (i, &window) in w.windows.iter().enumerate() {
                let taps = Taps { rows: &rows, wide: w.input, window, step: w.step };
                let output = ((plane * rows_of_windows + row) * w.len() + i) * inner;
                let given = output + channels.start..output + channels.end;
                let (dy, dy_rest) = dy[given.clone()].as_chunks::<LANES>();
                let (places, places_rest) = places[given].as_chunks::<LANES>();
                for (i, (dy, places)) in dy.iter().zip(places).enumerate() {
                    // Copies, which nothing that is written can change.
                    let (dy, places) = (*dy, *places);
                    taps.each(
                        #[inline(always)]
                        |place| {
                            let dx = dx(place, channels.start + i * LANES, LANES);
                            let (mut sums, place) = ([T::ZERO; LANES], P::of(place as u32));
                            if !apart {
                                sums.copy_from_slice(dx);
                            }
                            for c in 0..LANES {
                                sums[c] += if places[c] == place { dy[c] } else { T::ZERO };
                            }
                            dx.copy_from_slice(&sums);
                        },
                    );
                }
                let first = channels.start + dy.len() * LANES;
                for (i, (&dy, &chosen)) in dy_rest.iter().zip(places_rest).enumerate() {
                    taps.each(
                        #[inline(always)]
                        |place| {
                            let given = if chosen == P::of(place as u32) { dy } else { T::ZERO };
                            let dx = &mut dx(place, first + i, 1)[0];
                            *dx = if apart { given } else { *dx + given };
                        },
                    );
                }
            }
        }
    }
}
