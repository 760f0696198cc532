//! What is evaluated, and at which thresholds.

use ocelli_data::annotation::Skeleton;

use crate::{Error, Result};

/// What of an object is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IouType {
    /// Boxes, by intersection over union.
    Bbox,
    /// Masks, by intersection over union.
    Segm,
    /// Keypoints, by object keypoint similarity.
    Keypoints,
}

/// Objects of a certain size: `low ≤ area ≤ high`, in square pixels. Others, and detections of another size that match nothing, are ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaRange {
    /// What it is called in the table.
    pub name: String,
    /// The smallest area.
    pub low: f64,
    /// The largest area.
    pub high: f64,
}

impl AreaRange {
    /// A range of areas, in square pixels.
    pub fn new(name: &str, low: f64, high: f64) -> Self {
        AreaRange { name: name.into(), low, high }
    }

    /// Whether an area lies in the range.
    pub(super) fn contains(&self, area: f64) -> bool {
        (self.low..=self.high).contains(&area)
    }
}

/// The settings of an evaluation: pycocotools' `Params`. [`CocoParams::boxes`], [`CocoParams::masks`] and
/// [`CocoParams::keypoints`] are COCO's own.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoParams {
    /// What of an object is compared.
    pub iou_type: IouType,
    /// How similar a detection has to be to its object, each in `0..=1`.
    pub iou_thresholds: Vec<f64>,
    /// The recalls at which precision is read off, each in `0..=1`.
    pub recall_thresholds: Vec<f64>,
    /// How many of the best detections of a category count in a picture, in ascending order.
    pub max_detections: Vec<usize>,
    /// The sizes of objects; the first one is for all.
    pub area_ranges: Vec<AreaRange>,
    /// The categories to evaluate; `None` for all that have an object, and without `use_categories` for all.
    pub categories: Option<Vec<i64>>,
    /// Whether a detection has to be of its object's category. Without, detections are scored as proposals.
    pub use_categories: bool,
    /// The constants of object keypoint similarity, one for each keypoint. Others than keypoints do without.
    pub sigmas: Vec<f64>,
}

impl CocoParams {
    /// COCO's settings for boxes: thresholds 0.5, 0.55 … 0.95; 1, 10 and 100 detections; all, small (up to 32²), medium (up to 96²) and
    /// large objects.
    pub fn boxes() -> Self {
        CocoParams {
            iou_type: IouType::Bbox,
            // As NumPy's `linspace` computes them: the numbers of pycocotools to the last bit.
            iou_thresholds: (0..10).map(|i| 0.5 + f64::from(i) * ((0.95 - 0.5) / 9.0)).collect(),
            recall_thresholds: (0..=100).map(|i| f64::from(i) * 0.01).collect(),
            max_detections: vec![1, 10, 100],
            area_ranges: vec![
                AreaRange::new("all", 0.0, LARGEST),
                AreaRange::new("small", 0.0, SMALL),
                AreaRange::new("medium", SMALL, MEDIUM),
                AreaRange::new("large", MEDIUM, LARGEST),
            ],
            categories: None,
            use_categories: true,
            sigmas: Vec::new(),
        }
    }

    /// COCO's settings for masks: those for boxes.
    pub fn masks() -> Self {
        CocoParams { iou_type: IouType::Segm, ..CocoParams::boxes() }
    }

    /// COCO's settings for the keypoints of persons: 20 detections; all, medium and large ones.
    pub fn keypoints() -> Self {
        let mut params = CocoParams {
            iou_type: IouType::Keypoints,
            max_detections: vec![20],
            sigmas: Skeleton::coco_person().sigmas().unwrap_or_default().to_vec(),
            ..CocoParams::boxes()
        };
        params.area_ranges.retain(|range| range.name != "small");
        params
    }

    /// `Err` with what is wrong with the settings.
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |message: String| Err(Error::argument("coco_params", message));
        for (what, thresholds) in [("IoU", &self.iou_thresholds), ("recall", &self.recall_thresholds)] {
            if thresholds.is_empty() || !thresholds.iter().all(|x| (0.0..=1.0).contains(x)) {
                return refuse(format!("expected {what} thresholds in 0..=1, at least one, received {thresholds:?}"));
            }
        }
        if self.max_detections.is_empty() || self.max_detections.contains(&0) || !self.max_detections.is_sorted() {
            let expected = "expected positive numbers of detections in ascending order, at least one";
            return refuse(format!("{expected}, received {:?}", self.max_detections));
        }
        // Not so if one of them is NaN.
        if self.area_ranges.is_empty() || !self.area_ranges.iter().all(|range| range.low <= range.high) {
            let expected = "expected ranges low..=high of areas, at least one";
            return refuse(format!("{expected}, received {:?}", self.area_ranges));
        }
        if self.iou_type == IouType::Keypoints {
            let positive = self.sigmas.iter().all(|sigma| sigma.is_finite() && *sigma > 0.0);
            if self.sigmas.is_empty() || !positive {
                return refuse(format!("expected a positive sigma for each keypoint, received {:?}", self.sigmas));
            }
        }
        Ok(())
    }
}

const SMALL: f64 = 32.0 * 32.0;
const MEDIUM: f64 = 96.0 * 96.0;
const LARGEST: f64 = 1e5 * 1e5;
