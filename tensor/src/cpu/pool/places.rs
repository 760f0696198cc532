//! Maxima with the places where they were found, and what these places are for: the gradient.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{Grid, Padded, WIDE, channels, clear, over_planes};
use crate::Element;
use crate::cpu::parallel::{SharedMut, over_chunks};
use crate::cpu::simd::{Kernel, Simd, dispatch};
use crate::element::{Number, Real};
use crate::profile;

/// A type that places are stored in; -1 for none.
pub(crate) trait Place: Element + PartialEq {
    /// The place of a plane below 2³¹; [`NOWHERE`] for none.
    fn of(place: u32) -> Self;
    /// Something beyond every plane for what is negative.
    fn index(self) -> usize;
}

impl Place for i32 {
    #[inline(always)]
    fn of(place: u32) -> i32 {
        place as i32
    }
    #[inline(always)]
    fn index(self) -> usize {
        self as usize
    }
}

impl Place for i64 {
    #[inline(always)]
    fn of(place: u32) -> i64 {
        i64::from(place as i32)
    }
    #[inline(always)]
    fn index(self) -> usize {
        self as usize
    }
}

/// The place of padding: behind all others, so that of equal elements none is less preferred.
pub(super) const NOWHERE: u32 = u32::MAX;

/// The greatest element of each window with its place in its plane: the first one, or the last NaN, as PyTorch has it; -1 for a
/// window that covers padding only. Planes have less than 2³¹ places.
pub(crate) fn max_with_places<T: Number, P: Place>(x: &[T], grid: &Grid, out: &mut [T], places: &mut [P]) {
    let _span = profile::span("max pool", size_of_val(x) + size_of_val(out) + size_of_val(places));
    let places = SharedMut::new(places);
    over_chunks(out, grid.out_row(), grid.taps() * 2, |start, out| {
        // SAFETY: the pieces of `out` are disjoint, and so are those of `places`, which is as long.
        let places = unsafe { places.slice(start..start + out.len()) };
        let first = start / grid.out_row();
        match grid.inner {
            1 => dispatch(Rows { x, grid, first, out, places }),
            _ => dispatch(channels::Max { x, grid, first, out, places }),
        }
    });
}

/// Some rows of the outputs, of images whose rows lie side by side.
pub(super) struct Rows<'a, T, P> {
    pub(super) x: &'a [T],
    pub(super) grid: &'a Grid,
    pub(super) first: usize,
    pub(super) out: &'a mut [T],
    pub(super) places: &'a mut [P],
}

impl<T: Number, P: Place> Kernel for Rows<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let grid = self.grid;
        let (row_len, out_row, plane_len) = (grid.row(), grid.out_row(), grid.places());
        let w = &grid.windows[2];
        let padded = grid.padded();
        let (low, len) = padded.map_or((0, row_len), |padded| (padded.low, padded.len));
        let mut columns = vec![T::LOWEST; len + WIDE];
        let mut found = vec![NOWHERE; len + WIDE];
        let out_wide = if padded.is_some() { out_row.next_multiple_of(WIDE) } else { out_row };
        let mut chosen = vec![NOWHERE; out_wide];
        let mut rows = Vec::new();
        let wide = row_len.next_multiple_of(WIDE);
        for i in 0..self.out.len() / out_row {
            let end = (i * out_row + out_wide).min(self.out.len());
            let out = &mut self.out[i * out_row..end];
            let (plane, dw, hw) = grid.locate(self.first + i);
            let (inside, inside_found) = (&mut columns[low..low + wide], &mut found[low..low + wide]);
            grid.covered(dw, hw, &mut rows);
            if rows.is_empty() {
                inside.fill(T::LOWEST);
                inside_found.fill(NOWHERE);
            }
            for (nth, &number) in rows.iter().enumerate() {
                let rest = &self.x[plane * plane_len + number * row_len..];
                let (row, start) = (&rest[..wide.min(rest.len())], (number * w.input) as u32);
                if nth == 0 {
                    inside[..row.len()].copy_from_slice(row);
                    for (j, found) in inside_found.iter_mut().enumerate() {
                        *found = start.wrapping_add(j as u32);
                    }
                    continue;
                }
                let columns = inside.iter_mut().zip(inside_found.iter_mut());
                for (j, ((best, place), &x)) in columns.zip(row).enumerate() {
                    offer_later(best, place, x, start.wrapping_add(j as u32));
                }
            }
            // The padding behind the row.
            columns[low + row_len..].fill(T::LOWEST);
            found[low + row_len..].fill(NOWHERE);
            across(&columns, &found, grid, padded, out, &mut chosen);
            let places = &mut self.places[i * out_row..(i + 1) * out_row];
            for (place, &chosen) in places.iter_mut().zip(&chosen) {
                *place = P::of(chosen);
            }
        }
    }
}

/// Takes `x` if it is greater than the best so far, or NaN; its place is behind that of the best.
#[inline(always)]
fn offer_later<T: Number>(best: &mut T, place: &mut u32, x: T, at: u32) {
    let take = (x > *best) | x.nan();
    *best = if take { x } else { *best };
    *place = if take { at } else { *place };
}

/// As [`offer_later`] for places in any order. Without branches, as which element is greatest cannot be foretold.
#[inline(always)]
fn offer<T: Number>(best: &mut T, place: &mut u32, x: T, at: u32) {
    let equal = (x == *best) & (at < *place);
    let nan = x.nan() & (!best.nan() | (at > *place));
    let take = (x > *best) | equal | nan;
    *best = if take { x } else { *best };
    *place = if take { at } else { *place };
}

