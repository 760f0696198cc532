//! COCO's format: one JSON file of instances.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::{Pictures, Placed, WriteOptions, Written, checked_split, class_name, folder, write};
use crate::annotation::{BoxFormat, Keypoints, Object, Segmentation};
use crate::{LabelledDataset, Result};

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
/// [`CocoDataset`](crate::readers::CocoDataset) reads.
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
    let mut pictures = Pictures::new(data, folder(root, &["images", split])?, options);
    let mut written = Written::default();
    let mut file = File {
        images: Vec::with_capacity(data.len()),
        annotations: Vec::new(),
        categories: data.class_names().iter().zip(1..).map(|(name, id)| Category { id, name: name.clone() }).collect(),
    };
    let (mut image_ids, mut object_ids) = (Vec::with_capacity(data.len()), Vec::new());
    for index in 0..data.len() {
        let Placed { record, size, file_name, .. } = pictures.place(index)?;
        let id = index as u64 + 1;
        image_ids.push(record.labels.metadata.get("image_id").and_then(Value::as_u64));
        file.images.push(Image { id, file_name, height: size[0], width: size[1] });
        written.left_out += record.labels.classes.len() + usize::from(record.labels.class_map.is_some());
        for object in record.labels.objects {
            class_name(data.class_names(), object.class)?;
            object_ids.push(object.id);
            file.annotations.push(annotation(object, file.annotations.len() as u64 + 1, id));
        }
    }
    if let Some(ids) = own(&image_ids) {
        file.images.iter_mut().zip(&ids).for_each(|(image, &id)| image.id = id);
        file.annotations.iter_mut().for_each(|annotation| annotation.image_id = ids[annotation.image_id as usize - 1]);
    }
    if let Some(ids) = own(&object_ids) {
        file.annotations.iter_mut().zip(ids).for_each(|(annotation, id)| annotation.id = id);
    }
    written.pictures = file.images.len();
    written.objects = file.annotations.len();
    let path = folder(root, &["annotations"])?.join(format!("instances_{split}.json"));
    let bytes = serde_json::to_vec(&file)
        .map_err(|error| crate::Error::format(&path, format!("it cannot be written: {error}")))?;
    write(&path, &bytes)?;
    Ok(written)
}

/// The ids, if there is one for each and no two are equal.
fn own(ids: &[Option<u64>]) -> Option<Vec<u64>> {
    let ids: Vec<u64> = ids.iter().copied().collect::<Option<_>>()?;
    let mut seen = HashSet::with_capacity(ids.len());
    ids.iter().all(|id| seen.insert(*id)).then_some(ids)
}

fn annotation(object: Object, id: u64, image_id: u64) -> Annotation {
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
    for name in
        ["id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "keypoints", "num_keypoints"]
    {
        other.remove(name);
    }
    let segmentation = object.segmentation;
    Annotation {
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
    }
}
