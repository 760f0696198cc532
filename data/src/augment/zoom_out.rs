//! A picture made small in a larger one.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Moves};
use super::{Augment, Fill, Keep};
use crate::{Error, Result, Sample, SampleRng};

/// Puts a picture at a random place of a larger one, which makes its objects small: SSD's expansion (W. Liu et al., 2016), torchvision's `RandomZoomOut`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomZoomOut {
    /// How often.
    pub probability: f64,
    /// How many times as high and wide the result is, at least 1 and at most 64; drawn evenly.
    pub sides: [f64; 2],
    /// What surrounds the picture.
    pub fill: Fill,
}

impl Default for RandomZoomOut {
    /// Every second time, up to four times as high and wide, in black.
    fn default() -> Self {
        RandomZoomOut { probability: 0.5, sides: [1.0, 4.0], fill: Fill::black() }
    }
}

impl Augment for RandomZoomOut {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        super::check_probability(self.probability)?;
        let [low, high] = self.sides;
        if !(1.0 <= low && low <= high && high <= 64.0) {
            let message = format!("expected sides in 1..=64, received {low}..{high}");
            return Err(Error::argument("random zoom out", message));
        }
        if !rng.chance(self.probability) {
            return Ok(sample);
        }
        let old = sample.image.size();
        let factor = rng.uniform(low, high)?;
        let size = old.map(|side| (side as f64 * factor) as usize);
        let mut start = [0; 2];
        for (start, (new, old)) in start.iter_mut().zip(size.into_iter().zip(old)) {
            *start = -(rng.below(new - old + 1) as i64);
        }
        geometry::apply(sample, &Moves::crop(size, start, self.fill), &Keep::ALL, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::{BoundingBox, BoxFormat, Object};
    use crate::{Image, Pixels};

    #[test]
    fn the_picture_is_somewhere_in_it() {
        let mut sample = Sample::from(Image::from_u8([2, 3, 1], vec![1; 6]).unwrap());
        let all = BoundingBox::new([0.0, 0.0, 3.0, 2.0], BoxFormat::Xyxy).unwrap();
        sample.labels.objects.push(Object::new(0, all));
        let zoom = RandomZoomOut { probability: 1.0, sides: [2.0, 3.0], ..RandomZoomOut::default() };
        for index in 0..50 {
            let out = zoom.apply(sample.clone(), &mut SampleRng::new(0, 0, index)).unwrap();
            let [height, width] = out.image.size();
            assert!((4..=6).contains(&height) && (6..=9).contains(&width));
            let place = out.labels.objects[0].bounding_box;
            assert_eq!((place.width(), place.height()), (3.0, 2.0));
            let [x, y] = place.min().map(|at| at as usize);
            let Pixels::U8(pixels) = out.image.pixels() else { panic!("bytes stay bytes") };
            assert_eq!(pixels.iter().map(|&pixel| u32::from(pixel)).sum::<u32>(), 6);
            assert_eq!((pixels[y * width + x], pixels[(y + 1) * width + x + 2]), (1, 1));
        }
        for sides in [[0.5, 2.0], [3.0, 2.0], [f64::NAN, 2.0], [1.0, f64::INFINITY]] {
            let bad = RandomZoomOut { sides, ..zoom };
            assert!(bad.apply(sample.clone(), &mut SampleRng::new(0, 0, 0)).is_err());
        }
    }
}
