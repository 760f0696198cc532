//! Pascal VOC's maps of classes and objects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::annotation::{ClassMap, Labels, Object, Rle, Segmentation};
use crate::readers::{files, picture};
use crate::{Error, Result};

/// The border between objects.
pub(crate) const BORDER: u8 = 255;

/// Pascal VOC's colour of a number: its bits, dealt out to red, green and blue in turn, each beginning at its highest one.
pub(crate) fn color(number: u8) -> [u8; 3] {
    let bit = |from: u8, to: u8| (number.checked_shr(u32::from(from)).unwrap_or(0) & 1) << to;
    [0, 1, 2].map(|channel| bit(channel, 7) | bit(channel + 3, 6) | bit(channel + 6, 5))
}

/// The file of the class of each pixel of a picture.
pub(super) fn of_classes(root: &Path, name: &str) -> PathBuf {
    root.join("SegmentationClass").join(format!("{name}.png"))
}

/// The class of an object of whose pixels so many are of each class; the background and borders do not count.
pub(crate) fn majority(counts: BTreeMap<u8, usize>) -> Option<u8> {
    let known = counts.into_iter().filter(|(class, _)| *class != 0 && *class != BORDER);
    known.max_by_key(|(_, count)| *count).map(|(class, _)| class)
}

/// Adds the class of each pixel and the masks of objects to a picture's labels.
pub(super) fn add(root: &Path, name: &str, classes: usize, labels: &mut Labels) -> Result<()> {
    let of_classes = of_classes(root, name);
    let of_objects = root.join("SegmentationObject").join(format!("{name}.png"));
    let (size, pixels) = picture::indices(&of_classes, &files::read(&of_classes)?, crate::image_io::Decoder::default().max_pixels)?;
    if let Some(pixel) = pixels.iter().find(|&&pixel| pixel != BORDER && usize::from(pixel) > classes) {
        let message = format!("expected classes in 0..={classes} and {BORDER}, received {pixel}");
        return Err(Error::format(&of_classes, message));
    }
    if of_objects.exists() {
        add_objects(&of_objects, (size, &pixels), labels)?;
    }
    labels.class_map = Some(ClassMap::new(size, pixels.into_iter().map(u16::from).collect())?);
    Ok(())
}

fn add_objects(path: &PathBuf, (size, classes): ([usize; 2], &[u8]), labels: &mut Labels) -> Result<()> {
    let (own, pixels) = picture::indices(path, &files::read(path)?, crate::image_io::Decoder::default().max_pixels)?;
    if own != size {
        let message = format!("expected the [height, width] of the map of classes, {size:?}, received {own:?}");
        return Err(Error::format(path, message));
    }
    // Of each object how often each class occurs in it.
    let mut counts: BTreeMap<u8, BTreeMap<u8, usize>> = BTreeMap::new();
    for (&object, &class) in pixels.iter().zip(classes) {
        if object != 0 && object != BORDER {
            *counts.entry(object).or_default().entry(class).or_default() += 1;
        }
    }
    let listed = labels.objects.len();
    for (number, classes) in counts {
        let Some(class) = majority(classes) else {
            let message =
                format!("expected a class for object {number}, received only background in the map of classes");
            return Err(Error::format(path, message));
        };
        let class = usize::from(class) - 1;
        let inside: Vec<u8> = pixels.iter().map(|&pixel| u8::from(pixel == number)).collect();
        let mask = Rle::encode(&inside, size)?;
        let place = usize::from(number) - 1;
        if place < listed && labels.objects[place].class == class {
            labels.objects[place].segmentation = Some(Segmentation::Rle(mask));
        } else {
            let object = Object::new(class, mask.bounding_box());
            labels.objects.push(Object { segmentation: Some(Segmentation::Rle(mask)), ..object });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_pascal_vocs() {
        let expected = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]];
        assert_eq!([0, 1, 2, 3, 4].map(color), expected);
        assert_eq!((color(8), color(20), color(255)), ([64, 0, 0], [0, 64, 128], [224, 224, 192]));
    }
}
