//! Readers of the formats in which data sets of pictures come.
//!
//! A reader opens a folder or a file and is then a [`Dataset`](crate::Dataset) of [`Sample`](crate::Sample)s, whose labels can be had without
//! reading the pictures ([`LabelledDataset`](crate::LabelledDataset)). Pictures are read when they are asked for, by any thread. [`open`]
//! finds out the format of a folder.
//!
//! What is wrong with a file is an error that names it, the place in it, what was expected and what was received. Labels that are merely
//! odd, such as boxes without width, are errors too unless [`Options::policy`] says otherwise.
//!
//! Whether a picture is turned as its EXIF data say depends on the reader alone: those of classes ([`image_folder`], [`csv_labels`]), of films and of YOLO's format turn
//! pictures, as Ultralytics' programs do for the latter; the others whose labels have positions (Pascal VOC, COCO, Open Images, JSON lines, and ImageNet, some of whose lists
//! have boxes) never do, as pycocotools and torchvision: positions and sizes tell of the pixels as they lie in the file. A picture of another size than its labels claim is an error,
//! whatever the policy: no label can be left out to make it fit, and all of them may lie in the wrong place. (A loader can skip the sample.)

mod cifar;
mod coco;
mod csv_labels;
mod detect;
pub(crate) mod files;
mod image_folder;
mod imagenet;
pub(crate) mod json_lines;
mod list;
mod open_images;
pub(crate) mod picture;
mod policy;
mod samples;
pub mod video;
pub(crate) mod voc;
mod yolo;

use crate::image_io::{ColorMode, Decoder};
use crate::{Error, Result};

pub use cifar::{Cifar, CifarDataset};
pub use coco::{CocoCategory, CocoDataset, CocoPanoptic};
pub use csv_labels::{CsvLabels, csv_labels, parse_csv_labels};
pub use detect::{Format, detect, open, open_as};
pub use image_folder::image_folder;
pub use imagenet::{ImageNetClasses, imagenet};
pub use json_lines::JsonLines;
pub use list::PictureList;
pub use open_images::{OpenImagesDataset, check_open_images_boxes};
pub use policy::{Changes, Policy};
pub use samples::ClassificationSamples;
pub use voc::{Presence, VOC_CLASSES, VocDataset, parse_voc_annotation};
pub use yolo::{YoloConfig, YoloDataset, parse_yolo_labels};

/// How a data set is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The part of the data set, by the name that it has there: `train`, `val`, `train2017`. Each reader tells what it is without one.
    pub split: Option<String>,
    /// The names of the classes in the order that gives their numbers; by default those that the data set tells.
    pub classes: Option<Vec<String>>,
    /// What becomes of labels that do not fit.
    pub policy: Policy,
    /// Which channels picture files are read with: red, green and blue by default. IDX files and CIFAR's hold pixels themselves, which stay as they are.
    pub color: ColorMode,
    /// Pictures, and maps of classes, objects and segments, of more pixels are refused before memory is reserved for them: [`Decoder::max_pixels`], whose default is the
    /// default here, too. IDX files and CIFAR's have pictures of a size of their own.
    pub max_pixels: u64,
    /// How the names of pictures end, with or without the dot, in small or capital letters; by default as those of all formats that [`Decoder`] reads usually do. It
    /// tells which files of a folder are pictures ([`image_folder`], [`imagenet`], YOLO, films), and where a picture is looked for that is named without
    /// its extension (Pascal VOC, Open Images, CSV). Files that a list names whole are taken whatever they are called.
    pub extensions: Option<Vec<String>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            split: None,
            classes: None,
            policy: Policy::Fail,
            color: ColorMode::Rgb,
            max_pixels: Decoder::default().max_pixels,
            extensions: None,
        }
    }
}

impl Options {
    /// All that is the default but for the part of the data set.
    pub fn of_split(split: &str) -> Self {
        Options { split: Some(split.into()), ..Options::default() }
    }

    /// How pictures are decoded. `orient` says whether they are turned as EXIF data say: not where labels have positions in the pixels as they lie in the file.
    fn decoder(&self, orient: bool) -> Decoder {
        Decoder { mode: self.color, max_pixels: self.max_pixels, orient }
    }

    /// Refuses a split where there is none.
    fn without_split(&self, op: &'static str) -> Result<()> {
        match &self.split {
            None => Ok(()),
            Some(split) => Err(Error::argument(op, format!("expected no split, received {split:?}"))),
        }
    }
}
