//! Open Images (A. Kuznetsova et al., "The Open Images Dataset V4", 2020, <https://storage.googleapis.com/openimages/web/download_v7.html>): CSV files
//! of boxes and masks, positions in fractions of the picture.

mod rows;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use self::rows::check_open_images_boxes;
use self::rows::{Row, Rows};
use super::csv_labels::{Table, broken};
use super::files::{self, Kind, at, listing, plain_name, within};
use super::policy::{ROUNDING, Tally};
use super::{Changes, Options, picture};
use crate::annotation::{Bitmap, BoxFormat, Labels, Object, Segmentation};
use crate::{Dataset, Error, LabelledDataset, Record, Result, Sample, reserve};

/// Fractions have six digits, or eight in some files.
const DIGITS: f64 = 2e-6;

/// Pictures with boxes and masks in the format of Open Images: `SPLIT-annotations-bbox.csv`, `SPLIT-annotations-object-segmentation.csv` and
/// `class-descriptions-boxable.csv` (or another file of that kind), in the folder or in `annotations`; pictures in `SPLIT`, `images/SPLIT` or `images`; masks in
/// `SPLIT-masks`, `masks/SPLIT` or `masks`.
///
/// Pictures are those that the file of boxes names, in its order, then those that only the file of masks names. A mask belongs to the object whose class and box it has, else it is an object of its own; it is brought
/// to the size of its picture. [`Options::classes`] may name classes by what they mean (`Cat`), if the file of descriptions is there, or by their labels (`/m/01yrx`). Pictures are not
/// turned as their EXIF data say. `IsGroupOf` is [`Flags::crowd`](crate::annotation::Flags::crowd); `Source` and `Confidence` are attributes where they say something.
#[derive(Debug)]
pub struct OpenImagesDataset {
    /// The files of boxes and of masks.
    tables: [PathBuf; 2],
    pictures: PathBuf,
    /// The folder of masks.
    masks: Option<PathBuf>,
    items: Vec<(String, Vec<Row>)>,
    classes: Vec<String>,
    options: Options,
    tally: Tally,
}

impl OpenImagesDataset {
    /// Opens a folder. The split is `train`, `validation` or `test`, or whatever the files begin with; without one it is `train`.
    ///
    /// # Errors
    /// [`Error::Io`] if a file is absent; [`Error::Format`] with the line for what is broken in it, and for classes that are not in the list (see
    /// [`Options::policy`]).
    pub fn open(root: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let root = root.as_ref();
        let split = plain_name(options.split.as_deref().unwrap_or("train"))
            .map_err(|message| Error::argument("open images", message))?;
        let annotations = root.join("annotations");
        let file = |name: String| {
            files::first_of([root.join(&name), annotations.join(&name)]).unwrap_or_else(|| root.join(&name))
        };
        let boxes = file(format!("{split}-annotations-bbox.csv"));
        let masks = file(format!("{split}-annotations-object-segmentation.csv"));
        let bytes = files::read(&boxes)?;
        let list = descriptions(&[root, &annotations])?;
        let (classes, numbers) = classes(list, options, &boxes, &bytes)?;
        let mut rows = Rows::default();
        rows.read_boxes(&boxes, &bytes, &numbers, options)?;
        let folder = |candidates: [PathBuf; 3]| candidates.into_iter().find(|folder| folder.is_dir());
        let masks_folder = if masks.exists() {
            rows.read_masks(&masks, &files::read(&masks)?, &numbers, options)?;
            folder([root.join(format!("{split}-masks")), root.join("masks").join(split), root.join("masks")])
        } else {
            None
        };
        let pictures = folder([root.join(split), root.join("images").join(split), root.join("images")]);
        Ok(OpenImagesDataset {
            tables: [boxes, masks],
            pictures: pictures.unwrap_or_else(|| root.join(split)),
            masks: masks_folder,
            items: rows.items,
            classes,
            options: options.clone(),
            tally: Tally::of(rows.changes),
        })
    }

