//! Windows whose elements are joined to one: maxima and sums.

use super::{Grid, Padded, greater};
use crate::cpu::parallel::over_chunks;
use crate::cpu::simd::{Kernel, Simd, dispatch};
use crate::element::{Number, Real};

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
        let (grid, row_len) = (self.grid, self.grid.row());
        let padded = grid.padded();
        let (low, len) = padded.map_or((0, row_len), |padded| (padded.low, padded.len));
        let mut columns = vec![J::NONE; len];
        for (i, out) in self.out.chunks_exact_mut(grid.out_row()).enumerate() {
            let (plane, dw, hw) = grid.locate(self.first + i);
            let plane = &self.x[plane * grid.places() * grid.inner..][..grid.places() * grid.inner];
            let rows = grid.covered(dw, hw);
            let row = |number: usize| &plane[number * row_len..][..row_len];
            if let ([only], None) = (&rows[..], padded) {
                across::<T, J>(row(*only), grid, None, out);
                continue;
            }
            let inside = &mut columns[low..low + row_len];
            match rows[..] {
                [] => inside.fill(J::NONE),
                [a] => inside.copy_from_slice(row(a)),
                [a, b] => two::<T, J>(inside, row(a), row(b)),
                [a, b, c, ref others @ ..] => {
                    three::<T, J>(inside, row(a), row(b), row(c));
                    for &other in others {
                        more::<T, J>(inside, row(other));
                    }
                }
            }
            across::<T, J>(&columns, grid, padded, out);
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
fn across<T: Number, J: Join<T>>(columns: &[T], grid: &Grid, padded: Option<Padded>, out: &mut [T]) {
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
                    count => fold::<T, J>(&columns[window.first..][..(count - 1) * w.step + 1], w.step),
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

/// Joins elements that are `step` apart, the last one included; there is at least one.
#[inline(always)]
fn fold<T: Number, J: Join<T>>(x: &[T], step: usize) -> T {
    const LANES: usize = 16;
    if step > 1 || x.len() < 2 * LANES {
        return x.iter().skip(step).step_by(step).fold(x[0], |joined, &x| J::join(joined, x));
    }
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = chunks[0];
    for chunk in &chunks[1..] {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = J::join(*lane, x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = J::join(*lane, x);
    }
    let mut joined = lanes[0];
    for &lane in &lanes[1..] {
        joined = J::join(joined, lane);
    }
    joined
}
