//! A matrix times a vector: every number of the matrix is used once, so packing it would not pay.

use crate::cpu::parallel::over_chunks;
use crate::element::Number;

/// Sums that a dot product keeps side by side.
const LANES: usize = 16;

/// `out[i] = Σ_p matrix[i, p] · vector[p]`. The matrix begins at `offset` of its data, its rows lie `row` and its columns
/// `column` apart.
pub(crate) fn matrix_vector<T: Number>(
    (matrix, offset, row, column): (&[T], usize, isize, isize),
    vector: &[T],
    out: &mut [T],
) {
    let k = vector.len();
    over_chunks(out, LANES, k.max(1), |first, out| {
        let start = offset as isize + first as isize * row;
        if row == 1 && column != 1 {
            // The rows are neighbours: add up multiples of columns.
            out.fill(T::ZERO);
            for (p, &factor) in vector.iter().enumerate() {
                let from = (start + p as isize * column) as usize;
                let values = &matrix[from..from + out.len()];
                for (out, &value) in out.iter_mut().zip(values) {
                    *out = out.plus(value.times(factor));
                }
            }
            return;
        }
        for (i, out) in out.iter_mut().enumerate() {
            let start = start + i as isize * row;
            *out = if column == 1 && k > 0 {
                dot(&matrix[start as usize..start as usize + k], vector)
            } else {
                vector.iter().enumerate().fold(T::ZERO, |sum, (p, &factor)| {
                    sum.plus(matrix[(start + p as isize * column) as usize].times(factor))
                })
            };
        }
    });
}

fn dot<T: Number>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::ZERO; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder());
    let rest = rest.fold(T::ZERO, |sum, (&a, &b)| sum.plus(a.times(b)));
    for (a, b) in a.zip(b) {
        for i in 0..LANES {
            sums[i] = sums[i].plus(a[i].times(b[i]));
        }
    }
    sums.into_iter().fold(rest, T::plus)
}
