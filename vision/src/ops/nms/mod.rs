//! Non-maximum suppression.

use std::collections::BTreeMap;

use ocelli_tensor::{DType, Device, Error as TensorError, Tensor};

use super::boxes::require_list;
use super::corners::{Corners, Real};
use crate::{Error, Result};

/// Greedy non-maximum suppression: takes boxes from the best score down and drops each whose intersection over union with one
/// taken before is above `threshold`. Returns the positions of those taken as `i64`, best first; equal scores stand in
/// their input order, and scores that are NaN come last.
///
/// `boxes` are [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy) `[N, 4]`, `scores` `[N]`, both of any float type.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::nms;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[0.0f32, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [20.0, 0.0, 30.0, 10.0]])?;
/// let scores = Tensor::new([0.6f32, 0.9, 0.3])?;
/// assert_eq!(nms(&boxes, &scores, 0.5)?.to_vec::<i64>()?, [1, 2]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the shapes and dtypes are these and `threshold` is in `0..=1`.
pub fn nms(boxes: &Tensor, scores: &Tensor, threshold: f64) -> Result<Tensor> {
    let order = order("nms", boxes, scores, threshold)?;
    let taken = match boxes.dtype() {
        DType::F64 => taken(&Corners::<f64>::read("nms", boxes)?.select(&order), threshold),
        _ => taken(&Corners::<f32>::read("nms", boxes)?.select(&order), threshold),
    };
    positions(&order, &taken)
}

/// As [`nms`], but boxes of different classes do not suppress each other. `labels` are integers `[N]`. Right whatever the
/// coordinates: the classes are done one by one, not moved apart.
///
/// # Errors
/// As [`nms`], and unless there is one integer label for each box.
pub fn batched_nms(boxes: &Tensor, scores: &Tensor, labels: &Tensor, threshold: f64) -> Result<Tensor> {
    let order = order("batched_nms", boxes, scores, threshold)?;
    if !labels.dtype().is_integer() {
        return Err(TensorError::dtype("batched_nms", "labels of an integer dtype", labels.dtype()).into());
    }
    if labels.shape() != scores.shape() {
        let expected = format!("one label for each box, shape {}", scores.shape());
        return Err(TensorError::shape("batched_nms", expected, labels.shape()).into());
    }
    let labels = labels.to_dtype(DType::I64)?.to_vec::<i64>()?;
    let taken = match boxes.dtype() {
        DType::F64 => taken_by_class(&Corners::<f64>::read("batched_nms", boxes)?, &order, &labels, threshold),
        _ => taken_by_class(&Corners::<f32>::read("batched_nms", boxes)?, &order, &labels, threshold),
    };
    positions(&order, &taken)
}

/// The boxes' positions from the best score down.
fn order(op: &'static str, boxes: &Tensor, scores: &Tensor, threshold: f64) -> Result<Vec<usize>> {
    require_list(op, boxes)?;
    if !scores.dtype().is_float() {
        return Err(TensorError::dtype(op, "scores of a float dtype", scores.dtype()).into());
    }
    let count = boxes.shape()[0];
    if scores.shape()[..] != [count] {
        let expected = format!("one score for each box, shape [{count}]");
        return Err(TensorError::shape(op, expected, scores.shape()).into());
    }
    if !(0.0..=1.0).contains(&threshold) {
        return Err(Error::argument(op, format!("expected a threshold in 0..=1, received {threshold}")));
    }
    let scores = scores.to_device(Device::Cpu)?.to_dtype(DType::F64)?.to_vec::<f64>()?;
    let mut order: Vec<usize> = (0..count).collect();
    // A stable sort. Two numbers compare by value (0 equals -0), a NaN stands behind every number.
    order.sort_by(|&i, &j| {
        let (a, b) = (scores[i], scores[j]);
        b.partial_cmp(&a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    });
    Ok(order)
}

/// Which of the boxes, best first, are taken.
fn taken<T: Real>(boxes: &Corners<T>, threshold: f64) -> Vec<bool> {
    let threshold = T::at_most(threshold);
    let mut dropped = vec![false; boxes.len()];
    for i in 0..boxes.len() {
        if !dropped[i] {
            let later = &mut dropped[i + 1..];
            boxes.iou_with(boxes, i, i + 1, later, |dropped, iou| *dropped |= iou > threshold);
        }
    }
    dropped.iter().map(|dropped| !dropped).collect()
}

/// Which of the boxes, in their order, are taken when each class is for itself.
fn taken_by_class<T: Real>(boxes: &Corners<T>, order: &[usize], labels: &[i64], threshold: f64) -> Vec<bool> {
    let mut classes: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (rank, &position) in order.iter().enumerate() {
        classes.entry(labels[position]).or_default().push(rank);
    }
    let mut all = vec![false; order.len()];
    for ranks in classes.values() {
        let members: Vec<usize> = ranks.iter().map(|&rank| order[rank]).collect();
        for (&rank, taken) in ranks.iter().zip(taken(&boxes.select(&members), threshold)) {
            all[rank] = taken;
        }
    }
    all
}

fn positions(order: &[usize], taken: &[bool]) -> Result<Tensor> {
    let positions: Vec<i64> =
        order.iter().zip(taken).filter(|(_, taken)| **taken).map(|(&position, _)| position as i64).collect();
    let count = positions.len();
    Ok(Tensor::from_vec(positions, [count])?)
}
