//! Resizing along one axis: every output is a weighted sum of a few inputs.

use super::parallel::over_chunks;
use crate::element::Real;

/// Which inputs make each output of an axis: `taps` entries for each output.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) taps: usize,
    pub(crate) places: Vec<usize>,
    /// Empty if each output is a copy of one input.
    pub(crate) weights: Vec<f64>,
}

impl Table {
    fn outputs(&self) -> usize {
        self.places.len() / self.taps
    }
}

/// Copies: `out[o, i, :] = x[o, place(i), :]` for `x` of shape `[outer, size, inner]`.
pub(crate) fn copy<W: Copy + Send + Sync>(x: &[W], size: usize, inner: usize, table: &Table, out: &mut [W]) {
    let row_len = table.outputs() * inner;
    over_chunks(out, row_len, 1, |start, piece| {
        for (i, row) in piece.chunks_mut(row_len).enumerate() {
            let x = &x[(start / row_len + i) * size * inner..];
            if inner == 1 {
                for (out, &place) in row.iter_mut().zip(&table.places) {
                    *out = x[place];
                }
                continue;
            }
            for (out, &place) in row.chunks_mut(inner).zip(&table.places) {
                out.copy_from_slice(&x[place * inner..(place + 1) * inner]);
            }
        }
    });
}

/// `out[o, i, :] = Σₜ weight(i, t) · x[o, place(i, t), :]` for `x` of shape `[outer, size, inner]`.
pub(crate) fn forward<T: Real>(x: &[T], size: usize, inner: usize, table: &Table, out: &mut [T]) {
    match table.taps {
        2 => weighted::<T, 2>(x, size, inner, table, out),
        4 => weighted::<T, 4>(x, size, inner, table, out),
        taps => unreachable!("no mode mixes {taps} elements"),
    }
}

fn weighted<T: Real, const TAPS: usize>(x: &[T], size: usize, inner: usize, table: &Table, out: &mut [T]) {
    let row_len = table.outputs() * inner;
    let weights: Vec<T> = table.weights.iter().map(|&weight| T::r(weight)).collect();
    let (places, weights) = (table.places.as_chunks::<TAPS>().0, weights.as_chunks::<TAPS>().0);
    over_chunks(out, row_len, TAPS, |start, piece| {
        for (i, row) in piece.chunks_mut(row_len).enumerate() {
            let x = &x[(start / row_len + i) * size * inner..][..size * inner];
            if inner == 1 {
                for ((out, places), weights) in row.iter_mut().zip(places).zip(weights) {
                    let mut sum = T::ZERO;
                    for tap in 0..TAPS {
                        sum += weights[tap] * x[places[tap]];
                    }
                    *out = sum;
                }
                continue;
            }
            for ((out, places), weights) in row.chunks_mut(inner).zip(places).zip(weights) {
                let rows = places.map(|place| &x[place * inner..][..inner]);
                for (j, out) in out.iter_mut().enumerate() {
                    let mut sum = T::ZERO;
                    for tap in 0..TAPS {
                        sum += weights[tap] * rows[tap][j];
                    }
                    *out = sum;
                }
            }
        }
    });
}

/// The transposed operation of [`forward`]: `dx[o, place(i, t), :] += weight(i, t) · dy[o, i, :]`.
pub(crate) fn backward<T: Real>(dy: &[T], size: usize, inner: usize, table: &Table, dx: &mut [T]) {
    let outputs = table.outputs();
    let weights: Vec<T> = table.weights.iter().map(|&weight| T::r(weight)).collect();
    over_chunks(dx, size * inner, table.taps, |start, piece| {
        for (i, dx) in piece.chunks_mut(size * inner).enumerate() {
            dx.fill(T::ZERO);
            let dy = &dy[(start / (size * inner) + i) * outputs * inner..][..outputs * inner];
            if inner == 1 && !weights.is_empty() {
                let taps = (table.places.chunks(table.taps)).zip(weights.chunks(table.taps));
                for (&dy, (places, weights)) in dy.iter().zip(taps) {
                    for (&place, &weight) in places.iter().zip(weights) {
                        dx[place] += weight * dy;
                    }
                }
                continue;
            }
            for (o, dy) in dy.chunks(inner).take(outputs).enumerate() {
                for tap in o * table.taps..(o + 1) * table.taps {
                    let weight = if weights.is_empty() { T::ONE } else { weights[tap] };
                    let dx = &mut dx[table.places[tap] * inner..];
                    for (dx, &dy) in dx.iter_mut().zip(dy) {
                        *dx += weight * dy;
                    }
                }
            }
        }
    });
}
