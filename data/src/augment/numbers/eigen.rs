//! Eigenvalues and eigenvectors of symmetric matrices: reflections to a tridiagonal matrix (A. Householder, 1958), then QL with implicit shifts (R. Martin and J. Wilkinson, 1968).

use crate::{Error, Result};

/// How often one eigenvalue is iterated for at most; two or three times are usual.
const ROUNDS: usize = 100;

/// Eigenvalues, in no order, and eigenvectors of length 1, one in each row. Of the matrix, `size` rows one after the other, it is taken for granted that it is symmetric.
///
/// # Errors
/// [`Error::Argument`] if it has numbers that are not finite.
pub(super) fn symmetric(mut matrix: Vec<f64>, size: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    if !matrix.iter().all(|x| x.is_finite()) {
        return Err(Error::argument("eigenvalues", "expected a matrix of finite numbers, received others"));
    }
    let (mut diagonal, mut beside) = tridiagonal(&mut matrix, size);
    let mut vectors = reflections(&matrix, size);
    ql(&mut diagonal, &mut beside, &mut vectors, size)?;
    Ok((diagonal, vectors))
}

/// Diagonal and what stands beside it (one number less, then 0) of `QᵀAQ`. Row `k` of the matrix then holds, behind its diagonal, the unit vector of reflection `k`, or zeros for
/// none.
fn tridiagonal(matrix: &mut [f64], size: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut diagonal, mut beside) = (Vec::with_capacity(size), Vec::with_capacity(size));
    let mut product = vec![0.0; size];
    for k in 0..size {
        let (above, below) = matrix.split_at_mut((k + 1) * size);
        let row = &mut above[k * size..];
        diagonal.push(row[k]);
        let v = &mut row[k + 1..];
        let Some(&first) = v.first() else {
            beside.push(0.0);
            break;
        };
        let rest: f64 = v[1..].iter().map(|x| x * x).sum();
        if rest == 0.0 {
            beside.push(first);
            v.fill(0.0);
            continue;
        }
        // Away from the first element, so that nothing cancels.
        let reflected = -(first * first + rest).sqrt().copysign(first);
        beside.push(reflected);
        v[0] -= reflected;
        let length = (v[0] * v[0] + rest).sqrt();
        v.iter_mut().for_each(|x| *x /= length);
        // A − 2(vwᵀ + wvᵀ) with w = Av − (vᵀAv)v.
        let w = &mut product[k + 1..];
        for (w, row) in w.iter_mut().zip(below.chunks_exact(size)) {
            *w = dot(&row[k + 1..], v);
        }
        let along = dot(w, v);
        w.iter_mut().zip(v.iter()).for_each(|(w, v)| *w -= along * v);
        for (i, row) in below.chunks_exact_mut(size).enumerate() {
            let (a, b) = (2.0 * v[i], 2.0 * w[i]);
            for ((x, v), w) in row[k + 1..].iter_mut().zip(v.iter()).zip(w.iter()) {
                *x -= a * w + b * v;
            }
        }
    }
    (diagonal, beside)
}

/// `Qᵀ`, of the reflections that [`tridiagonal`] left.
fn reflections(matrix: &[f64], size: usize) -> Vec<f64> {
    let mut q = vec![0.0; size * size];
    (0..size).for_each(|i| q[i * size + i] = 1.0);
    let mut sum = vec![0.0; size];
    for k in (0..size.saturating_sub(1)).rev() {
        let v = &matrix[k * size + k + 1..(k + 1) * size];
        let sum = &mut sum[k + 1..];
        sum.fill(0.0);
        for (v, row) in v.iter().zip(q[(k + 1) * size..].chunks_exact(size)) {
            sum.iter_mut().zip(&row[k + 1..]).for_each(|(sum, x)| *sum += v * x);
        }
        for (v, row) in v.iter().zip(q[(k + 1) * size..].chunks_exact_mut(size)) {
            row[k + 1..].iter_mut().zip(sum.iter()).for_each(|(x, sum)| *x -= 2.0 * v * sum);
        }
    }
    for i in 0..size {
        for j in 0..i {
            q.swap(i * size + j, j * size + i);
        }
    }
    q
}

