//! Rows and columns of a grid made wider and narrower.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Dense, Interpolation, Sampling};
use super::{Augment, Fill, Keep};
use crate::{Error, Result, Sample, SampleRng};

/// Lays a grid over a picture and makes each of its rows and columns wider or narrower at random: Albumentations' `GridDistortion`, normalized so that the edges
/// stay where they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GridDistortion {
    /// How often.
    pub probability: f64,
    /// Rows and columns of the grid, 1 to 1024.
    pub steps: usize,
    /// A row or column becomes `1 - limit` to `1 + limit` times as wide as it was, before all are brought to the picture's size; from 0 to below 1.
    pub limit: f64,
    /// How pixels are mixed.
    pub interpolation: Interpolation,
    /// Which objects stay.
    pub keep: Keep,
}

impl Default for GridDistortion {
    /// Albumentations', every time.
    fn default() -> Self {
        GridDistortion {
            probability: 1.0,
            steps: 5,
            limit: 0.3,
            interpolation: Interpolation::Bilinear,
            keep: Keep::default(),
        }
    }
}

impl GridDistortion {
    /// By how much each place along an axis of so many pixels moves: piecewise linear, 0 at both ends.
    fn along(&self, size: usize, rng: &mut SampleRng) -> Result<Vec<f64>> {
        let mut ends = vec![0.0];
        let mut sum = 0.0;
        for _ in 0..self.steps {
            sum += 1.0 + rng.uniform(-self.limit, self.limit)?;
            ends.push(sum);
        }
        let place = |at: usize| {
            let at = at as f64 + 0.5;
            let cell = at / size as f64 * self.steps as f64;
            let low = (cell.floor() as usize).min(self.steps - 1);
            let there = ends[low] + (cell - low as f64) * (ends[low + 1] - ends[low]);
            there / sum * size as f64 - at
        };
        Ok((0..size).map(place).collect())
    }
}

impl Augment for GridDistortion {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        super::check_probability(self.probability)?;
        if !(0.0..1.0).contains(&self.limit) || !(1..=1024).contains(&self.steps) {
            let message =
                format!("expected 1 to 1024 steps and a limit in 0..1, received {} and {}", self.steps, self.limit);
            return Err(Error::argument("grid distortion", message));
        }
        if !rng.chance(self.probability) {
            return Ok(sample);
        }
        let size = sample.image.size();
        let (x, y) = (self.along(size[1], rng)?, self.along(size[0], rng)?);
        let displacements = y.iter().flat_map(|&y| x.iter().map(move |&x| [x, y])).collect();
        let sampling = Sampling { interpolation: self.interpolation, fill: Fill::Nearest, mixed: true };
        geometry::apply(sample, &Dense::new(size, displacements, sampling)?, &self.keep, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn edges_stay_and_places_keep_their_order() {
        let grid = GridDistortion { limit: 0.9, ..GridDistortion::default() };
        let by = grid.along(100, &mut SampleRng::new(0, 0, 0)).unwrap();
        let places: Vec<f64> = by.iter().enumerate().map(|(at, by)| at as f64 + 0.5 + by).collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(places[0] > 0.0 && places[99] < 100.0);
        assert!(by.iter().any(|by| by.abs() > 1.0));
    }

    #[test]
    fn strange_settings_and_pictures() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let image = Image::from_u8([1, 1, 1], vec![7]).unwrap();
        assert_eq!(GridDistortion::default().apply_image(image.clone(), rng).unwrap(), image);
        let nothing = Image::from_u8([0, 3, 1], vec![]).unwrap();
        assert_eq!(GridDistortion::default().apply_image(nothing.clone(), rng).unwrap(), nothing);
        for limit in [-0.1, 1.0, f64::NAN] {
            assert!(GridDistortion { limit, ..GridDistortion::default() }.apply_image(image.clone(), rng).is_err());
        }
        assert!(GridDistortion { steps: 0, ..GridDistortion::default() }.apply_image(image, rng).is_err());
    }
}
