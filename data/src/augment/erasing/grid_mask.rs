//! Squares of a grid.

use serde::{Deserialize, Serialize};

use super::Erased;
use crate::augment::Augment;
use crate::augment::check_probability;
use crate::{Error, Result, Sample, SampleRng};

/// Erases the squares of a regular grid (P. Chen et al., "GridMask data augmentation", 2020). The grid's unit is a square of `d` pixels, of which the first
/// `⌊ratio · d + ½⌋` rows and columns are kept, and the square that is left is erased: so `1 − (1 − ratio)²` of the picture stays. `d` and where the
/// grid begins are drawn evenly. Labels stay as they are.
///
/// ```
/// use ocelli_data::augment::{Augment, GridMask};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let grid = GridMask { probability: 1.0, unit: [8, 8], ratio: 0.5, ..GridMask::default() };
/// let image = Image::from_u8([64, 64, 1], vec![1; 4096])?;
/// let masked = grid.apply_image(image, &mut SampleRng::new(0, 0, 0))?.to_tensor()?.to_vec::<u8>()?;
/// assert_eq!(masked.iter().filter(|&&x| x == 1).count(), 4096 * 3 / 4);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GridMask {
    /// How often.
    pub probability: f64,
    /// The smallest and largest side of the grid's unit, at least 1, in pixels.
    pub unit: [usize; 2],
    /// Which part of a unit's rows and columns is kept, from 0 to 1.
    pub ratio: f64,
    /// The largest angle in degrees by which the grid is turned about the picture's middle; drawn evenly from 0 on.
    pub rotation: f64,
    /// What stands in the squares then.
    pub value: Erased,
}

impl Default for GridMask {
    /// The paper's for ImageNet's pictures of 224 × 224, without turns: units of 96 to 224, of which 0.6 is kept, four times in five.
    fn default() -> Self {
        GridMask { probability: 0.8, unit: [96, 224], ratio: 0.6, rotation: 0.0, value: Erased::default() }
    }
}

impl Augment for GridMask {
    fn apply(&self, mut sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        const OP: &str = "grid mask";
        check_probability(self.probability)?;
        self.value.check(OP)?;
        let [least, most] = self.unit;
        let usable = 1 <= least && least <= most && most <= 1 << 24 && (0.0..=1.0).contains(&self.ratio);
        if !usable || !self.rotation.is_finite() {
            let message = format!("expected units of 1 to 2^24, a ratio in 0..=1 and an angle, received {self:?}");
            return Err(Error::argument(OP, message));
        }
        if !rng.chance(self.probability) {
            return Ok(sample);
        }
        let unit = least + rng.below(most - least + 1);
        let kept = (self.ratio * unit as f64 + 0.5) as usize;
        let start = [rng.below(unit), rng.below(unit)];
        let angle = rng.uniform(0.0f64.min(self.rotation), 0.0f64.max(self.rotation))?;
        let (sin, cos) = angle.to_radians().sin_cos();
        let [height, width] = sample.image.size();
        let (x0, y0) = (width as f64 / 2.0, height as f64 / 2.0);
        // Whether a place along an axis of the grid lies in a unit's second part.
        let second = |at: f64, start: usize| (at.floor() - start as f64).rem_euclid(unit as f64) >= kept as f64;
        for row in 0..height {
            let erased = |column: usize| {
                let (x, y) = (column as f64 + 0.5 - x0, row as f64 + 0.5 - y0);
                second(cos * x - sin * y + x0, start[1]) && second(sin * x + cos * y + y0, start[0])
            };
            let mut column = 0;
            while column < width {
                let from = column;
                while column < width && erased(column) {
                    column += 1;
                }
                if from < column {
                    self.value.erase(&mut sample.image, row * width + from..row * width + column, rng);
                }
                column += 1;
            }
        }
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, Pixels};

    fn masked(grid: &GridMask, size: [usize; 2], index: u64) -> Vec<u8> {
        let image = Image::from_u8([size[0], size[1], 1], vec![1; size[0] * size[1]]).unwrap();
        match grid.apply_image(image, &mut SampleRng::new(0, 0, index)).unwrap().into_pixels() {
            Pixels::U8(pixels) => pixels,
            Pixels::F32(_) => panic!("bytes stay bytes"),
        }
    }

    #[test]
    fn squares_repeat() {
        let grid = GridMask { probability: 1.0, unit: [5, 7], ratio: 0.4, ..GridMask::default() };
        let mut units = [false; 3];
        for index in 0..100 {
            let pixels = masked(&grid, [35, 42], index);
            let at = |row: usize, column: usize| pixels[row * 42 + column];
            // The unit is what the mask repeats by.
            let unit = (5..8).find(|d| (0..42 - d).all(|x| (0..35).all(|y| at(y, x) == at(y, x + d)))).unwrap();
            units[unit - 5] = true;
            let hole = unit - (0.4 * unit as f64 + 0.5) as usize;
            // Within one unit, a square, which may go around the edge.
            let erased = (0..unit * unit).filter(|i| at(i / unit, i % unit) == 0).count();
            assert_eq!(erased, hole * hole);
            let rows = (0..unit).filter(|&y| (0..unit).any(|x| at(y, x) == 0)).count();
            assert_eq!(rows, hole);
        }
        assert_eq!(units, [true; 3]);
    }

    #[test]
    fn turned_grids_keep_as_much() {
        let grid = GridMask { probability: 1.0, unit: [10, 10], ratio: 0.5, rotation: 90.0, ..GridMask::default() };
        let straight = GridMask { rotation: 0.0, ..grid };
        let kept =
            |grid: &GridMask, index| masked(grid, [200, 200], index).iter().map(|&x| f64::from(x)).sum::<f64>() / 4e4;
        for index in 0..10 {
            assert_eq!(kept(&straight, index), 0.75);
            assert!((kept(&grid, index) - 0.75).abs() < 0.02, "{}", kept(&grid, index));
        }
        assert_ne!(masked(&grid, [40, 40], 1), masked(&straight, [40, 40], 1));
    }

    #[test]
    fn strange_pictures_and_settings() {
        let one = GridMask { probability: 1.0, unit: [1, 1], ..GridMask::default() };
        assert_eq!(masked(&GridMask { ratio: 0.0, ..one }, [3, 2], 0), [0; 6]);
        assert_eq!(masked(&GridMask { ratio: 1.0, ..one }, [3, 2], 0), [1; 6]);
        assert!(masked(&one, [0, 2], 0).is_empty());
        let image = Image::from_u8([2, 2, 1], vec![1; 4]).unwrap();
        let bad = [
            GridMask { unit: [0, 4], ..one },
            GridMask { unit: [5, 4], ..one },
            GridMask { unit: [5, usize::MAX], ..one },
            GridMask { ratio: 1.5, ..one },
            GridMask { rotation: f64::INFINITY, ..one },
            GridMask { value: Erased::Color([f64::NAN; 4]), ..one },
        ];
        for bad in bad {
            assert!(bad.apply_image(image.clone(), &mut SampleRng::new(0, 0, 0)).is_err(), "{bad:?}");
        }
    }
}
