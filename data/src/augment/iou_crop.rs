//! Pieces that overlap objects by so much.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Moves};
use super::{Augment, Fill, Keep};
use crate::annotation::{BoundingBox, BoxFormat};
use crate::{Error, Result, Sample, SampleRng};

/// Cuts out a piece that overlaps an object by at least one of several values, which is drawn: SSD's sampling (W. Liu et al., 2016) as torchvision's `RandomIoUCrop`
/// does it. Only objects whose centre lies in the piece stay. A picture without objects, and one in which no piece is found, stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomIouCrop {
    /// The smallest and largest height and width of the piece, as parts of the picture's.
    pub scale: [f64; 2],
    /// The smallest and largest width / height, relative to the picture's where that is 1.
    pub ratio: [f64; 2],
    /// The intersections over union of which one is drawn; for 1 and above the picture stays whole.
    pub overlaps: Vec<f64>,
    /// How many pieces are tried before another overlap is drawn.
    pub trials: usize,
    /// Which objects stay.
    pub keep: Keep,
}

impl Default for RandomIouCrop {
    /// SSD's.
    fn default() -> Self {
        RandomIouCrop {
            scale: [0.3, 1.0],
            ratio: [0.5, 2.0],
            overlaps: vec![0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0],
            trials: 40,
            keep: Keep::default(),
        }
    }
}

/// How often an overlap is drawn before the picture stays as it is.
const ROUNDS: usize = 50;

impl RandomIouCrop {
    fn check(&self) -> Result<()> {
        let ranges = [self.scale, self.ratio].iter().all(|&[low, high]| low > 0.0 && low <= high && high.is_finite());
        let overlaps = !self.overlaps.is_empty() && self.overlaps.iter().all(|overlap| !overlap.is_nan());
        if ranges && self.scale[1] <= 1.0 && overlaps {
            return Ok(());
        }
        let message = format!("expected ranges above 0, parts of at most 1, and overlaps, received {self:?}");
        Err(Error::argument("random iou crop", message))
    }

    /// The piece of one picture; `None` if it stays whole.
    fn draw(
        &self,
        [height, width]: [usize; 2],
        boxes: &[BoundingBox],
        rng: &mut SampleRng,
    ) -> Result<Option<BoundingBox>> {
        for _ in 0..ROUNDS {
            let overlap = self.overlaps[rng.below(self.overlaps.len())];
            if overlap >= 1.0 {
                return Ok(None);
            }
            for _ in 0..self.trials {
                let mut part = |size: usize| Ok(size as f64 * rng.uniform(self.scale[0], self.scale[1])?);
                let [w, h]: [Result<f64>; 2] = [part(width), part(height)];
                let (w, h) = (w?.floor(), h?.floor());
                let ratio = w / h;
                if !(self.ratio[0] <= ratio && ratio <= self.ratio[1]) {
                    continue;
                }
                let left = (rng.uniform(0.0, width as f64 - w)?).floor();
                let top = (rng.uniform(0.0, height as f64 - h)?).floor();
                let piece = BoundingBox::new([left, top, w, h], BoxFormat::Xywh)?;
                let best = boxes.iter().filter(|object| has_centre(&piece, object)).map(|object| object.iou(&piece));
                // Without an object in it there is no overlap at all.
                if w > 0.0 && h > 0.0 && best.fold(f64::NEG_INFINITY, f64::max) >= overlap {
                    return Ok(Some(piece));
                }
            }
        }
        Ok(None)
    }
}

/// Whether the centre of an object lies within a piece.
fn has_centre(piece: &BoundingBox, object: &BoundingBox) -> bool {
    let [x, y, _, _] = object.to_array(BoxFormat::Cxcywh);
    let ([x1, y1], [x2, y2]) = (piece.min(), piece.max());
    x1 < x && x < x2 && y1 < y && y < y2
}

impl Augment for RandomIouCrop {
    fn apply(&self, mut sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        self.check()?;
        let boxes: Vec<BoundingBox> = sample.labels.objects.iter().map(|object| object.bounding_box).collect();
        if boxes.is_empty() {
            return Ok(sample);
        }
        let Some(piece) = self.draw(sample.image.size(), &boxes, rng)? else { return Ok(sample) };
        sample.labels.objects.retain(|object| has_centre(&piece, &object.bounding_box));
        let [left, top, width, height] = piece.to_array(BoxFormat::Xywh);
        let moves = Moves::crop([height as usize, width as usize], [top as i64, left as i64], Fill::black());
        geometry::apply(sample, &moves, &self.keep, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;
    use crate::annotation::Object;

    #[test]
    fn pieces_overlap_an_object_as_asked() {
        let place = BoundingBox::new([20.0, 30.0, 60.0, 70.0], BoxFormat::Xyxy).unwrap();
        let crop = RandomIouCrop { overlaps: vec![0.5], ..RandomIouCrop::default() };
        for index in 0..200 {
            let piece = crop.draw([100, 120], &[place], &mut SampleRng::new(0, 0, index)).unwrap();
            let piece = piece.unwrap();
            assert!(piece.iou(&place) >= 0.5 && has_centre(&piece, &place), "{piece:?}");
            assert_eq!(piece.clipped([100, 120]), piece);
            let ratio = piece.width() / piece.height();
            assert!((0.5..=2.0).contains(&ratio), "{ratio}");
        }
    }

    #[test]
    fn what_has_no_piece_stays_whole() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let image = Image::from_u8([10, 10, 1], vec![1; 100]).unwrap();
        let crop = RandomIouCrop::default();
        assert_eq!(crop.apply_image(image.clone(), rng).unwrap(), image);
        let mut sample = Sample::from(image);
        let tiny = BoundingBox::new([4.0, 4.0, 4.1, 4.1], BoxFormat::Xyxy).unwrap();
        sample.labels.objects.push(Object::new(0, tiny));
        let never = RandomIouCrop { overlaps: vec![0.9], ..RandomIouCrop::default() };
        assert_eq!(never.apply(sample.clone(), rng).unwrap(), sample);
        for bad in [
            RandomIouCrop { overlaps: vec![], ..RandomIouCrop::default() },
            RandomIouCrop { scale: [0.0, 1.0], ..RandomIouCrop::default() },
            RandomIouCrop { ratio: [f64::NAN, 1.0], ..RandomIouCrop::default() },
        ] {
            assert!(bad.apply(sample.clone(), rng).is_err(), "{bad:?}");
        }
    }
}
