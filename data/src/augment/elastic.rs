//! Pictures bent like rubber.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Dense, Interpolation, Sampling};
use super::{Augment, Fill, Keep};
use crate::{Error, Result, Sample, SampleRng};

/// Moves every pixel by smoothed noise: torchvision's `ElasticTransform` (P. Simard, D. Steinkraus, J. Platt, 2003). Displacements are `alpha / 2` pixels times noise of
/// −1..1 blurred with a Gaussian; on pictures that are not square torchvision stretches them, here they are the same in both directions.
///
/// Points go where the picture goes, by inverting the displacements step by step; torchvision makes the first step alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Elastic {
    /// How often.
    pub probability: f64,
    /// The strength; two pixels at most for each.
    pub alpha: f64,
    /// The standard deviation of the blur, in pixels; above 0 and at most 1000.
    pub sigma: f64,
    /// How pixels are mixed.
    pub interpolation: Interpolation,
    /// What lies outside the picture.
    pub fill: Fill,
    /// Which objects stay.
    pub keep: Keep,
}

impl Default for Elastic {
    /// torchvision's, every time.
    fn default() -> Self {
        Elastic {
            probability: 1.0,
            alpha: 50.0,
            sigma: 5.0,
            interpolation: Interpolation::Bilinear,
            fill: Fill::black(),
            keep: Keep::default(),
        }
    }
}

impl Augment for Elastic {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        super::check_probability(self.probability)?;
        let usable = self.alpha.is_finite() && self.sigma > 0.0 && self.sigma <= 1000.0;
        if !usable {
            let message =
                format!("expected a finite alpha and a sigma in 0..=1000, received {} and {}", self.alpha, self.sigma);
            return Err(Error::argument("elastic", message));
        }
        if !rng.chance(self.probability) {
            return Ok(sample);
        }
        let size = sample.image.size();
        let mut axis = || -> Result<Vec<f64>> {
            let noise = (0..size[0] * size[1]).map(|_| rng.uniform(-1.0, 1.0)).collect::<Result<Vec<f64>>>()?;
            Ok(blurred(&noise, size, self.sigma))
        };
        let (x, y) = (axis()?, axis()?);
        let displacements = x.iter().zip(&y).map(|(x, y)| [x, y].map(|by| by * self.alpha / 2.0)).collect();
        let sampling = Sampling { interpolation: self.interpolation, fill: self.fill, mixed: true };
        geometry::apply(sample, &Dense::new(size, displacements, sampling)?, &self.keep, None)
    }
}

