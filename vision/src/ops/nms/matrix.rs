//! Matrix suppression: all scores are lowered at once.

use std::borrow::Cow;

use ocelli_tensor::{DType, Error as TensorError, Tensor};

use super::super::corners::Real;
use super::ranking::{Ranking, Rescored, require_decay, require_no_negative};
use crate::Result;
use crate::host::elements;

/// How [`matrix_nms`] lowers the score of what overlaps something better scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MatrixDecay {
    /// By `1 − IoU`.
    Linear,
    /// By `exp(−sigma · IoU²)`, with `sigma` above 0 (the paper's is 2).
    Gaussian {
        /// The larger, the more is lowered.
        sigma: f64,
    },
}

/// Matrix NMS: lowers each score by its worst overlap with a better one of its class, where the better one counts less the more it is itself
/// overlapped: `min over i of f(IoU of i and j) / f(the largest IoU of i with one better than i)`. Takes
/// what is left with at least `score_threshold`. (X. Wang et al., "SOLOv2: Dynamic and Fast Instance Segmentation", 2020.)
///
/// `iou` `[N, N]` holds the intersections over unions of masks ([`mask_iou_matrix`](super::super::mask_iou_matrix)) or boxes
/// ([`iou_matrix`](super::super::iou_matrix)); of a pair, the row of the better scored is read; NaN counts as 0. `scores` are `[N]` and not
/// negative. With `labels` (integers `[N]`) the classes are done apart. Something that a better one covers entirely (`f` is 0) lowers nothing:
/// what it would lower, the better one lowers.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::{MatrixDecay, matrix_nms};
/// # fn main() -> ocelli_vision::Result<()> {
/// let iou = Tensor::new([[1.0f64, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]])?;
/// let scores = Tensor::new([0.9f64, 0.8, 0.5])?;
/// let left = matrix_nms(&iou, &scores, None, MatrixDecay::Linear, 0.05)?;
/// assert_eq!(left.indices.to_vec::<i64>()?, [0, 2, 1]);
/// assert_eq!(left.scores.to_vec::<f64>()?, [0.9, 0.5, 0.4]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the shapes and dtypes are these, every IoU is in `0..=1` or NaN, no score is negative, and `sigma` is above 0.
pub fn matrix_nms(
    iou: &Tensor,
    scores: &Tensor,
    labels: Option<&Tensor>,
    decay: MatrixDecay,
    score_threshold: f64,
) -> Result<Rescored> {
    let op = "matrix_nms";
    let sigma = match decay {
        MatrixDecay::Linear => None,
        MatrixDecay::Gaussian { sigma } => Some(sigma),
    };
    require_decay(op, sigma, score_threshold)?;
    match iou.dtype() {
        DType::F64 => lowered_in::<f64>(op, iou, scores, labels, decay, score_threshold),
        _ => lowered_in::<f32>(op, iou, scores, labels, decay, score_threshold),
    }
}

fn lowered_in<T: Real>(
    op: &'static str,
    iou: &Tensor,
    scores: &Tensor,
    labels: Option<&Tensor>,
    decay: MatrixDecay,
    score_threshold: f64,
) -> Result<Rescored> {
    let count = require_overlaps(op, iou)?;
    let ranking = Ranking::new(op, count, scores, labels)?;
    require_no_negative(op, &ranking.scores)?;
    let iou = Overlaps::<T>::read(op, iou)?;
    ranking.rescored(scores.dtype(), score_threshold, &|members| lowered(&iou, &ranking.scores, members, decay))
}

/// The lowered scores of these, best first.
fn lowered<T: Real>(iou: &Overlaps<'_, T>, scores: &[f64], members: &[usize], decay: MatrixDecay) -> Vec<f64> {
    // Of each, the largest overlap with a better one, and the largest penalty; the former is known when its turn comes to penalize.
    let mut worst = vec![0.0f64; members.len()];
    let mut penalties = vec![0.0f64; members.len()];
    for (rank, &i) in members.iter().enumerate() {
        let (row, own) = (iou.row(i), worst[rank]);
        for ((worst, penalty), &j) in worst.iter_mut().zip(&mut penalties).zip(members).skip(rank + 1) {
            let overlap = row[j].to_f64();
            *worst = worst.max(overlap);
            // Where `own` is 1 this is -∞ or NaN, which `max` passes over.
            *penalty = penalty.max(match decay {
                MatrixDecay::Linear => (overlap - own) / (1.0 - own),
                MatrixDecay::Gaussian { .. } => overlap * overlap - own * own,
            });
        }
    }
    let left = |penalty: f64| match decay {
        MatrixDecay::Linear => 1.0 - penalty,
        MatrixDecay::Gaussian { sigma } => (-sigma * penalty).exp(),
    };
    members.iter().zip(penalties).map(|(&position, penalty)| scores[position] * left(penalty)).collect()
}

/// The intersections over unions of all pairs, row by row.
pub(super) struct Overlaps<'a, T: Clone> {
    values: Cow<'a, [T]>,
    count: usize,
}

impl<'a, T: Real> Overlaps<'a, T> {
    /// # Errors
    /// If a value is neither in `0..=1` nor NaN.
    pub(super) fn read(op: &'static str, iou: &'a Tensor) -> Result<Self> {
        let values = elements::<T>(iou)?;
        let one = T::from_f64(1.0);
        if let Some(value) = values.iter().find(|value| **value < T::ZERO || **value > one) {
            let message = format!("expected intersections over unions in 0..=1, received {value:?}");
            return Err(crate::Error::argument(op, message));
        }
        Ok(Overlaps { values, count: iou.shape()[0] })
    }

    pub(super) fn row(&self, i: usize) -> &[T] {
        &self.values[i * self.count..][..self.count]
    }
}

/// How many things these are the pairwise overlaps of.
pub(super) fn require_overlaps(op: &'static str, iou: &Tensor) -> Result<usize> {
    match iou.shape()[..] {
        [rows, columns] if rows == columns => {}
        _ => return Err(TensorError::shape(op, "intersections over unions of shape [N, N]", iou.shape()).into()),
    }
    if !iou.dtype().is_float() {
        return Err(TensorError::dtype(op, "intersections over unions of a float dtype", iou.dtype()).into());
    }
    Ok(iou.shape()[0])
}
