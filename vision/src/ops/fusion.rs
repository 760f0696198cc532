//! Fusion of the boxes that several models (or several views of one picture) give.

use ocelli_tensor::Tensor;

use super::boxes::require_list;
use super::corners::{Corners, Rect};
use super::tree::{Reach, Tree};
use crate::check::require_fraction;
use crate::host::{self, elements};
use crate::{Error, Result};

/// Scored boxes with classes.
#[derive(Debug, Clone)]
pub struct Detections {
    /// [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy) `[N, 4]`, of a float type.
    pub boxes: Tensor,
    /// `[N]`, of a float type.
    pub scores: Tensor,
    /// Integers `[N]`.
    pub labels: Tensor,
}

/// How the score of a fused box follows from those of its boxes: the names of `ensemble-boxes` stand in brackets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FusedScore {
    /// The mean, less the fewer of the models found the box (`avg`).
    #[default]
    Average,
    /// The largest (`max`).
    Max,
    /// The mean by the boxes' weights, times the part of the models' weights that found the box (`box_and_model_avg`).
    BoxAndModelAverage,
    /// The mean, where each model without a box counts as one of score 0 (`absent_model_aware_avg`).
    AbsentModelAwareAverage,
}

/// The options of [`weighted_boxes_fusion`]; the defaults are those of `ensemble-boxes`.
#[derive(Debug, Clone, PartialEq)]
pub struct FusionOptions {
    /// A weight for each model; 1 if there are none.
    pub weights: Vec<f64>,
    /// A box joins the fused box with which it has the largest intersection over union, if that is above this number, in `0..=1`: 0.55.
    pub iou_threshold: f64,
    /// Boxes with lower scores are left out: 0.
    pub skip_threshold: f64,
    /// How scores are fused.
    pub score: FusedScore,
    /// With [`FusedScore::Average`], whether a model that found a box several times may raise its score above the mean: no.
    pub allow_overflow: bool,
}

impl Default for FusionOptions {
    fn default() -> Self {
        FusionOptions {
            weights: Vec::new(),
            iou_threshold: 0.55,
            skip_threshold: 0.0,
            score: FusedScore::default(),
            allow_overflow: false,
        }
    }
}

/// Weighted box fusion: boxes of one class that overlap become their mean, weighted by score, instead of the best of them.
/// (R. Solovyev et al., "Weighted boxes fusion: Ensembling boxes from different object detection models", 2019.)
///
/// The boxes of all `models` are gone through from the best score (times the model's weight) down; each joins the fused box of its class that
/// it overlaps most, or begins one. Equal scores stand in the order of the models and their boxes. The numbers are those of the authors'
/// `ensemble-boxes`, computed in `f64`; unlike there, coordinates may be pixels as well as fractions, and nothing is clipped. Boxes that cover
/// nothing or are not finite, and those with a score of NaN, are left out. Returned are the fused boxes from the best score down, boxes and
/// scores in the dtypes of the first model's, labels as `i64`, on the device of its boxes.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::{Detections, FusionOptions, weighted_boxes_fusion};
/// # fn main() -> ocelli_vision::Result<()> {
/// let model = |x: f64, score: f64| -> ocelli_vision::Result<Detections> {
///     let boxes = Tensor::new([[x, 0.0, x + 10.0, 10.0]])?;
///     Ok(Detections { boxes, scores: Tensor::new([score])?, labels: Tensor::new([3i64])? })
/// };
/// let fused = weighted_boxes_fusion(&[model(0.0, 0.75)?, model(2.0, 0.25)?], &FusionOptions::default())?;
/// assert_eq!(fused.boxes.to_vec::<f64>()?, [0.5, 0.0, 10.5, 10.0]);
/// assert_eq!(fused.scores.to_vec::<f64>()?, [0.5]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless there is a model, shapes and dtypes are these, scores are finite (or NaN) and not negative, weights are finite and above 0 and as many
/// as models, `iou_threshold` is in `0..=1`, and `skip_threshold` is a number.
pub fn weighted_boxes_fusion(models: &[Detections], options: &FusionOptions) -> Result<Detections> {
    let op = "weighted_boxes_fusion";
    let Some(first) = models.first() else {
        return Err(Error::argument(op, "expected the boxes of at least one model, received none"));
    };
    let weights = weights(op, models.len(), options)?;
    let mut found = Vec::new();
    for (model, (detections, &weight)) in models.iter().zip(&weights).enumerate() {
        read(op, detections, model, weight, options.skip_threshold, &mut found)?;
    }
    // Stable: equal scores keep their order.
    found.sort_by(|a, b| a.label.cmp(&b.label).then(b.score.total_cmp(&a.score)));
    let mut fused = Vec::new();
    for class in found.chunk_by(|a, b| a.label == b.label) {
        for cluster in clusters(class, options.iou_threshold) {
            let score = cluster.score(&weights, options);
            fused.push((cluster.mean, score, class[0].label));
        }
    }
    fused.sort_by(|a, b| b.1.total_cmp(&a.1));
    let boxes: Vec<f64> = fused.iter().flat_map(|(b, ..)| [b.x1, b.y1, b.x2, b.y2]).collect();
    let scores: Vec<f64> = fused.iter().map(|(_, score, _)| *score).collect();
    let labels: Vec<i64> = fused.iter().map(|(.., label)| *label).collect();
    let device = first.boxes.device();
    Ok(Detections {
        boxes: Tensor::from_vec(boxes, [fused.len(), 4])?.to_dtype(first.boxes.dtype())?.to_device(device)?,
        scores: Tensor::from_vec(scores, [fused.len()])?.to_dtype(first.scores.dtype())?.to_device(device)?,
        labels: Tensor::from_vec(labels, [fused.len()])?.to_device(device)?,
    })
}

