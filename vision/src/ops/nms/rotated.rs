//! Suppression of rotated boxes.

use ocelli_tensor::Tensor;

use super::super::corners::Corners;
use super::super::rotated::{Rotated, read};
use super::super::tree::{Reach, Tree};
use super::ranking::Ranking;
use crate::Result;
use crate::check::require_fraction;

/// As [`nms`](super::nms()) of rotated boxes `[N, 5]` (`cx, cy, w, h` and the angle in degrees, see [`rotated`](super::super::rotated)), by
/// the intersection over union of [`rotated::iou_matrix`](super::super::rotated::iou_matrix()), computed in `f64`. With `labels` (integers
/// `[N]`) boxes of different classes do not suppress each other.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::rotated_nms;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[5.0f32, 5.0, 8.0, 2.0, 45.0], [5.0, 5.0, 8.0, 2.0, 50.0], [5.0, 5.0, 8.0, 2.0, -45.0]])?;
/// let scores = Tensor::new([0.6f32, 0.9, 0.3])?;
/// assert_eq!(rotated_nms(&boxes, &scores, None, 0.5)?.to_vec::<i64>()?, [1, 2]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the shapes and dtypes are these and `threshold` is in `0..=1`.
pub fn rotated_nms(boxes: &Tensor, scores: &Tensor, labels: Option<&Tensor>, threshold: f64) -> Result<Tensor> {
    let op = "rotated_nms";
    let boxes = read(op, boxes)?;
    let ranking = Ranking::new(op, boxes.len(), scores, labels)?;
    require_fraction(op, "a threshold", threshold)?;
    ranking.taken(&|members| taken(&members.iter().map(|&i| boxes[i]).collect::<Vec<_>>(), threshold))
}

/// Which of the boxes, best first, are taken.
fn taken(boxes: &[Rotated], threshold: f64) -> Vec<bool> {
    let around = Corners::of(&boxes.iter().flat_map(Rotated::around).collect::<Vec<f64>>());
    let mut tree = Tree::new(&around);
    let take = |(i, b): (usize, &Rotated)| {
        // What is in reach is compared; how much of the boxes around two boxes is shared says nothing about these.
        let reach = Reach::of(around.get(i), 0.0);
        let dropped = b.covers_something()
            && tree.any(&reach, &mut |number, group| {
                tree.within(number, group, &reach).any(|other| b.iou(&boxes[other]) > threshold)
            });
        if !dropped {
            tree.show(i, around.get(i));
        }
        !dropped
    };
    boxes.iter().enumerate().map(take).collect()
}
