//! Windows whose elements are joined to one: maxima and sums.

use super::{Grid, Padded, WIDE, greater};
use crate::cpu::parallel::over_chunks;
use crate::cpu::simd::{Kernel, Simd, dispatch};
use crate::element::{Number, Real};
use crate::profile;

/// How elements are joined.
pub(super) trait Join<T: Number> {
    /// What no elements give.
    const NONE: T;
    fn join(a: T, b: T) -> T;
}

pub(super) struct Greatest;

impl<T: Number> Join<T> for Greatest {
    const NONE: T = T::LOWEST;
    #[inline(always)]
    fn join(a: T, b: T) -> T {
        greater(a, b)
    }
}

pub(super) struct Sum;

impl<T: Real> Join<T> for Sum {
    const NONE: T = T::ZERO;
    #[inline(always)]
    fn join(a: T, b: T) -> T {
        a + b
    }
}

/// The greatest element of each window.
pub(crate) fn max<T: Number>(x: &[T], grid: &Grid, out: &mut [T]) {
    let _span = profile::span("max pool", size_of_val(x) + size_of_val(out));
    over_chunks(out, grid.out_row(), grid.taps(), |start, piece| {
        dispatch(Rows::<T, Greatest>::new(x, grid, start / grid.out_row(), piece));
    });
}

/// Some rows of the output.
pub(super) struct Rows<'a, T, J> {
    x: &'a [T],
    grid: &'a Grid,
    first: usize,
    out: &'a mut [T],
    join: std::marker::PhantomData<J>,
}

impl<'a, T, J> Rows<'a, T, J> {
    pub(super) fn new(x: &'a [T], grid: &'a Grid, first: usize, out: &'a mut [T]) -> Self {
        Rows { x, grid, first, out, join: std::marker::PhantomData }
    }
}

impl<T: Number, J: Join<T>> Kernel for Rows<'_, T, J> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (grid, row_len, out_row) = (self.grid, self.grid.row(), self.grid.out_row());
        let plane_len = grid.places() * grid.inner;
        let padded = grid.padded();
        let (low, len) = padded.map_or((0, row_len), |padded| (padded.low, padded.len));
        // A row by itself may go on to a multiple of `WIDE`; side by side with channels it is long anyhow.
        let extra = if grid.inner == 1 { WIDE } else { 0 };
        let mut columns = vec![J::NONE; len + extra];
        let mut lanes = vec![J::NONE; LANES];
        let mut rows = Vec::new();
        let wide = if grid.inner == 1 { row_len.next_multiple_of(WIDE) } else { row_len };
        let out_wide = if padded.is_some() { out_row.next_multiple_of(WIDE) } else { out_row };
        for i in 0..self.out.len() / out_row {
            let end = (i * out_row + out_wide).min(self.out.len());
            let out = &mut self.out[i * out_row..end];
            let (plane, dw, hw) = grid.locate(self.first + i);
            grid.covered(dw, hw, &mut rows);
            let row = |number: usize, len: usize| {
                let rest = &self.x[plane * plane_len + number * row_len..];
                &rest[..len.min(rest.len())]
            };
            if let ([only], None) = (&rows[..], padded) {
                across::<T, J>(row(*only, row_len), grid, None, out, &mut lanes);
                continue;
            }
            match rows[..] {
                [] => columns[low..low + row_len].fill(J::NONE),
                [a] => columns[low..low + row_len].copy_from_slice(row(a, row_len)),
                [a, b] => two::<T, J>(&mut columns[low..low + wide], row(a, wide), row(b, wide)),
                [a, b, c, ref others @ ..] => {
                    let columns = &mut columns[low..low + wide];
                    three::<T, J>(columns, row(a, wide), row(b, wide), row(c, wide));
                    for &other in others {
                        more::<T, J>(columns, row(other, wide));
                    }
                }
            }
            // The padding behind the row.
            columns[low + row_len..].fill(J::NONE);
            across::<T, J>(&columns, grid, padded, out, &mut lanes);
        }
    }
}

#[inline(always)]
fn two<T: Number, J: Join<T>>(out: &mut [T], a: &[T], b: &[T]) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = J::join(a, b);
    }
}

