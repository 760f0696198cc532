//! A rectangle of random size and place.

use serde::{Deserialize, Serialize};

use super::Erased;
use crate::augment::Augment;
use crate::augment::check_probability;
use crate::{Error, Result, Sample, SampleRng};

/// Erases a rectangle of random area, proportions and place (Z. Zhong et al., 2017) as torchvision's `RandomErasing` does. Labels stay as they are.
///
/// ```
/// use ocelli_data::augment::{Augment, Erased, RandomErasing};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let erasing = RandomErasing { probability: 1.0, value: Erased::Constant(99.0), ..RandomErasing::default() };
/// let image = Image::from_u8([40, 40, 1], vec![1; 1600])?;
/// let erased = erasing.apply_image(image, &mut SampleRng::new(0, 0, 0))?.to_tensor()?.to_vec::<u8>()?;
/// let part = erased.iter().filter(|&&x| x == 99).count() as f64 / 1600.0;
/// assert!((0.01..0.36).contains(&part));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomErasing {
    /// How often.
    pub probability: f64,
    /// The smallest and largest area, as parts of the picture's, from 0 to 1; drawn evenly.
    pub area: [f64; 2],
    /// The smallest and largest height / width; its logarithm is drawn evenly.
    pub ratio: [f64; 2],
    /// What stands there then.
    pub value: Erased,
}

impl Default for RandomErasing {
    /// torchvision's: every second time, 2 to 33 % of the area, 0.3 to 3.3, black.
    fn default() -> Self {
        RandomErasing { probability: 0.5, area: [0.02, 0.33], ratio: [0.3, 3.3], value: Erased::default() }
    }
}

/// How often a size is drawn before the picture stays as it is.
const TRIALS: usize = 10;

impl RandomErasing {
    /// `[top, left, height, width]` in a picture of `[height, width]`; `None` if no rectangle that was drawn is smaller than the picture.
    fn draw(&self, [height, width]: [usize; 2], rng: &mut SampleRng) -> Result<Option<[usize; 4]>> {
        let [low, high] = self.ratio.map(f64::ln);
        for _ in 0..TRIALS {
            let area = (height * width) as f64 * rng.uniform(self.area[0], self.area[1])?;
            let ratio = rng.uniform(low, high)?.exp();
            let rows = (area * ratio).sqrt().round_ties_even() as usize;
            let columns = (area / ratio).sqrt().round_ties_even() as usize;
            if rows < height && columns < width {
                return Ok(Some([rng.below(height - rows + 1), rng.below(width - columns + 1), rows, columns]));
            }
        }
        Ok(None)
    }
}

impl Augment for RandomErasing {
    fn apply(&self, mut sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        const OP: &str = "random erasing";
        check_probability(self.probability)?;
        self.value.check(OP)?;
        let ([least, most], [low, high]) = (self.area, self.ratio);
        let usable = 0.0 <= least && least <= most && most <= 1.0 && 0.0 < low && low <= high && high.is_finite();
        if !usable {
            let message = format!(
                "expected areas in 0..=1 and ratios above 0, the smaller first, received {:?} and {:?}",
                self.area, self.ratio
            );
            return Err(Error::argument(OP, message));
        }
        if !rng.chance(self.probability) {
            return Ok(sample);
        }
        if let Some([top, left, height, width]) = self.draw(sample.image.size(), rng)? {
            self.value.rectangle(&mut sample.image, top..top + height, left..left + width, rng);
        }
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, Pixels};

