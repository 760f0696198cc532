//! Pascal VOC's maps of classes and objects.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::annotation::Listed;
use crate::annotation::{ClassMap, Labels, Object, Rle, Segmentation};
use crate::readers::{Changes, Policy, files, picture};
use crate::{Error, Result};

/// The border between objects.
pub(crate) const BORDER: u8 = 255;

/// Pascal VOC's colour of a number: its bits, dealt out to red, green and blue in turn, each beginning at its highest one.
pub(crate) fn color(number: u8) -> [u8; 3] {
    let bit = |from: u8, to: u8| (number.checked_shr(u32::from(from)).unwrap_or(0) & 1) << to;
    [0, 1, 2].map(|channel| bit(channel, 7) | bit(channel + 3, 6) | bit(channel + 6, 5))
}

/// The folder of maps of classes.
pub(super) fn folder_of_classes(root: &Path) -> PathBuf {
    root.join("SegmentationClass")
}

/// The file of the class of each pixel of a picture.
pub(super) fn of_classes(root: &Path, name: &str) -> PathBuf {
    folder_of_classes(root).join(format!("{name}.png"))
}

/// The class of an object of whose pixels so many are of each class; the background and borders do not count.
pub(crate) fn majority(counts: BTreeMap<u8, usize>) -> Option<u8> {
    let known = counts.into_iter().filter(|(class, _)| *class != 0 && *class != BORDER);
    known.max_by_key(|(_, count)| *count).map(|(class, _)| class)
}

/// How the numbers in maps become classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbering<'a> {
    /// The names that the data set gives to the numbers from 1.
    pub(super) own: &'a [String],
    /// The classes, by name.
    pub(super) classes: &'a HashMap<String, usize>,
    pub(super) policy: Policy,
    pub(super) max_pixels: u64,
}

impl Numbering<'_> {
    /// The name of a number.
    fn name(&self, number: u8) -> Option<&str> {
        usize::from(number).checked_sub(1).and_then(|place| self.own.get(place)).map(String::as_str)
    }

    /// The class of a number.
    fn class(&self, number: u8) -> Option<usize> {
        self.name(number).and_then(|name| self.classes.get(name)).copied()
    }

    /// What is wrong with a number.
    fn unknown(&self, number: u8) -> String {
        match self.name(number) {
            Some(name) => format!("expected classes of the list, received {name:?} ({number} in the map)"),
            None => format!("expected classes in 0..={} and {BORDER}, received {number}", self.own.len()),
        }
    }
}

/// Adds the class of each pixel and the masks of objects to the labels of a picture of `[height, width]`. Classes that are not in the list become background, their
/// objects are left out.
pub(super) fn add(
    root: &Path,
    name: &str,
    size: [usize; 2],
    numbering: Numbering<'_>,
    listed: &[Listed],
    labels: &mut Labels,
    changes: &mut Changes,
) -> Result<()> {
    let of_classes = of_classes(root, name);
    let of_objects = root.join("SegmentationObject").join(format!("{name}.png"));
    let pixels = read(&of_classes, size, numbering.max_pixels)?;
    // What each number becomes in the map of classes.
    let mut becomes = [0; 256];
    becomes[usize::from(BORDER)] = ClassMap::IGNORE;
    let mut seen = [false; 256];
    pixels.iter().for_each(|&pixel| seen[usize::from(pixel)] = true);
    for number in (1..BORDER).filter(|&number| seen[usize::from(number)]) {
        let class = match numbering.class(number) {
            Some(class) => Some(class),
            None => numbering
                .policy
                .refuse(changes, || numbering.unknown(number))
                .map_err(|message| Error::format(&of_classes, message))?,
        };
        becomes[usize::from(number)] = class.map_or(0, |class| class as u16 + 1);
    }
    if of_objects.exists() {
        add_objects(&of_objects, (size, &pixels), numbering, listed, labels, changes)?;
    }
    let classes = pixels.into_iter().map(|pixel| becomes[usize::from(pixel)]).collect();
    labels.class_map = Some(ClassMap::new(size, classes)?);
    Ok(())
}

/// The numbers in a map of the size of its picture.
fn read(path: &Path, size: [usize; 2], max_pixels: u64) -> Result<Vec<u8>> {
    let (own, pixels) = picture::indices(path, &files::read(path)?, max_pixels)?;
    if own != size {
        let message = format!("expected the [height, width] of its picture, {size:?}, received {own:?}");
        return Err(Error::format(path, message));
    }
    Ok(pixels)
}

fn add_objects(
    path: &Path,
    (size, classes): ([usize; 2], &[u8]),
    numbering: Numbering<'_>,
    listed: &[Listed],
    labels: &mut Labels,
    changes: &mut Changes,
) -> Result<()> {
    let pixels = read(path, size, numbering.max_pixels)?;
    // Of each object how often each class occurs in it.
    let mut counts: BTreeMap<u8, BTreeMap<u8, usize>> = BTreeMap::new();
    for (&object, &class) in pixels.iter().zip(classes) {
        if object != 0 && object != BORDER {
            *counts.entry(object).or_default().entry(class).or_default() += 1;
        }
    }
    for (object, classes) in counts {
        let fail = |message| Error::format(path, message);
        let Some(number) = majority(classes) else {
            let message =
                || format!("expected a class for object {object}, received only background in the map of classes");
            numbering.policy.refuse::<()>(changes, message).map_err(fail)?;
            continue;
        };
        // Object `i` is the `i`-th of the annotation, whatever has been left out of it, if both are of one class.
        let known = listed.get(usize::from(object) - 1);
        let known = known.filter(|known| numbering.name(number) == Some(known.name.as_str()));
        let mask = || {
            let inside: Vec<u8> = pixels.iter().map(|&pixel| u8::from(pixel == object)).collect();
            Rle::encode(&inside, size)
        };
        match (known, numbering.class(number)) {
            (Some(Listed { place: Some(place), .. }), _) => {
                labels.objects[*place].segmentation = Some(Segmentation::Rle(mask()?));
            }
            // Its mask goes with it.
            (Some(Listed { place: None, .. }), _) => {}
            (None, Some(class)) => {
                let mask = mask()?;
                let made = Object::new(class, mask.bounding_box());
                labels.objects.push(Object { segmentation: Some(Segmentation::Rle(mask)), ..made });
            }
            (None, None) => {
                let message = || format!("object {object}: {}", numbering.unknown(number));
                numbering.policy.refuse::<()>(changes, message).map_err(fail)?;
            }
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
