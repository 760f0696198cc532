//! COCO's panoptic format: a PNG file for each picture whose colours are numbers of segments.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::json::{Category, Id, Picture, Truth};
use super::{CocoCategory, Found, classes_of, cleaned, details, find, parsed};
use crate::annotation::{BoxFormat, ClassDetails, ClassMap, Labels, Object, Rle, Segmentation};
use crate::readers::files::{self, within};
use crate::readers::policy::{ROUNDING, Tally};
use crate::readers::{Changes, Options, picture};
use crate::{Dataset, Error, LabelledDataset, Record, Result, Sample};

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    images: Vec<Picture<'a>>,
    #[serde(borrow)]
    annotations: Vec<Annotation<'a>>,
    #[serde(borrow)]
    categories: Vec<Category<'a>>,
}

#[derive(Deserialize)]
struct Annotation<'a> {
    image_id: Id,
    #[serde(borrow)]
    file_name: Cow<'a, str>,
    segments_info: Vec<SegmentInfo>,
}

#[derive(Deserialize)]
struct SegmentInfo {
    id: u32,
    category_id: Id,
    #[serde(default)]
    area: Option<f64>,
    bbox: [f64; 4],
    #[serde(default)]
    iscrowd: Option<Truth>,
}

/// Pictures with a segment for each pixel (A. Kirillov et al., "Panoptic Segmentation", 2019). Every segment is an object with its mask;
/// the class map has the class of each pixel, and [`ClassMap::IGNORE`] where there is no segment.
#[derive(Debug)]
pub struct CocoPanoptic {
    path: PathBuf,
    pictures: PathBuf,
    maps: PathBuf,
    items: Vec<Item>,
    categories: Vec<CocoCategory>,
    classes: Vec<String>,
    options: Options,
    tally: Tally,
}

#[derive(Debug)]
struct Item {
    id: Id,
    picture: Box<str>,
    map: Box<str>,
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    id: u32,
    class: usize,
    bbox: [f64; 4],
    area: Option<f64>,
    crowd: bool,
}

impl CocoPanoptic {
    /// Opens a folder: as [`CocoDataset::open`](super::CocoDataset::open), with the PNG files in a folder that is called as the JSON file, beside it or above
    /// (`annotations/panoptic_val2017/*.png` or `panoptic_val2017/*.png` of `annotations/panoptic_val2017.json`).
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no such file or no telling which; else as [`CocoPanoptic::from_file`].
    pub fn open(root: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let Found { file, pictures, maps } = find(root.as_ref(), options.split.as_deref())?;
        CocoPanoptic::from_file(file, pictures, maps, &Options { split: None, ..options.clone() })
    }

    /// Opens a JSON file, with its pictures and its PNG files in two folders.
    ///
    /// # Errors
    /// [`Error::Argument`] if a split is asked for; [`Error::Io`] if the file cannot be read, [`Error::Format`] if it is no panoptic file, an annotation is of a picture or class that is not
    /// there (see [`Options::policy`]), or it has more classes than a class map can tell from [`ClassMap::IGNORE`].
    pub fn from_file(
        file: impl AsRef<Path>,
        pictures: impl AsRef<Path>,
        maps: impl AsRef<Path>,
        options: &Options,
    ) -> Result<Self> {
        let file = file.as_ref();
        CocoPanoptic::from_slice(file, &files::read(file)?, pictures, maps, options)
    }

    /// As [`CocoPanoptic::from_file`], from the bytes of a file; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`CocoPanoptic::from_file`].
    pub fn from_slice(
        name: impl AsRef<Path>,
        bytes: &[u8],
        pictures: impl AsRef<Path>,
        maps: impl AsRef<Path>,
        options: &Options,
    ) -> Result<Self> {
        let path = name.as_ref();
        options.without_split("coco panoptic")?;
        let bytes = cleaned(bytes, options.policy);
        let file: File<'_> = parsed(path, &bytes)?;
        let fail = |message: String| Error::format(path, message);
        let (categories, classes, numbers) = classes_of(file.categories, options).map_err(fail)?;
        if classes.len() > usize::from(ClassMap::IGNORE) {
            return Err(fail(format!("expected at most {} classes, received {}", ClassMap::IGNORE, classes.len())));
        }
        let mut opening = Changes::default();
        let pictures_by_id: HashMap<&Id, &Picture<'_>> =
            file.images.iter().map(|picture| (&picture.id, picture)).collect();
        let mut items = Vec::with_capacity(file.annotations.len());
        for annotation in &file.annotations {
            let Some(picture) = pictures_by_id.get(&annotation.image_id) else {
                let message = || format!("expected the id of a picture as image_id, received {}", annotation.image_id);
                options.policy.refuse::<()>(&mut opening, message).map_err(fail)?;
                continue;
            };
            let mut segments = Vec::with_capacity(annotation.segments_info.len());
            for segment in &annotation.segments_info {
                let Some(Some(class)) = numbers.get(&segment.category_id) else {
                    let message = || {
                        format!(
                            "image {}: expected a category of the list, received {}",
                            annotation.image_id, segment.category_id
                        )
                    };
                    options.policy.refuse::<()>(&mut opening, message).map_err(fail)?;
                    continue;
                };
                segments.push(Segment {
                    id: segment.id,
                    class: *class,
                    bbox: segment.bbox,
                    area: segment.area,
                    crowd: segment.iscrowd.as_ref().is_some_and(|crowd| crowd.0),
                });
            }
            items.push(Item {
                id: annotation.image_id.clone(),
                picture: picture.file_name.as_ref().into(),
                map: annotation.file_name.as_ref().into(),
                segments,
            });
        }
        Ok(CocoPanoptic {
            path: path.into(),
            pictures: pictures.as_ref().into(),
            maps: maps.as_ref().into(),
            items,
            categories,
            classes,
            options: options.clone(),
            tally: Tally::of(opening),
        })
    }

