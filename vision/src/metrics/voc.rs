//! Pascal VOC's average precision.

use std::collections::{BTreeMap, BTreeSet};

use ocelli_data::annotation::{BoundingBox, BoxFormat};

use crate::check::require_fraction;
use crate::{Error, Result};

/// How average precision follows from a curve of precision over recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Interpolation {
    /// The mean of the best precisions at recalls of at least 0, 0.1 … 1: the challenge of 2007.
    ElevenPoints,
    /// The area under the curve, which is made to fall nowhere to the left: the challenges since 2010.
    #[default]
    Area,
}

/// The settings of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VocParams {
    /// A detection is right if its intersection over union with an object is above this, in `0..=1`.
    pub threshold: f64,
    /// How the curve becomes a number.
    pub interpolation: Interpolation,
    /// Whether the right and bottom edges are pixels of the box, as in VOC's files: then a width is `x2 - x1 + 1`.
    pub inclusive: bool,
}

impl Default for VocParams {
    /// A threshold of 0.5, area, and inclusive edges.
    fn default() -> Self {
        VocParams { threshold: 0.5, interpolation: Interpolation::Area, inclusive: true }
    }
}

/// An annotated object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VocObject {
    /// Its category.
    pub category: i64,
    /// Left, top, right, bottom, in pixels.
    pub bbox: [f64; 4],
    /// Whether it is so difficult that neither finding nor missing it counts.
    pub difficult: bool,
}

impl VocObject {
    /// An object that is not difficult.
    pub fn new(category: i64, bbox: [f64; 4]) -> Self {
        VocObject { category, bbox, difficult: false }
    }

    /// As a difficult one.
    pub fn difficult(self) -> Self {
        VocObject { difficult: true, ..self }
    }
}

/// A detected object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VocDetection {
    /// Its category.
    pub category: i64,
    /// How sure the network is.
    pub score: f64,
    /// Left, top, right, bottom, in pixels.
    pub bbox: [f64; 4],
}

impl VocDetection {
    /// A detected box.
    pub fn new(category: i64, score: f64, bbox: [f64; 4]) -> Self {
        VocDetection { category, score, bbox }
    }
}

/// Pascal VOC's evaluation of detections (M. Everingham et al., "The Pascal Visual Object Classes Challenge", 2010), by the rules of R. Girshick's
/// `voc_eval.py`: a detection belongs to the most similar object of its category, and is right if it is the first one there.
///
/// ```
/// use ocelli_vision::metrics::{VocDetection, VocEvaluator, VocObject, VocParams};
/// # fn main() -> ocelli_vision::Result<()> {
/// let mut evaluator = VocEvaluator::new(VocParams::default())?;
/// let dogs = vec![VocObject::new(12, [10.0, 10.0, 60.0, 60.0]), VocObject::new(12, [100.0, 40.0, 160.0, 60.0])];
/// let found = vec![VocDetection::new(12, 0.9, [11.0, 10.0, 60.0, 60.0]), VocDetection::new(12, 0.8, [0.0, 0.0, 9.0, 9.0])];
/// evaluator.add(1, dogs, found)?;
/// let evaluation = evaluator.evaluate();
/// assert_eq!(evaluation.mean_average_precision(), Some(0.5));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct VocEvaluator {
    params: VocParams,
    pictures: BTreeMap<i64, (Vec<VocObject>, Vec<VocDetection>)>,
}

impl VocEvaluator {
    /// An evaluation with these settings.
    ///
    /// # Errors
    /// [`Error::Argument`] unless the threshold is in `0..=1`.
    pub fn new(params: VocParams) -> Result<Self> {
        require_fraction("voc_evaluator", "a threshold", params.threshold)?;
        Ok(VocEvaluator { params, pictures: BTreeMap::new() })
    }

    /// Adds a picture with its objects and what a network has found; both may be empty. Detections of equal scores stand in the order of the pictures' ids.
    ///
    /// # Errors
    /// [`Error::Argument`] if the picture is there already or a score is not finite; [`Error::Data`] if a box has a right
    /// edge before its left one, a bottom before its top, or a number that is not finite.
    pub fn add(&mut self, id: i64, objects: Vec<VocObject>, detections: Vec<VocDetection>) -> Result<()> {
        if self.pictures.contains_key(&id) {
            return Err(Error::argument("voc_evaluator", format!("expected each picture once, received {id} again")));
        }
        let boxes = objects.iter().map(|object| object.bbox).chain(detections.iter().map(|found| found.bbox));
        for bbox in boxes {
            BoundingBox::new(bbox, BoxFormat::Xyxy)?;
        }
        if let Some(found) = detections.iter().find(|found| !found.score.is_finite()) {
            let message = format!("expected finite scores, received {}", found.score);
            return Err(Error::argument("voc_evaluator", message));
        }
        self.pictures.insert(id, (objects, detections));
        Ok(())
    }

    /// Evaluates all pictures that have been added, for each category that has an object which is not difficult.
    pub fn evaluate(&self) -> VocEvaluation {
        let objects = self.pictures.values().flat_map(|(objects, _)| objects);
        let categories: BTreeSet<i64> =
            objects.filter(|object| !object.difficult).map(|object| object.category).collect();
        let curve = |category| (category, self.curve(category));
        VocEvaluation { interpolation: self.params.interpolation, curves: categories.into_iter().map(curve).collect() }
    }

