//! COCO (T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", 2014, <https://cocodataset.org/#format-data>): one JSON file for all
//! pictures of a split.

mod category;
mod folder;
mod json;
mod outline;
mod panoptic;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use self::category::CocoCategory;
use self::category::{classes_of, details};
pub(super) use self::folder::splits;
use self::folder::{Found, find};
use self::json::{Annotation, Id};
use self::outline::Outline;
pub use self::panoptic::CocoPanoptic;
use super::files::{self, within};
use super::policy::{ROUNDING, Tally};
use super::{Changes, Options, Policy, picture};
use crate::annotation::{BoxFormat, ClassDetails, Keypoints, Labels, Object, Polygon, Rle, Segmentation};
use crate::{Dataset, Error, LabelledDataset, Record, Result, Sample};

/// Pictures with boxes, masks, keypoints and captions in COCO's format. All annotations lie in memory, and become labels as they are asked for.
///
/// Classes are numbered in the order of their ids in the file, unless [`Options::classes`] says otherwise. The metadata of a picture
/// have its `image_id` and, in files of captions, its `captions`; objects keep what else the file says about them as attributes.
/// [`CocoPanoptic`] reads the panoptic format.
///
/// Pictures are not turned as EXIF data say. Boxes are compared with the size that the file tells of a picture; where it tells none, with the picture when it is read.
///
/// ```
/// use ocelli_data::LabelledDataset;
/// use ocelli_data::readers::{CocoDataset, Options};
/// # fn main() -> ocelli_data::Result<()> {
/// let file = br#"{"images": [{"id": 7, "file_name": "7.jpg", "width": 64, "height": 48}],
///     "categories": [{"id": 3, "name": "cat"}],
///     "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 5], "iscrowd": 0}]}"#;
/// let data = CocoDataset::from_slice("instances.json", file, "pictures", &Options::default())?;
/// let record = data.record(0)?;
/// assert_eq!((record.size, record.labels.objects[0].bounding_box.area()), (Some([48, 64]), 150.0));
/// assert_eq!(data.class_names(), ["cat"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CocoDataset {
    path: PathBuf,
    pictures: PathBuf,
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    /// The annotations of picture `i`: those whose places stand in `order[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    order: Vec<u32>,
    categories: Vec<CocoCategory>,
    classes: Vec<String>,
    numbers: HashMap<Id, Option<usize>>,
    options: Options,
    tally: Tally,
}

#[derive(Debug)]
struct Image {
    id: Id,
    file: Box<str>,
    size: Option<[usize; 2]>,
}

impl CocoDataset {
    /// Opens a folder, whose files are not panoptic: `annotations/*.json` (or `*.json`, or `SPLIT/_annotations.coco.json`), the pictures in `images/SPLIT`, `SPLIT`, `images`, `data` or
    /// beside the file. Of several files of a split that of instances is read, else that of keypoints, else that of captions. Without a split
    /// there has to be one file alone.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no such file or no telling which; else as [`CocoDataset::from_file`].
    pub fn open(root: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let root = root.as_ref();
        let Found { file, pictures, .. } = find(root, options.split.as_deref())?;
        CocoDataset::from_file(file, pictures, &Options { split: None, ..options.clone() })
    }

    /// Opens a file whose pictures lie in a folder.
    ///
    /// # Errors
    /// [`Error::Argument`] if a split is asked for, which a file does not have; [`Error::Io`] if the file cannot be read, [`Error::Format`] if it is no COCO file, an id occurs twice, or an annotation is of a picture or
    /// class that is not there (see [`Options::policy`]).
    pub fn from_file(file: impl AsRef<Path>, pictures: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let file = file.as_ref();
        CocoDataset::from_slice(file, &files::read(file)?, pictures, options)
    }