/// The greatest of the columns of each window of a row.
#[inline(always)]
fn across<T: Number>(
    columns: &[T],
    found: &[u32],
    grid: &Grid,
    padded: Option<Padded>,
    out: &mut [T],
    chosen: &mut [u32],
) {
    let w = &grid.windows[2];
    match padded {
        Some(Padded { stride: 1, kernel, .. }) => strided::<T, 1>(columns, found, kernel, w.step, out, chosen),
        Some(Padded { stride: 2, kernel, .. }) => strided::<T, 2>(columns, found, kernel, w.step, out, chosen),
        Some(Padded { stride: 3, kernel, .. }) => strided::<T, 3>(columns, found, kernel, w.step, out, chosen),
        Some(Padded { stride: 4, kernel, .. }) => strided::<T, 4>(columns, found, kernel, w.step, out, chosen),
        _ => {
            for ((out, chosen), window) in out.iter_mut().zip(chosen).zip(&w.windows) {
                (*out, *chosen) = (T::LOWEST, NOWHERE);
                for i in 0..window.count {
                    let tap = window.first + i * w.step;
                    offer(out, chosen, columns[tap], found[tap]);
                }
            }
        }
    }
}

/// [`across`] for windows that are `STRIDE` columns apart, padding included.
#[inline(always)]
fn strided<T: Number, const STRIDE: usize>(
    columns: &[T],
    found: &[u32],
    kernel: usize,
    step: usize,
    out: &mut [T],
    chosen: &mut [u32],
) {
    let taps = |i: usize| {
        let (columns, found) = (columns[i * step..].as_chunks::<STRIDE>().0, found[i * step..].as_chunks::<STRIDE>().0);
        columns.iter().zip(found)
    };
    if kernel == 3 {
        // All taps at once, as in the stems of networks.
        let outputs = out.iter_mut().zip(chosen.iter_mut());
        for (((out, chosen), (a, at_a)), ((b, at_b), (c, at_c))) in outputs.zip(taps(0)).zip(taps(1).zip(taps(2))) {
            let (mut best, mut place) = (a[0], at_a[0]);
            offer(&mut best, &mut place, b[0], at_b[0]);
            offer(&mut best, &mut place, c[0], at_c[0]);
            (*out, *chosen) = (best, place);
        }
        return;
    }
    for ((best, place), (x, at)) in out.iter_mut().zip(chosen.iter_mut()).zip(taps(0)) {
        (*best, *place) = (x[0], at[0]);
    }
    for i in 1..kernel {
        for ((best, place), (x, at)) in out.iter_mut().zip(chosen.iter_mut()).zip(taps(i)) {
            offer(best, place, x[0], at[0]);
        }
    }
}

/// Adds each gradient to the element of its plane that its place names; -1 names none. Planes have `plane` places of `inner`
/// channels side by side.
///
/// # Errors
/// A place outside the plane.
pub(crate) fn scatter<T: Real, P: Place>(
    dy: &[T],
    places: &[P],
    (plane, inner): (usize, usize),
    dx: &mut [T],
) -> Result<(), i64> {
    let wrong = AtomicI64::new(-1);
    let planes = dx.len() / (plane * inner).max(1);
    let outputs = dy.len() / planes.max(1);
    let shared = SharedMut::new(dx);
    over_planes(planes, plane, inner, &|number, channels| {
        let start = number * plane * inner + channels.start;
        // SAFETY: these channels of this plane belong to this task alone.
        unsafe { clear(shared.from(number * plane * inner), plane, inner, &channels) };
        let add = |place: P, channel: usize, dy: T| {
            let index = place.index();
            if index < plane {
                // SAFETY: as above; the place lies inside the plane.
                unsafe { *shared.pointer().add(start + index * inner + channel) += dy };
            } else if index != usize::MAX {
                wrong.store(place.to_i64(), Ordering::Relaxed);
            }
        };
        let from = number * outputs..(number + 1) * outputs;
        let (dy, places) = (&dy[from.clone()], &places[from]);
        if inner == 1 {
            places.iter().zip(dy).for_each(|(&place, &dy)| add(place, 0, dy));
            return;
        }
        for (dy, places) in dy.chunks_exact(inner).zip(places.chunks_exact(inner)) {
            let gradients = places[channels.clone()].iter().zip(&dy[channels.clone()]);
            gradients.enumerate().for_each(|(channel, (&place, &dy))| add(place, channel, dy));
        }
    });
    match wrong.into_inner() {
        -1 => Ok(()),
        place => Err(place),
    }
}

/// The elements of each plane that the places name; 0 for -1. Places are checked.
pub(crate) fn take<T: Real, P: Place>(x: &[T], places: &[P], (plane, inner): (usize, usize), out: &mut [T]) {
    let _span = profile::span("max pool take", 2 * size_of_val(out) + size_of_val(places));
    let outputs = out.len() / (x.len() / (plane * inner).max(1)).max(1);
    over_chunks(out, inner, 2, |start, piece| {
        for (i, out) in piece.iter_mut().enumerate() {
            let i = start + i;
            let (number, channel) = (i / outputs, i % inner);
            let index = places[i].index();
            *out = if index < plane { x[(number * plane + index) * inner + channel] } else { T::ZERO };
        }
    });
}