    fn object(&self, row: &Row, (picture, size): (&Path, [usize; 2]), changes: &mut Changes) -> Result<Option<Object>> {
        let fail = |message: String| at(&self.tables[usize::from(row.of_masks)], row.line as usize, message);
        let [height, width] = size.map(|side| side as f64);
        let [x1, y1, x2, y2] = row.corners;
        let corners = [x1 * width, y1 * height, x2 * width, y2 * height];
        let slack = (DIGITS * height.max(width)).max(ROUNDING);
        let boxed = self.options.policy.admit(corners, BoxFormat::Xyxy, Some(size), slack, changes).map_err(fail)?;
        let Some(boxed) = boxed else { return Ok(None) };
        let mut object = Object { flags: row.flags, ..Object::new(row.class as usize, boxed) };
        if let Some(source) = &row.source {
            object.attributes.insert("Source".into(), Value::from(&**source));
        }
        if row.confidence != 1.0 {
            object.attributes.insert("Confidence".into(), Value::from(row.confidence));
        }
        if let (Some(name), Some(folder)) = (&row.mask, &self.masks) {
            let path = within(folder, name).map_err(fail)?;
            // The mask is brought to a size that nothing but the header of the picture claims.
            picture::within_limit(picture, size, self.options.max_pixels)?;
            let (own, pixels) = picture::indices(&path, &files::read(&path)?, self.options.max_pixels)?;
            object.segmentation = Some(Segmentation::Bitmap(resized(own, &pixels, size)?));
        }
        Ok(Some(object))
    }
}

impl Dataset for OpenImagesDataset {
    type Item = Sample;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn get(&self, index: usize) -> Result<Sample> {
        picture::sample(self.record(index)?, &self.options.decoder(false))
    }
}

impl LabelledDataset for OpenImagesDataset {
    fn record(&self, index: usize) -> Result<Record> {
        Error::check_index(index, self.items.len())?;
        let (name, rows) = &self.items[index];
        let path = files::picture_named(&self.pictures, name, &self.options);
        let path = path.unwrap_or_else(|| self.pictures.join(format!("{name}.jpg")));
        let size = picture::size(&path)?;
        let mut changes = Changes::default();
        let mut labels = Labels::default();
        for row in rows {
            labels.objects.extend(self.object(row, (&path, size), &mut changes)?);
        }
        self.tally.note(index, changes);
        Ok(Record { path: Some(path), size: Some(size), labels })
    }

    fn class_names(&self) -> &[String] {
        &self.classes
    }

    fn changes(&self) -> Changes {
        self.tally.sum()
    }
}

/// The classes of the file of descriptions: `LabelName` and what it means.
fn descriptions(folders: &[&Path]) -> Result<Option<Vec<(String, String)>>> {
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let is_list = |entry: &files::Entry| {
            entry.kind == Kind::File && entry.name.contains("class-descriptions") && entry.name.ends_with(".csv")
        };
        let Some(entry) = listing(folder)?.into_iter().find(is_list) else { continue };
        let bytes = files::read(&entry.path)?;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(&bytes[..]);
        let mut list = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|error| broken(&entry.path, &error))?;
            let (Some(label), Some(name)) = (row.get(0), row.get(1)) else {
                let line = row.position().map_or(1, csv::Position::line) as usize;
                return Err(at(&entry.path, line, format!("expected a label and what it means, received {row:?}")));
            };
            // Some of these files have a header.
            if label != "LabelName" {
                list.push((label.to_string(), name.to_string()));
            }
        }
        return Ok(Some(list));
    }
    Ok(None)
}

/// The names of the classes, and the number of each label (`/m/01yrx`).
fn classes(
    list: Option<Vec<(String, String)>>,
    options: &Options,
    path: &Path,
    bytes: &[u8],
) -> Result<(Vec<String>, HashMap<String, u32>)> {
    let labels: Vec<(String, String)> = match (list, &options.classes) {
        (list, Some(classes)) => {
            let places: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
            // The list may name classes by their labels as well as by what these mean.
            let mut numbers: HashMap<String, u32> = classes.iter().cloned().zip(0..).collect();
            for (label, name) in list.into_iter().flatten() {
                if let Some(&place) = places.get(name.as_str()) {
                    numbers.entry(label).or_insert(place);
                }
            }
            return Ok((classes.clone(), numbers));
        }
        (Some(list), None) => list,
        (None, None) => {
            let mut table = Table::open(path, bytes)?;
            let column = table.column("LabelName")?;
            let mut found = BTreeSet::new();
            while let Some((_, row)) = table.next()? {
                if !found.contains(&row[column]) {
                    found.insert(row[column].to_string());
                }
            }
            found.into_iter().map(|name| (name.clone(), name)).collect()
        }
    };
    let numbers = labels.iter().map(|(label, _)| label.clone()).zip(0..).collect();
    Ok((labels.into_iter().map(|(_, name)| name).collect(), numbers))
}

