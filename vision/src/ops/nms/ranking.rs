//! Which box comes first: the order that all kinds of suppression follow.

use ocelli_tensor::kernels::over_pieces;
use ocelli_tensor::{DType, Device, Tensor};

use crate::{Error, Result, host};

/// From so many boxes on, classes are shared among threads.
const SHARED: usize = 1024;

/// Positions of scored boxes from the best score down; equal scores (0 and -0 too) in their input order, NaN behind all numbers.
pub(super) struct Ranking {
    pub(super) scores: Vec<f64>,
    pub(super) order: Vec<usize>,
    /// The order within each class. Without labels there is one class.
    classes: Vec<Vec<usize>>,
    device: Device,
}

impl Ranking {
    /// Of `count` boxes.
    ///
    /// # Errors
    /// Unless there is one score of a float type for each box, and one integer label, if there are labels.
    pub(super) fn new(op: &'static str, count: usize, scores: &Tensor, labels: Option<&Tensor>) -> Result<Self> {
        let (device, scores) = (scores.device(), host::scores(op, count, scores)?);
        let order = sorted_by_key(count, |i| descending(scores[i]));
        let classes = match labels {
            Some(labels) => by_label(&order, &host::labels(op, count, labels)?),
            None => vec![order.clone()],
        };
        Ok(Ranking { scores, order, classes, device })
    }

    /// What `suppress` gives for the boxes of each class, whose positions it gets best first: by position.
    pub(super) fn in_classes<R: Copy + Default + Send>(
        &self,
        suppress: &(dyn Fn(&[usize]) -> Vec<R> + Sync),
    ) -> Vec<R> {
        let mut results: Vec<(&[usize], Vec<R>)> = self.classes.iter().map(|class| (&class[..], Vec::new())).collect();
        // Few boxes are done before another thread would have begun.
        let piece = if self.order.len() < SHARED { results.len() } else { 1 };
        over_pieces(&mut results, piece, &|_, piece| {
            piece.iter_mut().for_each(|(members, result)| *result = suppress(members));
        });
        let mut by_position = vec![R::default(); self.order.len()];
        for (members, result) in results {
            members.iter().zip(result).for_each(|(&position, result)| by_position[position] = result);
        }
        by_position
    }

    /// The positions of those that `suppress` takes within their class, best first, on the device of the scores.
    pub(super) fn taken(&self, suppress: &(dyn Fn(&[usize]) -> Vec<bool> + Sync)) -> Result<Tensor> {
        let taken = self.in_classes(suppress);
        positions(self.order.iter().copied().filter(|&position| taken[position]), self.device)
    }

    /// The positions of those whose score, once `lower` has lowered it, is at least `threshold`, best first, and these scores.
    pub(super) fn rescored(
        &self,
        dtype: DType,
        threshold: f64,
        lower: &(dyn Fn(&[usize]) -> Vec<f64> + Sync),
    ) -> Result<Rescored> {
        let lowered = self.in_classes(lower);
        let mut order = sorted_by_key(lowered.len(), |i| descending(lowered[i]));
        order.retain(|&position| lowered[position] >= threshold);
        let scores: Vec<f64> = order.iter().map(|&position| lowered[position]).collect();
        let scores = Tensor::from_slice(&scores, [scores.len()])?.to_dtype(dtype)?.to_device(self.device)?;
        Ok(Rescored { indices: positions(order.into_iter(), self.device)?, scores })
    }
}

/// What a suppression leaves that lowers scores instead of dropping boxes.
#[derive(Debug, Clone)]
pub struct Rescored {
    /// The positions of the boxes left, `i64 [K]`, from the best lowered score down; equal ones in their input order.
    pub indices: Tensor,
    /// Their lowered scores `[K]`, in the dtype of the scores given.
    pub scores: Tensor,
}

/// `Err` unless the scores that a box is left by are compared with a number, and `sigma`, where there is one, is above 0.
pub(super) fn require_decay(op: &'static str, sigma: Option<f64>, score_threshold: f64) -> Result<()> {
    if let Some(sigma) = sigma.filter(|sigma| !(*sigma > 0.0 && sigma.is_finite())) {
        return Err(Error::argument(op, format!("expected a finite sigma above 0, received {sigma}")));
    }
    if score_threshold.is_nan() {
        return Err(Error::argument(op, "expected a score threshold that is a number, received NaN"));
    }
    Ok(())
}

/// `Err` if a score is negative: lowering multiplies, which would raise it.
pub(super) fn require_no_negative(op: &'static str, scores: &[f64]) -> Result<()> {
    match scores.iter().find(|score| **score < 0.0) {
        Some(score) => Err(Error::argument(op, format!("expected scores that are not negative, received {score}"))),
        None => Ok(()),
    }
}

/// `0..count` by rising keys; equal ones in their order.
pub(in crate::ops) fn sorted_by_key(count: usize, key: impl Fn(usize) -> u64) -> Vec<usize> {
    // Key and position in one number: the sort needs neither to be stable nor to look anything up.
    let mut keyed: Vec<u128> = (0..count).map(|i| u128::from(key(i)) << 64 | i as u128).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|keyed| keyed as u64 as usize).collect()
}

/// A key that rises where scores fall. NaN has the highest.
pub(super) fn descending(score: f64) -> u64 {
    if score.is_nan() {
        return u64::MAX;
    }
    // 0 for -0. Of two positive numbers the bits compare as the numbers, of two negative ones the other way round.
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 { bits } else { !(bits | 1 << 63) }
}

/// The positions in `order`, a list for each label.
fn by_label(order: &[usize], labels: &[i64]) -> Vec<Vec<usize>> {
    let label = |rank: usize| labels[order[rank]];
    let ranks = sorted_by_key(order.len(), |rank| label(rank) as u64);
    let classes = ranks.chunk_by(|&a, &b| label(a) == label(b));
    classes.map(|ranks| ranks.iter().map(|&rank| order[rank]).collect()).collect()
}

fn positions(positions: impl Iterator<Item = usize>, device: Device) -> Result<Tensor> {
    let positions: Vec<i64> = positions.map(|position| position as i64).collect();
    let count = positions.len();
    Ok(Tensor::from_vec(positions, [count])?.to_device(device)?)
}
