//! Averages and their gradient.

use super::rows::{Rows, Sum};
use super::{Grid, Padded, Window};
use crate::cpu::parallel::over_chunks;
use crate::cpu::simd::{Kernel, Simd, dispatch};
use crate::element::Real;
use crate::profile;

/// The mean of each window.
pub(crate) fn average<T: Real>(x: &[T], grid: &Grid, out: &mut [T]) {
    let _span = profile::span("average pool", size_of_val(x) + size_of_val(out));
    let across = divisors(grid);
    over_chunks(out, grid.out_row(), grid.taps(), |start, piece| {
        let first = start / grid.out_row();
        dispatch(Rows::<T, Sum>::new(x, grid, first, piece));
        dispatch(Divide { grid, across: &across, first, out: piece });
    });
}

/// What averages divide by along the last axis; as floats, because paddings may be so wide that their product is no integer.
pub(super) fn divisors<T: Real>(grid: &Grid) -> Vec<T> {
    grid.windows[2].windows.iter().map(|window| T::r(window.divisor as f64)).collect()
}

fn outer_divisor<T: Real>(dw: Window, hw: Window) -> T {
    T::r(dw.divisor as f64 * hw.divisor as f64)
}

/// Makes sums over windows their means.
pub(super) struct Divide<'a, T> {
    pub(super) grid: &'a Grid,
    pub(super) across: &'a [T],
    pub(super) first: usize,
    pub(super) out: &'a mut [T],
}

impl<T: Real> Kernel for Divide<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (i, row) in self.out.chunks_exact_mut(self.grid.out_row()).enumerate() {
            let (_, dw, hw) = self.grid.locate(self.first + i);
            let outer: T = outer_divisor(dw, hw);
            if self.grid.inner == 1 {
                for (out, &across) in row.iter_mut().zip(self.across) {
                    *out = *out / (outer * across);
                }
                continue;
            }
            for (out, &across) in row.chunks_exact_mut(self.grid.inner).zip(self.across) {
                let divisor = outer * across;
                for out in out {
                    *out = *out / divisor;
                }
            }
        }
    }
}

/// The transposed operation of [`average`]: each gradient goes in equal parts to the elements of its window. Every row of `dx` gathers
/// from the rows of windows that cover it.
pub(crate) fn average_backward<T: Real>(dy: &[T], grid: &Grid, dx: &mut [T]) {
    let _span = profile::span("average pool backward", size_of_val(dy) + size_of_val(dx));
    if dx.is_empty() {
        return;
    }
    let covering = [0, 1, 2].map(|axis| covering(grid, axis));
    let across = divisors(grid);
    over_chunks(dx, grid.row(), grid.taps().min(8), |start, piece| {
        dispatch(Backward { dy, grid, covering: &covering, across: &across, first: start / grid.row(), dx: piece });
    });
}

/// Which windows of an axis cover each of its elements: those from the first number up to the second. There is no dilation, so they
/// are neighbours.
pub(super) fn covering(grid: &Grid, axis: usize) -> Vec<(usize, usize)> {
    let axis = &grid.windows[axis];
    let mut covering = vec![(0, 0); axis.input];
    for (o, window) in axis.windows.iter().enumerate() {
        for (first, end) in &mut covering[window.first..window.first + window.count] {
            if *end == 0 {
                *first = o;
            }
            *end = o + 1;
        }
    }
    covering
}

/// Some rows of the gradient.
pub(super) struct Backward<'a, T> {
    pub(super) dy: &'a [T],
    pub(super) grid: &'a Grid,
    pub(super) covering: &'a [Vec<(usize, usize)>; 3],
    pub(super) across: &'a [T],
    pub(super) first: usize,
    pub(super) dx: &'a mut [T],
}

