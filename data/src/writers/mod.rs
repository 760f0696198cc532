//! Writers of data sets, so that one format becomes another.
//!
//! What two formats can both hold comes through unchanged: boxes, classes, sizes, what Pascal VOC says of an object, masks, COCO's keypoints with their names and limbs, captions and ids. What
//! a format cannot hold is left out and counted ([`Written::left_out`]). Files appear whole or not at all, the list of pictures last.

mod coco;
mod json_lines;
mod voc;
mod yolo;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::annotation::{ClassDetails, Object};
use crate::readers::{files, picture};
use crate::{Error, LabelledDataset, Record, Result, image_io};

pub use coco::write_coco;
pub use json_lines::write_json_lines;
pub use voc::write_voc;
pub use yolo::{YoloKind, write_yolo};

/// How a data set is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// The name of the part of the data set that is written; others in the same folder stay.
    pub split: String,
    /// Whether pictures are copied (or, if they are in memory, written as PNG). Otherwise files of labels name them, but they are not there.
    pub pictures: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions { split: "train".into(), pictures: true }
    }
}

/// What has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Pictures, or names of pictures.
    pub pictures: usize,
    /// Objects.
    pub objects: usize,
    /// What the format cannot hold: masks, outlines, keypoints, flags, attributes, ids and areas of objects; classes, maps and metadata of pictures; and of each class
    /// what is known beside its name, such as the names of keypoints.
    pub left_out: usize,
}

/// The pictures of a data set on their way into a folder, where each has a file name of its own.
struct Pictures<'a, D: ?Sized> {
    data: &'a D,
    folder: PathBuf,
    copied: bool,
    stems: HashSet<String>,
}

/// A picture that has its place.
struct Placed {
    record: Record,
    /// `[height, width]`
    size: [usize; 2],
    channels: usize,
    /// The file's name without its extension.
    stem: String,
    file_name: String,
    /// Whether the file has been written just now, and was not there as the data set's own.
    is_new: bool,
}

impl<'a, D: LabelledDataset + ?Sized> Pictures<'a, D> {
    /// `taken` are the stems of files in the folder that belong to others.
    fn new(data: &'a D, folder: PathBuf, options: &WriteOptions, taken: HashSet<String>) -> Self {
        Pictures { data, folder, copied: options.pictures, stems: taken }
    }

    /// What is known of a picture, which is copied if pictures are.
    fn place(&mut self, index: usize) -> Result<Placed> {
        let record = self.data.record(index)?;
        let (size, channels) = header(self.data, index, &record)?;
        let (stem, extension) = self.name(index, &record);
        let file_name = format!("{stem}.{extension}");
        let is_new = self.copied && copy_picture(self.data, index, &record, &self.folder.join(&file_name))?;
        Ok(Placed { record, size, channels, stem, file_name, is_new })
    }

    /// The stem and the extension of a picture's new file: its own, with its number where another has that name already.
    fn name(&mut self, index: usize, record: &Record) -> (String, String) {
        let of = |path: &Path| {
            let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
            (files::stem(path), extension.unwrap_or_default())
        };
        let (mut stem, mut extension) = record.path.as_deref().map(of).unwrap_or_default();
        if stem.is_empty() {
            stem = format!("{index:06}");
        }
        if extension.is_empty() {
            extension = "png".into();
        }
        // White space would end the name in Pascal VOC's lists.
        stem = stem.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect();
        while !self.stems.insert(stem.clone()) {
            stem = format!("{stem}_{index}");
        }
        (stem, extension)
    }
}

/// `[height, width]` of a picture and its channels.
fn header<D: LabelledDataset + ?Sized>(data: &D, index: usize, record: &Record) -> Result<([usize; 2], usize)> {
    match (&record.path, record.size) {
        (Some(path), Some(size)) => Ok((size, picture::header(path).map_or(3, |(_, channels)| channels))),
        (Some(path), None) => picture::header(path),
        (None, _) => {
            let image = data.get(index)?.image;
            Ok(([image.height(), image.width()], image.channels()))
        }
    }
}

/// Puts a picture where it belongs, unless it is there; whether it was not.
fn copy_picture<D: LabelledDataset + ?Sized>(data: &D, index: usize, record: &Record, target: &Path) -> Result<bool> {
    match &record.path {
        Some(path) if is_same(path, target) => return Ok(false),
        Some(path) => write(target, &files::read(path)?)?,
        None => image_io::write_png(target, &data.get(index)?.image.to_tensor()?)?,
    }
    Ok(true)
}

fn is_same(path: &Path, target: &Path) -> bool {
    matches!((path.canonicalize(), target.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(ocelli_tensor::safetensors::write_atomically(path, bytes)?)
}

/// The folder of these names below `root`, which is made if need be.
fn folder(root: &Path, names: &[&str]) -> Result<PathBuf> {
    let path = names.iter().fold(root.to_path_buf(), |path, name| path.join(name));
    std::fs::create_dir_all(&path).map_err(|source| Error::io(&path, source))?;
    Ok(path)
}

/// The name of the split as part of a path.
fn checked_split(options: &WriteOptions) -> Result<&str> {
    files::plain_name(&options.split).map_err(|message| Error::argument("write", message))
}

/// What is known of each class beside its name.
fn class_details<D: LabelledDataset + ?Sized>(data: &D) -> Vec<ClassDetails> {
    (0..data.class_names().len()).map(|class| data.class_details(class)).collect()
}

/// How much of that there is.
fn count_details(details: &ClassDetails) -> usize {
    let lists = [details.keypoints.is_empty(), details.limbs.is_empty(), details.flip.is_empty()];
    usize::from(details.supercategory.is_some()) + lists.into_iter().filter(|empty| !empty).count()
}

/// How many numbers a format loses that has neither ids nor areas of objects; an area that is the box's is told by the box.
fn count_numbers(object: &Object) -> usize {
    let boxed = object.bounding_box.area();
    let area = object.area.is_some_and(|area| (area - boxed).abs() > 1e-6 * boxed);
    usize::from(object.id.is_some()) + usize::from(area)
}

/// The name of an object's class.
fn class_name(names: &[String], class: usize) -> Result<&str> {
    names
        .get(class)
        .map(String::as_str)
        .ok_or_else(|| Error::argument("write", format!("expected classes in 0..{}, received {class}", names.len())))
}
