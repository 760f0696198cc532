//! Pictures seen from the side.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Interpolation, Matrix, Projective, Sampling};
use super::{Augment, Fill, Keep};
use crate::{Error, Result, Sample, SampleRng};

/// Moves the corners of a picture inwards, each by a random part of the way to the middle: torchvision's `RandomPerspective`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomPerspective {
    /// How often.
    pub probability: f64,
    /// By how much corners move at most, as part of half of the height and width: from 0 to below 1.
    pub distortion: f64,
    /// How pixels are mixed.
    pub interpolation: Interpolation,
    /// What lies outside the picture.
    pub fill: Fill,
    /// Which objects stay.
    pub keep: Keep,
}

impl Default for RandomPerspective {
    /// Every second time, by at most half.
    fn default() -> Self {
        RandomPerspective {
            probability: 0.5,
            distortion: 0.5,
            interpolation: Interpolation::Bilinear,
            fill: Fill::black(),
            keep: Keep::default(),
        }
    }
}

impl Augment for RandomPerspective {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        super::check_probability(self.probability)?;
        if !(0.0..1.0).contains(&self.distortion) {
            let message = format!("expected a distortion in 0..1, received {}", self.distortion);
            return Err(Error::argument("random perspective", message));
        }
        let [height, width] = sample.image.size();
        if !rng.chance(self.probability) || height < 2 || width < 2 {
            return Ok(sample);
        }
        let corners = corners([height, width]);
        let most = [width, height].map(|side| (self.distortion * (side / 2) as f64) as usize);
        let ends = corners.map(|corner| {
            std::array::from_fn(|axis| {
                let by = rng.below(most[axis] + 1) as f64;
                if corner[axis] > 0.0 { corner[axis] - by } else { corner[axis] + by }
            })
        });
        perspective(sample, corners, ends, self.interpolation, self.fill, &self.keep)
    }
}

/// The first and the last pixel of rows and columns, as torchvision counts them: top left, top right, bottom right, bottom left.
fn corners([height, width]: [usize; 2]) -> [[f64; 2]; 4] {
    let (right, bottom) = (width as f64 - 1.0, height as f64 - 1.0);
    [[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]]
}

/// A sample in which the points `starts` come to lie at `ends`, both `[x, y]` in the picture's plane; its size stays. No three of the four points
/// may lie on a line.
///
/// # Errors
/// [`Error::Argument`] unless points and numbers determine a perspective.
pub fn perspective(
    sample: Sample,
    starts: [[f64; 2]; 4],
    ends: [[f64; 2]; 4],
    interpolation: Interpolation,
    fill: Fill,
    keep: &Keep,
) -> Result<Sample> {
    let refused = || {
        let message = format!("expected two convex quadrangles, received {starts:?} and {ends:?}");
        Error::argument("perspective", message)
    };
    let square = |points| Some(from_unit_square(points)?.inverse()).flatten();
    let backward =
        from_unit_square(starts).zip(square(ends)).map(|(start, end)| start.after(&end)).ok_or_else(refused)?;
    // Above 0 where the picture is: only ratios matter.
    let w: f64 = backward.0[2].iter().zip([ends[0][0], ends[0][1], 1.0]).map(|(a, b)| a * b).sum();
    let backward = Matrix(backward.0.map(|row| row.map(|x| x / w)));
    let sampling = Sampling { interpolation, fill, mixed: true };
    let change = Projective::new("perspective", sample.image.size(), backward, sampling).map_err(|_| refused())?;
    geometry::apply(sample, &change, keep, None)
}

/// What maps the corners of the unit square to four points (P. Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989); `None` if three of them lie on a
/// line or they do not go round one way.
fn from_unit_square([a, b, c, d]: [[f64; 2]; 4]) -> Option<Matrix> {
    let turn = |p: [f64; 2], q: [f64; 2], r: [f64; 2]| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
    let turns = [turn(a, b, c), turn(b, c, d), turn(c, d, a), turn(d, a, b)];
    if !(turns.iter().all(|&turn| turn > 0.0) || turns.iter().all(|&turn| turn < 0.0)) {
        return None;
    }
    let sum: [f64; 2] = std::array::from_fn(|i| a[i] - b[i] + c[i] - d[i]);
    let (p, q): ([f64; 2], [f64; 2]) = (std::array::from_fn(|i| b[i] - c[i]), std::array::from_fn(|i| d[i] - c[i]));
    let determinant = p[0] * q[1] - p[1] * q[0];
    let g = (sum[0] * q[1] - sum[1] * q[0]) / determinant;
    let h = (p[0] * sum[1] - p[1] * sum[0]) / determinant;
    let row = |i: usize| [b[i] - a[i] + g * b[i], d[i] - a[i] + h * d[i], a[i]];
    Some(Matrix([row(0), row(1), [g, h, 1.0]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn corners_go_to_corners() {
        let points = [[1.0, 2.0], [9.0, 1.0], [8.0, 7.0], [2.0, 8.0]];
        let matrix = from_unit_square(points).unwrap();
        for (corner, point) in [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]].into_iter().zip(points) {
            let there = matrix.apply(corner);
            assert!((there[0] - point[0]).hypot(there[1] - point[1]) < 1e-12, "{there:?}");
        }
        assert!(from_unit_square([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]).is_none());
        assert!(from_unit_square([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]).is_none());
        assert!(from_unit_square([[f64::NAN, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).is_none());
    }

    #[test]
    fn nothing_moved_is_nothing_changed() {
        let image = Image::from_u8([4, 5, 1], (0..20).collect()).unwrap();
        let rng = &mut SampleRng::new(0, 0, 0);
        let none = RandomPerspective { distortion: 0.0, probability: 1.0, ..RandomPerspective::default() };
        assert_eq!(none.apply_image(image.clone(), rng).unwrap(), image);
        let most = RandomPerspective { distortion: 0.99, probability: 1.0, ..RandomPerspective::default() };
        for index in 0..100 {
            let rng = &mut SampleRng::new(0, 0, index);
            assert_eq!(most.apply_image(image.clone(), rng).unwrap().shape(), [4, 5, 1]);
        }
        for distortion in [-0.1, 1.0, f64::NAN] {
            let bad = RandomPerspective { distortion, ..RandomPerspective::default() };
            assert!(bad.apply_image(image.clone(), rng).is_err());
        }
        let tiny = Image::from_u8([1, 1, 1], vec![3]).unwrap();
        assert_eq!(most.apply_image(tiny.clone(), rng).unwrap(), tiny);
    }
}