fn weights(op: &'static str, models: usize, options: &FusionOptions) -> Result<Vec<f64>> {
    require_fraction(op, "an iou_threshold", options.iou_threshold)?;
    if options.skip_threshold.is_nan() {
        return Err(Error::argument(op, "expected a skip_threshold that is a number, received NaN"));
    }
    if options.weights.is_empty() {
        return Ok(vec![1.0; models]);
    }
    if options.weights.len() != models {
        let message = format!("expected a weight for each of {models} models, received {}", options.weights.len());
        return Err(Error::argument(op, message));
    }
    match options.weights.iter().find(|weight| !(**weight > 0.0 && weight.is_finite())) {
        Some(weight) => Err(Error::argument(op, format!("expected finite weights above 0, received {weight}"))),
        None => Ok(options.weights.clone()),
    }
}

/// A box that a model found.
struct Found {
    label: i64,
    /// By the model's weight.
    score: f64,
    weight: f64,
    model: usize,
    corners: Rect<f64>,
}

fn read(
    op: &'static str,
    detections: &Detections,
    model: usize,
    weight: f64,
    skip_threshold: f64,
    found: &mut Vec<Found>,
) -> Result<()> {
    require_list(op, &detections.boxes)?;
    let count = detections.boxes.shape()[0];
    let scores = host::scores(op, count, &detections.scores)?;
    let labels = host::labels(op, count, &detections.labels)?;
    if let Some(score) = scores.iter().find(|score| **score < 0.0 || score.is_infinite()) {
        return Err(Error::argument(op, format!("expected finite scores that are not negative, received {score}")));
    }
    let boxes = elements::<f64>(&detections.boxes)?;
    for ((&corners, score), label) in boxes.as_chunks::<4>().0.iter().zip(scores).zip(labels) {
        let corners = Rect::new(corners);
        if corners.covers_something() && score >= skip_threshold {
            found.push(Found { label, score: score * weight, weight, model, corners });
        }
    }
    Ok(())
}

/// Boxes that overlap, and their mean.
struct Cluster<'a> {
    members: Vec<&'a Found>,
    mean: Rect<f64>,
    /// Scores, and corners by score, added up.
    score: f64,
    sums: [f64; 4],
}

impl<'a> Cluster<'a> {
    fn new(first: &'a Found) -> Self {
        let mut cluster = Cluster { members: Vec::new(), mean: first.corners, score: 0.0, sums: [0.0; 4] };
        cluster.add(first);
        // To the bit, though it may have no score.
        cluster.mean = first.corners;
        cluster
    }

    fn add(&mut self, found: &'a Found) {
        let Rect { x1, y1, x2, y2, .. } = found.corners;
        self.score += found.score;
        for (sum, corner) in self.sums.iter_mut().zip([x1, y1, x2, y2]) {
            *sum += found.score * corner;
        }
        self.members.push(found);
        // Of boxes without any score, the first stands for all.
        if self.score > 0.0 {
            self.mean = Rect::new(self.sums.map(|sum| sum / self.score));
        }
    }

