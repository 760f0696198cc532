//! Finding out the format of a folder.

use std::path::Path;

use super::files::{Kind, listing};
use super::imagenet::{INDICES, is_synset};
use super::{
    Cifar, CifarDataset, ClassificationSamples, CsvLabels, JsonLines, OpenImagesDataset, Options, VocDataset,
    YoloDataset, coco, csv_labels, files, image_folder, imagenet, yolo,
};
use crate::{Error, LabelledDataset, Result, fashion_mnist, mnist};

/// The formats that [`detect`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Four IDX files: MNIST and data sets made after it.
    Mnist,
    /// CIFAR-10 in its binary form.
    Cifar10,
    /// CIFAR-100 in its binary form.
    Cifar100,
    /// Pascal VOC: XML files, and maps of classes and objects where there are any.
    Voc,
    /// COCO: a JSON file for each split, of objects or captions ([`CocoDataset`](super::CocoDataset)) or panoptic ([`CocoPanoptic`](super::CocoPanoptic)).
    Coco,
    /// YOLO: a text for each picture.
    Yolo,
    /// Open Images: CSV files of boxes.
    OpenImages,
    /// ImageNet: folders named after WordNet's numbers.
    ImageNet,
    /// A `*.jsonl` file, or `SPLIT.jsonl` of a split.
    JsonLines,
    /// Pictures and a `*.csv` file with their classes.
    Csv,
    /// A folder of pictures for each class.
    ImageFolder,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Format::Mnist => "IDX (MNIST)",
            Format::Cifar10 => "CIFAR-10",
            Format::Cifar100 => "CIFAR-100",
            Format::Voc => "Pascal VOC",
            Format::Coco => "COCO",
            Format::Yolo => "YOLO",
            Format::OpenImages => "Open Images",
            Format::ImageNet => "ImageNet",
            Format::JsonLines => "JSON lines",
            Format::Csv => "CSV",
            Format::ImageFolder => "image folder",
        })
    }
}

/// The format of a folder, told by what lies in it and one level below; no file is read.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be listed; [`Error::Format`] if it is of no known format.
pub fn detect(root: impl AsRef<Path>) -> Result<Format> {
    let root = root.as_ref();
    let entries = listing(root)?;
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    let packed = |name: &str| has(name) || has(&format!("{name}.gz"));
    let file = |ending: &str| entries.iter().any(|entry| entry.kind == Kind::File && entry.name.ends_with(ending));
    let annotations = listing(&root.join("annotations")).unwrap_or_default();
    let any = |ending: &str| file(ending) || annotations.iter().any(|entry| entry.name.ends_with(ending));
    let folders = || entries.iter().filter(|entry| entry.kind == Kind::Folder);
    // ImageNet's splits are folders of folders.
    let has_synsets =
        |entry: &files::Entry| listing(&entry.path).unwrap_or_default().iter().any(|entry| is_synset(&entry.name));
    Ok(if packed("train-images-idx3-ubyte") || packed("t10k-images-idx3-ubyte") {
        Format::Mnist
    } else if packed("data_batch_1.bin") || packed("test_batch.bin") {
        Format::Cifar10
    } else if has("fine_label_names.txt") {
        Format::Cifar100
    } else if any("-annotations-bbox.csv") {
        Format::OpenImages
    } else if has("Annotations") || annotations.iter().any(|entry| entry.name.ends_with(".xml")) || file(".xml") {
        Format::Voc
    } else if !coco::splits(root).is_empty() || annotations.iter().any(|entry| entry.name.ends_with(".json")) {
        Format::Coco
    } else if yolo::find_config(root).is_some() || has("labels") || has("classes.txt") || has("obj.names") {
        Format::Yolo
    } else if INDICES.iter().any(|index| has(index)) || has("ILSVRC") || folders().any(has_synsets) {
        Format::ImageNet
    } else if file(".jsonl") {
        Format::JsonLines
    } else if file(".csv") {
        Format::Csv
    } else if folders().next().is_some() {
        Format::ImageFolder
    } else {
        let names: Vec<&str> = entries.iter().take(8).map(|entry| entry.name.as_str()).collect();
        let message = format!("expected a data set of a known format, received a folder with {names:?} …");
        return Err(Error::format(root, message));
    })
}

