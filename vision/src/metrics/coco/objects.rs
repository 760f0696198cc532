//! What an evaluation compares: the objects of a picture and what a network has found.

use ocelli_data::annotation::{BoundingBox, BoxFormat, Keypoints, Rle};
use ocelli_tensor::{DType, Device, Error as TensorError, Tensor};

use super::{CocoParams, IouType};
use crate::ops::boxes;
use crate::{Error, Result, host};

/// An annotated object. Masks are compared if they are evaluated, and so are keypoints; the box is always there.
///
/// ```
/// use ocelli_vision::metrics::CocoObject;
/// let sheep = CocoObject::new(20, [10.0, 20.0, 50.0, 40.0]).area(1300.0);
/// let flock = CocoObject::new(20, [0.0, 0.0, 300.0, 90.0]).crowd();
/// assert!(flock.crowd && !sheep.crowd);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CocoObject {
    /// Its category.
    pub category: i64,
    /// Left, top, width, height, in pixels: COCO's `bbox`.
    pub bbox: [f64; 4],
    /// By which it counts as small, medium or large: COCO's `area`, that of the object's mask.
    pub area: f64,
    /// Whether it is a crowd: a region with many objects, in which any number of detections may lie. They are ignored.
    pub crowd: bool,
    /// Which pixels it covers.
    pub mask: Option<Rle>,
    /// Its keypoints. An object of which none is labelled is ignored when keypoints are evaluated.
    pub keypoints: Option<Keypoints>,
}

impl CocoObject {
    /// An object that is no crowd, with the box's area.
    pub fn new(category: i64, bbox: [f64; 4]) -> Self {
        CocoObject { category, bbox, area: bbox[2] * bbox[3], crowd: false, mask: None, keypoints: None }
    }

    /// With this area.
    pub fn area(self, area: f64) -> Self {
        CocoObject { area, ..self }
    }

    /// As a crowd.
    pub fn crowd(self) -> Self {
        CocoObject { crowd: true, ..self }
    }

    /// With this mask.
    pub fn mask(self, mask: Rle) -> Self {
        CocoObject { mask: Some(mask), ..self }
    }

    /// With these keypoints.
    pub fn keypoints(self, keypoints: Keypoints) -> Self {
        CocoObject { keypoints: Some(keypoints), ..self }
    }

    /// Objects with the boxes [`BoxFormat::Xyxy`] `[N, 4]` and the labels `[N]`.
    ///
    /// # Errors
    /// Unless the shapes are these, the boxes of a float and the labels of an integer type.
    pub fn from_tensors(boxes: &Tensor, labels: &Tensor) -> Result<Vec<Self>> {
        let rows = rows("coco_object", boxes)?;
        let labels = host::labels("coco_object", rows.len(), labels)?;
        Ok(rows.into_iter().zip(labels).map(|(bbox, category)| CocoObject::new(category, bbox)).collect())
    }
}

/// A detected object.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoDetection {
    /// Its category.
    pub category: i64,
    /// How sure the network is: detections with more of it are taken first.
    pub score: f64,
    /// Left, top, width, height, in pixels.
    pub bbox: [f64; 4],
    /// Which pixels it covers.
    pub mask: Option<Rle>,
    /// Its keypoints; whether they are visible makes no difference.
    pub keypoints: Option<Keypoints>,
}

impl CocoDetection {
    /// A detected box.
    pub fn new(category: i64, score: f64, bbox: [f64; 4]) -> Self {
        CocoDetection { category, score, bbox, mask: None, keypoints: None }
    }

    /// With this mask.
    pub fn mask(self, mask: Rle) -> Self {
        CocoDetection { mask: Some(mask), ..self }
    }

    /// With these keypoints.
    pub fn keypoints(self, keypoints: Keypoints) -> Self {
        CocoDetection { keypoints: Some(keypoints), ..self }
    }

