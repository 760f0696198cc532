//! Pascal VOC's maps of classes and objects.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use png::{BitDepth, ColorType};

use crate::annotation::{ClassMap, Labels, Rle};
use crate::image_io::Decoder;
use crate::readers::voc::masks::{BORDER, color, majority};
use crate::{Error, Result, reserve};

/// The maps of one picture, row by row.
#[derive(Debug)]
pub(super) struct Maps {
    size: [usize; 2],
    /// The class of each pixel, 0 being the background.
    classes: Vec<u8>,
    /// The number of each pixel's object from 1; none if no object has a mask.
    objects: Option<Vec<u8>>,
}

impl Maps {
    /// The maps of a picture of `[height, width]`, if it has any, and how much of its labels is not in them. A pixel belongs to one object:
    /// where masks overlap, to the smallest. The map of classes is the picture's own, if its numbers are those of the objects' classes from 1;
    /// else it is drawn of the masks.
    ///
    /// # Errors
    /// [`Error::Argument`] if a mask or the map is that of a picture of another size, or the picture is larger than any that is read.
    pub(super) fn of(labels: &Labels, size: [usize; 2], classes: usize) -> Result<(Option<Maps>, usize)> {
        if labels.class_map.is_none() && labels.objects.iter().all(|object| object.segmentation.is_none()) {
            return Ok((None, 0));
        }
        let pixels = pixels(size)?;
        let masks = labels.objects.iter().enumerate().filter_map(|(place, object)| {
            let mask = object.segmentation.as_ref()?;
            Some(mask.to_rle(size).map(|mask| (place, object.class, mask)))
        });
        let masks: Vec<(usize, usize, Rle)> = masks.collect::<Result<_>>()?;
        let all = masks.len();
        let numbered = |number: usize| u8::try_from(number + 1).ok().filter(|&number| number != BORDER);
        let mut drawn: Vec<(u8, u8, Rle)> = masks
            .into_iter()
            .filter_map(|(place, class, mask)| Some((numbered(place)?, numbered(class)?, mask)))
            .collect();
        let mut left_out = all - drawn.len();
        drawn.sort_by_key(|(_, _, mask)| Reverse(mask.area()));
        let mut objects = reserve::filled(0u8, pixels)?;
        for (number, _, mask) in &drawn {
            for (pixel, _) in objects.iter_mut().zip(mask.decode()?).filter(|(_, inside)| *inside != 0) {
                *pixel = *number;
            }
        }
        // How often each class of the map occurs in what is seen of each object; without a map, all of it is of the object's class.
        let of_objects: BTreeMap<u8, u8> = drawn.iter().map(|&(number, class, _)| (number, class)).collect();
        let own = labels.class_map.as_ref().map(|map| bytes(map, size, classes)).transpose()?;
        let agrees = |map: &Vec<u8>| {
            let mut counts: BTreeMap<u8, BTreeMap<u8, usize>> = BTreeMap::new();
            for (&object, &class) in objects.iter().zip(map).filter(|&(&object, _)| object != 0) {
                *counts.entry(object).or_default().entry(class).or_default() += 1;
            }
            counts.into_iter().all(|(object, classes)| majority(classes) == of_objects.get(&object).copied())
        };
        let kept = own.flatten().filter(agrees);
        left_out += usize::from(labels.class_map.is_some() && kept.is_none());
        if drawn.is_empty() && kept.is_none() {
            return Ok((None, left_out));
        }
        let mut seen: BTreeMap<u8, u64> = BTreeMap::new();
        objects.iter().for_each(|&object| *seen.entry(object).or_default() += 1);
        left_out += drawn.iter().filter(|(number, _, mask)| seen.get(number) != Some(&mask.area())).count();
        let classes =
            kept.unwrap_or_else(|| objects.iter().map(|object| of_objects.get(object).copied().unwrap_or(0)).collect());
        Ok((Some(Maps { size, classes, objects: (!drawn.is_empty()).then_some(objects) }), left_out))
    }

    /// The bytes of the PNG file of classes.
    pub(super) fn classes(&self) -> Result<Vec<u8>> {
        png(self.size, &self.classes)
    }

    /// The bytes of the PNG file of objects.
    pub(super) fn objects(&self) -> Result<Option<Vec<u8>>> {
        self.objects.as_ref().map(|objects| png(self.size, objects)).transpose()
    }
}

/// How many pixels a picture has. The size is what a file claims, so it is checked before there are maps of it.
fn pixels([height, width]: [usize; 2]) -> Result<usize> {
    let most = Decoder::default().max_pixels;
    let count = height.checked_mul(width).filter(|&count| count as u64 <= most);
    count.ok_or_else(|| {
        let message = format!("expected masks of a picture of at most {most} pixels, received {height}x{width}");
        Error::argument("write_voc", message)
    })
}