/// Opens a folder whose format is found out by [`detect`]. Of a folder with one CSV file, the second column is the class, and of one with more columns each is a
/// class; of one with folders `train`, `val` or `test` a split has to be named if the format is [`Format::ImageFolder`].
///
/// ```no_run
/// use ocelli_data::readers::{self, Options};
/// use ocelli_data::{Dataset, LabelledDataset};
/// # fn main() -> ocelli_data::Result<()> {
/// let data = readers::open("bccd", &Options::of_split("train"))?;
/// println!("{} pictures of {:?}", data.len(), data.class_names());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`detect`] and the format's reader.
pub fn open(root: impl AsRef<Path>, options: &Options) -> Result<Box<dyn LabelledDataset>> {
    let root = root.as_ref();
    open_as(root, detect(root)?, options)
}

/// Opens a folder of a format.
///
/// # Errors
/// As the format's reader; [`Error::Argument`] if a format cannot do what the options ask for.
pub fn open_as(root: impl AsRef<Path>, format: Format, options: &Options) -> Result<Box<dyn LabelledDataset>> {
    let root = root.as_ref();
    Ok(match format {
        Format::Mnist => Box::new(idx_samples(root, options)?),
        Format::Cifar10 => Box::new(CifarDataset::open(root, Cifar::Ten, options)?),
        Format::Cifar100 => Box::new(CifarDataset::open(root, Cifar::Hundred, options)?),
        Format::Voc => Box::new(VocDataset::open(root, options)?.with_masks()),
        Format::Coco => coco::open(root, options)?,
        Format::Yolo => Box::new(YoloDataset::open(root, options)?),
        Format::OpenImages => Box::new(OpenImagesDataset::open(root, options)?),
        Format::ImageNet => Box::new(imagenet(root, options)?),
        Format::JsonLines => {
            let file = match &options.split {
                Some(split) => {
                    let name = files::plain_name(split).map_err(|message| Error::argument("json lines", message))?;
                    root.join(format!("{name}.jsonl"))
                }
                None => only(root, ".jsonl")?,
            };
            Box::new(JsonLines::open(file, &Options { split: None, ..options.clone() })?)
        }
        Format::Csv => {
            let file = only(root, ".csv")?;
            let bytes = files::read(&file)?;
            let columns = super::csv_labels::Table::open(&file, &bytes)?.header.len();
            let labels = if columns > 2 { CsvLabels::Columns } else { CsvLabels::Class };
            let pictures =
                ["images", "pictures"].map(|name| root.join(name)).into_iter().find(|folder| folder.is_dir());
            Box::new(csv_labels(&file, pictures.as_deref().unwrap_or(root), labels, options)?)
        }
        Format::ImageFolder => Box::new(image_folder(root, options)?),
    })
}

/// The only file of a folder whose name ends so.
fn only(root: &Path, ending: &str) -> Result<std::path::PathBuf> {
    let mut found = listing(root)?.into_iter().filter(|entry| entry.kind == Kind::File && entry.name.ends_with(ending));
    match (found.next(), found.next()) {
        (Some(entry), None) => Ok(entry.path),
        _ => Err(Error::format(root, format!("expected one file *{ending}, received none or several"))),
    }
}

/// MNIST or Fashion-MNIST, by the name of the folder.
fn idx_samples(root: &Path, options: &Options) -> Result<ClassificationSamples> {
    if options.classes.is_some() {
        return Err(Error::argument(
            "idx",
            "expected no list of classes, received one: they are those of MNIST or Fashion-MNIST",
        ));
    }
    let fashion = root.file_name().is_some_and(|name| name.to_string_lossy().contains("fashion"));
    let (train, test) = if fashion { fashion_mnist::from_directory(root)? } else { mnist::from_directory(root)? };
    match options.split.as_deref().unwrap_or("train") {
        "train" => Ok(ClassificationSamples::new(train)),
        "test" => Ok(ClassificationSamples::new(test)),
        split => Err(Error::argument("idx", format!("expected train or test as split, received {split:?}"))),
    }
}