/// Makes eigenvalues of the diagonal of a tridiagonal matrix, and turns the rows of `vectors` along.
fn ql(diagonal: &mut [f64], beside: &mut [f64], vectors: &mut [f64], size: usize) -> Result<()> {
    for low in 0..size {
        let mut rounds = 0;
        loop {
            let small = |&m: &usize| beside[m].abs() <= f64::EPSILON * (diagonal[m].abs() + diagonal[m + 1].abs());
            let high = (low..size - 1).find(small).unwrap_or(size - 1);
            if high == low {
                break;
            }
            rounds += 1;
            if rounds > ROUNDS {
                let message = format!("expected eigenvalues after {ROUNDS} rounds, received none");
                return Err(Error::argument("eigenvalues", message));
            }
            // The eigenvalue of the upper corner that is nearer to its first element.
            let half = (diagonal[low + 1] - diagonal[low]) / (2.0 * beside[low]);
            let shift = beside[low] / (half + half.hypot(1.0).copysign(half));
            let mut g = diagonal[high] - diagonal[low] + shift;
            let (mut sin, mut cos, mut moved) = (1.0, 1.0, 0.0);
            let mut whole = true;
            for i in (low..high).rev() {
                let (f, b) = (sin * beside[i], cos * beside[i]);
                let r = f.hypot(g);
                beside[i + 1] = r;
                if r == 0.0 {
                    // It falls apart here.
                    diagonal[i + 1] -= moved;
                    beside[high] = 0.0;
                    whole = false;
                    break;
                }
                (sin, cos) = (f / r, g / r);
                g = diagonal[i + 1] - moved;
                let t = (diagonal[i] - g) * sin + 2.0 * cos * b;
                moved = sin * t;
                diagonal[i + 1] = g + moved;
                g = cos * t - b;
                let (upper, lower) = vectors[i * size..(i + 2) * size].split_at_mut(size);
                for (x, y) in upper.iter_mut().zip(lower) {
                    (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
                }
            }
            if whole {
                diagonal[low] -= moved;
                beside[low] = g;
                beside[high] = 0.0;
            }
        }
    }
    Ok(())
}

/// In eight sums, so that it can be done in vectors.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SampleRng;

    fn check(matrix: &[f64], size: usize) -> Vec<f64> {
        let (values, vectors) = symmetric(matrix.to_vec(), size).unwrap();
        let scale = matrix.iter().fold(0.0f64, |most, x| most.max(x.abs())).max(1e-300) * size as f64;
        for (value, vector) in values.iter().zip(vectors.chunks(size)) {
            for (row, x) in matrix.chunks(size).zip(vector) {
                assert!((dot(row, vector) - value * x).abs() < 1e-13 * scale);
            }
        }
        for (i, a) in vectors.chunks(size).enumerate() {
            for (j, b) in vectors.chunks(size).enumerate() {
                assert!((dot(a, b) - f64::from(i == j)).abs() < 1e-12 * size as f64);
            }
        }
        let mut values = values;
        values.sort_by(f64::total_cmp);
        values
    }

    #[test]
    fn known_matrices() {
        assert_eq!(symmetric(vec![], 0).unwrap(), (vec![], vec![]));
        assert_eq!(check(&[7.0], 1), [7.0]);
        assert_eq!(check(&[0.0; 9], 3), [0.0; 3]);
        let values = check(&[2.0, 1.0, 1.0, 2.0], 2);
        assert!((values[0] - 1.0).abs() < 1e-14 && (values[1] - 3.0).abs() < 1e-14, "{values:?}");
        // Differences of second order, whose eigenvalues are 2 − 2cos(kπ/(n + 1)).
        let n = 20;
        let second = |i: usize| [2.0, -1.0, 0.0][(i / n).abs_diff(i % n).min(2)];
        let values = check(&(0..n * n).map(second).collect::<Vec<_>>(), n);
        for (k, value) in values.iter().enumerate() {
            let expected = 2.0 - 2.0 * ((k + 1) as f64 * std::f64::consts::PI / (n + 1) as f64).cos();
            assert!((value - expected).abs() < 1e-13, "{value} {expected}");
        }
        // All ones: n and zeros.
        let values = check(&[1.0; 49], 7);
        assert!((values[6] - 7.0).abs() < 1e-13 && values[..6].iter().all(|x| x.abs() < 1e-13));
    }

    #[test]
    fn random_matrices() {
        for size in [3, 8, 17, 60] {
            let rng = &mut SampleRng::new(0, 0, size as u64);
            let half: Vec<f64> = (0..size * size).map(|_| rng.uniform(-1.0, 1.0).unwrap()).collect();
            // With eigenvalues from 1 down to 10⁻¹².
            let spread = |i: usize| 10f64.powf(-12.0 * (i / size) as f64 / size as f64);
            let matrix: Vec<f64> = (0..size * size)
                .map(|i| {
                    let (row, column) = (i / size, i % size);
                    (0..size).map(|k| half[k * size + row] * half[k * size + column] * spread(k * size)).sum()
                })
                .collect();
            check(&matrix, size);
        }
        assert!(symmetric(vec![1.0, f64::NAN, f64::NAN, 1.0], 2).is_err());
    }
}
