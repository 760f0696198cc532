//! Non-maximum suppression: of boxes that show the same object, the best scored is kept.
//!
//! All kinds go from the best score down. Equal scores stand in their input order, and scores that are NaN come last, so that the result is
//! the same at each run and on any number of threads. A box that covers nothing (`x2 ≤ x1`, `y2 ≤ y1`) or is not finite (a NaN, an infinite
//! side or area) shares nothing with another: it is neither suppressed nor does it suppress. Classes are done one by one, not moved
//! apart by an offset: right whatever the coordinates. The work is done on the CPU; results go to the device of the scores.

mod mask;
mod matrix;
mod ranking;
mod rotated;
mod soft;

use ocelli_tensor::{DType, Tensor};

use super::boxes::require_list;
use super::corners::{Corners, Real, Rect};
use super::iou::EPSILON;
use super::tree::{Reach, Tree};
use crate::Result;
use crate::check::require_fraction;
use ranking::Ranking;
pub(super) use ranking::sorted_by_key;

pub use mask::mask_nms;
pub use matrix::{MatrixDecay, matrix_nms};
pub use ranking::Rescored;
pub use rotated::rotated_nms;
pub use soft::{SoftDecay, soft_nms};

/// Greedy non-maximum suppression: takes boxes from the best score down and drops each whose intersection over union with one
/// taken before is above `threshold`. Returns the positions of those taken as `i64`, best first; equal scores stand in
/// their input order, and scores that are NaN come last.
///
/// `boxes` are [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy) `[N, 4]`, `scores` `[N]`, both of any float type; half types are computed in `f32`.
/// The numbers are those of torchvision's `nms`. Boxes that lie apart are not compared (they are found by a tree), so a hundred thousand
/// take a fraction of a second. A box that covers nothing or is not finite is neither suppressed nor does it suppress.
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
    greedy("nms", boxes, scores, None, threshold, Overlap::Iou)
}

/// As [`nms`], but boxes of different classes do not suppress each other. `labels` are integers `[N]`. Right whatever the
/// coordinates: the classes are done one by one, not moved apart.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::batched_nms;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[0.0f32, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [0.0, 0.0, 10.0, 10.0]])?;
/// let (scores, labels) = (Tensor::new([0.6f32, 0.9, 0.3])?, Tensor::new([7i64, 7, 2])?);
/// assert_eq!(batched_nms(&boxes, &scores, &labels, 0.5)?.to_vec::<i64>()?, [1, 2]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`nms`], and unless there is one integer label for each box.
pub fn batched_nms(boxes: &Tensor, scores: &Tensor, labels: &Tensor, threshold: f64) -> Result<Tensor> {
    greedy("batched_nms", boxes, scores, Some(labels), threshold, Overlap::Iou)
}

/// As [`nms`], but a box is dropped where `IoU − d²/c²` is above `threshold`, with `d` the distance of the centres and `c` the diagonal of the
/// smallest box around both ([`diou_matrix`](super::diou_matrix)): of two objects that hide each other both stay more often. With `labels`
/// (integers `[N]`), boxes of different classes do not suppress each other. (Z. Zheng et al., "Distance-IoU Loss", 2019.)
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::{diou_nms, nms};
/// # fn main() -> ocelli_vision::Result<()> {
/// // The IoU is 0.5; the centres are 5 apart, and the diagonal is 15.8.
/// let boxes = Tensor::new([[0.0f32, 0.0, 10.0, 5.0], [0.0, 0.0, 10.0, 10.0]])?;
/// let scores = Tensor::new([0.9f32, 0.8])?;
/// assert_eq!(nms(&boxes, &scores, 0.49)?.to_vec::<i64>()?, [0]);
/// assert_eq!(diou_nms(&boxes, &scores, None, 0.49)?.to_vec::<i64>()?, [0, 1]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`batched_nms`].
pub fn diou_nms(boxes: &Tensor, scores: &Tensor, labels: Option<&Tensor>, threshold: f64) -> Result<Tensor> {
    greedy("diou_nms", boxes, scores, labels, threshold, Overlap::Diou)
}

/// What is compared with the threshold.
#[derive(Debug, Clone, Copy)]
enum Overlap {
    Iou,
    Diou,
}

fn greedy(
    op: &'static str,
    boxes: &Tensor,
    scores: &Tensor,
    labels: Option<&Tensor>,
    threshold: f64,
    overlap: Overlap,
) -> Result<Tensor> {
    require_list(op, boxes)?;
    let ranking = Ranking::new(op, boxes.shape()[0], scores, labels)?;
    require_fraction(op, "a threshold", threshold)?;
    match boxes.dtype() {
        DType::F64 => greedy_in::<f64>(op, boxes, &ranking, threshold, overlap),
        _ => greedy_in::<f32>(op, boxes, &ranking, threshold, overlap),
    }
}

fn greedy_in<T: Real>(
    op: &'static str,
    boxes: &Tensor,
    ranking: &Ranking,
    threshold: f64,
    overlap: Overlap,
) -> Result<Tensor> {
    let boxes = Corners::<T>::read(op, boxes)?;
    let (limit, eps) = (T::at_most(threshold), T::from_f64(EPSILON));
    ranking.taken(&|members| {
        let boxes = boxes.select(members);
        match overlap {
            Overlap::Iou => taken(&boxes, threshold, |a, b| a.iou(b) > limit),
            // Not above the intersection over union, so what is in reach of that is enough.
            Overlap::Diou => taken(&boxes, threshold, |a, b| a.iou(b) - a.distance(b, eps) > limit),
        }
    })
}

/// Which of the boxes, best first, are taken, if `drops` (never where the intersection over union is not above `threshold`) is true of a
/// taken box and one that it drops.
fn taken<T: Real>(boxes: &Corners<T>, threshold: f64, drops: impl Fn(Rect<T>, Rect<T>) -> bool) -> Vec<bool> {
    let mut tree = Tree::new(boxes);
    let take = |(i, b): (usize, Rect<T>)| {
        let dropped = b.covers_something()
            && tree.any(&Reach::of(b, threshold), &mut |_, group| group.any(|other| drops(b, other)));
        if !dropped {
            tree.show(i, b);
        }
        !dropped
    };
    boxes.iter().enumerate().map(take).collect()
}