impl<T: Real> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let grid = self.grid;
        let [d, h, _] = &grid.windows;
        let [over_d, over_h, over_w] = self.covering;
        let out_row = grid.out_row();
        let padded = grid.padded();
        // Of a padded row the columns in groups of a stride; the parts have zeros on both sides, for windows that are none.
        let groups = padded.map_or(0, |padded| padded.len.div_ceil(padded.stride));
        let columns_len = padded.map_or(0, |padded| groups * padded.stride);
        let mut columns = vec![T::ZERO; columns_len];
        let mut phases = vec![T::ZERO; columns_len];
        let (before, behind) = padded.map_or((0, 0), |padded| (padded.kernel, groups));
        let mut parts = vec![T::ZERO; before + out_row + behind];
        for (i, dx) in self.dx.chunks_exact_mut(grid.row()).enumerate() {
            let row = self.first + i;
            let (rest, y) = (row / h.input, row % h.input);
            let (plane, z) = (rest / d.input, rest % d.input);
            let inside = &mut parts[before..before + out_row];
            inside.fill(T::ZERO);
            for oz in over_d[z].0..over_d[z].1 {
                for oy in over_h[y].0..over_h[y].1 {
                    let dy = &self.dy[((plane * d.len() + oz) * h.len() + oy) * out_row..][..out_row];
                    add_parts(inside, dy, outer_divisor(d.windows[oz], h.windows[oy]), self.across, grid.inner);
                }
            }
            match padded {
                Some(Padded { kernel, stride, low, .. }) => {
                    match stride {
                        1 => spread::<T, 1>(&parts, kernel, &mut phases, &mut columns),
                        2 => spread::<T, 2>(&parts, kernel, &mut phases, &mut columns),
                        3 => spread::<T, 3>(&parts, kernel, &mut phases, &mut columns),
                        _ => spread::<T, 4>(&parts, kernel, &mut phases, &mut columns),
                    }
                    dx.copy_from_slice(&columns[low..low + dx.len()]);
                }
                None if grid.inner == 1 => {
                    for (dx, &(first, end)) in dx.iter_mut().zip(over_w) {
                        *dx = parts[first..end].iter().fold(T::ZERO, |sum, &part| sum + part);
                    }
                }
                None => {
                    for (dx, &(first, end)) in dx.chunks_exact_mut(grid.inner).zip(over_w) {
                        let parts = &parts[first * grid.inner..end * grid.inner];
                        let Some((first, others)) = parts.split_at_checked(grid.inner) else {
                            dx.fill(T::ZERO);
                            continue;
                        };
                        dx.copy_from_slice(first);
                        for part in others.chunks_exact(grid.inner) {
                            for (dx, &part) in dx.iter_mut().zip(part) {
                                *dx += part;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Adds `dy` divided by the sizes of the windows.
#[inline(always)]
fn add_parts<T: Real>(parts: &mut [T], dy: &[T], outer: T, across: &[T], inner: usize) {
    if inner == 1 {
        for ((part, &dy), &across) in parts.iter_mut().zip(dy).zip(across) {
            *part += dy / (outer * across);
        }
        return;
    }
    for ((parts, dy), &across) in parts.chunks_exact_mut(inner).zip(dy.chunks_exact(inner)).zip(across) {
        let divisor = outer * across;
        for (part, &dy) in parts.iter_mut().zip(dy) {
            *part += dy / divisor;
        }
    }
}

/// Sums for each column the parts of the windows that cover it. Column `m · STRIDE + p` is tap `p + q · STRIDE` of window `m - q`:
/// so the columns of one phase `p` are sums of neighbouring parts, and no two are written to one place.
#[inline(always)]
fn spread<T: Real, const STRIDE: usize>(parts: &[T], kernel: usize, phases: &mut [T], columns: &mut [T]) {
    let groups = columns.len() / STRIDE;
    for (p, phase) in phases.chunks_exact_mut(groups).enumerate() {
        let mut taps = (p..kernel).step_by(STRIDE).enumerate().map(|(q, _)| &parts[kernel - q..][..groups]);
        match taps.next() {
            None => phase.fill(T::ZERO),
            Some(first) => phase.copy_from_slice(first),
        }
        for parts in taps {
            for (sum, &part) in phase.iter_mut().zip(parts) {
                *sum += part;
            }
        }
    }
    let phases: [&[T]; STRIDE] = std::array::from_fn(|p| &phases[p * groups..][..groups]);
    for (m, columns) in columns.as_chunks_mut::<STRIDE>().0.iter_mut().enumerate() {
        *columns = std::array::from_fn(|p| phases[p][m]);
    }
}
