//! A random rotation, shift, shear and zoom.

use serde::{Deserialize, Serialize};

use super::{Affine, Augment, Fill, Keep, geometry};
use crate::{Error, Result, Sample, SampleRng};

/// Turns, shifts, shears and zooms a picture at random, in one resampling: the ranges of Keras' `ImageDataGenerator`.
///
/// All are drawn evenly and independently; the default changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomAffine {
    /// The largest angle, in degrees, in both directions.
    pub rotation: f64,
    /// The largest shift to either side, as a fraction of the width.
    pub width_shift: f64,
    /// The largest shift up or down, as a fraction of the height.
    pub height_shift: f64,
    /// The largest shear angle, in degrees, in both directions.
    pub shear: f64,
    /// The smallest and largest zoom, drawn for columns and rows apart; below 1 magnifies. Keras' `zoom_range = z` is `[1 - z, 1 + z]`.
    pub zoom: [f64; 2],
    /// What lies outside the picture.
    pub fill: Fill,
    /// Which objects stay.
    pub keep: Keep,
}

impl Default for RandomAffine {
    fn default() -> Self {
        RandomAffine {
            rotation: 0.0,
            width_shift: 0.0,
            height_shift: 0.0,
            shear: 0.0,
            zoom: [1.0; 2],
            fill: Fill::Nearest,
            keep: Keep::default(),
        }
    }
}

impl RandomAffine {
    /// The change of one sample of this size.
    ///
    /// # Errors
    /// [`Error::Argument`] unless every range is finite, the largest values are at least 0 and the zoom is above 0.
    pub fn draw(&self, height: usize, width: usize, rng: &mut SampleRng) -> Result<Affine> {
        let [low, high] = self.zoom;
        if low.is_nan() || low <= 0.0 {
            let message = format!("expected a zoom above 0, received {low}..{high}");
            return Err(Error::argument("random affine", message));
        }
        let mut around = |most: f64| rng.uniform(-most, most);
        let (rotation, x, y) = (around(self.rotation)?, around(self.width_shift)?, around(self.height_shift)?);
        let shear = around(self.shear)?;
        Ok(Affine {
            rotation,
            shift: [x * width as f64, y * height as f64],
            shear,
            zoom: [rng.uniform(low, high)?, rng.uniform(low, high)?],
        })
    }
}

impl Augment for RandomAffine {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let affine = self.draw(sample.image.height(), sample.image.width(), rng)?;
        if affine == Affine::default() {
            return Ok(sample);
        }
        let change = affine.geometry(sample.image.size(), self.fill)?;
        geometry::apply(sample, &change, &self.keep, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn draws_stay_in_their_ranges_and_use_them() {
        let ranges = RandomAffine {
            rotation: 20.0,
            width_shift: 0.1,
            height_shift: 0.5,
            shear: 5.0,
            zoom: [0.8, 1.2],
            fill: Fill::Reflect,
            keep: Keep::default(),
        };
        let mut most = [0.0f64; 6];
        for index in 0..500 {
            let a = ranges.draw(10, 30, &mut SampleRng::new(1, 0, index)).unwrap();
            let shares = [
                a.rotation / 20.0,
                a.shift[0] / 3.0,
                a.shift[1] / 5.0,
                a.shear / 5.0,
                (a.zoom[0] - 1.0) / 0.2,
                (a.zoom[1] - 1.0) / 0.2,
            ];
            for (most, share) in most.iter_mut().zip(shares) {
                assert!(share.abs() <= 1.0 + 1e-12);
                *most = most.max(share.abs());
            }
        }
        assert!(most.iter().all(|&most| most > 0.95), "{most:?}");
    }

    #[test]
    fn the_default_changes_nothing_and_bad_ranges_are_refused() {
        let image = Image::from_u8([2, 2, 1], vec![1, 2, 3, 4]).unwrap();
        let rng = &mut SampleRng::new(0, 0, 0);
        let same = RandomAffine::default().apply_image(image.clone(), rng).unwrap();
        assert_eq!(same, image);
        let bad = [
            RandomAffine { rotation: -1.0, ..RandomAffine::default() },
            RandomAffine { shear: f64::NAN, ..RandomAffine::default() },
            RandomAffine { zoom: [1.2, 0.8], ..RandomAffine::default() },
            RandomAffine { zoom: [0.0, 1.0], ..RandomAffine::default() },
        ];
        for bad in bad {
            assert!(bad.apply_image(image.clone(), rng).is_err(), "{bad:?}");
        }
    }
}