/// A mask in the size of its picture: the nearest pixel of each.
fn resized(own: [usize; 2], pixels: &[u8], [height, width]: [usize; 2]) -> Result<Bitmap> {
    if own.contains(&0) {
        return Err(Error::argument("mask", format!("expected a mask with pixels, received {own:?}")));
    }
    let mut columns: Vec<usize> = reserve::with_capacity(width)?;
    columns.extend((0..width).map(|x| (2 * x + 1) * own[1] / (2 * width)));
    let mut made = reserve::with_capacity(height * width)?;
    for y in 0..height {
        let row = (2 * y + 1) * own[0] / (2 * height) * own[1];
        made.extend(columns.iter().map(|&column| pixels[row + column]));
    }
    Bitmap::new([height, width], made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_io::write_png;
    use crate::readers::Policy;
    use ocelli_tensor::{DType, Tensor};

    const BOXES: &str = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n\
        b,xclick,/m/cat,1,0.25,0.75,0.5,1,0,1,0,0,-1\na,activemil,/m/dog,0.5,0,1,0,1,1,0,1,1,1\nb,xclick,/m/dog,1,0,0.5,0,0.5,0,0,0,0,0\n";

    fn folder(boxes: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        std::fs::create_dir_all(path("train")).unwrap();
        std::fs::create_dir_all(path("masks")).unwrap();
        for name in ["a", "b"] {
            write_png(path(&format!("train/{name}.png")), &Tensor::zeros([4, 8], DType::U8).unwrap()).unwrap();
        }
        write_png(path("masks/m.png"), &Tensor::new([[0u8, 255], [0, 0]]).unwrap()).unwrap();
        std::fs::write(path("train-annotations-bbox.csv"), boxes).unwrap();
        std::fs::write(
            path("oidv7-class-descriptions-boxable.csv"),
            "LabelName,DisplayName\n/m/dog,Dog\n/m/cat,\"Cat, tame\"\n",
        )
        .unwrap();
        root
    }

    #[test]
    fn boxes_flags_and_masks() {
        let root = folder(BOXES);
        let header = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\n";
        let masks = format!("{header}m.png,b,/m/cat,x,0.250001,0.75,0.5,1,0,\n");
        std::fs::write(root.path().join("train-annotations-object-segmentation.csv"), masks).unwrap();
        let data = OpenImagesDataset::open(root.path(), &Options::default()).unwrap();
        assert_eq!((data.len(), data.class_names()), (2, &["Dog".to_string(), "Cat, tame".into()][..]));
        let record = data.record(0).unwrap();
        let [cat, dog] = &record.labels.objects[..] else { panic!("{record:?}") };
        assert_eq!((cat.class, cat.bounding_box.to_array(BoxFormat::Xyxy)), (1, [2.0, 2.0, 6.0, 4.0]));
        assert!(cat.flags.truncated && !cat.flags.inside && !cat.flags.crowd);
        assert!(
            matches!(&cat.segmentation, Some(Segmentation::Bitmap(mask)) if mask.size() == [4, 8] && mask.area() == 8)
        );
        assert!(dog.segmentation.is_none());
        let group = &data.record(1).unwrap().labels.objects[0];
        assert!(group.flags.crowd && group.flags.depiction && group.flags.inside && group.flags.occluded);
        assert_eq!(
            (group.attributes["Source"].as_str(), group.attributes["Confidence"].as_f64()),
            (Some("activemil"), Some(0.5))
        );
        assert_eq!(data.get(1).unwrap().image.shape(), [4, 8, 3]);
        // A mask without a box is a line of its own file.
        let masks = format!("{header}m.png,a,/m/cat,x,0.25,1.75,0.5,1,0,\n");
        std::fs::write(root.path().join("train-annotations-object-segmentation.csv"), masks).unwrap();
        let data = OpenImagesDataset::open(root.path(), &Options::default()).unwrap();
        let text = data.record(1).unwrap_err().to_string();
        assert!(text.contains("train-annotations-object-segmentation.csv: line 2: expected a box inside"), "{text}");
    }

    #[test]
    fn classes_by_name_and_by_label() {
        let root = folder(BOXES);
        let objects = |classes: &[&str], policy| {
            let classes = classes.iter().map(|name| name.to_string()).collect();
            let options = Options { classes: Some(classes), policy, ..Options::default() };
            let data = OpenImagesDataset::open(root.path(), &options)?;
            let of = |i| data.record(i).map(|record| record.labels.objects.into_iter().map(|object| object.class));
            Ok((of(0)?.chain(of(1)?).collect::<Vec<_>>(), data.class_names().to_vec()))
        };
        let all = |classes: &[&str]| -> Result<_> { objects(classes, Policy::Fail) };
        assert_eq!(all(&["Cat, tame", "Dog"]).unwrap().0, [0, 1, 1]);
        assert_eq!(
            all(&["x", "Dog", "/m/cat"]).unwrap(),
            (vec![2, 1, 1], ["x", "Dog", "/m/cat"].map(String::from).to_vec())
        );
        assert_eq!(all(&["/m/dog", "/m/cat"]).unwrap().0, [1, 0, 0]);
        let text = all(&["Dog"]).unwrap_err().to_string();
        assert!(text.contains("line 2: expected a class of the list, received \"/m/cat\""), "{text}");
        assert_eq!(objects(&["Dog"], Policy::Drop).unwrap().0, [0, 0]);
        // Labels alone are known without the descriptions.
        std::fs::remove_file(root.path().join("oidv7-class-descriptions-boxable.csv")).unwrap();
        assert_eq!(all(&["/m/dog", "/m/cat"]).unwrap().0, [1, 0, 0]);
        assert!(all(&["Dog", "Cat, tame"]).is_err());
    }

    /// The header of a PNG file that claims any size, before the pixels of a small one.
    fn bomb(path: &Path, [width, height]: [u32; 2]) {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[16..24].copy_from_slice(&[width.to_be_bytes(), height.to_be_bytes()].concat());
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&sum.sum().to_be_bytes());
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn masks_are_not_brought_to_any_size_that_is_claimed() {
        let root = folder(BOXES);
        let header = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\n";
        let masks = format!("{header}m.png,b,/m/cat,x,0.250001,0.75,0.5,1,0,\n");
        std::fs::write(root.path().join("train-annotations-object-segmentation.csv"), masks).unwrap();
        let text = |max_pixels| {
            let options = Options { max_pixels, ..Options::default() };
            OpenImagesDataset::open(root.path(), &options).unwrap().record(0).unwrap_err().to_string()
        };
        assert!(text(31).contains("b.png: expected at most 31 pixels, received [height, width] = [4, 8]"));
        let picture = root.path().join("train/b.png");
        bomb(&picture, [65_535, 65_535]);
        assert!(text(Options::default().max_pixels).contains("received [height, width] = [65535, 65535]"));
        bomb(&picture, [100_000, i32::MAX as u32]);
        let refused = text(Options::default().max_pixels);
        assert!(refused.contains("b.png: expected"), "{refused}");
        // The mask's own header.
        let picture = Tensor::zeros([4, 8], DType::U8).unwrap();
        write_png(root.path().join("train/b.png"), &picture).unwrap();
        bomb(&root.path().join("masks/m.png"), [65_535, 65_535]);
        assert!(text(Options::default().max_pixels).contains("m.png: expected at most"));
    }

    #[test]
    fn broken_rows() {
        let open = |from: &str, to: &str, policy| {
            let root = folder(&BOXES.replace(from, to));
            let data = OpenImagesDataset::open(root.path(), &Options { policy, ..Options::default() })?;
            let objects = (0..data.len()).map(|i| Ok(data.record(i)?.labels.objects.len())).sum::<Result<usize>>()?;
            Ok((objects, data.changes()))
        };
        let text = |from, to| open(from, to, Policy::Fail).map_err(|error: Error| error.to_string()).unwrap_err();
        assert!(text("0.25,0.75", "0.25,0.25").contains("line 2: expected a box with a width"));
        assert!(text("0.25,0.75", "0.25,1.75").contains("line 2: expected a box inside"));
        assert!(text("0.25,0.75", "0.25,x").contains("line 2: expected a finite number"));
        assert!(text("/m/cat", "/m/cow").contains("line 2: expected a class of the list, received \"/m/cow\""));
        assert!(text("\na,", "\n../a,").contains("line 3: expected a name without a path"));
        assert!(text(",1,0,1,1,1\n", ",1,0,7,1,1\n").contains("line 3: expected a flag"));
        assert!(text(",1,0,1,1,1\n", ",1,0\n").contains("line 3: expected 13 columns, received 10"));
        assert!(text("ImageID", "Image").contains("expected a column \"ImageID\""));
        let (objects, changes) = open("/m/cat", "/m/cow", Policy::Drop).unwrap();
        assert_eq!((objects, changes.dropped), (2, 1));
        let (objects, changes) = open("0.25,0.75", "0.25,1.75", Policy::Clip).unwrap();
        assert_eq!((objects, changes.clipped), (3, 1));
    }
}
