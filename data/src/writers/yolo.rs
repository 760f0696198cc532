//! YOLO's format: a text for each picture, and `data.yaml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::{
    Pictures, Placed, WriteOptions, Written, checked_split, class_details, class_name, count_details, count_numbers,
    folder, is_same, write,
};
use crate::annotation::{BoxFormat, ClassDetails, Keypoints, Object, Polygon, Segmentation};
use crate::readers::{Options, YoloConfig, files};
use crate::{Error, LabelledDataset, Result};

/// What a line of a text says about an object; all lines of a data set are of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum YoloKind {
    /// Its box.
    #[default]
    Boxes,
    /// Its outline: the largest of its polygons, or else the corners of its box. Masks of pixels have no outline.
    Outlines,
    /// Its box and its keypoints, of which all objects have the same number; those of an object without any are absent.
    Keypoints,
}

/// Writes a data set as `images/SPLIT`, `labels/SPLIT/*.txt` and `data.yaml`. Fractions have all their digits. Flags, attributes, metadata and what is not
/// of the kind that is asked for are left out. With keypoints, `flip_idx` tells which becomes which in a mirror, if the classes agree about it ([`ClassDetails::mirrored`]). A `data.yaml` that is there is kept but for this split; its classes have to be the same.
///
/// # Errors
/// [`Error::Argument`] if objects have different numbers of keypoints, if a class has no name, if the split's folder holds pictures that are none of the data set's, or if the names, keypoints or `flip_idx` of a `data.yaml` that is there are others, or its
/// `path` is another folder;
/// what is wrong with a label or picture of the data set, or that a file cannot be written.
pub fn write_yolo<D: LabelledDataset + ?Sized>(
    data: &D,
    root: impl AsRef<Path>,
    options: &WriteOptions,
    kind: YoloKind,
) -> Result<Written> {
    let root = root.as_ref();
    let split = checked_split(options)?;
    if !["train", "val", "test"].contains(&split) {
        return Err(Error::argument("write_yolo", format!("expected train, val or test as split, received {split:?}")));
    }
    let path = root.join("data.yaml");
    let mut config = YoloConfig { names: data.class_names().to_vec(), ..YoloConfig::default() };
    if path.exists() {
        let there = YoloConfig::parse(&path, &files::read(&path)?)?;
        if there.names != config.names {
            let message =
                format!("expected the classes of {}, {:?}, received {:?}", path.display(), there.names, config.names);
            return Err(Error::argument("write_yolo", message));
        }
        let base = there.path.as_deref().and_then(|path| files::within(root, path).ok());
        if let Some(base) = base.filter(|base| base.is_dir() && !is_same(base, root)) {
            let message = format!(
                "expected a path in {} that is its own folder, as new splits lie there, received {}",
                path.display(),
                base.display()
            );
            return Err(Error::argument("write_yolo", message));
        }
        config.splits = there.splits;
        // Nothing that is there has keypoints if nothing is there.
        if !config.splits.is_empty() {
            config.keypoints = there.keypoints;
            config.flip = there.flip;
        }
    }
    let labels = folder(root, &["labels", split])?;
    let place = format!("images/{split}");
    let mut pictures = Pictures::new(data, folder(root, &["images", split])?, options)?;
    pictures.turned = true;
    let again = YoloConfig { splits: [(split.into(), vec![place.clone()])].into(), ..YoloConfig::default() };
    pictures.refuse_others("write_yolo", &again.pictures(root, &Options::of_split(split))?)?;
    let points = match kind {
        YoloKind::Keypoints => number_of_points(data)?,
        YoloKind::Boxes | YoloKind::Outlines => None,
    };
    let shape = points.map(|points| [points, 3]);
    if !config.splits.is_empty() && config.keypoints != shape {
        let message =
            format!("expected the keypoints of {}, {:?}, received {shape:?}", path.display(), config.keypoints);
        return Err(Error::argument("write_yolo", message));
    }
    config.keypoints = shape;
    let (flip, left_out) = mirror(&class_details(data), points);
    if let Some(flip) = flip {
        if !config.splits.is_empty() && !config.flip.is_empty() && config.flip != flip {
            let message = format!("expected the flip_idx of {}, {:?}, received {flip:?}", path.display(), config.flip);
            return Err(Error::argument("write_yolo", message));
        }
        config.flip = flip;
    }
    let mut written = Written { left_out, ..Written::default() };
    for index in 0..data.len() {
        let Placed { record, size, stem, .. } = pictures.place(index)?;
        let mut text = String::new();
        for object in &record.labels.objects {
            class_name(data.class_names(), object.class)?;
            written.left_out += line(&mut text, object, size, kind, points.unwrap_or(0))?;
        }
        write(&labels.join(format!("{stem}.txt")), text.as_bytes())?;
        written.pictures += 1;
        written.objects += record.labels.objects.len();
        written.left_out += record.labels.classes.len() + usize::from(record.labels.class_map.is_some());
        written.left_out += record.labels.metadata.len();
    }
    config.splits.insert(split.into(), vec![place]);
    write(&path, yaml(&config).as_bytes())?;
    Ok(written)
}