/// A Gaussian blur of as many pixels as torchvision takes, mirrored at the edges without repeating them.
fn blurred(values: &[f64], [height, width]: [usize; 2], sigma: f64) -> Vec<f64> {
    // `8 sigma + 1` pixels, an odd number of them.
    let reach = (((8.0 * sigma + 1.0) as usize | 1) / 2) as i64;
    let weights: Vec<f64> = (-reach..=reach).map(|at| (-0.5 * (at as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let along = |size: usize, stride: usize, other: usize, other_stride: usize, values: &[f64]| -> Vec<f64> {
        let mut out = vec![0.0; values.len()];
        for at in 0..size {
            let taps: Vec<usize> =
                (-reach..=reach).map(|by| Fill::Mirror.resolve(at as i64 + by, size) * stride).collect();
            for line in 0..other {
                let start = line * other_stride;
                let mixed: f64 = taps.iter().zip(&weights).map(|(tap, weight)| values[start + tap] * weight).sum();
                out[start + at * stride] = mixed / sum;
            }
        }
        out
    };
    let across = along(width, 1, height, width, values);
    along(height, width, width, 1, &across)
}

/// Moves the points of a coarse grid at random and all pixels between them smoothly with it: the deformation of U-Net (O. Ronneberger, P. Fischer, T. Brox, 2015),
/// whose displacements are drawn from a Gaussian and interpolated by cubic polynomials.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElasticGrid {
    /// How often.
    pub probability: f64,
    /// Rows and columns of the grid, 2 to 1024; its outermost points are the picture's corners.
    pub points: usize,
    /// The standard deviation of the displacements, in pixels.
    pub deviation: f64,
    /// How pixels are mixed.
    pub interpolation: Interpolation,
    /// What lies outside the picture.
    pub fill: Fill,
    /// Which objects stay.
    pub keep: Keep,
}

impl Default for ElasticGrid {
    /// U-Net's: 3 × 3 points, 10 pixels, every time; outside lies the mirrored picture.
    fn default() -> Self {
        ElasticGrid {
            probability: 1.0,
            points: 3,
            deviation: 10.0,
            interpolation: Interpolation::Bilinear,
            fill: Fill::Mirror,
            keep: Keep::default(),
        }
    }
}

impl Augment for ElasticGrid {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        super::check_probability(self.probability)?;
        let usable = self.deviation.is_finite() && self.deviation >= 0.0 && (2..=1024).contains(&self.points);
        if !usable {
            let message = format!(
                "expected 2 to 1024 points and a deviation of at least 0, received {} and {}",
                self.points, self.deviation
            );
            return Err(Error::argument("elastic grid", message));
        }
        if !rng.chance(self.probability) {
            return Ok(sample);
        }
        let mut grid = Vec::with_capacity(self.points * self.points);
        for _ in 0..self.points * self.points {
            grid.push(gaussian_pair(rng)?.map(|by| by * self.deviation));
        }
        let size = sample.image.size();
        let sampling = Sampling { interpolation: self.interpolation, fill: self.fill, mixed: true };
        let displacements = interpolated(&grid, self.points, size);
        geometry::apply(sample, &Dense::new(size, displacements, sampling)?, &self.keep, None)
    }
}

/// Two independent numbers of mean 0 and deviation 1 (G. Box and M. Muller, 1958).
fn gaussian_pair(rng: &mut SampleRng) -> Result<[f64; 2]> {
    let radius = (-2.0 * (1.0 - rng.uniform(0.0, 1.0)?).ln()).sqrt();
    let (sin, cos) = rng.uniform(0.0, std::f64::consts::TAU)?.sin_cos();
    Ok([radius * cos, radius * sin])
}

/// The points of a grid, spread over a picture and interpolated by Catmull and Rom's cubic; outside, the grid goes on in straight lines.
fn interpolated(grid: &[[f64; 2]], points: usize, [height, width]: [usize; 2]) -> Vec<[f64; 2]> {
    let taps = |size: usize| -> Vec<(usize, [f64; 4])> {
        (0..size)
            .map(|at| {
                let at = (at as f64 + 0.5) / size as f64 * (points - 1) as f64;
                let cell = (at.floor() as usize).min(points - 2);
                (cell, catmull_rom(at - cell as f64))
            })
            .collect()
    };
    // A point before the first: as far from it as the second, on the other side.
    let of = |row: i64, column: i64| -> [f64; 2] {
        let last = points as i64 - 1;
        let inner = |at: i64| at.clamp(0, last);
        let here = grid[(inner(row) * points as i64 + inner(column)) as usize];
        let opposite = |at: i64| inner(2 * inner(at) - at);
        let there = grid[(opposite(row) * points as i64 + opposite(column)) as usize];
        if inner(row) == row && inner(column) == column {
            here
        } else {
            std::array::from_fn(|i| 2.0 * here[i] - there[i])
        }
    };
    let (rows, columns) = (taps(height), taps(width));
    let mut out = Vec::with_capacity(height * width);
    for (top, down) in &rows {
        for (left, across) in &columns {
            let mut sum = [0.0; 2];
            for (i, u) in down.iter().enumerate() {
                for (j, v) in across.iter().enumerate() {
                    let point = of((top + i) as i64 - 1, (left + j) as i64 - 1);
                    sum = [sum[0] + u * v * point[0], sum[1] + u * v * point[1]];
                }
            }
            out.push(sum);
        }
    }
    out
}

/// The shares of the four points around a place that is `t` behind the second (E. Catmull and R. Rom, 1974).
fn catmull_rom(t: f64) -> [f64; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [-t3 / 2.0 + t2 - t / 2.0, 1.5 * t3 - 2.5 * t2 + 1.0, -1.5 * t3 + 2.0 * t2 + t / 2.0, (t3 - t2) / 2.0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn grids_are_met_and_lines_kept() {
        // Displacements that grow evenly are met exactly everywhere.
        let grid: Vec<[f64; 2]> = (0..9).map(|i| [(i % 3) as f64, (i / 3) as f64 * 2.0]).collect();
        let all = interpolated(&grid, 3, [8, 16]);
        for (i, [x, y]) in all.iter().enumerate() {
            let (row, column) = ((i / 16) as f64 + 0.5, (i % 16) as f64 + 0.5);
            assert!((x - column / 8.0).abs() < 1e-12 && (y - row / 2.0).abs() < 1e-12, "{i}");
        }
        let sum: f64 = catmull_rom(0.3).iter().sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn blurs_keep_the_mean_of_flat_noise() {
        let flat = blurred(&[3.0; 12], [3, 4], 5.0);
        assert!(flat.iter().all(|x| (x - 3.0).abs() < 1e-12));
    }

    #[test]
    fn strange_settings_and_pictures() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let image = Image::from_u8([4, 6, 3], (0..72).collect()).unwrap();
        let still = Elastic { alpha: 0.0, ..Elastic::default() };
        assert_eq!(still.apply_image(image.clone(), rng).unwrap(), image);
        let still = ElasticGrid { deviation: 0.0, ..ElasticGrid::default() };
        assert_eq!(still.apply_image(image.clone(), rng).unwrap(), image);
        for shape in [[0, 3, 1], [1, 1, 1], [1, 7, 2]] {
            let image = Image::from_u8(shape, vec![1; shape.iter().product()]).unwrap();
            assert_eq!(Elastic::default().apply_image(image.clone(), rng).unwrap().shape(), shape);
            assert_eq!(ElasticGrid::default().apply_image(image.clone(), rng).unwrap(), image);
        }
        for sigma in [0.0, -1.0, f64::NAN, 1e9] {
            assert!(Elastic { sigma, ..Elastic::default() }.apply_image(image.clone(), rng).is_err());
        }
        assert!(Elastic { alpha: f64::NAN, ..Elastic::default() }.apply_image(image.clone(), rng).is_err());
        assert!(ElasticGrid { points: 1, ..ElasticGrid::default() }.apply_image(image.clone(), rng).is_err());
        assert!(ElasticGrid { deviation: f64::NAN, ..ElasticGrid::default() }.apply_image(image, rng).is_err());
    }
}