    /// As [`CocoDataset::from_file`], from the bytes of a file; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`CocoDataset::from_file`].
    pub fn from_slice(
        name: impl AsRef<Path>,
        bytes: &[u8],
        pictures: impl AsRef<Path>,
        options: &Options,
    ) -> Result<Self> {
        let path = name.as_ref();
        CocoDataset::unless_panoptic(path, bytes, pictures.as_ref(), options)?.ok_or_else(|| {
            let message = "expected annotations of objects or captions, received panoptic ones (with segments_info), \
                which CocoPanoptic reads";
            Error::format(path, message)
        })
    }

    /// The data set of a file, or `None` if its annotations are panoptic.
    fn unless_panoptic(path: &Path, bytes: &[u8], pictures: &Path, options: &Options) -> Result<Option<Self>> {
        options.without_split("coco")?;
        let bytes = cleaned(bytes, options.policy);
        let file: json::File<'_> = parsed(path, &bytes)?;
        if file.annotations.iter().any(|annotation| annotation.other.contains_key("segments_info")) {
            return Ok(None);
        }
        let policy = options.policy;
        let fail = |message: String| Error::format(path, message);
        let mut opening = Changes::default();

        let (categories, classes, numbers) = classes_of(file.categories, options).map_err(fail)?;
        let mut places = HashMap::with_capacity(file.images.len());
        let mut images: Vec<Image> = Vec::with_capacity(file.images.len());
        for image in file.images {
            if places.contains_key(&image.id) {
                let message = || format!("expected each picture once, received id {} again", image.id);
                policy.refuse::<()>(&mut opening, message).map_err(fail)?;
                continue;
            }
            places.insert(image.id.clone(), images.len() as u32);
            let size = [image.height, image.width].map(|side| side.unwrap_or(0) as usize);
            let size = (!size.contains(&0)).then_some(size);
            images.push(Image { id: image.id, file: image.file_name.into(), size });
        }
        u32::try_from(file.annotations.len())
            .map_err(|_| fail(format!("expected less than 2^32 annotations, received {}", file.annotations.len())))?;

        let mut known = HashSet::with_capacity(file.annotations.len());
        // Of each annotation the place of its picture; one past the end for those that are left out.
        let none = images.len() as u32;
        let mut of: Vec<u32> = Vec::with_capacity(file.annotations.len());
        for (i, annotation) in file.annotations.iter().enumerate() {
            let place = annotation.image_id.as_ref().and_then(|id| places.get(id));
            let twice = annotation.id.as_ref().is_some_and(|id| !known.insert(id));
            // Captions are of no class.
            let class = match &annotation.category_id {
                Some(id) => numbers.contains_key(id),
                None => annotation.caption.is_some(),
            };
            let kept = match (place, twice, class) {
                (Some(place), false, true) => Some(*place),
                _ => policy.refuse(&mut opening, || wrong(i, annotation, place.is_some(), twice)).map_err(fail)?,
            };
            of.push(kept.unwrap_or(none));
        }
        let (starts, order) = by_picture(&of, images.len());
        Ok(Some(CocoDataset {
            path: path.into(),
            pictures: pictures.into(),
            images,
            annotations: file.annotations,
            starts,
            order,
            categories,
            classes,
            numbers,
            options: options.clone(),
            tally: Tally::of(opening),
        }))
    }

    /// How many annotations the file has, those that were left out included.
    pub fn annotations(&self) -> usize {
        self.annotations.len()
    }

    /// What the file says about its classes, in the order of their ids.
    pub fn categories(&self) -> &[CocoCategory] {
        &self.categories
    }