    /// What the file says about its classes, in the order of their ids.
    pub fn categories(&self) -> &[CocoCategory] {
        &self.categories
    }
}

impl Dataset for CocoPanoptic {
    type Item = Sample;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn get(&self, index: usize) -> Result<Sample> {
        picture::sample(self.record(index)?, &self.options.decoder(false))
    }
}

impl LabelledDataset for CocoPanoptic {
    fn record(&self, index: usize) -> Result<Record> {
        Error::check_index(index, self.items.len())?;
        let item = &self.items[index];
        let fail = |message: String| Error::format(&self.path, format!("image {}: {message}", item.id));
        let path = within(&self.pictures, &item.picture).map_err(fail)?;
        let map = within(&self.maps, &item.map).map_err(fail)?;
        let (size, colors) = picture::triples(&map, &files::read(&map)?, self.options.max_pixels)?;
        let places: HashMap<u32, usize> =
            item.segments.iter().enumerate().map(|(i, segment)| (segment.id, i)).collect();
        // Pixels of the place of their segment, down the columns, as runs go.
        let [height, width] = size;
        let mut classes = vec![ClassMap::IGNORE; colors.len()];
        let mut runs: Vec<Runs> = item.segments.iter().map(|_| Runs::default()).collect();
        for column in 0..width {
            for row in 0..height {
                let [r, g, b] = colors[row * width + column];
                let id = u32::from_le_bytes([r, g, b, 0]);
                // Runs of the others grow when they are pushed to next.
                let Some(&place) = places.get(&id) else {
                    if id != 0 && self.options.policy == super::Policy::Fail {
                        let message =
                            format!("expected a segment of segments_info, received {id} at row {row}, column {column}");
                        return Err(Error::format(&map, message));
                    }
                    continue;
                };
                classes[row * width + column] = item.segments[place].class as u16;
                runs[place].push((column * height + row) as u32);
            }
        }
        let mut changes = Changes::default();
        let mut labels = Labels { class_map: Some(ClassMap::new(size, classes)?), ..Labels::default() };
        labels.metadata.insert("image_id".into(), item.id.value());
        for (segment, runs) in item.segments.iter().zip(runs) {
            let boxed = self.options.policy.admit(segment.bbox, BoxFormat::Xywh, Some(size), ROUNDING, &mut changes);
            let Some(boxed) = boxed.map_err(|message| fail(format!("segment {}: {message}", segment.id)))? else {
                continue;
            };
            let mask = Rle::from_counts(size, runs.finish((height * width) as u32))?;
            let mut object = Object::new(segment.class, boxed);
            object.segmentation = Some(Segmentation::Rle(mask));
            object.id = Some(u64::from(segment.id));
            object.area = segment.area;
            object.flags.crowd = segment.crowd;
            labels.objects.push(object);
        }
        self.tally.note(index, changes);
        Ok(Record { path: Some(path), size: Some(size), labels })
    }

    fn class_names(&self) -> &[String] {
        &self.classes
    }

    fn class_details(&self, class: usize) -> ClassDetails {
        details(&self.categories, &self.classes, class)
    }

    fn changes(&self) -> Changes {
        self.tally.sum()
    }
}

/// The runs of one segment, by the pixels that belong to it in their order.
#[derive(Default)]
struct Runs {
    counts: Vec<u32>,
    /// The pixel behind the last one inside.
    end: u32,
}

impl Runs {
    fn push(&mut self, pixel: u32) {
        match self.counts.last_mut() {
            Some(run) if self.end == pixel => *run += 1,
            _ => self.counts.extend([pixel - self.end, 1]),
        }
        self.end = pixel + 1;
    }

    fn finish(mut self, pixels: u32) -> Vec<u32> {
        if self.end < pixels || self.counts.is_empty() {
            self.counts.push(pixels - self.end);
        }
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_pixels() {
        let runs = |pixels: &[u32]| {
            let mut runs = Runs::default();
            pixels.iter().for_each(|&pixel| runs.push(pixel));
            runs.finish(6)
        };
        assert_eq!(runs(&[]), [6]);
        assert_eq!(runs(&[0, 1, 3, 5]), [0, 2, 1, 1, 1, 1]);
        assert_eq!(runs(&[2, 3]), [2, 2, 2]);
    }
}
