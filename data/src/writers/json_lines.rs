//! JSON lines: an object for each picture.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::{Pictures, Placed, WriteOptions, Written, checked_split, class_details, class_name, folder, write};
use crate::annotation::{BoxFormat, Object};
use crate::readers::json_lines::{Header, Line, WrittenObject};
use crate::{Error, LabelledDataset, Result};

/// Writes a data set as `SPLIT.jsonl`, in the format of [`JsonLines`](crate::readers::JsonLines), with its pictures in `images/SPLIT`. All that labels hold comes back
/// as it was but for class maps, which are left out; masks of bytes come back as runs of the same pixels.
///
/// ```
/// use ocelli_data::generated::Shapes;
/// use ocelli_data::readers::{JsonLines, Options};
/// use ocelli_data::writers::{WriteOptions, write_json_lines};
/// use ocelli_data::{Dataset, LabelledDataset};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let shapes = Shapes { samples: 2, ..Shapes::default() };
/// let root = tempfile::tempdir()?;
/// write_json_lines(&shapes, root.path(), &WriteOptions::default())?;
/// let again = JsonLines::open(root.path().join("train.jsonl"), &Options::default())?;
/// assert_eq!(again.record(1)?.labels.objects, shapes.record(1)?.labels.objects);
/// assert_eq!(again.get(1)?.image, shapes.get(1)?.image);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What is wrong with a label or picture of the data set, a class without a name, [`Error::Argument`] if two classes have the same or a class has limbs or a `flip` of keypoints that are not there, or that a file cannot be written.
pub fn write_json_lines<D: LabelledDataset + ?Sized>(
    data: &D,
    root: impl AsRef<Path>,
    options: &WriteOptions,
) -> Result<Written> {
    let root = root.as_ref();
    let split = checked_split(options)?;
    let path = root.join(format!("{split}.jsonl"));
    let class_names = data.class_names().to_vec();
    let mut known = HashSet::with_capacity(class_names.len());
    if let Some(twice) = class_names.iter().find(|name| !known.insert(name.as_str())) {
        let message = format!("expected a name of its own for each class, received {twice:?} again");
        return Err(Error::argument("write_json_lines", message));
    }
    let mut pictures = Pictures::new(data, folder(root, &["images", split])?, options)?;
    let mut written = Written::default();
    let mut text = Vec::new();
    let mut details = BTreeMap::new();
    for (name, known) in class_names.iter().zip(class_details(data)) {
        if !known.is_empty() {
            known
                .check()
                .map_err(|message| Error::argument("write_json_lines", format!("class {name:?}: {message}")))?;
            details.insert(name.clone(), known);
        }
    }
    append(&path, &mut text, &Header { class_names: class_names.clone(), class_details: details })?;
    for index in 0..data.len() {
        let Placed { record, size, file_name, .. } = pictures.place(index)?;
        let labels = record.labels;
        written.pictures += 1;
        written.objects += labels.objects.len();
        written.left_out += usize::from(labels.class_map.is_some());
        let name = |class: usize| Ok(class_name(&class_names, class)?.to_string());
        let line = Line {
            image: format!("images/{split}/{file_name}"),
            size: Some(size),
            classes: labels.classes.iter().map(|&class| name(class)).collect::<Result<_>>()?,
            objects: labels
                .objects
                .into_iter()
                .map(|object| Ok(written_object(name(object.class)?, object)))
                .collect::<Result<_>>()?,
            metadata: labels.metadata,
        };
        append(&path, &mut text, &line)?;
    }
    write(&path, &text)?;
    Ok(written)
}

fn append(path: &Path, text: &mut Vec<u8>, line: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *text, line)
        .map_err(|error| Error::format(path, format!("it cannot be written: {error}")))?;
    text.push(b'\n');
    Ok(())
}

fn written_object(class: String, object: Object) -> WrittenObject {
    let flags = object.flags;
    WrittenObject {
        class,
        r#box: object.bounding_box.to_array(BoxFormat::Xyxy),
        segmentation: object.segmentation,
        keypoints: object.keypoints,
        difficult: flags.difficult,
        truncated: flags.truncated,
        occluded: flags.occluded,
        crowd: flags.crowd,
        depiction: flags.depiction,
        inside: flags.inside,
        area: object.area,
        id: object.id,
        attributes: object.attributes,
    }
}