    /// The record of a picture of the size that the file tells, or of the one that is given.
    fn record_of(&self, index: usize, size: Option<[usize; 2]>) -> Result<Record> {
        Error::check_index(index, self.images.len())?;
        let image = &self.images[index];
        let size = image.size.or(size);
        let fail = |message: String| Error::format(&self.path, format!("image {}: {message}", image.id));
        let path = within(&self.pictures, &image.file).map_err(fail)?;
        let mut changes = Changes::default();
        let mut labels = Labels::default();
        labels.metadata.insert("image_id".into(), image.id.value());
        let mut captions = Vec::new();
        for &place in &self.order[self.starts[index] as usize..self.starts[index + 1] as usize] {
            let annotation = &self.annotations[place as usize];
            if let Some(caption) = &annotation.caption {
                captions.push(Value::from(&**caption));
            }
            let object = self.object(annotation, size, &mut changes);
            let object =
                object.map_err(|message| fail(format!("annotation {}: {message}", shown(annotation.id.as_ref()))))?;
            labels.objects.extend(object);
        }
        if !captions.is_empty() {
            labels.metadata.insert("captions".into(), Value::Array(captions));
        }
        self.tally.note(index, changes);
        Ok(Record { path: Some(path), size, labels })
    }

    fn object(
        &self,
        annotation: &Annotation,
        size: Option<[usize; 2]>,
        changes: &mut Changes,
    ) -> Result<Option<Object>, String> {
        let policy = self.options.policy;
        let Some(class) = annotation.category_id.as_ref().and_then(|id| self.numbers.get(id)) else { return Ok(None) };
        let Some(class) = *class else {
            return policy.refuse(changes, || {
                format!("expected a class of the list, received category {}", shown(annotation.category_id.as_ref()))
            });
        };
        let segmentation = segmentation(&annotation.segmentation, policy, changes)?;
        let numbers = match (annotation.bbox, &segmentation) {
            (Some(numbers), _) => numbers,
            (None, Some(Segmentation::Polygons(polygons))) => around(polygons)?,
            (None, Some(Segmentation::Rle(mask))) => mask.bounding_box().to_array(BoxFormat::Xywh),
            _ => return policy.refuse(changes, || "expected a bbox or a segmentation, received neither".into()),
        };
        let boxed = policy.admit(numbers, BoxFormat::Xywh, size, ROUNDING, changes)?;
        let Some(boxed) = boxed else { return Ok(None) };
        let keypoints = match &annotation.keypoints {
            None => None,
            Some(numbers) => match Keypoints::from_flat(numbers) {
                Ok(keypoints) => Some(keypoints),
                Err(error) => policy.refuse(changes, || error.to_string())?,
            },
        };
        let mut object = Object { segmentation, keypoints, area: annotation.area, ..Object::new(class, boxed) };
        object.flags.crowd = annotation.crowd;
        match &annotation.id {
            Some(Id::Number(number)) => object.id = Some(*number),
            Some(Id::Text(text)) => drop(object.attributes.insert("id".into(), Value::from(&**text))),
            None => {}
        }
        for (name, value) in &annotation.other {
            let flag = match name.as_str() {
                "difficult" => &mut object.flags.difficult,
                "truncated" => &mut object.flags.truncated,
                "occluded" => &mut object.flags.occluded,
                "depiction" => &mut object.flags.depiction,
                "inside" => &mut object.flags.inside,
                _ => {
                    object.attributes.insert(name.clone(), value.clone());
                    continue;
                }
            };
            match serde_json::from_value::<json::Truth>(value.clone()) {
                Ok(truth) => *flag = truth.0,
                Err(_) => drop(object.attributes.insert(name.clone(), value.clone())),
            }
        }
        Ok(Some(object))
    }
}

impl Dataset for CocoDataset {
    type Item = Sample;

    fn len(&self) -> usize {
        self.images.len()
    }

    fn get(&self, index: usize) -> Result<Sample> {
        picture::sized_sample(|size| self.record_of(index, size), &self.options.decoder(false))
    }
}

impl LabelledDataset for CocoDataset {
    fn record(&self, index: usize) -> Result<Record> {
        self.record_of(index, None)
    }

    fn class_names(&self) -> &[String] {
        &self.classes
    }

    fn class_details(&self, class: usize) -> ClassDetails {
        details(&self.categories, &self.classes, class)
    }

    fn changes(&self) -> Changes {
        self.tally.sum()
    }
}