#[inline(always)]
fn three<T: Number, J: Join<T>>(out: &mut [T], a: &[T], b: &[T], c: &[T]) {
    for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
        *out = J::join(J::join(a, b), c);
    }
}

#[inline(always)]
fn more<T: Number, J: Join<T>>(out: &mut [T], x: &[T]) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = J::join(*out, x);
    }
}

/// Joins columns to the windows of a row.
#[inline(always)]
fn across<T: Number, J: Join<T>>(columns: &[T], grid: &Grid, padded: Option<Padded>, out: &mut [T], lanes: &mut [T]) {
    let w = &grid.windows[2];
    match padded {
        Some(Padded { stride: 1, kernel, .. }) => strided::<T, J, 1>(columns, kernel, w.step, out),
        Some(Padded { stride: 2, kernel, .. }) => strided::<T, J, 2>(columns, kernel, w.step, out),
        Some(Padded { stride: 3, kernel, .. }) => strided::<T, J, 3>(columns, kernel, w.step, out),
        Some(Padded { stride: 4, kernel, .. }) => strided::<T, J, 4>(columns, kernel, w.step, out),
        _ if grid.inner == 1 => {
            for (out, window) in out.iter_mut().zip(&w.windows) {
                *out = match window.count {
                    0 => J::NONE,
                    count => fold::<T, J>(&columns[window.first..][..(count - 1) * w.step + 1], w.step, lanes),
                };
            }
        }
        _ => {
            for (out, window) in out.chunks_exact_mut(grid.inner).zip(&w.windows) {
                let tap = |i: usize| &columns[(window.first + i * w.step) * grid.inner..][..grid.inner];
                match window.count {
                    0 => out.fill(J::NONE),
                    1 => out.copy_from_slice(tap(0)),
                    2 => two::<T, J>(out, tap(0), tap(1)),
                    count => {
                        three::<T, J>(out, tap(0), tap(1), tap(2));
                        for i in 3..count {
                            more::<T, J>(out, tap(i));
                        }
                    }
                }
            }
        }
    }
}

/// [`across`] for windows that are `STRIDE` columns apart, padding included.
#[inline(always)]
fn strided<T: Number, J: Join<T>, const STRIDE: usize>(columns: &[T], kernel: usize, step: usize, out: &mut [T]) {
    let tap = |i: usize| columns[i * step..].as_chunks::<STRIDE>().0;
    match (kernel, step, STRIDE) {
        (2, 1, 2) => {
            for (out, x) in out.iter_mut().zip(tap(0)) {
                *out = J::join(x[0], x[STRIDE - 1]);
            }
        }
        (3, 1, 2) => {
            for ((out, x), next) in out.iter_mut().zip(tap(0)).zip(tap(2)) {
                *out = J::join(J::join(x[0], x[STRIDE - 1]), next[0]);
            }
        }
        (1, ..) => out.iter_mut().zip(tap(0)).for_each(|(out, x)| *out = x[0]),
        (2, ..) => {
            for ((out, a), b) in out.iter_mut().zip(tap(0)).zip(tap(1)) {
                *out = J::join(a[0], b[0]);
            }
        }
        _ => {
            for (((out, a), b), c) in out.iter_mut().zip(tap(0)).zip(tap(1)).zip(tap(2)) {
                *out = J::join(J::join(a[0], b[0]), c[0]);
            }
            for i in 3..kernel {
                for (out, x) in out.iter_mut().zip(tap(i)) {
                    *out = J::join(*out, x[0]);
                }
            }
        }
    }
}

/// Elements that long windows are joined in parallel.
const LANES: usize = 64;

/// Joins elements that are `step` apart, the last one included; there is at least one.
#[inline(always)]
fn fold<T: Number, J: Join<T>>(x: &[T], step: usize, lanes: &mut [T]) -> T {
    if step > 1 || x.len() < LANES {
        return x.iter().skip(step).step_by(step).fold(x[0], |joined, &x| J::join(joined, x));
    }
    lanes.copy_from_slice(&x[..LANES]);
    for chunk in x[LANES..].chunks(LANES) {
        more::<T, J>(lanes, chunk);
    }
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        more::<T, J>(low, high);
        half /= 2;
    }
    lanes[0]
}