    /// What a detector returns: boxes [`BoxFormat::Xyxy`] `[N, 4]`, scores `[N]`, labels `[N]`. Widths and heights are computed in the
    /// boxes' dtype, as torchvision's references do.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// use ocelli_vision::metrics::CocoDetection;
    /// # fn main() -> ocelli_vision::Result<()> {
    /// let boxes = Tensor::new([[10.0f32, 20.0, 30.0, 60.0]])?;
    /// let found = CocoDetection::from_tensors(&boxes, &Tensor::new([0.75f32])?, &Tensor::new([3i64])?)?;
    /// assert_eq!(found, [CocoDetection::new(3, 0.75, [10.0, 20.0, 20.0, 40.0])]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Unless the shapes are these, boxes and scores of a float and labels of an integer type.
    pub fn from_tensors(boxes: &Tensor, scores: &Tensor, labels: &Tensor) -> Result<Vec<Self>> {
        let rows = rows("coco_detection", boxes)?;
        let scores = host::scores("coco_detection", rows.len(), scores)?;
        let labels = host::labels("coco_detection", rows.len(), labels)?;
        let each = rows.into_iter().zip(scores).zip(labels);
        Ok(each.map(|((bbox, score), category)| CocoDetection::new(category, score, bbox)).collect())
    }

    /// By which it counts as small, medium or large: the area of what is compared.
    pub(super) fn area(&self, iou_type: IouType) -> f64 {
        let empty = f64::INFINITY;
        match (iou_type, &self.mask, &self.keypoints) {
            (IouType::Segm, Some(mask), _) => mask.area() as f64,
            (IouType::Keypoints, _, Some(keypoints)) => {
                // Of all points, as in pycocotools, labelled or not.
                let [mut x1, mut y1, mut x2, mut y2] = [empty, empty, -empty, -empty];
                for point in keypoints.points() {
                    (x1, y1, x2, y2) = (x1.min(point.x), y1.min(point.y), x2.max(point.x), y2.max(point.y));
                }
                (x2 - x1) * (y2 - y1)
            }
            _ => self.bbox[2] * self.bbox[3],
        }
    }
}

/// The boxes of a tensor as rows of left, top, width, height.
fn rows(op: &'static str, boxes: &Tensor) -> Result<Vec<[f64; 4]>> {
    if boxes.rank() != 2 {
        return Err(TensorError::shape(op, "boxes of shape [N, 4]", boxes.shape()).into());
    }
    let boxes = boxes::convert(&boxes.to_device(Device::Cpu)?, BoxFormat::Xyxy, BoxFormat::Xywh)?;
    Ok(boxes.to_dtype(DType::F64)?.to_vec::<f64>()?.as_chunks::<4>().0.to_vec())
}

/// `Err` with what is wrong with the objects and detections of a picture.
pub(super) fn check(params: &CocoParams, objects: &[CocoObject], detections: &[CocoDetection]) -> Result<()> {
    let refuse = |message: String| Err(Error::argument("coco_evaluator", message));
    for (i, object) in objects.iter().enumerate() {
        BoundingBox::new(object.bbox, BoxFormat::Xywh)?;
        if !(object.area.is_finite() && object.area >= 0.0) {
            return refuse(format!("expected an area of object {i} that is not negative, received {}", object.area));
        }
        check_region(params, ("object", i), object.mask.as_ref(), object.keypoints.as_ref())?;
    }
    for (i, detection) in detections.iter().enumerate() {
        BoundingBox::new(detection.bbox, BoxFormat::Xywh)?;
        if !detection.score.is_finite() {
            return refuse(format!("expected a finite score of detection {i}, received {}", detection.score));
        }
        check_region(params, ("detection", i), detection.mask.as_ref(), detection.keypoints.as_ref())?;
    }
    if params.iou_type == IouType::Segm {
        let masks = objects.iter().map(|object| &object.mask).chain(detections.iter().map(|found| &found.mask));
        let mut sizes = masks.flatten().map(Rle::size);
        if let Some(first) = sizes.next()
            && let Some(other) = sizes.find(|size| *size != first)
        {
            return refuse(format!(
                "expected masks of one [height, width] in a picture, received {first:?} and {other:?}"
            ));
        }
    }
    Ok(())
}

fn check_region(
    params: &CocoParams,
    (what, i): (&str, usize),
    mask: Option<&Rle>,
    keypoints: Option<&Keypoints>,
) -> Result<()> {
    let count = params.sigmas.len();
    let missing = match params.iou_type {
        IouType::Segm if mask.is_none() => "a mask".to_owned(),
        IouType::Keypoints if keypoints.is_none_or(|keypoints| keypoints.len() != count) => {
            format!("{count} keypoints")
        }
        _ => return Ok(()),
    };
    let received = keypoints.map_or("none".to_owned(), |keypoints| keypoints.len().to_string());
    Err(Error::argument("coco_evaluator", format!("expected {missing} of {what} {i}, received {received}")))
}
