//! Objects of one picture pasted into another.

use super::Fill;
use super::geometry::{Geometry, Moves, mask_box};
use crate::annotation::{Bitmap, Keypoints, Object, Segmentation};
use crate::{Error, Image, Pixels, PixelsMut, Result, Sample, SampleRng};

/// Pastes objects of one sample into another, each with a probability: simple copy-paste (G. Ghiasi et al., 2021). Only objects with a mask are pasted, and no crowds; what
/// they cover is taken from the masks of the objects below, whose boxes shrink with them. Of those, objects with less than `min_area` pixels left go.
///
/// The source's top left corner comes to lie on the target's; what does not fit is cut off. Objects without a mask stay as they are. Pasted masks and
/// those that are changed become bitmaps. Class maps have the pasted pixels of the source's if both have one.
///
/// # Errors
/// [`Error::Argument`] unless the pictures have one type and number of channels, the probability is in 0..=1, and masks have the size of their picture.
pub fn copy_paste(
    mut target: Sample,
    source: &Sample,
    probability: f64,
    min_area: u64,
    rng: &mut SampleRng,
) -> Result<Sample> {
    super::check_probability(probability)?;
    let size = target.image.size();
    // The source, cut off or with a border so that it has the target's size.
    let moves = Moves::crop(size, [0, 0], Fill::black());
    let old = source.image.size();
    let places = moves.places(old, false)?;
    let image = moves.image(&source.image)?;
    let mut pasted = vec![0; size[0] * size[1]];
    let mut objects = Vec::new();
    for object in &source.labels.objects {
        let Some(segmentation) = &object.segmentation else { continue };
        if object.flags.crowd || !rng.chance(probability) {
            continue;
        }
        let mask = segmentation.to_rle(old)?.decode()?;
        let mask: Vec<u8> = places.iter().map(|&place| mask.get(place).copied().unwrap_or(0)).collect();
        let Some(mut object) = with_mask(object.clone(), Bitmap::new(size, mask)?, min_area.max(1))? else { continue };
        let inside =
            |keypoints: Keypoints| Keypoints::new(keypoints.points().iter().map(|point| point.within(size)).collect());
        object.keypoints = object.keypoints.map(inside).transpose()?;
        if let Some(Segmentation::Bitmap(mask)) = &object.segmentation {
            pasted.iter_mut().zip(mask.pixels()).for_each(|(all, &pixel)| *all |= pixel);
        }
        objects.push(object);
    }
    if objects.is_empty() {
        return Ok(target);
    }
    overwrite(&mut target.image, &image, &pasted)?;
    let mut below = Vec::with_capacity(target.labels.objects.len() + objects.len());
    for object in target.labels.objects {
        let Some(segmentation) = &object.segmentation else {
            below.push(object);
            continue;
        };
        let old = segmentation.to_rle(size)?.decode()?;
        let covered = old.iter().zip(&pasted).any(|(&mask, &pasted)| mask != 0 && pasted != 0);
        if !covered {
            below.push(object);
            continue;
        }
        let left = old.iter().zip(&pasted).map(|(&mask, &pasted)| mask & (1 - pasted)).collect();
        below.extend(with_mask(object, Bitmap::new(size, left)?, min_area.max(1))?);
    }
    below.extend(objects);
    target.labels.objects = below;
    if let (Some(map), Some(from)) = (&target.labels.class_map, &source.labels.class_map) {
        if map.size() != size || from.size() != old {
            let message =
                format!("expected class maps of {size:?} and {old:?}, received {:?} and {:?}", map.size(), from.size());
            return Err(Error::argument("copy paste", message));
        }
        let class = |at: usize| {
            let pasted_class = from.classes().get(places[at]).copied().filter(|_| pasted[at] != 0);
            pasted_class.unwrap_or(map.classes()[at])
        };
        target.labels.class_map = Some(crate::annotation::ClassMap::new(size, (0..pasted.len()).map(class).collect())?);
    }
    Ok(target)
}

/// An object with another mask, and with the box and area of that; `None` if it has fewer pixels than `least`.
fn with_mask(object: Object, mask: Bitmap, least: u64) -> Result<Option<Object>> {
    if mask.area() < least {
        return Ok(None);
    }
    let area = object.area.map(|_| mask.area() as f64);
    let around = mask_box(&mask)?.unwrap_or(object.bounding_box);
    Ok(Some(Object { bounding_box: around, segmentation: Some(Segmentation::Bitmap(mask)), area, ..object }))
}

