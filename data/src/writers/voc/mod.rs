//! Pascal VOC's format: an XML file for each picture, maps of classes and objects, and lists.

mod masks;
mod names;

use std::fmt::Write as _;
use std::path::Path;

use quick_xml::escape::escape;
use serde_json::{Map, Value};

use self::masks::Maps;
use super::{
    Pictures, Placed, WriteOptions, Written, checked_split, class_details, class_name, count_details, count_numbers,
    folder, is_same, write,
};
use crate::annotation::{BoxFormat, Labels, Object};
use crate::readers::files;
use crate::readers::voc::label_map;
use crate::{Error, LabelledDataset, Result};

/// The folders in which a picture has a file of its name; all splits share them.
const ANNOTATIONS: &str = "Annotations";
const PICTURES: &str = "JPEGImages";
const CLASS_MAPS: &str = "SegmentationClass";
const OBJECT_MAPS: &str = "SegmentationObject";

/// Writes a data set as `Annotations/*.xml`, `ImageSets/Main/SPLIT.txt`, `JPEGImages` and `labelmap.txt`, which tells the order of the classes. Corners are written as
/// [`VocDataset`](crate::readers::VocDataset) reads them without [`one_based`](crate::readers::VocDataset::one_based), rounded to millionths of a
/// pixel. Attributes of objects and metadata of pictures become elements, but for lists and what is no name in XML. Keypoints, classes of whole pictures, ids, areas and flags of
/// other formats are left out.
///
/// All splits share these folders. A picture whose name is there already, and is not of this split alone, gets another one, so that other splits stay as they are; a split that is
/// written again takes the place of what it was.
///
/// A picture with a class map or masks gets `SegmentationClass/*.png`, and with masks `SegmentationObject/*.png`; `ImageSets/Segmentation/SPLIT.txt`
/// lists these pictures. In the maps, 0 is the background, class `c` is `c + 1`, object `i` is `i + 1`, and a pixel belongs to one object: where masks
/// overlap, to the smallest. What is counted as left out are masks of which a part is hidden, those of the 255th and later objects or classes,
/// and class maps that number classes otherwise; a map is drawn of the masks then.
///
/// # Errors
/// [`Error::Argument`] if there is a `labelmap.txt` with other classes, or two classes have the same name;
/// what is wrong with a label or picture of the data set (masks of another size than their picture among it), a class without a name, a text that
/// XML cannot hold, or that a file cannot be written.
pub fn write_voc<D: LabelledDataset + ?Sized>(
    data: &D,
    root: impl AsRef<Path>,
    options: &WriteOptions,
) -> Result<Written> {
    let root = root.as_ref();
    let split = checked_split(options)?;
    let annotations = folder(root, &[ANNOTATIONS])?;
    let folder_of_pictures = folder(root, &[PICTURES])?;
    let classes = label_map::text(data.class_names())?;
    if let Some(there) = label_map::read(root)?.filter(|there| there != data.class_names()) {
        let message = format!(
            "expected the classes of {}, {there:?}, received {:?}",
            label_map::path(root).display(),
            data.class_names()
        );
        return Err(Error::argument("write_voc", message));
    }
    let mut pictures = Pictures::new(data, folder_of_pictures, options)?;
    pictures.stems = names::taken(root, split)?;
    let left_out = class_details(data).iter().map(count_details).sum();
    let mut written = Written { left_out, ..Written::default() };
    let (mut list, mut segmented, mut all_new) = (String::new(), String::new(), true);
    for index in 0..data.len() {
        let Placed { record, size, channels, stem, file_name, is_new } = pictures.place(index)?;
        let (maps, hidden) = Maps::of(&record.labels, size, data.class_names().len())?;
        let path = annotations.join(format!("{stem}.xml"));
        let (text, lost) = annotation(&file_name, size, channels, &record.labels, data.class_names(), maps.is_some())?;
        // XML has no way to write control characters.
        if let Some(c) = text.chars().find(|&c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
            return Err(Error::format(&path, format!("expected texts without control characters, received {c:?}")));
        }
        write(&path, text.as_bytes())?;
        if is_new {
            remove_before(root, &stem, &file_name)?;
        }
        all_new &= is_new;
        if let Some(maps) = maps {
            let path = |name: &str| folder(root, &[name]).map(|folder| folder.join(format!("{stem}.png")));
            write(&path(CLASS_MAPS)?, &maps.classes()?)?;
            if let Some(objects) = maps.objects()? {
                write(&path(OBJECT_MAPS)?, &objects)?;
            }
            segmented += &stem;
            segmented.push('\n');
        }
        list += &stem;
        list.push('\n');
        written.pictures += 1;
        written.objects += record.labels.objects.len();
        written.left_out += record.labels.classes.len() + hidden + lost;
    }
    write(&label_map::path(root), classes.as_bytes())?;
    if !segmented.is_empty() {
        write(&folder(root, &["ImageSets", "Segmentation"])?.join(format!("{split}.txt")), segmented.as_bytes())?;
    } else if all_new {
        names::remove(&root.join("ImageSets").join("Segmentation").join(format!("{split}.txt")))?;
    }
    write(&folder(root, &["ImageSets", "Main"])?.join(format!("{split}.txt")), list.as_bytes())?;
    Ok(written)
}

