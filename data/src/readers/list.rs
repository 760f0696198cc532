//! Pictures with classes, as several formats list them.

use std::path::{Path, PathBuf};

use super::{Changes, Options, files, picture};
use crate::annotation::{BoxFormat, Labels, Object};
use crate::{Dataset, Error, LabelledDataset, Record, Result, Sample};

/// A list of picture files with the classes that each shows: what [`image_folder`](super::image_folder), [`csv_labels`](super::csv_labels) and
/// [`imagenet`](super::imagenet) make.
#[derive(Debug)]
pub struct PictureList {
    root: PathBuf,
    items: Vec<Item>,
    classes: Vec<String>,
    options: Options,
    /// Whether pictures are turned as EXIF data say.
    turned: bool,
    tally: super::policy::Tally,
}

#[derive(Debug)]
pub(super) struct Item {
    /// Below the root.
    pub(super) file: Box<Path>,
    pub(super) classes: Box<[u32]>,
    /// The boxes of objects, from corner to corner.
    pub(super) objects: Vec<(u32, [f64; 4])>,
}

impl Item {
    pub(super) fn new(file: impl AsRef<Path>, classes: impl Into<Box<[u32]>>) -> Self {
        Item { file: file.as_ref().into(), classes: classes.into(), objects: Vec::new() }
    }
}

impl PictureList {
    pub(super) fn new(
        root: &Path,
        items: Vec<Item>,
        classes: Vec<String>,
        options: &Options,
        opening: Changes,
    ) -> Self {
        PictureList {
            root: root.into(),
            items,
            classes,
            options: options.clone(),
            turned: true,
            tally: super::policy::Tally::of(opening),
        }
    }

    /// The list with its pictures as they lie in their files: where lists of the same data set have boxes.
    pub(super) fn stored(self) -> Self {
        PictureList { turned: false, ..self }
    }
}

impl Dataset for PictureList {
    type Item = Sample;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn get(&self, index: usize) -> Result<Sample> {
        picture::sample(self.record(index)?, &self.options.decoder(self.turned))
    }
}

impl LabelledDataset for PictureList {
    fn record(&self, index: usize) -> Result<Record> {
        Error::check_index(index, self.items.len())?;
        let item = &self.items[index];
        let path = self.root.join(&item.file);
        let classes = item.classes.iter().map(|&class| class as usize).collect();
        let mut labels = Labels { classes, ..Labels::default() };
        // Boxes alone need the size of their picture.
        let size = if item.objects.is_empty() { None } else { Some(picture::size(&path)?) };
        let mut changes = Changes::default();
        for &(class, corners) in &item.objects {
            let boxed =
                self.options.policy.admit(corners, BoxFormat::Xyxy, size, super::policy::ROUNDING, &mut changes);
            let boxed = boxed.map_err(|message| Error::format(&path, message))?;
            labels.objects.extend(boxed.map(|boxed| Object::new(class as usize, boxed)));
        }
        self.tally.note(index, changes);
        Ok(Record { path: Some(path), size, labels })
    }

    fn class_names(&self) -> &[String] {
        &self.classes
    }

    fn changes(&self) -> Changes {
        self.tally.sum()
    }
}

/// The part of a data set, if it is a folder of it.
pub(super) fn split_folder(root: &Path, options: &Options) -> Result<PathBuf> {
    match &options.split {
        None => Ok(root.to_path_buf()),
        Some(split) => Ok(root.join(files::plain_name(split).map_err(|message| Error::argument("split", message))?)),
    }
}