    fn curve(&self, category: i64) -> Curve {
        let mut found: Vec<(&VocDetection, usize)> = Vec::new();
        let mut objects: Vec<Vec<&VocObject>> = Vec::with_capacity(self.pictures.len());
        for (picture, (known, detections)) in self.pictures.values().enumerate() {
            objects.push(known.iter().filter(|object| object.category == category).collect());
            found.extend(detections.iter().filter(|found| found.category == category).map(|found| (found, picture)));
        }
        // Stable. Scores are numbers, which `add` has checked.
        found.sort_by(|(a, _), (b, _)| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));

        let count = objects.iter().flatten().filter(|object| !object.difficult).count();
        let mut taken: Vec<Vec<bool>> = objects.iter().map(|objects| vec![false; objects.len()]).collect();
        let (mut right, mut wrong) = (0u64, 0u64);
        let mut curve = Curve::default();
        for (detection, picture) in found {
            let mut best: Option<(f64, usize)> = None;
            for (place, object) in objects[picture].iter().enumerate() {
                let iou = self.iou(detection.bbox, object.bbox);
                if best.is_none_or(|(most, _)| iou > most) {
                    best = Some((iou, place));
                }
            }
            match best.filter(|(iou, _)| *iou > self.params.threshold) {
                Some((_, place)) if objects[picture][place].difficult => {}
                Some((_, place)) if !taken[picture][place] => {
                    taken[picture][place] = true;
                    right += 1;
                }
                _ => wrong += 1,
            }
            curve.recall.push(right as f64 / count as f64);
            curve.precision.push(right as f64 / ((right + wrong) as f64).max(f64::EPSILON));
        }
        curve
    }

    /// Intersection over union, in the order of operations of `voc_eval.py`.
    fn iou(&self, a: [f64; 4], b: [f64; 4]) -> f64 {
        let pixel = if self.params.inclusive { 1.0 } else { 0.0 };
        let area = |[x1, y1, x2, y2]: [f64; 4]| (x2 - x1 + pixel) * (y2 - y1 + pixel);
        let width = (a[2].min(b[2]) - a[0].max(b[0]) + pixel).max(0.0);
        let height = (a[3].min(b[3]) - a[1].max(b[1]) + pixel).max(0.0);
        let shared = width * height;
        if shared > 0.0 { shared / (area(a) + area(b) - shared) } else { 0.0 }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Curve {
    recall: Vec<f64>,
    precision: Vec<f64>,
}

/// The result of a [`VocEvaluator`].
#[derive(Debug, Clone, PartialEq)]
pub struct VocEvaluation {
    interpolation: Interpolation,
    curves: BTreeMap<i64, Curve>,
}

impl VocEvaluation {
    /// The average precision of each category.
    pub fn by_category(&self) -> Vec<(i64, f64)> {
        let value = |curve: &Curve| interpolated(&curve.recall, &curve.precision, self.interpolation);
        self.curves.iter().map(|(category, curve)| (*category, value(curve))).collect()
    }

    /// The mean over the categories (mAP); `None` if there is none.
    pub fn mean_average_precision(&self) -> Option<f64> {
        let count = self.curves.len();
        (count > 0).then(|| self.by_category().iter().map(|(_, value)| value).sum::<f64>() / count as f64)
    }

    /// Recall and precision of a category's first detection, first two, and so on; `None` for one that was not evaluated.
    pub fn curve(&self, category: i64) -> Option<(&[f64], &[f64])> {
        self.curves.get(&category).map(|curve| (&curve.recall[..], &curve.precision[..]))
    }
}

/// The average precision of a curve: recalls in ascending order, and the precision at each.
///
/// ```
/// use ocelli_vision::metrics::{Interpolation, average_precision};
/// # fn main() -> ocelli_vision::Result<()> {
/// let (recall, precision) = ([0.5, 0.5, 1.0], [1.0, 0.5, 2.0 / 3.0]);
/// assert!((average_precision(&recall, &precision, Interpolation::Area)? - 5.0 / 6.0).abs() < 1e-12);
/// let eleven = (6.0 + 5.0 * 2.0 / 3.0) / 11.0;
/// assert!((average_precision(&recall, &precision, Interpolation::ElevenPoints)? - eleven).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] unless there are as many precisions as recalls, all are in `0..=1`, and recalls do not fall.
pub fn average_precision(recall: &[f64], precision: &[f64], interpolation: Interpolation) -> Result<f64> {
    let inside = recall.iter().chain(precision).all(|x| (0.0..=1.0).contains(x));
    if recall.len() != precision.len() || !inside || !recall.is_sorted() {
        let expected = "expected as many precisions as recalls, in 0..=1, the recalls in ascending order";
        let message = format!("{expected}, received {} and {}", recall.len(), precision.len());
        return Err(Error::argument("average_precision", message));
    }
    Ok(interpolated(recall, precision, interpolation))
}

fn interpolated(recall: &[f64], precision: &[f64], interpolation: Interpolation) -> f64 {
    // The best precision from each place on.
    let mut best = precision.to_vec();
    for i in (1..best.len()).rev() {
        best[i - 1] = best[i - 1].max(best[i]);
    }
    match interpolation {
        Interpolation::ElevenPoints => {
            let at = |i: u32| recall.partition_point(|&x| x < f64::from(i) * 0.1);
            (0..=10).map(|i| best.get(at(i)).copied().unwrap_or(0.0) / 11.0).sum()
        }
        Interpolation::Area => {
            let before = std::iter::once(&0.0).chain(recall);
            before.zip(recall).zip(&best).map(|((low, high), precision)| (high - low) * precision).sum()
        }
    }
}