/// Removes what an earlier writing of the split has left of a name that a new picture has now: its maps, and files of another extension, which would be read in
/// place of the new one. What belongs to a picture that stays is not touched.
fn remove_before(root: &Path, stem: &str, file_name: &str) -> Result<()> {
    for maps in [CLASS_MAPS, OBJECT_MAPS] {
        names::remove(&root.join(maps).join(format!("{stem}.png")))?;
    }
    let pictures = root.join(PICTURES);
    let written = pictures.join(file_name);
    for extension in files::PICTURES.iter().flat_map(|&extension| [extension.to_string(), extension.to_uppercase()]) {
        let other = pictures.join(format!("{stem}.{extension}"));
        if other.is_file() && !is_same(&other, &written) {
            names::remove(&other)?;
        }
    }
    Ok(())
}

/// What of an object has no place in an annotation, whatever its attributes.
fn left_out(object: &Object) -> usize {
    let flags = [object.flags.crowd, object.flags.depiction, object.flags.inside];
    let flags = flags.into_iter().filter(|set| *set).count();
    flags + usize::from(object.keypoints.is_some()) + count_numbers(object)
}

/// The text of an annotation, and how much it leaves out.
fn annotation(
    file_name: &str,
    [height, width]: [usize; 2],
    channels: usize,
    labels: &Labels,
    names: &[String],
    has_maps: bool,
) -> Result<(String, usize)> {
    let mut lost = 0;
    let mut text = String::from("<annotation>\n\t<folder>JPEGImages</folder>\n");
    // Writing into memory cannot fail.
    let _ = write!(
        text,
        "\t<filename>{}</filename>\n\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n",
        escape(file_name)
    );
    let _ = write!(text, "\t\t<depth>{channels}</depth>\n\t</size>\n");
    let told = labels.metadata.get("segmented").and_then(Value::as_str);
    let segmented = if has_maps { "1" } else { told.unwrap_or("0") };
    element(&mut text, 1, "segmented", segmented);
    for (name, value) in &labels.metadata {
        lost += match (name.as_str(), value) {
            ("segmented", Value::String(_)) | ("folder", _) => 0,
            ("object" | "size" | "filename" | "path" | "segmented", _) | (_, Value::Object(_)) => 1,
            _ => nested(&mut text, 1, name, value),
        };
    }
    for object in &labels.objects {
        text += "\t<object>\n";
        lost += left_out(object);
        element(&mut text, 2, "name", class_name(names, object.class)?);
        let pose = object.attributes.get("pose").and_then(Value::as_str).unwrap_or("Unspecified");
        element(&mut text, 2, "pose", pose);
        let flags = [
            ("truncated", object.flags.truncated),
            ("occluded", object.flags.occluded),
            ("difficult", object.flags.difficult),
        ];
        for (name, set) in flags {
            element(&mut text, 2, name, if set { "1" } else { "0" });
        }
        corners(&mut text, 2, object.bounding_box.to_array(BoxFormat::Xyxy));
        for (name, value) in &object.attributes {
            lost += match (name.as_str(), value) {
                ("pose", Value::String(_)) => 0,
                ("pose", _) => 1,
                ("parts", Value::Array(parts)) => parts.iter().map(|part| self::part(&mut text, part)).sum(),
                _ => nested(&mut text, 2, name, value),
            };
        }
        text += "\t</object>\n";
    }
    text += "</annotation>\n";
    Ok((text, lost))
}

/// A part of an object, if it has a box; how much is left out.
fn part(text: &mut String, part: &Value) -> usize {
    let numbers = part["box"].as_array().map(|list| list.iter().filter_map(Value::as_f64).collect::<Vec<_>>());
    let Some(Ok(numbers)) = numbers.map(<[f64; 4]>::try_from) else { return 1 };
    *text += "\t\t<part>\n";
    if let Some(name) = part["name"].as_str() {
        element(text, 3, "name", name);
    }
    corners(text, 3, numbers);
    *text += "\t\t</part>\n";
    0
}

/// An attribute as an element; lists, and what has no name in XML, are left out. How many these are.
fn nested(text: &mut String, depth: usize, name: &str, value: &Value) -> usize {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(letter);
    let taken = ["name", "bndbox", "truncated", "occluded", "difficult", "part"].contains(&name);
    match value {
        _ if !is_name || (taken && depth == 2) => return 1,
        Value::String(value) => element(text, depth, name, value),
        Value::Number(_) | Value::Bool(_) => element(text, depth, name, &value.to_string()),
        Value::Object(children) => return children_of(text, depth, name, children),
        Value::Null | Value::Array(_) => return 1,
    }
    0
}

fn children_of(text: &mut String, depth: usize, name: &str, children: &Map<String, Value>) -> usize {
    let indent = "\t".repeat(depth);
    let _ = writeln!(text, "{indent}<{name}>");
    let lost = children.iter().map(|(name, value)| nested(text, depth + 1, name, value)).sum();
    let _ = writeln!(text, "{indent}</{name}>");
    lost
}

fn corners(text: &mut String, depth: usize, corners: [f64; 4]) {
    let indent = "\t".repeat(depth);
    let _ = writeln!(text, "{indent}<bndbox>");
    for (name, corner) in ["xmin", "ymin", "xmax", "ymax"].into_iter().zip(corners) {
        let rounded = (corner * 1e6).round() / 1e6;
        // Far out there are no millionths, and never is there a minus before zero.
        let corner = if rounded.is_finite() { rounded + 0.0 } else { corner };
        element(text, depth + 1, name, &corner.to_string());
    }
    let _ = writeln!(text, "{indent}</bndbox>");
}

fn element(text: &mut String, depth: usize, name: &str, content: &str) {
    let _ = writeln!(text, "{}<{name}>{}</{name}>", "\t".repeat(depth), escape(content));
}
