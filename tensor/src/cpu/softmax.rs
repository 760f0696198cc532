//! Softmax kernels.

use super::parallel::{SharedMut, over_chunks};
use super::reduce::{Block, COLUMNS, fold_row, larger};
use crate::element::Real;

/// What an exponential costs, in units of simple work.
const COST: usize = 16;

/// Softmax, or its logarithm, along `n`.
pub(crate) fn forward<T: Real>(x: &[T], out: &mut [T], block: Block, log: bool) {
    let Block { n, inner, .. } = block;
    if inner == 1 {
        over_chunks(out, n, COST, |start, piece| {
            let rows = x[start..start + piece.len()].chunks_exact(n);
            for (x, out) in rows.zip(piece.chunks_exact_mut(n)) {
                row(x, out, log);
            }
        });
        return;
    }
    let shared = SharedMut::new(out);
    block.for_columns(COST, &|o, first, width| {
        let places = (0..n).map(|i| (o * n + i) * inner + first);
        // SAFETY: every call has its own columns, and asks for one row of them at a time; `out` is borrowed until all calls have
        // returned.
        let row = |place: usize| unsafe { shared.slice(place..place + width) };
        let (mut most, mut sum) = ([T::LOWEST; COLUMNS], [T::ZERO; COLUMNS]);
        for place in places.clone() {
            for (most, &x) in most.iter_mut().zip(&x[place..place + width]) {
                *most = larger(*most, x);
            }
        }
        for place in places.clone() {
            let columns = row(place).iter_mut().zip(&x[place..]);
            for (((out, &x), &most), sum) in columns.zip(&most).zip(&mut sum) {
                let exp = (x - most).exp();
                *sum += exp;
                *out = if log { x - most } else { exp };
            }
        }
        if log {
            sum.iter_mut().for_each(|sum| *sum = sum.ln());
        }
        for place in places {
            for (out, &sum) in row(place).iter_mut().zip(&sum) {
                *out = if log { *out - sum } else { *out / sum };
            }
        }
    });
}

fn row<T: Real>(x: &[T], out: &mut [T], log: bool) {
    let most = fold_row(x, T::LOWEST, &|x| x, &larger);
    if log {
        let sum = fold_row(x, T::ZERO, &|x| (x - most).exp(), &T::plus).ln();
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x - most - sum;
        }
        return;
    }
    for (out, &x) in out.iter_mut().zip(x) {
        *out = (x - most).exp();
    }
    let sum = fold_row(out, T::ZERO, &|x| x, &T::plus);
    for out in out {
        *out = *out / sum;
    }
}