    #[test]
    fn rectangles_lie_anywhere_and_nothing_else_changes() {
        let erasing = RandomErasing { probability: 1.0, ..RandomErasing::default() };
        let image = Image::from_u8([12, 20, 3], vec![9; 720]).unwrap();
        let mut corners = [false; 4];
        for index in 0..3000 {
            let rng = &mut SampleRng::new(0, 0, index);
            let [top, left, height, width] = erasing.draw([12, 20], rng).unwrap().unwrap();
            assert!(top + height <= 12 && left + width <= 20 && height < 12 && width < 20);
            let touches = [top == 0, left == 0, top + height == 12, left + width == 20];
            corners.iter_mut().zip(touches).for_each(|(corner, touches)| *corner |= touches);
            let erased = erasing.apply_image(image.clone(), &mut SampleRng::new(0, 0, index)).unwrap();
            let Pixels::U8(pixels) = erased.pixels() else { panic!("bytes stay bytes") };
            // What is erased is one rectangle, of all channels.
            let gone: Vec<usize> = (0..240).filter(|&i| pixels[3 * i..3 * i + 3] == [0; 3]).collect();
            let kept = pixels.iter().filter(|&&x| x == 9).count();
            assert_eq!(kept, 720 - 3 * gone.len());
            let (first, last) = (gone[0], gone[gone.len() - 1]);
            assert_eq!((last / 20 - first / 20 + 1) * (last % 20 - first % 20 + 1), gone.len());
        }
        assert_eq!(corners, [true; 4]);
    }

    #[test]
    fn values_of_all_kinds() {
        let all = |value| RandomErasing { probability: 1.0, area: [0.8, 0.8], ratio: [1.0, 1.0], value };
        let rng = &mut SampleRng::new(0, 0, 0);
        let floats = Image::from_f32([60, 60, 3], vec![9.0; 10_800]).unwrap();
        let color = all(Erased::Color([1.0, 2.0, 3.0, 4.0])).apply_image(floats.clone(), rng).unwrap().to_f32();
        let colored = color.chunks(3).filter(|pixel| *pixel == [1.0, 2.0, 3.0]).count();
        assert!(colored == 54 * 54, "{colored}");
        // Of normal numbers, mean and mean square are 0 and 1.
        let noise = all(Erased::Random).apply_image(floats, rng).unwrap().to_f32();
        let noise: Vec<f32> = noise.into_iter().filter(|&x| x != 9.0).collect();
        let mean = noise.iter().sum::<f32>() / noise.len() as f32;
        let square = noise.iter().map(|x| x * x).sum::<f32>() / noise.len() as f32;
        assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.07, "{mean} {square}");
        let bytes = Image::from_u8([60, 60, 1], vec![9; 3600]).unwrap();
        let noise = all(Erased::Random).apply_image(bytes.clone(), rng).unwrap();
        let Pixels::U8(noise) = noise.pixels() else { panic!("bytes stay bytes") };
        // A quarter of 54 × 54 pixels each, with a standard deviation of 23; the 684 others are dark.
        let (low, high) = (noise.iter().filter(|&&x| x < 64).count(), noise.iter().filter(|&&x| x >= 192).count());
        assert!((629..829).contains(&(low - 684)) && (629..829).contains(&high), "{low} {high}");
        let white = all(Erased::Constant(1e9)).apply_image(bytes, rng).unwrap();
        let Pixels::U8(white) = white.pixels() else { panic!("bytes stay bytes") };
        assert_eq!(white.iter().filter(|&&x| x == 255).count(), 54 * 54);
    }

    #[test]
    fn strange_pictures_and_settings() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let erasing = RandomErasing { probability: 1.0, ..RandomErasing::default() };
        // No rectangle is smaller than one pixel, but none at all.
        for shape in [[0, 0, 1], [0, 4, 1], [1, 1, 1]] {
            let image = Image::from_u8(shape, vec![7; shape.iter().product()]).unwrap();
            assert_eq!(erasing.apply_image(image.clone(), rng).unwrap(), image);
        }
        let image = Image::from_u8([4, 4, 1], vec![7; 16]).unwrap();
        let bad = [
            RandomErasing { area: [0.5, 0.1], ..erasing },
            RandomErasing { area: [-0.1, 0.1], ..erasing },
            RandomErasing { area: [0.1, 1.1], ..erasing },
            RandomErasing { area: [f64::NAN, 0.1], ..erasing },
            RandomErasing { ratio: [0.0, 1.0], ..erasing },
            RandomErasing { ratio: [1.0, f64::INFINITY], ..erasing },
            RandomErasing { probability: 2.0, ..erasing },
            RandomErasing { value: Erased::Constant(f64::NAN), ..erasing },
        ];
        for bad in bad {
            assert!(bad.apply_image(image.clone(), rng).is_err(), "{bad:?}");
        }
    }
}
