//! A piece of any size and shape, brought to one size.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Moves, Scale};
use super::{Augment, Fill, Filter, Keep};
use crate::{Error, Result, Sample, SampleRng};

/// Cuts out a piece of random area and proportions and scales it to one size: torchvision's `RandomResizedCrop` (C. Szegedy et al., 2015).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// The smallest and largest area of the piece, as parts of the picture's; drawn evenly.
    #[serde(default = "usual_area")]
    pub area: [f64; 2],
    /// The smallest and largest width / height of the piece; its logarithm is drawn evenly.
    #[serde(default = "usual_ratio")]
    pub ratio: [f64; 2],
    /// How pixels are mixed.
    #[serde(default)]
    pub filter: Filter,
    /// Which objects stay.
    #[serde(default)]
    pub keep: Keep,
}

fn usual_area() -> [f64; 2] {
    [0.08, 1.0]
}

fn usual_ratio() -> [f64; 2] {
    [3.0 / 4.0, 4.0 / 3.0]
}

impl RandomResizedCrop {
    /// Pieces of 8 to 100 % of the area, 3:4 to 4:3, scaled bilinearly.
    pub fn new(height: usize, width: usize) -> Self {
        RandomResizedCrop {
            height,
            width,
            area: usual_area(),
            ratio: usual_ratio(),
            filter: Filter::default(),
            keep: Keep::default(),
        }
    }

    /// Top, left, height and width of the piece of one picture. Where ten draws do not fit into the picture it is the largest middle of suitable proportions.
    fn draw(&self, [height, width]: [usize; 2], rng: &mut SampleRng) -> Result<[usize; 4]> {
        for [low, high] in [self.area, self.ratio] {
            if !(low > 0.0 && low <= high && high.is_finite()) {
                let message =
                    format!("expected ranges above 0, received areas {:?} and proportions {:?}", self.area, self.ratio);
                return Err(Error::argument("random resized crop", message));
            }
        }
        let whole = height as f64 * width as f64;
        let logarithms = self.ratio.map(f64::ln);
        for _ in 0..10 {
            let area = whole * rng.uniform(self.area[0], self.area[1])?;
            let ratio = rng.uniform(logarithms[0], logarithms[1])?.exp();
            let [h, w] = [(area / ratio).sqrt(), (area * ratio).sqrt()].map(|side| side.round_ties_even() as usize);
            if (1..=height).contains(&h) && (1..=width).contains(&w) {
                return Ok([rng.below(height - h + 1), rng.below(width - w + 1), h, w]);
            }
        }
        let ratio = width as f64 / height as f64;
        let [h, w] = if ratio < self.ratio[0] {
            [((width as f64 / self.ratio[0]).round_ties_even() as usize).clamp(1, height.max(1)), width]
        } else if ratio > self.ratio[1] {
            [height, ((height as f64 * self.ratio[1]).round_ties_even() as usize).clamp(1, width.max(1))]
        } else {
            [height, width]
        };
        Ok([(height - h.min(height)) / 2, (width - w.min(width)) / 2, h.min(height), w.min(width)])
    }
}

impl Augment for RandomResizedCrop {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let [top, left, height, width] = self.draw(sample.image.size(), rng)?;
        let scale = Scale::new([height, width], [self.height, self.width], self.filter)?;
        let piece = Moves::crop([height, width], [top as i64, left as i64], Fill::black());
        self.keep.check()?;
        // What is visible is told by the piece, how large it is by the result.
        let cut = Keep { min_visible: self.keep.min_visible, ..Keep::ALL };
        let grown = Keep { min_visible: 0.0, ..self.keep };
        geometry::apply(geometry::apply(sample, &piece, &cut, None)?, &scale, &grown, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;
    use crate::annotation::{BoundingBox, BoxFormat, Object};

    #[test]
    fn pieces_have_the_areas_and_proportions_asked_for() {
        let crop = RandomResizedCrop { area: [0.2, 0.5], ..RandomResizedCrop::new(8, 8) };
        let mut areas = [f64::INFINITY, 0.0f64];
        for index in 0..500 {
            let [top, left, h, w] = crop.draw([100, 150], &mut SampleRng::new(0, 0, index)).unwrap();
            assert!(top + h <= 100 && left + w <= 150);
            let (area, ratio) = ((h * w) as f64 / 15_000.0, w as f64 / h as f64);
            assert!((0.19..0.51).contains(&area) && (0.73..1.36).contains(&ratio), "{area} {ratio}");
            areas = [areas[0].min(area), areas[1].max(area)];
        }
        assert!(areas[0] < 0.22 && areas[1] > 0.48, "{areas:?}");
    }

    /// As torchvision's `SanitizeBoundingBoxes` behind its `RandomResizedCrop`.
    #[test]
    fn objects_are_measured_in_the_result() {
        let whole = RandomResizedCrop { area: [1.0; 2], ratio: [1.0; 2], ..RandomResizedCrop::new(40, 40) };
        let left = |side: f64, keep: Keep| {
            let mut sample = Sample::from(Image::from_u8([10, 10, 1], vec![7; 100]).unwrap());
            let boxed = BoundingBox::new([1.0, 1.0, 1.0 + side, 1.0 + side], BoxFormat::Xyxy).unwrap();
            sample.labels.objects.push(Object::new(0, boxed));
            let crop = RandomResizedCrop { keep, ..whole };
            crop.apply(sample, &mut SampleRng::new(0, 0, 0)).unwrap().labels.objects.len()
        };
        let large = Keep { min_area: 100.0, ..Keep::default() };
        assert_eq!(
            (left(3.0, large), left(2.0, large), left(0.5, Keep::default()), left(0.2, Keep::default())),
            (1, 0, 1, 0)
        );
    }

    #[test]
    fn strange_pictures_and_settings() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let crop = RandomResizedCrop::new(4, 4);
        for shape in [[1, 1, 3], [1, 40, 1], [40, 1, 1]] {
            let image = Image::from_u8(shape, vec![7; shape.iter().product()]).unwrap();
            let out = crop.apply_image(image, rng).unwrap();
            assert_eq!(out, Image::from_u8([4, 4, shape[2]], vec![7; 16 * shape[2]]).unwrap());
        }
        // A strip, of which the middle of 4:3 is taken.
        let wide = RandomResizedCrop { area: [1.0, 1.0], ..crop };
        assert_eq!(wide.draw([3, 40], rng).unwrap(), [0, 18, 3, 4]);
        let nothing = Image::from_u8([0, 3, 1], vec![]).unwrap();
        assert!(crop.apply_image(nothing, rng).is_err());
        for area in [[f64::NAN, 1.0], [0.0, 1.0], [0.5, 0.1], [0.1, f64::INFINITY]] {
            let image = Image::from_u8([1, 1, 1], vec![1]).unwrap();
            assert!(RandomResizedCrop { area, ..crop }.apply_image(image, rng).is_err());
        }
    }
}
