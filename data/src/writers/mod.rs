//! Writers of data sets, so that one format becomes another.
//!
//! What two formats can both hold comes through unchanged: boxes, classes, sizes, what Pascal VOC says of an object, masks, COCO's keypoints with their names and limbs, captions and ids. What
//! a format cannot hold is left out and counted ([`Written::left_out`]). Files appear whole or not at all, the list of pictures last.

mod coco;
mod json_lines;
mod pictures;
mod voc;
mod yolo;

use std::path::{Path, PathBuf};

use crate::annotation::{ClassDetails, Object};
use crate::readers::files;
use crate::{Error, LabelledDataset, Result};

pub use coco::write_coco;
pub use json_lines::write_json_lines;
use pictures::{Pictures, Placed};
pub use voc::write_voc;
pub use yolo::{YoloKind, write_yolo};

/// How a data set is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// The name of the part of the data set that is written; others in the same folder stay.
    pub split: String,
    /// Whether pictures are copied. Those in memory are written as PNG, as are those that readers of the new format would turn otherwise than the data set does
    /// (see [`readers`](crate::readers)). Otherwise files of labels name them, but they are not there.
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
