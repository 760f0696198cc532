//! How good results are: average precision of detections, overlap of segmentations, keypoints in place.
//!
//! | what | how |
//! |------|-----|
//! | boxes, masks, keypoints of objects | [`CocoEvaluator`]: COCO's average precision and recall |
//! | boxes | [`VocEvaluator`]: Pascal VOC's average precision, of 2007 and since 2010 |
//! | classes of pixels or pictures | [`ConfusionMatrix`]: accuracy, intersection over union, F1 |
//! | keypoints | [`pck`], [`oks`] |

mod coco;
mod confusion;
mod keypoints;
mod voc;

pub use coco::{
    AreaRange, CocoDetection, CocoEvaluation, CocoEvaluator, CocoObject, CocoParams, CocoStatistic, IouType, Quantity,
};
pub use confusion::ConfusionMatrix;
pub use keypoints::{Pck, oks, pck};
pub use voc::{Interpolation, VocDetection, VocEvaluation, VocEvaluator, VocObject, VocParams, average_precision};