    /// The fused score.
    fn score(&self, weights: &[f64], options: &FusionOptions) -> f64 {
        let all: f64 = weights.iter().sum();
        let count = self.members.len() as f64;
        let own: f64 = self.members.iter().map(|found| found.weight).sum();
        let mut models: Vec<usize> = self.members.iter().map(|found| found.model).collect();
        models.sort_unstable();
        models.dedup();
        let present: f64 = models.iter().map(|&model| weights[model]).sum();
        match options.score {
            FusedScore::Average if options.allow_overflow => self.score / all,
            FusedScore::Average => self.score / count * count.min(weights.len() as f64) / all,
            FusedScore::Max => {
                let best = self.members.iter().fold(0.0, |best: f64, found| best.max(found.score));
                best / weights.iter().fold(0.0, |best: f64, &weight| best.max(weight))
            }
            FusedScore::BoxAndModelAverage => self.score / own * present / all,
            FusedScore::AbsentModelAwareAverage => self.score / (own + (all - present)),
        }
    }
}

/// The clusters of boxes of one class, best first.
fn clusters(class: &[Found], iou_threshold: f64) -> Vec<Cluster<'_>> {
    let mut clusters: Vec<Cluster<'_>> = Vec::new();
    // Clusters are shown at their means, in the places of the boxes that began them.
    let numbers: Vec<f64> = class.iter().flat_map(|Found { corners: b, .. }| [b.x1, b.y1, b.x2, b.y2]).collect();
    let mut tree = Tree::new(&Corners::of(&numbers));
    // The box that began each cluster, and the other way round.
    let (mut first, mut begun_by) = (Vec::new(), vec![None; class.len()]);
    for (k, found) in class.iter().enumerate() {
        let mut best: (f64, Option<usize>) = (iou_threshold, None);
        tree.any(&Reach::of(found.corners, iou_threshold), &mut |number, group| {
            for (lane, iou) in group.ious(found.corners).into_iter().enumerate() {
                let other = tree.box_at(number, lane).and_then(|i| begun_by[i]);
                // Of equal overlaps the first cluster's counts.
                if iou > best.0 || (iou == best.0 && best.1.is_some() && other < best.1) {
                    best = (iou, other);
                }
            }
            false
        });
        let cluster = match best.1 {
            Some(cluster) => {
                tree.hide(first[cluster]);
                clusters[cluster].add(found);
                cluster
            }
            None => {
                first.push(k);
                clusters.push(Cluster::new(found));
                begun_by[k] = Some(clusters.len() - 1);
                clusters.len() - 1
            }
        };
        let mean = clusters[cluster].mean;
        // Of huge corners it may be no number, and nothing joins it.
        if mean.covers_something() {
            tree.show(first[cluster], mean);
        }
    }
    clusters
}

#[cfg(test)]
mod tests {
    use ocelli_data::SampleRng;

    use super::*;

    #[test]
    fn clusters_are_those_of_comparing_all() {
        let mut rng = SampleRng::new(3, 0, 0);
        for (count, picture) in [(0, 9.0), (1, 9.0), (300, 20.0), (3000, 400.0)] {
            let mut found: Vec<Found> = (0..count)
                .map(|k| {
                    let mut whole = |most: f64| (rng.uniform(0.0, most).unwrap()).floor();
                    let (x, y, w, h) = (whole(picture), whole(picture), 1.0 + whole(12.0), 1.0 + whole(12.0));
                    let corners = Rect::new([x, y, x + w, y + h]);
                    Found { label: 0, score: whole(9.0), weight: 1.0, model: k % 3, corners }
                })
                .collect();
            found.sort_by(|a, b| b.score.total_cmp(&a.score));
            for threshold in [0.0, 0.2, 0.55, 1.0] {
                let mut all: Vec<Cluster<'_>> = Vec::new();
                for one in &found {
                    let mut best = (threshold, None);
                    for (i, cluster) in all.iter().enumerate() {
                        let iou = one.corners.iou(cluster.mean);
                        if iou > best.0 {
                            best = (iou, Some(i));
                        }
                    }
                    match best.1 {
                        Some(i) => all[i].add(one),
                        None => all.push(Cluster::new(one)),
                    }
                }
                let quick = clusters(&found, threshold);
                assert_eq!(quick.len(), all.len());
                for (a, b) in quick.iter().zip(&all) {
                    assert_eq!((a.mean, a.members.len()), (b.mean, b.members.len()));
                    assert!(a.members.iter().zip(&b.members).all(|(a, b)| std::ptr::eq(*a, *b)));
                }
            }
        }
    }
}
