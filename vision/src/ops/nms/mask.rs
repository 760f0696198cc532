//! Suppression by overlaps that are given: of masks, or of whatever else can be compared.

use ocelli_tensor::{DType, Tensor};

use super::super::corners::Real;
use super::matrix::{Overlaps, require_overlaps};
use super::ranking::Ranking;
use crate::Result;
use crate::check::require_fraction;

/// As [`nms`](super::nms()) of masks: `iou` `[N, N]` holds their intersections over unions, from
/// [`mask_iou_matrix`](super::super::mask_iou_matrix) or the IoU of run-length codes. Of a pair, the row of the better scored is read; NaN
/// suppresses nothing. With `labels` (integers `[N]`) masks of different classes do not suppress each other.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::{mask_iou_matrix, mask_nms};
/// # fn main() -> ocelli_vision::Result<()> {
/// let masks = Tensor::new([[[1u8, 1, 0], [1, 1, 0]], [[1, 1, 0], [1, 0, 0]], [[0, 0, 1], [0, 0, 1]]])?;
/// let iou = mask_iou_matrix(&masks, &masks)?;
/// let scores = Tensor::new([0.6f32, 0.9, 0.3])?;
/// assert_eq!(mask_nms(&iou, &scores, None, 0.5)?.to_vec::<i64>()?, [1, 2]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the shapes and dtypes are these, every IoU is in `0..=1` or NaN, and `threshold` is in `0..=1`.
pub fn mask_nms(iou: &Tensor, scores: &Tensor, labels: Option<&Tensor>, threshold: f64) -> Result<Tensor> {
    match iou.dtype() {
        DType::F64 => taken_in::<f64>(iou, scores, labels, threshold),
        _ => taken_in::<f32>(iou, scores, labels, threshold),
    }
}

fn taken_in<T: Real>(iou: &Tensor, scores: &Tensor, labels: Option<&Tensor>, threshold: f64) -> Result<Tensor> {
    let op = "mask_nms";
    let ranking = Ranking::new(op, require_overlaps(op, iou)?, scores, labels)?;
    require_fraction(op, "a threshold", threshold)?;
    let (iou, limit) = (Overlaps::<T>::read(op, iou)?, T::at_most(threshold));
    ranking.taken(&|members| {
        let mut taken = vec![true; members.len()];
        for (rank, &i) in members.iter().enumerate() {
            if taken[rank] {
                let row = iou.row(i);
                for (taken, &j) in taken.iter_mut().zip(members).skip(rank + 1) {
                    // NaN is not above anything.
                    if row[j] > limit {
                        *taken = false;
                    }
                }
            }
        }
        taken
    })
}