/// The pixels of another picture of the same size where a mask is not 0.
fn overwrite(image: &mut Image, other: &Image, mask: &[u8]) -> Result<()> {
    fn copy<T: Copy>(to: &mut [T], from: &[T], channels: usize, mask: &[u8]) {
        let pixels = to.chunks_exact_mut(channels).zip(from.chunks_exact(channels));
        for ((to, from), _) in pixels.zip(mask).filter(|(_, mask)| **mask != 0) {
            to.copy_from_slice(from);
        }
    }
    let channels = image.channels();
    match (image.pixels_mut(), other.pixels()) {
        (PixelsMut::U8(to), Pixels::U8(from)) if channels == other.channels() => copy(to, from, channels, mask),
        (PixelsMut::F32(to), Pixels::F32(from)) if channels == other.channels() => copy(to, from, channels, mask),
        _ => {
            let message =
                format!("expected pictures of one type with {channels} channels, received {}", other.channels());
            return Err(Error::argument("copy paste", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::{BoundingBox, BoxFormat, Flags, Rle};

    fn square(low: f64, high: f64) -> BoundingBox {
        BoundingBox::new([low, low, high, high], BoxFormat::Xyxy).unwrap()
    }

    /// A square picture of one value with a square object.
    fn sample(value: u8, size: usize, low: f64, high: f64) -> Sample {
        let mut sample = Sample::from(Image::from_u8([size, size, 1], vec![value; size * size]).unwrap());
        let mask = Rle::from_box(&square(low, high), [size, size]).unwrap();
        let object = Object {
            segmentation: Some(Segmentation::Rle(mask)),
            area: Some(1.0),
            ..Object::new(usize::from(value), square(low, high))
        };
        sample.labels.objects.push(object);
        sample
    }

    #[test]
    fn what_is_pasted_covers_what_was_there() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let both = copy_paste(sample(1, 8, 1.0, 4.0), &sample(2, 10, 0.0, 3.0), 1.0, 1, rng).unwrap();
        let Pixels::U8(pixels) = both.image.pixels() else { panic!("bytes stay bytes") };
        assert_eq!(pixels.iter().filter(|&&pixel| pixel == 2).count(), 9);
        let places: Vec<_> = both.labels.objects.iter().map(|object| (object.class, object.bounding_box)).collect();
        assert_eq!(places, [(1, square(1.0, 4.0)), (2, square(0.0, 3.0))]);
        let areas: Vec<_> = both.labels.objects.iter().map(|object| object.area).collect();
        assert_eq!(areas, [Some(5.0), Some(9.0)]);
        // All of it is covered.
        let one = copy_paste(sample(1, 8, 1.0, 3.0), &sample(2, 8, 0.0, 3.0), 1.0, 1, rng).unwrap();
        assert_eq!(one.labels.objects.len(), 1);
        // The part outside of the target is cut off, and too small.
        let none = copy_paste(sample(1, 8, 1.0, 3.0), &sample(2, 12, 7.0, 11.0), 1.0, 2, rng).unwrap();
        assert_eq!(none, sample(1, 8, 1.0, 3.0));
        let mut crowd = sample(2, 8, 0.0, 3.0);
        crowd.labels.objects[0].flags = Flags { crowd: true, ..Flags::default() };
        assert_eq!(copy_paste(sample(1, 8, 1.0, 3.0), &crowd, 1.0, 1, rng).unwrap(), sample(1, 8, 1.0, 3.0));
    }

    #[test]
    fn keypoints_beyond_a_smaller_target_are_not_labelled() {
        let mut source = sample(2, 10, 0.0, 10.0);
        let points = [4.0, 5.0, 2.0, 9.0, 1.0, 2.0, 0.0, 0.0, 0.0];
        source.labels.objects[0].keypoints = Some(Keypoints::from_flat(&points).unwrap());
        let rng = &mut SampleRng::new(0, 0, 0);
        let both = copy_paste(sample(1, 6, 1.0, 4.0), &source, 1.0, 1, rng).unwrap();
        let pasted = both.labels.objects[0].keypoints.as_ref().unwrap();
        assert_eq!(pasted.to_flat(), [4.0, 5.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let mut floats = sample(2, 8, 0.0, 3.0);
        floats.image = floats.image.into_float();
        assert!(copy_paste(sample(1, 8, 1.0, 3.0), &floats, 1.0, 1, rng).is_err());
        assert!(copy_paste(sample(1, 8, 1.0, 3.0), &sample(2, 8, 0.0, 3.0), f64::NAN, 1, rng).is_err());
        let mut wrong = sample(1, 8, 1.0, 3.0);
        wrong.image = sample(1, 9, 1.0, 3.0).image;
        assert!(copy_paste(wrong, &sample(2, 9, 0.0, 3.0), 1.0, 1, rng).is_err());
    }
}
