//! Soft suppression: boxes that overlap a better one lose score instead of being dropped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ocelli_tensor::{DType, Tensor};

use super::super::boxes::require_list;
use super::super::corners::{Corners, Real};
use super::super::tree::{Reach, Tree};
use super::ranking::{Ranking, Rescored, descending, require_decay, require_no_negative, sorted_by_key};
use crate::Result;
use crate::check::require_fraction;

/// How [`soft_nms`] lowers the score of a box, by its intersection over union with a better one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SoftDecay {
    /// `score · (1 − IoU)` where the IoU is above the threshold (in `0..=1`; the paper's is 0.3).
    Linear {
        /// Up to here nothing is lowered.
        threshold: f64,
    },
    /// `score · exp(−IoU²/sigma)`, with `sigma` above 0 (the paper's is 0.5).
    Gaussian {
        /// The larger, the less is lowered.
        sigma: f64,
    },
}

/// Soft-NMS: takes the box with the best score, lowers the scores of those left that overlap it, and so on, until the best score left is below
/// `score_threshold`. A score is that of the box that is lowered, and is lowered once by each box taken before it.
/// (N. Bodla et al., "Soft-NMS: Improving Object Detection With One Line of Code", 2017.)
///
/// `boxes` are [`BoxFormat::Xyxy`](super::super::BoxFormat::Xyxy) `[N, 4]`, `scores` `[N]` (not negative; a NaN is below every threshold). With
/// `labels` (integers `[N]`) the classes are done apart.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::{SoftDecay, soft_nms};
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[0.0f64, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 2.0], [9.0, 0.0, 10.0, 4.0]])?;
/// let scores = Tensor::new([0.9f64, 0.8, 0.5])?;
/// let left = soft_nms(&boxes, &scores, None, SoftDecay::Linear { threshold: 0.3 }, 0.05)?;
/// // The IoU of the first two is 0.5: 0.8 becomes 0.4.
/// assert_eq!(left.indices.to_vec::<i64>()?, [0, 2, 1]);
/// assert_eq!(left.scores.to_vec::<f64>()?, [0.9, 0.5, 0.4]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the shapes and dtypes are these, no score is negative, and the decay's number is in its range.
pub fn soft_nms(
    boxes: &Tensor,
    scores: &Tensor,
    labels: Option<&Tensor>,
    decay: SoftDecay,
    score_threshold: f64,
) -> Result<Rescored> {
    let op = "soft_nms";
    require_list(op, boxes)?;
    let ranking = Ranking::new(op, boxes.shape()[0], scores, labels)?;
    require_no_negative(op, &ranking.scores)?;
    match decay {
        SoftDecay::Linear { threshold } => {
            require_fraction(op, "a threshold", threshold)?;
            require_decay(op, None, score_threshold)?;
        }
        SoftDecay::Gaussian { sigma } => require_decay(op, Some(sigma), score_threshold)?,
    }
    match boxes.dtype() {
        DType::F64 => lowered_in::<f64>(op, boxes, &ranking, scores.dtype(), decay, score_threshold),
        _ => lowered_in::<f32>(op, boxes, &ranking, scores.dtype(), decay, score_threshold),
    }
}

fn lowered_in<T: Real>(
    op: &'static str,
    boxes: &Tensor,
    ranking: &Ranking,
    dtype: DType,
    decay: SoftDecay,
    score_threshold: f64,
) -> Result<Rescored> {
    let boxes = Corners::<T>::read(op, boxes)?;
    ranking.rescored(dtype, score_threshold, &|members| {
        let scores = members.iter().map(|&position| ranking.scores[position]).collect();
        lowered(&boxes.select(members), scores, members, decay, score_threshold)
    })
}

/// The scores when all is done. `positions` decide between equal scores.
fn lowered<T: Real>(
    boxes: &Corners<T>,
    mut scores: Vec<f64>,
    positions: &[usize],
    decay: SoftDecay,
    score_threshold: f64,
) -> Vec<f64> {
    let mut tree = Tree::new(boxes);
    boxes.iter().enumerate().for_each(|(i, b)| tree.show(i, b));
    let reached_from = match decay {
        SoftDecay::Linear { threshold } => threshold,
        SoftDecay::Gaussian { .. } => 0.0,
    };
    // By members' numbers, so that the position that decides between equal scores follows from what is sorted.
    let by_position = sorted_by_key(positions.len(), |i| positions[i] as u64);
    let entry = |score: f64, rank: usize| Reverse((descending(score), rank));
    let mut heap: BinaryHeap<_> = by_position.iter().enumerate().map(|(rank, &i)| entry(scores[i], rank)).collect();
    while let Some(Reverse((key, rank))) = heap.pop() {
        let i = by_position[rank];
        // Scores only fall: an entry that is out of date stands too far in front, and goes back to where it belongs.
        if key != descending(scores[i]) {
            heap.push(entry(scores[i], rank));
            continue;
        }
        // NaN is not at least anything.
        let enough = scores[i] >= score_threshold;
        if !enough {
            break;
        }
        let b = boxes.get(i);
        tree.hide(i);
        if b.covers_something() {
            tree.any(&Reach::of(b, reached_from), &mut |number, group| {
                for (lane, iou) in group.ious(b).into_iter().enumerate() {
                    let Some(other) = tree.box_at(number, lane) else { break };
                    let iou = iou.to_f64();
                    match decay {
                        SoftDecay::Linear { threshold } if iou > threshold => scores[other] *= 1.0 - iou,
                        SoftDecay::Gaussian { sigma } if iou > 0.0 => scores[other] *= (-iou * iou / sigma).exp(),
                        _ => {}
                    }
                }
                false
            });
        }
    }
    scores
}
