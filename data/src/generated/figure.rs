//! Circles, rectangles and triangles in the plane.

use std::f64::consts::{PI, TAU};

use crate::{Result, SampleRng};

/// The number of kinds of figures.
pub(super) const KINDS: usize = 3;

/// Their names, by number.
pub(super) const NAMES: [&str; KINDS] = ["circle", "rectangle", "triangle"];

/// A convex figure. It covers the pixels whose middle lies in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    /// Its number among [`NAMES`].
    pub(super) kind: usize,
    centre: [f64; 2],
    radius: f64,
    /// Clockwise as one sees them, the topmost first; none of a circle.
    corners: Vec<[f64; 2]>,
}

impl Figure {
    /// A figure of a kind that touches the circle of this radius around a centre from within, turned at random.
    pub(super) fn random(kind: usize, centre: [f64; 2], radius: f64, rng: &mut SampleRng) -> Result<Self> {
        let turn = rng.uniform(0.0, TAU)?;
        let angles = match kind {
            0 => vec![],
            1 => {
                // Half of the angle in which a side is seen from the centre: the sides are at most as 1 to 2.
                let half = rng.uniform(0.46, PI / 2.0 - 0.46)?;
                vec![turn - half, turn + half, turn + PI - half, turn + PI + half]
            }
            _ => {
                let mut bent = || rng.uniform(-0.5, 0.5);
                vec![turn, turn + TAU / 3.0 + bent()?, turn + 2.0 * TAU / 3.0 + bent()?]
            }
        };
        let [x, y] = centre;
        let mut corners: Vec<[f64; 2]> =
            angles.into_iter().map(|angle: f64| [x + radius * angle.cos(), y + radius * angle.sin()]).collect();
        let top = (0..corners.len()).min_by(|&a, &b| corners[a][1].total_cmp(&corners[b][1]));
        corners.rotate_left(top.unwrap_or(0));
        Ok(Figure { kind, centre, radius, corners })
    }

    /// Whether a point lies in the figure or on its border.
    pub(super) fn contains(&self, [x, y]: [f64; 2]) -> bool {
        if self.corners.is_empty() {
            let [dx, dy] = [x - self.centre[0], y - self.centre[1]];
            return dx * dx + dy * dy <= self.radius * self.radius;
        }
        let next = self.corners.iter().cycle().skip(1);
        // Inside lies to the right of every side.
        self.corners.iter().zip(next).all(|([ax, ay], [bx, by])| (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0.0)
    }

    /// The corners, or the centre of a circle.
    pub(super) fn keypoints(&self) -> &[[f64; 2]] {
        if self.corners.is_empty() { std::slice::from_ref(&self.centre) } else { &self.corners }
    }

    /// Left, top, right and bottom.
    pub(super) fn extremes(&self) -> [f64; 4] {
        if self.corners.is_empty() {
            let ([x, y], r) = (self.centre, self.radius);
            return [x - r, y - r, x + r, y + r];
        }
        self.corners.iter().fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |e, &[x, y]| {
            [e[0].min(x), e[1].min(y), e[2].max(x), e[3].max(y)]
        })
    }

    /// Whether a part of it lies outside of a picture of `[height, width]`.
    pub(super) fn leaves(&self, [height, width]: [usize; 2]) -> bool {
        let [left, top, right, bottom] = self.extremes();
        left < 0.0 || top < 0.0 || right > width as f64 || bottom > height as f64
    }

    /// The pixels that it covers in a picture of `[height, width]`: of each row from top to bottom that has some, the row's number and the
    /// columns.
    pub(super) fn rows(&self, [height, width]: [usize; 2]) -> Vec<(usize, std::ops::Range<usize>)> {
        let [left, top, right, bottom] = self.extremes();
        // The casts limit what lies outside to the picture.
        let within = |low: f64, high: f64, size: usize| low.floor() as usize..(high.ceil() as usize).min(size);
        let columns = within(left, right, width);
        let covered = |row: usize, column: usize| self.contains([column as f64 + 0.5, row as f64 + 0.5]);
        within(top, bottom, height)
            .filter_map(|row| {
                // It is convex: what lies between two pixels of a row is covered too.
                let first = columns.clone().find(|&column| covered(row, column))?;
                let last = columns.clone().rev().find(|&column| covered(row, column))?;
                Some((row, first..last + 1))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_touch_their_circle_and_go_round_clockwise() {
        for kind in 0..KINDS {
            for index in 0..200 {
                let mut rng = SampleRng::new(3, kind as u64, index);
                let figure = Figure::random(kind, [10.0, 20.0], 5.0, &mut rng).unwrap();
                assert_eq!(figure.keypoints().len(), [1, 4, 3][kind]);
                assert!(figure.contains([10.0, 20.0]));
                let [left, top, right, bottom] = figure.extremes();
                assert!(left >= 5.0 - 1e-9 && top >= 15.0 - 1e-9 && right <= 15.0 + 1e-9 && bottom <= 25.0 + 1e-9);
                for &[x, y] in figure.keypoints().iter().filter(|_| kind > 0) {
                    assert!(((x - 10.0).hypot(y - 20.0) - 5.0).abs() < 1e-12);
                    assert!(y >= figure.keypoints()[0][1]);
                }
            }
        }
    }

    #[test]
    fn rows_are_all_pixels_whose_middle_is_inside() {
        for index in 0..300 {
            let mut rng = SampleRng::new(4, 0, index);
            let centre = [rng.uniform(-2.0, 26.0).unwrap(), rng.uniform(-2.0, 18.0).unwrap()];
            let radius = rng.uniform(1.0, 12.0).unwrap();
            let figure = Figure::random(index as usize % KINDS, centre, radius, &mut rng).unwrap();
            let (size, mut left) = ([16, 24], 0);
            let rows = figure.rows(size);
            for row in 0..16 {
                for column in 0..24 {
                    let inside = figure.contains([column as f64 + 0.5, row as f64 + 0.5]);
                    assert_eq!(rows.iter().any(|(r, columns)| *r == row && columns.contains(&column)), inside);
                    left += usize::from(inside);
                }
            }
            assert_eq!(rows.iter().map(|(_, columns)| columns.len()).sum::<usize>(), left);
            assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
