//! All that is known of a picture.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{BoundingBox, ClassMap, Keypoints, Segmentation};

/// What a picture shows: its classes, its objects, the class of its pixels. What a data set does not tell is empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Labels {
    /// The classes of the whole picture: one in classification, any number where a picture may have several labels.
    pub classes: Vec<usize>,
    /// The objects in it.
    pub objects: Vec<Object>,
    /// The class of every pixel.
    pub class_map: Option<ClassMap>,
    /// Whatever else a file says, by its name there.
    pub metadata: BTreeMap<String, Value>,
}

/// One object in a picture.
///
/// ```
/// use ocelli_data::annotation::{BoundingBox, BoxFormat, Flags, Object};
/// # fn main() -> ocelli_data::Result<()> {
/// let place = BoundingBox::new([10.0, 20.0, 30.0, 60.0], BoxFormat::Xyxy)?;
/// let cat = Object { flags: Flags { truncated: true, ..Flags::default() }, ..Object::new(3, place) };
/// assert_eq!((cat.class, cat.bounding_box.area(), cat.flags.crowd), (3, 800.0, false));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The number of its class.
    pub class: usize,
    /// Where it is, in pixels.
    pub bounding_box: BoundingBox,
    /// Which pixels it covers.
    pub segmentation: Option<Segmentation>,
    /// Its keypoints.
    pub keypoints: Option<Keypoints>,
    /// What is special about it.
    pub flags: Flags,
    /// The area in pixels that a file gives, where that is not the box's: COCO sorts objects into small and large ones by it.
    pub area: Option<f64>,
    /// Its number in the data set, or, in a film, what tells it from other objects in all pictures.
    pub id: Option<u64>,
    /// Whatever else a file says, by its name there.
    pub attributes: BTreeMap<String, Value>,
}

impl Object {
    /// An object of which only class and box are known.
    pub fn new(class: usize, bounding_box: BoundingBox) -> Self {
        Object {
            class,
            bounding_box,
            segmentation: None,
            keypoints: None,
            flags: Flags::default(),
            area: None,
            id: None,
            attributes: BTreeMap::new(),
        }
    }
}

/// What is special about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags {
    /// Pascal VOC: hard to recognize; evaluation passes over it.
    pub difficult: bool,
    /// Pascal VOC, Open Images: it goes on outside of its box, mostly beyond the edge of the picture.
    pub truncated: bool,
    /// Pascal VOC, Open Images: something stands before it.
    pub occluded: bool,
    /// COCO's `iscrowd`, Open Images' `IsGroupOf`: several objects in one box.
    pub crowd: bool,
    /// Open Images: a drawing or a figure of the object.
    pub depiction: bool,
    /// Open Images: seen from within.
    pub inside: bool,
}