/// Which of so many keypoints becomes which in a mirror, if all classes that say so agree; and how much of what is known of the classes is left out.
fn mirror(classes: &[ClassDetails], points: Option<usize>) -> (Option<Vec<usize>>, usize) {
    let mut told = classes.iter().filter_map(ClassDetails::mirrored);
    let first = told.next().filter(|flip| Some(flip.len()) == points && flip.iter().all(|&to| to < flip.len()));
    let flip = first.filter(|first| told.all(|other| other == *first));
    let left_out: usize = classes.iter().map(count_details).sum();
    let kept = classes.iter().filter(|details| !details.flip.is_empty()).count();
    let left_out = if flip.is_some() { left_out - kept } else { left_out };
    (flip, left_out)
}

fn number_of_points<D: LabelledDataset + ?Sized>(data: &D) -> Result<Option<usize>> {
    let mut points = None;
    for index in 0..data.len() {
        for keypoints in data.record(index)?.labels.objects.iter().filter_map(|object| object.keypoints.as_ref()) {
            let count = keypoints.points().len();
            if *points.get_or_insert(count) != count {
                let message = format!("expected {points:?} keypoints of each object, received {count}");
                return Err(Error::argument("write_yolo", message));
            }
        }
    }
    match points {
        Some(_) => Ok(points),
        None => Err(Error::argument("write_yolo", "expected objects with keypoints, received none")),
    }
}

/// Adds the line of an object; returns how much of it is left out.
fn line(text: &mut String, object: &Object, size: [usize; 2], kind: YoloKind, points: usize) -> Result<usize> {
    let [height, width] = size.map(|side| side as f64);
    let flags = object.flags;
    let flags = [flags.difficult, flags.truncated, flags.occluded, flags.crowd, flags.depiction, flags.inside];
    let mut left_out = flags.into_iter().filter(|set| *set).count();
    left_out += object.attributes.len() + count_numbers(object);
    // Writing into memory cannot fail.
    let _ = write!(text, "{}", object.class);
    if kind == YoloKind::Outlines {
        let polygons: &[Polygon] =
            if let Some(Segmentation::Polygons(polygons)) = &object.segmentation { polygons } else { &[] };
        let largest = polygons.iter().max_by(|a, b| a.area().total_cmp(&b.area()));
        let ([x1, y1], [x2, y2]) = (object.bounding_box.min(), object.bounding_box.max());
        let corners = [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
        for [x, y] in largest.map_or(&corners[..], Polygon::points) {
            let _ = write!(text, " {} {}", x / width, y / height);
        }
        left_out += polygons.len().saturating_sub(1) + usize::from(object.keypoints.is_some());
        left_out += usize::from(largest.is_none() && object.segmentation.is_some());
    } else {
        for number in object.bounding_box.normalized(size)?.to_array(BoxFormat::Cxcywh) {
            let _ = write!(text, " {number}");
        }
        left_out += usize::from(object.segmentation.is_some());
        let keypoints = object.keypoints.as_ref();
        if kind == YoloKind::Keypoints {
            let none = vec![0.0; 3 * points];
            for [x, y, seen] in keypoints.map_or(none, Keypoints::to_flat).as_chunks::<3>().0 {
                let _ = write!(text, " {} {} {seen}", x / width, y / height);
            }
        } else {
            left_out += usize::from(keypoints.is_some());
        }
    }
    text.push('\n');
    Ok(left_out)
}

/// `data.yaml`; a text in JSON is one in YAML too.
fn yaml(config: &YoloConfig) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = String::from("path: .\n");
    let splits: &BTreeMap<_, _> = &config.splits;
    for (split, folders) in splits {
        let folders: Vec<String> = folders.iter().map(|folder| quoted(folder)).collect();
        let _ = match &folders[..] {
            [folder] => writeln!(text, "{split}: {folder}"),
            folders => writeln!(text, "{split}: [{}]", folders.join(", ")),
        };
    }
    if let Some(shape) = config.keypoints {
        let _ = writeln!(text, "kpt_shape: {shape:?}");
    }
    if !config.flip.is_empty() {
        let _ = writeln!(text, "flip_idx: {:?}", config.flip);
    }
    let _ = writeln!(text, "nc: {}\nnames:", config.names.len());
    for (number, name) in config.names.iter().enumerate() {
        let _ = writeln!(text, "  {number}: {}", quoted(name));
    }
    if config.names.is_empty() {
        text = text.replace("names:\n", "names: []\n");
    }
    text
}
