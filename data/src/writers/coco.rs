//! COCO's format: one JSON file of instances, and one of captions.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::{Pictures, Placed, WriteOptions, Written, checked_split, class_name, count_details, folder, write};
use crate::annotation::{BoxFormat, ClassDetails, Keypoints, Object, Segmentation};
use crate::{Error, LabelledDataset, Result};

#[derive(Serialize)]
struct File {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Serialize)]
struct Image {
    id: u64,
    file_name: String,
    height: usize,
    width: usize,
}

#[derive(Serialize)]
struct Category {
    id: u64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    supercategory: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keypoints: Vec<String>,
    /// Pairs of keypoints, counted from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skeleton: Vec<[usize; 2]>,
}

/// What stands in a file of captions.
#[derive(Serialize)]
struct Captions<'a> {
    images: &'a [Image],
    annotations: Vec<Caption<'a>>,
}

#[derive(Serialize)]
struct Caption<'a> {
    id: usize,
    image_id: u64,
    caption: &'a str,
}

#[derive(Serialize)]
struct Annotation {
    id: u64,
    image_id: u64,
    category_id: u64,
    bbox: [f64; 4],
    area: f64,
    iscrowd: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    segmentation: Option<Segmentation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keypoints: Option<Keypoints>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_keypoints: Option<usize>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

/// Writes a data set as `annotations/instances_SPLIT.json`, with its pictures in `images/SPLIT`. The categories are numbered from 1 in the order of the
/// classes. Pictures and objects keep their ids if all have one of their own, else they are numbered from 1. Flags that COCO does not have
/// (`difficult`, `truncated`, `occluded`, `depiction`, `inside`) and attributes are fields of annotations, which
/// [`CocoDataset`](crate::readers::CocoDataset) reads. Categories keep their supercategory and the names and limbs of their keypoints.
///
/// Captions, the metadata `captions` of pictures, go into `annotations/captions_SPLIT.json`, as COCO has it; without classes and objects it is the only file. Classes of
/// whole pictures, class maps and other metadata are left out.
///
/// # Errors
/// What is wrong with a label or picture of the data set, a class without a name, or that a file cannot be written.
pub fn write_coco<D: LabelledDataset + ?Sized>(
    data: &D,
    root: impl AsRef<Path>,
    options: &WriteOptions,
) -> Result<Written> {
    let root = root.as_ref();
    let split = checked_split(options)?;
    let mut pictures = Pictures::new(data, folder(root, &["images", split])?, options)?;
    let mut written = Written::default();
    let mut file = File {
        images: Vec::with_capacity(data.len()),
        annotations: Vec::new(),
        categories: Vec::with_capacity(data.class_names().len()),
    };
    for (class, name) in data.class_names().iter().enumerate() {
        let (category, left_out) = category(class, name, data.class_details(class));
        file.categories.push(category);
        written.left_out += left_out;
    }
    let (mut image_ids, mut object_ids) = (Vec::with_capacity(data.len()), Vec::new());
    let mut captions: Vec<(usize, String)> = Vec::new();
    for index in 0..data.len() {
        let Placed { record, size, file_name, .. } = pictures.place(index)?;
        let id = index as u64 + 1;
        for (name, value) in &record.labels.metadata {
            match (name.as_str(), texts(value)) {
                ("captions", Some(texts)) => captions.extend(texts.map(|text| (index, text.to_string()))),
                // Whether it is kept is known when all are.
                ("image_id", _) => {}
                _ => written.left_out += 1,
            }
        }
        image_ids.push(record.labels.metadata.get("image_id").map(number));
        file.images.push(Image { id, file_name, height: size[0], width: size[1] });
        written.left_out += record.labels.classes.len() + usize::from(record.labels.class_map.is_some());
        for object in record.labels.objects {
            class_name(data.class_names(), object.class)?;
            object_ids.push(object.id);
            let (annotation, left_out) = annotation(object, file.annotations.len() as u64 + 1, id);
            file.annotations.push(annotation);
            written.left_out += left_out;
        }
    }
    let told = image_ids.iter().flatten().count();
    let image_ids: Vec<Option<u64>> = image_ids.into_iter().map(Option::flatten).collect();
    match own(&image_ids) {
        Some(ids) => {
            file.images.iter_mut().zip(&ids).for_each(|(image, &id)| image.id = id);
            let images = file.annotations.iter_mut();
            images.for_each(|annotation| annotation.image_id = ids[annotation.image_id as usize - 1]);
        }
        None => written.left_out += told,
    }
    match own(&object_ids) {
        Some(ids) => file.annotations.iter_mut().zip(ids).for_each(|(annotation, id)| annotation.id = id),
        None => written.left_out += object_ids.iter().flatten().count(),
    }
    written.pictures = file.images.len();
    written.objects = file.annotations.len();
    let annotations = folder(root, &["annotations"])?;
    if !captions.is_empty() {
        let list = captions.iter().zip(1..);
        let list =
            list.map(|((index, caption), id)| Caption { id, image_id: file.images[*index].id, caption }).collect();
        let all = Captions { images: &file.images, annotations: list };
        write_json(&annotations.join(format!("captions_{split}.json")), &all)?;
    }
    // A file of nothing would be read in place of that of the captions.
    if captions.is_empty() || !file.categories.is_empty() {
        write_json(&annotations.join(format!("instances_{split}.json")), &file)?;
    }
    Ok(written)
}

fn write_json(path: &Path, content: &impl Serialize) -> Result<()> {
    let bytes =
        serde_json::to_vec(content).map_err(|error| Error::format(path, format!("it cannot be written: {error}")))?;
    write(path, &bytes)
}

/// A list of texts.
fn texts(value: &Value) -> Option<impl Iterator<Item = &str>> {
    let list = value.as_array().filter(|list| list.iter().all(Value::is_string))?;
    Some(list.iter().filter_map(Value::as_str))
}

/// A whole number, or the text of one, as formats have it that know no numbers.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// What is known of a class, and how much of that is left out.
fn category(class: usize, name: &str, details: ClassDetails) -> (Category, usize) {
    let names = details.keypoints.len();
    // Names tell it too.
    let named = ClassDetails { flip: Vec::new(), ..details.clone() };
    let flip = if named.mirrored().as_ref() == Some(&details.flip) { Vec::new() } else { details.flip };
    let (limbs, lost) = if details.limbs.iter().flatten().all(|&end| end < names) {
        (details.limbs, Vec::new())
    } else {
        (Vec::new(), details.limbs)
    };
    let left_out = count_details(&ClassDetails { flip, limbs: lost, ..ClassDetails::default() });
    let category = Category {
        id: class as u64 + 1,
        name: name.to_string(),
        supercategory: details.supercategory,
        keypoints: details.keypoints,
        skeleton: limbs.into_iter().map(|limb| limb.map(|end| end + 1)).collect(),
    };
    (category, left_out)
}

/// What fields of annotations are called that mean something of their own.
const FIELDS: [&str; 10] = [
    "id",
    "image_id",
    "category_id",
    "bbox",
    "area",
    "iscrowd",
    "segmentation",
    "keypoints",
    "num_keypoints",
    "caption",
];

/// The ids, if there is one for each and no two are equal.
fn own(ids: &[Option<u64>]) -> Option<Vec<u64>> {
    let ids: Vec<u64> = ids.iter().copied().collect::<Option<_>>()?;
    let mut seen = HashSet::with_capacity(ids.len());
    ids.iter().all(|id| seen.insert(*id)).then_some(ids)
}

/// An object, and how many of its attributes are left out as fields of the format have their names.
fn annotation(object: Object, id: u64, image_id: u64) -> (Annotation, usize) {
    let flags = object.flags;
    let mut other = object.attributes;
    let named = [
        ("difficult", flags.difficult),
        ("truncated", flags.truncated),
        ("occluded", flags.occluded),
        ("depiction", flags.depiction),
        ("inside", flags.inside),
    ];
    other.extend(named.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name.to_string(), Value::from(1))));
    // What has a place of its own does not come twice.
    let before = other.len();
    other.retain(|name, _| !FIELDS.contains(&name.as_str()));
    let left_out = before - other.len();
    let segmentation = object.segmentation;
    let annotation = Annotation {
        id,
        image_id,
        category_id: object.class as u64 + 1,
        bbox: object.bounding_box.to_array(BoxFormat::Xywh),
        area: object.area.unwrap_or_else(|| match &segmentation {
            Some(Segmentation::Polygons(polygons)) => polygons.iter().map(|polygon| polygon.area()).sum(),
            Some(Segmentation::Rle(mask)) => mask.area() as f64,
            Some(Segmentation::Bitmap(mask)) => mask.area() as f64,
            None => object.bounding_box.area(),
        }),
        iscrowd: u8::from(flags.crowd),
        segmentation,
        num_keypoints: object
            .keypoints
            .as_ref()
            .map(|points| points.points().iter().filter(|point| point.is_labelled()).count()),
        keypoints: object.keypoints,
        other,
    };
    (annotation, left_out)
}
