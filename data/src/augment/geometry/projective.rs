//! Changes that keep lines straight: turns, shears, zooms, perspectives.

use super::sampling::{self, Row};
use super::{Geometry, Sampling};
use crate::{Error, Image, Result};

/// A 3×3 matrix, row by row, that acts on points `[x, y, 1]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Matrix(pub(crate) [[f64; 3]; 3]);

impl Matrix {
    /// `x` becomes `ax + by + c`, `y` becomes `dx + ey + f`.
    pub(crate) fn affine([a, b, c]: [f64; 3], [d, e, f]: [f64; 3]) -> Self {
        Matrix([[a, b, c], [d, e, f], [0.0, 0.0, 1.0]])
    }

    /// A shift.
    pub(crate) fn shift(x: f64, y: f64) -> Self {
        Matrix::affine([1.0, 0.0, x], [0.0, 1.0, y])
    }

    /// What `other` does, then this.
    pub(crate) fn after(&self, other: &Matrix) -> Matrix {
        let mut out = [[0.0; 3]; 3];
        for (out, row) in out.iter_mut().zip(&self.0) {
            for (j, x) in out.iter_mut().enumerate() {
                *x = (0..3).map(|k| row[k] * other.0[k][j]).sum();
            }
        }
        Matrix(out)
    }

    /// What undoes it; `None` if it maps the plane to a line, or its numbers are not finite.
    pub(crate) fn inverse(&self) -> Option<Matrix> {
        let m = &self.0;
        let cofactor = |i: usize, j: usize| {
            let (r, s) = ((i + 1) % 3, (i + 2) % 3);
            let (u, v) = ((j + 1) % 3, (j + 2) % 3);
            m[r][u] * m[s][v] - m[r][v] * m[s][u]
        };
        let determinant: f64 = (0..3).map(|j| m[0][j] * cofactor(0, j)).sum();
        let inverse: [[f64; 3]; 3] = std::array::from_fn(|i| std::array::from_fn(|j| cofactor(j, i) / determinant));
        let finite = inverse.as_flattened().iter().all(|x| x.is_finite());
        (finite && determinant != 0.0).then_some(Matrix(inverse))
    }

    /// Where a point goes; NaN where its third coordinate is not above 0.
    pub(crate) fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [u, v, w] = self.0.map(|[a, b, c]| a * x + b * y + c);
        if w > 0.0 { [u / w, v / w] } else { [f64::NAN; 2] }
    }

    /// Whether upright rectangles stay upright.
    fn is_upright(&self) -> bool {
        let [[a, b, _], [d, e, _], [g, h, _]] = self.0;
        // An angle of 90° has a cosine of 6·10⁻¹⁷.
        let size = [a, b, d, e].iter().fold(0.0f64, |most, x| most.max(x.abs()));
        let none = |x: f64| x.abs() <= 1e-12 * size;
        g == 0.0 && h == 0.0 && ((none(b) && none(d)) || (none(a) && none(e)))
    }
}

/// A change by a matrix, in one resampling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Projective {
    size: [usize; 2],
    forward: Matrix,
    backward: Matrix,
    sampling: Sampling,
}

impl Projective {
    /// A new picture of `size` whose pixels come from where `backward` maps them.
    ///
    /// # Errors
    /// [`Error::Argument`] if the matrix cannot be inverted, or its numbers are not finite.
    pub(crate) fn new(op: &'static str, size: [usize; 2], backward: Matrix, sampling: Sampling) -> Result<Self> {
        match backward.inverse() {
            Some(forward) => Ok(Projective { size, forward, backward, sampling }),
            None => {
                let message = format!("expected a change that can be undone, received {:?}", backward.0);
                Err(Error::argument(op, message))
            }
        }
    }

    fn row(&self, row: usize, places: Row<'_>) {
        let y = row as f64 + 0.5;
        for (column, place) in places.iter_mut().enumerate() {
            *place = self.backward.apply([column as f64 + 0.5, y]);
        }
    }
}

impl Geometry for Projective {
    fn size(&self) -> [usize; 2] {
        self.size
    }

    fn is_upright(&self) -> bool {
        self.forward.is_upright()
    }

    fn forward(&self, point: [f64; 2]) -> [f64; 2] {
        self.forward.apply(point)
    }

    fn horizon(&self) -> Option<[f64; 3]> {
        let [g, h, i] = self.forward.0[2];
        (g != 0.0 || h != 0.0).then_some([g, h, i])
    }

    fn image(&self, old: &Image) -> Result<Image> {
        sampling::warp(old, self.size, &self.sampling, |row, places| self.row(row, places))
    }

    fn places(&self, old: [usize; 2], filled: bool) -> Result<Vec<usize>> {
        let fill = if filled { self.sampling.fill } else { crate::augment::Fill::black() };
        sampling::nearest(old, self.size, fill, |row, places| self.row(row, places))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses() {
        let m = Matrix([[2.0, 1.0, -3.0], [0.5, 4.0, 7.0], [0.01, -0.02, 1.0]]);
        let back = m.inverse().unwrap();
        for point in [[0.0, 0.0], [3.0, -1.0], [10.0, 10.0]] {
            let there = back.apply(m.apply(point));
            assert!(there.iter().zip(point).all(|(a, b)| (a - b).abs() < 1e-12), "{there:?}");
        }
        assert!(Matrix::affine([1.0, 2.0, 0.0], [2.0, 4.0, 0.0]).inverse().is_none());
        assert!(Matrix::shift(f64::NAN, 0.0).inverse().is_none());
        // Beyond the horizon there is no place.
        assert!(m.apply([-200.0, 0.0])[0].is_nan());
        assert!(!m.is_upright() && Matrix::shift(1.0, 2.0).is_upright());
    }
}
