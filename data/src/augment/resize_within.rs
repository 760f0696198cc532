//! Scaling that keeps proportions.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Moves, Scale};
use super::{Augment, Fill, Filter, Keep};
use crate::{Error, Result, Sample, SampleRng};

/// Scales a picture so that its shorter side has this length, but the longer one at most another: what torchvision's `Resize` does with one size, and its
/// detectors with theirs.
///
/// A picture that is much longer than high becomes a very long one: more than 178,956,970 pixels, as many as a [`Decoder`](crate::image_io::Decoder) reads, are an error. Where
/// such pictures may come, `max_size` limits the longer side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResizeShorter {
    /// The length of the shorter side.
    pub size: usize,
    /// The longest that the longer side may become; the shorter one is shorter then.
    #[serde(default)]
    pub max_size: Option<usize>,
    /// How pixels are mixed.
    #[serde(default)]
    pub filter: Filter,
}

impl ResizeShorter {
    /// Scales the shorter side to this length, bilinearly.
    pub fn new(size: usize) -> Self {
        ResizeShorter { size, max_size: None, filter: Filter::default() }
    }

    /// `[height, width]` of the result; fractions of pixels are cut off, as torchvision does.
    fn size_of(&self, [height, width]: [usize; 2]) -> Result<[usize; 2]> {
        if self.max_size.is_some_and(|most| most <= self.size) {
            let message = format!("expected a longest side above {}, received {:?}", self.size, self.max_size);
            return Err(Error::argument("resize shorter", message));
        }
        let (short, long) = (height.min(width), height.max(width));
        let (mut new_short, mut new_long) =
            (self.size, (self.size as f64 * long as f64 / short.max(1) as f64) as usize);
        if let Some(most) = self.max_size.filter(|&most| new_long > most) {
            new_short = (most as f64 * new_short as f64 / new_long as f64) as usize;
            new_long = most;
        }
        Ok(if height <= width { [new_short, new_long] } else { [new_long, new_short] })
    }
}

impl Augment for ResizeShorter {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        let old = sample.image.size();
        let scale = Scale::new(old, self.size_of(old)?, self.filter)?;
        geometry::apply(sample, &scale, &Keep::ALL, None)
    }
}

/// Scales a picture so that it just fits into a size, and puts it in the middle of that: the input of YOLO's detectors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letterbox {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// What surrounds the picture.
    #[serde(default = "Fill::black")]
    pub fill: Fill,
    /// How pixels are mixed.
    #[serde(default)]
    pub filter: Filter,
}

impl Letterbox {
    /// Fits pictures into this size, bilinearly, with black beside them.
    pub fn new(height: usize, width: usize) -> Self {
        Letterbox { height, width, fill: Fill::black(), filter: Filter::default() }
    }
}

impl Augment for Letterbox {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        let old = sample.image.size();
        let size = [self.height, self.width];
        let factor = (self.height as f64 / old[0] as f64).min(self.width as f64 / old[1] as f64);
        let fitted = [0, 1].map(|axis: usize| {
            // A picture of one row has one, however wide it is.
            ((old[axis] as f64 * factor).round() as usize).clamp(1, size[axis].max(1))
        });
        if size.contains(&0) {
            let message = format!("expected a size of at least one pixel, received {size:?}");
            return Err(Error::argument("letterbox", message));
        }
        let scaled = geometry::apply(sample, &Scale::new(old, fitted, self.filter)?, &Keep::ALL, None)?;
        let start = [0, 1].map(|axis: usize| -(((size[axis] - fitted[axis]) / 2) as i64));
        geometry::apply(scaled, &Moves::crop(size, start, self.fill), &Keep::ALL, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;
    use crate::annotation::{BoundingBox, BoxFormat, Object};

    #[test]
    fn sizes_are_those_of_torchvision() {
        let sizes =
            |size, max_size, old| ResizeShorter { size, max_size, ..ResizeShorter::new(1) }.size_of(old).unwrap();
        assert_eq!(sizes(256, None, [375, 500]), [256, 341]);
        assert_eq!(sizes(256, None, [500, 375]), [341, 256]);
        assert_eq!(sizes(800, Some(1333), [480, 640]), [800, 1066]);
        assert_eq!(sizes(800, Some(1333), [300, 640]), [625, 1333]);
        assert!(ResizeShorter { max_size: Some(5), ..ResizeShorter::new(5) }.size_of([3, 3]).is_err());
    }

    #[test]
    fn letterboxes() {
        let mut sample = Sample::from(Image::from_u8([2, 4, 1], vec![9; 8]).unwrap());
        let all = BoundingBox::new([0.0, 0.0, 4.0, 2.0], BoxFormat::Xyxy).unwrap();
        sample.labels.objects.push(Object::new(0, all));
        let rng = &mut SampleRng::new(0, 0, 0);
        let out = Letterbox::new(6, 8).apply(sample, rng).unwrap();
        let rows = [vec![0; 8], vec![9; 32], vec![0; 8]].concat();
        assert_eq!(out.image, Image::from_u8([6, 8, 1], rows).unwrap());
        assert_eq!(out.labels.objects[0].bounding_box.to_array(BoxFormat::Xyxy), [0.0, 1.0, 8.0, 5.0]);
        let line = Image::from_u8([1, 1000, 1], vec![9; 1000]).unwrap();
        assert_eq!(Letterbox::new(8, 8).apply_image(line, rng).unwrap().shape(), [8, 8, 1]);
        let nothing = Image::from_u8([0, 4, 1], vec![]).unwrap();
        assert!(Letterbox::new(8, 8).apply_image(nothing.clone(), rng).is_err());
        assert!(ResizeShorter::new(4).apply_image(nothing, rng).is_err());
        assert!(Letterbox::new(0, 8).apply_image(Image::from_u8([1, 1, 1], vec![1]).unwrap(), rng).is_err());
    }
}
