//! Which detections of a picture are right.

use super::{CocoDetection, CocoObject, CocoParams, IouType, similarity};
use crate::Result;

/// What has become of a detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is no object for it.
    False,
    /// It has found an object.
    True,
    /// It counts neither way.
    Ignored,
}

/// The detections of one category in one picture, best first.
pub(super) struct Matches {
    pub(super) scores: Vec<f64>,
    /// Of each detection for each area range and each threshold, the thresholds side by side.
    pub(super) outcomes: Vec<Outcome>,
    /// How many objects count, for each area range.
    pub(super) objects: Vec<usize>,
}

/// Pairs detections with objects as `COCOeval.evaluateImg` does: the best detection chooses first, an object that counts before one that is
/// ignored, and the most similar one, the last of equals.
pub(super) fn matches(
    params: &CocoParams,
    objects: &[&CocoObject],
    detections: &mut Vec<&CocoDetection>,
) -> Result<Matches> {
    // Stable: equal scores stay in their order. Scores are numbers, which the evaluator has checked.
    detections.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));
    detections.truncate(params.max_detections.last().copied().unwrap_or(0));
    let similarity = similarity::matrix(params, detections, objects)?;

    let (areas, thresholds) = (params.area_ranges.len(), params.iou_thresholds.len());
    let mut all = Matches {
        scores: detections.iter().map(|detection| detection.score).collect(),
        outcomes: vec![Outcome::False; detections.len() * areas * thresholds],
        objects: Vec::with_capacity(areas),
    };
    let sizes: Vec<f64> = detections.iter().map(|detection| detection.area(params.iou_type)).collect();
    for (number, range) in params.area_ranges.iter().enumerate() {
        let counts = |&j: &usize| !is_ignored(params.iou_type, objects[j]) && range.contains(objects[j].area);
        let (mut order, ignored): (Vec<usize>, Vec<usize>) = (0..objects.len()).partition(counts);
        let counting = order.len();
        all.objects.push(counting);
        order.extend(ignored);
        let candidates = Candidates { objects, order: &order, counting };
        for (t, &threshold) in params.iou_thresholds.iter().enumerate() {
            let mut taken = vec![false; objects.len()];
            for (i, size) in sizes.iter().enumerate() {
                let row = &similarity[i * objects.len()..(i + 1) * objects.len()];
                all.outcomes[(i * areas + number) * thresholds + t] = match candidates.best(row, threshold, &taken) {
                    Some(place) => {
                        taken[place] = true;
                        if place < counting { Outcome::True } else { Outcome::Ignored }
                    }
                    None if range.contains(*size) => Outcome::False,
                    None => Outcome::Ignored,
                };
            }
        }
    }
    Ok(all)
}

/// Crowds are not counted, nor are objects without any labelled keypoint.
fn is_ignored(iou_type: IouType, object: &CocoObject) -> bool {
    let unlabelled = || object.keypoints.as_ref().is_none_or(|keypoints| keypoints.count_labelled() == 0);
    object.crowd || (iou_type == IouType::Keypoints && unlabelled())
}

/// Objects that a detection may choose from: first those that count.
struct Candidates<'a> {
    objects: &'a [&'a CocoObject],
    order: &'a [usize],
    counting: usize,
}

impl Candidates<'_> {
    /// The place in the order of the object for a detection with these similarities. A crowd may be taken many times.
    fn best(&self, similarity: &[f64], threshold: f64, taken: &[bool]) -> Option<usize> {
        // With pycocotools' leeway an exact copy passes a threshold of 1.
        let mut least = threshold.min(1.0 - 1e-10);
        let mut best = None;
        for (place, &j) in self.order.iter().enumerate() {
            if taken[place] && !self.objects[j].crowd {
                continue;
            }
            if place >= self.counting && best.is_some_and(|best| best < self.counting) {
                break;
            }
            if similarity[j] >= least {
                (least, best) = (similarity[j], Some(place));
            }
        }
        best
    }
}
