//! How similar each detection of a picture is to each object.

use ocelli_data::annotation::Rle;

use super::{CocoDetection, CocoObject, CocoParams, IouType};
use crate::metrics::keypoints::similarity;
use crate::{Error, Result};

/// Detections × objects, row by row.
pub(super) fn matrix(params: &CocoParams, detections: &[&CocoDetection], objects: &[&CocoObject]) -> Result<Vec<f64>> {
    match params.iou_type {
        IouType::Bbox => Ok(pairs(detections, objects, overlap)),
        IouType::Segm => masks(detections, objects),
        IouType::Keypoints => {
            Ok(pairs(detections, objects, |detection, object| match (&detection.keypoints, &object.keypoints) {
                (Some(found), Some(known)) => similarity(found, known, object.bbox, object.area, &params.sigmas),
                _ => 0.0,
            }))
        }
    }
}

fn pairs(
    detections: &[&CocoDetection],
    objects: &[&CocoObject],
    f: impl Fn(&CocoDetection, &CocoObject) -> f64,
) -> Vec<f64> {
    detections.iter().flat_map(|detection| objects.iter().map(|object| f(detection, object))).collect()
}

/// Intersection over union; with a crowd, intersection over the detection's area. The order of operations is pycocotools', so that what
/// lies on a threshold there lies on it here.
fn overlap(detection: &CocoDetection, object: &CocoObject) -> f64 {
    let (d, g) = (detection.bbox, object.bbox);
    let width = (d[2] + d[0]).min(g[2] + g[0]) - d[0].max(g[0]);
    let height = (d[3] + d[1]).min(g[3] + g[1]) - d[1].max(g[1]);
    if width <= 0.0 || height <= 0.0 {
        return 0.0;
    }
    let (shared, area) = (width * height, d[2] * d[3]);
    let union = if object.crowd { area } else { area + g[2] * g[3] - shared };
    shared / union
}

fn masks(detections: &[&CocoDetection], objects: &[&CocoObject]) -> Result<Vec<f64>> {
    let missing = || Error::argument("coco_evaluator", "expected a mask of each object and detection");
    let found: Option<Vec<&Rle>> = detections.iter().map(|detection| detection.mask.as_ref()).collect();
    let known: Option<Vec<&Rle>> = objects.iter().map(|object| object.mask.as_ref()).collect();
    let crowd: Vec<bool> = objects.iter().map(|object| object.crowd).collect();
    Ok(Rle::iou_matrix(&found.ok_or_else(missing)?, &known.ok_or_else(missing)?, &crowd)?)
}