/// Opens a folder in COCO's layout with the reader that its annotations need.
pub(super) fn open(root: &Path, options: &Options) -> Result<Box<dyn LabelledDataset>> {
    let Found { file, pictures, maps } = find(root, options.split.as_deref())?;
    let options = Options { split: None, ..options.clone() };
    let bytes = files::read(&file)?;
    Ok(match CocoDataset::unless_panoptic(&file, &bytes, &pictures, &options)? {
        Some(data) => Box::new(data),
        None => Box::new(CocoPanoptic::from_slice(file, &bytes, pictures, maps, &options)?),
    })
}

/// What is wrong with an annotation at opening.
fn wrong(place: usize, annotation: &Annotation, of_picture: bool, twice: bool) -> String {
    let what = format!("annotation {place} (from 0)");
    if !of_picture {
        format!("{what}: expected the id of a picture as image_id, received {}", shown(annotation.image_id.as_ref()))
    } else if twice {
        format!("{what}: expected an id of its own, received {} again", shown(annotation.id.as_ref()))
    } else {
        format!(
            "{what}: expected the id of a category as category_id, received {}",
            shown(annotation.category_id.as_ref())
        )
    }
}

fn shown(id: Option<&Id>) -> String {
    id.map_or_else(|| "none".into(), Id::to_string)
}

/// The places of annotations, sorted by picture and within one as they stand; and where each picture's begin.
fn by_picture(of: &[u32], pictures: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0; pictures + 1];
    for &picture in of {
        if (picture as usize) < pictures {
            starts[picture as usize + 1] += 1;
        }
    }
    for i in 0..pictures {
        starts[i + 1] += starts[i];
    }
    let mut next = starts.clone();
    let mut order = vec![0; starts[pictures] as usize];
    for (place, &picture) in of.iter().enumerate() {
        if (picture as usize) < pictures {
            order[next[picture as usize] as usize] = place as u32;
            next[picture as usize] += 1;
        }
    }
    (starts, order)
}

fn segmentation(outline: &Outline, policy: Policy, changes: &mut Changes) -> Result<Option<Segmentation>, String> {
    let mask = match outline {
        Outline::None => return Ok(None),
        Outline::Polygons(lists) => {
            let mut polygons = Vec::with_capacity(lists.len());
            for list in lists {
                match Polygon::from_flat(list) {
                    Ok(polygon) => polygons.push(polygon),
                    Err(error) => drop(policy.refuse::<()>(changes, || error.to_string())?),
                }
            }
            return Ok((!polygons.is_empty()).then_some(Segmentation::Polygons(polygons)));
        }
        Outline::Runs(size, counts) => Rle::from_counts(*size, counts.clone()),
        Outline::Compressed(size, text) => Rle::from_compressed(*size, text),
    };
    match mask {
        Ok(mask) => Ok(Some(Segmentation::Rle(mask))),
        Err(error) => policy.refuse(changes, || error.to_string()),
    }
}

fn around(polygons: &[Polygon]) -> Result<[f64; 4], String> {
    let points = polygons.iter().flat_map(|polygon| polygon.points().iter().copied());
    let boxed = crate::annotation::BoundingBox::around(points).map_err(|error| error.to_string())?;
    Ok(boxed.unwrap_or_default().to_array(BoxFormat::Xywh))
}

/// The bytes of a file, in which numbers that JSON does not have are null where labels may be left out.
fn cleaned(bytes: &[u8], policy: Policy) -> std::borrow::Cow<'_, [u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if policy == Policy::Fail { bytes.into() } else { json::without_nan(bytes) }
}

fn parsed<'a, T: serde::Deserialize<'a>>(path: &Path, bytes: &'a [u8]) -> Result<T> {
    // Serde would take a list for a struct, too.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Error::format(path, "expected a JSON file of COCO, received something that is no JSON object"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        Error::format(path, format!("expected a JSON file of COCO, received something else ({error})"))
    })
}

#[cfg(test)]
mod tests;
