//! Matrix decompositions.

use crate::element::Real;
use crate::profile;

/// The reduced QR decomposition of one `m × n` matrix by Householder reflections. `columns` holds the matrix column by column
/// and is spoilt; `q` is written as `m × min(m, n)` and `r` as `min(m, n) × n`, both row-major.
pub(crate) fn qr<T: Real>(columns: &mut [T], m: usize, n: usize, q: &mut [T], r: &mut [T]) {
    let _span = profile::span("qr", 2 * size_of_val(columns));
    let k = m.min(n);
    // H = I - factor · v vᵀ with v[i] = 1, whose rest lies below the diagonal of column i.
    let mut factors = vec![T::ZERO; k];
    for i in 0..k {
        let (head, others) = columns.split_at_mut((i + 1) * m);
        let column = &mut head[i * m + i..];
        let (first, rest) = column.split_at_mut(1);
        let alpha = first[0];
        let norm = scaled_norm(rest);
        if norm == T::ZERO {
            // Nothing to reflect; LAPACK leaves the sign as it is.
            continue;
        }
        let size = hypot(alpha, norm);
        let beta = if alpha < T::ZERO { size } else { -size };
        factors[i] = (beta - alpha) / beta;
        let scale = T::ONE / (alpha - beta);
        rest.iter_mut().for_each(|x| *x *= scale);
        first[0] = beta;
        for other in others.chunks_exact_mut(m) {
            reflect(rest, factors[i], &mut other[i..]);
        }
    }
    for (i, row) in r.chunks_exact_mut(n.max(1)).enumerate() {
        for (j, out) in row.iter_mut().enumerate() {
            *out = if j < i { T::ZERO } else { columns[j * m + i] };
        }
    }
    // Q is what the reflections make of the first columns of the identity, the last reflection first.
    let mut column = vec![T::ZERO; m];
    for j in 0..k {
        column.fill(T::ZERO);
        column[j] = T::ONE;
        for i in (0..=j).rev() {
            let rest = &columns[i * m + i + 1..(i + 1) * m];
            reflect(rest, factors[i], &mut column[i..]);
        }
        for (row, &value) in column.iter().enumerate() {
            q[row * k + j] = value;
        }
    }
}

/// The inverse of one upper triangular `n × n` matrix, both row-major; what is below the diagonal is not read, and written as
/// zeros. Rows are solved for from the last to the first.
pub(crate) fn upper_inverse<T: Real>(matrix: &[T], n: usize, out: &mut [T]) {
    let _span = profile::span("triangular inverse", 2 * size_of_val(matrix));
    for i in (0..n).rev() {
        let (above, below) = out.split_at_mut((i + 1) * n);
        let row = &mut above[i * n..];
        row.fill(T::ZERO);
        row[i] = T::ONE;
        for (&factor, solved) in matrix[i * n + i + 1..(i + 1) * n].iter().zip(below.chunks_exact(n)) {
            for (x, &y) in row[i..].iter_mut().zip(&solved[i..]) {
                *x += -(factor * y);
            }
        }
        let diagonal = matrix[i * n + i];
        row[i..].iter_mut().for_each(|x| *x = *x / diagonal);
    }
}

/// `x -= factor · v (vᵀ x)` for `v = [1, rest…]`.
fn reflect<T: Real>(rest: &[T], factor: T, x: &mut [T]) {
    if factor == T::ZERO {
        return;
    }
    let (first, x) = x.split_at_mut(1);
    let mut sums = [T::ZERO; 8];
    for (v, x) in rest.chunks(8).zip(x.chunks(8)) {
        for (sum, (&v, &x)) in sums.iter_mut().zip(v.iter().zip(x)) {
            *sum += v * x;
        }
    }
    let dot = factor * (first[0] + sums.into_iter().sum::<T>());
    first[0] += -dot;
    for (x, &v) in x.iter_mut().zip(rest) {
        *x += -(dot * v);
    }
}

/// The Euclidean norm, without overflow on the way.
fn scaled_norm<T: Real>(values: &[T]) -> T {
    let largest = values.iter().fold(T::ZERO, |m, &x| if x.abs() > m || x.nan() { x.abs() } else { m });
    if largest == T::ZERO || largest.nan() {
        return largest;
    }
    let sum: T = values.iter().map(|&x| (x / largest) * (x / largest)).sum();
    largest * sum.sqrt()
}

fn hypot<T: Real>(a: T, b: T) -> T {
    scaled_norm(&[a, b])
}