/// The class of each pixel, if there are only the background, so many classes and borders.
fn bytes(map: &ClassMap, size: [usize; 2], classes: usize) -> Result<Option<Vec<u8>>> {
    if map.size() != size {
        let message = format!("expected a class map of [height, width] = {size:?}, received {:?}", map.size());
        return Err(Error::argument("write_voc", message));
    }
    let known = |&class: &u16| {
        let class = u8::try_from(class).ok()?;
        (class == BORDER || usize::from(class) <= classes).then_some(class)
    };
    Ok(map.classes().iter().map(known).collect())
}

/// A PNG file with a palette, in Pascal VOC's colours.
fn png([height, width]: [usize; 2], pixels: &[u8]) -> Result<Vec<u8>> {
    let refused = |error: &dyn std::fmt::Display| {
        let message = format!("expected a map that can become a PNG file, received {height}x{width} ({error})");
        Error::argument("write_voc", message)
    };
    let side = |side: usize| u32::try_from(side).map_err(|error| refused(&error));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(width)?, side(height)?);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette((0..=255).flat_map(color).collect::<Vec<u8>>());
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    written.map_err(|error| refused(&error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::{Bitmap, BoundingBox, BoxFormat, Object, Segmentation};

    const SIZE: [usize; 2] = [3, 4];

    fn object(class: usize, pixels: [u8; 12]) -> Object {
        let place = BoundingBox::new([0.0, 0.0, 4.0, 3.0], BoxFormat::Xyxy).unwrap();
        let mask = Segmentation::Bitmap(Bitmap::new(SIZE, pixels.to_vec()).unwrap());
        Object { segmentation: Some(mask), ..Object::new(class, place) }
    }

    const LARGE: [u8; 12] = [1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0];
    const SMALL: [u8; 12] = [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0];

    #[test]
    fn smaller_masks_lie_on_top() {
        let labels = Labels { objects: vec![object(1, SMALL), object(0, LARGE)], ..Labels::default() };
        let (maps, left_out) = Maps::of(&labels, SIZE, 2).unwrap();
        let maps = maps.unwrap();
        assert_eq!(maps.objects.unwrap(), [2, 2, 1, 1, 2, 2, 2, 0, 0, 0, 0, 0]);
        assert_eq!(maps.classes, [1, 1, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0]);
        // A pixel of the large one is hidden.
        assert_eq!(left_out, 1);
        assert!(Maps::of(&Labels::default(), SIZE, 2).unwrap().0.is_none());
        assert!(Maps::of(&labels, [4, 3], 2).is_err());
    }

    #[test]
    fn sizes_that_a_file_claims_reserve_nothing() {
        let all = u32::MAX as usize;
        let place = BoundingBox::new([0.0, 0.0, 4.0, 3.0], BoxFormat::Xyxy).unwrap();
        let mut labels = Labels { objects: vec![Object::new(0, place)], ..Labels::default() };
        for size in [[all, all], [usize::MAX, usize::MAX]] {
            assert!(Maps::of(&labels, size, 1).unwrap().0.is_none());
        }
        let outline = crate::annotation::Polygon::from_flat(&[0.0, 0.0, 4e9, 0.0, 4.0, 3.0]).unwrap();
        labels.objects[0].segmentation = Some(Segmentation::Polygons(vec![outline]));
        for size in [[all, all], [1, all], [usize::MAX, usize::MAX]] {
            let text = Maps::of(&labels, size, 1).unwrap_err().to_string();
            assert!(text.contains("at most 178956970 pixels"), "{text}");
        }
    }

    #[test]
    fn maps_of_classes_are_kept_if_they_are_pascal_vocs() {
        let of = |classes: [u16; 12], objects: Vec<Object>| {
            let class_map = Some(ClassMap::new(SIZE, classes.to_vec()).unwrap());
            Maps::of(&Labels { objects, class_map, ..Labels::default() }, SIZE, 2).unwrap()
        };
        let own = [2, 255, 2, 2, 0, 0, 0, 0, 0, 1, 0, 0];
        let (maps, left_out) = of(own, vec![object(1, SMALL)]);
        assert_eq!((maps.unwrap().classes, left_out), (own.map(|class| class as u8).to_vec(), 0));
        let (maps, left_out) = of(own, vec![]);
        assert!(maps.unwrap().objects.is_none() && left_out == 0);
        // Numbers from 0, as other formats have them, and classes that there are not.
        for other in [[1; 12], [0; 12], [3; 12], [700; 12]] {
            let (maps, left_out) = of(other, vec![object(1, SMALL)]);
            assert_eq!((maps.unwrap().classes, left_out), (SMALL.map(|inside| 2 * inside).to_vec(), 1));
        }
        assert!(of([3; 12], vec![]).0.is_none());
    }
}
