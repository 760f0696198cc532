//! What a detector finds in several views of a picture, as one list.

use ocelli_data::augment::View;
use ocelli_tensor::{DType, Tensor};

use super::{Detections, FusionOptions, batched_nms, weighted_boxes_fusion};
use crate::{Error, Result, host};

/// How the boxes of several views become one list.
#[derive(Debug, Clone, PartialEq)]
pub enum MergeViews {
    /// [`weighted_boxes_fusion`], each view being a model.
    Fusion(FusionOptions),
    /// [`batched_nms`] of all boxes together.
    Suppression {
        /// Of boxes of one class that overlap more than this, in `0..=1`, the best one stays.
        iou_threshold: f64,
    },
}

/// What a detector finds in views of one picture, as boxes of the picture: those of each view go back through it ([`View`], which makes test-time augmentation), then all are merged.
/// The best score comes first.
///
/// ```
/// use ocelli_data::Image;
/// use ocelli_data::augment::View;
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::{Detections, MergeViews, merge_views};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let views = View::flips(&Image::from_u8([20, 30, 1], vec![0; 600])?)?;
/// // What a detector would find: the same object at the left, then at the right.
/// let found = |x: f64, score: f64| -> ocelli_tensor::Result<Detections> {
///     let boxes = Tensor::new([[x, 5.0, x + 10.0, 15.0]])?;
///     Ok(Detections { boxes, scores: Tensor::new([score])?, labels: Tensor::new([1i64])? })
/// };
/// let merged = merge_views(&views, &[found(2.0, 0.9)?, found(18.0, 0.8)?], &MergeViews::Suppression { iou_threshold: 0.5 })?;
/// assert_eq!(merged.boxes.to_vec::<f64>()?, [2.0, 5.0, 12.0, 15.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless there are as many lists as views, and at least one, all views are of pictures of one size, and what `merge` names takes the lists.
pub fn merge_views(views: &[View], found: &[Detections], merge: &MergeViews) -> Result<Detections> {
    const OP: &str = "merge_views";
    if views.len() != found.len() {
        let message = format!("expected what was found in {} views, received {}", views.len(), found.len());
        return Err(Error::argument(OP, message));
    }
    let (Some(view), Some(first)) = (views.first(), found.first()) else {
        return Err(Error::argument(OP, "expected at least one view, received none"));
    };
    if let Some(other) = views.iter().find(|other| other.whole() != view.whole()) {
        let message = format!("expected views of a picture of {:?}, received one of {:?}", view.whole(), other.whole());
        return Err(Error::argument(OP, message));
    }
    let mut back = Vec::with_capacity(views.len());
    for (view, detections) in views.iter().zip(found) {
        back.push(Detections { boxes: boxes_back(OP, view, &detections.boxes)?, ..detections.clone() });
    }
    match merge {
        MergeViews::Fusion(options) => weighted_boxes_fusion(&back, options),
        MergeViews::Suppression { iou_threshold } => {
            let all = |of: &dyn Fn(&Detections) -> &Tensor, dtype: DType| -> Result<Tensor> {
                let device = first.boxes.device();
                let parts = back.iter().map(|detections| of(detections).to_dtype(dtype)?.to_device(device));
                Ok(Tensor::concat(&parts.collect::<ocelli_tensor::Result<Vec<_>>>()?, 0)?)
            };
            let boxes = all(&|detections| &detections.boxes, first.boxes.dtype())?;
            let scores = all(&|detections| &detections.scores, first.scores.dtype())?;
            let labels = all(&|detections| &detections.labels, DType::I64)?;
            let kept = batched_nms(&boxes, &scores, &labels, *iou_threshold)?;
            Ok(Detections {
                boxes: boxes.index_select(0, &kept)?,
                scores: scores.index_select(0, &kept)?,
                labels: labels.index_select(0, &kept)?,
            })
        }
    }
}

/// Boxes `[N, 4]` of a view in its picture, of their dtype, on their device. What covers nothing covers nothing there.
fn boxes_back(op: &'static str, view: &View, boxes: &Tensor) -> Result<Tensor> {
    let old = host::boxes(op, boxes)?;
    let mut new = host::reserved(4 * old.len())?;
    for [x1, y1, x2, y2] in old {
        let points = view.points_back(&[[x1, y1], [x2, y2]])?;
        let ([a, b], [c, d]) = (points[0], points[1]);
        let turned_over = x2 < x1 || y2 < y1;
        new.extend(if turned_over { [a, b, a, b] } else { [a.min(c), b.min(d), a.max(c), b.max(d)] });
    }
    let count = new.len() / 4;
    Ok(Tensor::from_vec(new, [count, 4])?.to_dtype(boxes.dtype())?.to_device(boxes.device())?)
}

#[cfg(test)]
mod tests {
    use ocelli_data::Image;

    use super::*;
    use crate::ops::nms;

    fn views() -> Vec<View> {
        let image = Image::from_u8([40, 60, 1], vec![0; 2400]).unwrap();
        let new = || View::new(image.clone());
        vec![
            new(),
            new().flipped_horizontally().unwrap(),
            new().turned(1).unwrap(),
            new().scaled(2.0).unwrap().flipped_vertically().unwrap(),
        ]
    }

    /// Two objects of the picture as a perfect detector finds them in a view.
    fn found(view: &View, scores: [f32; 2]) -> Detections {
        // The way there, by what the way back makes of corners of the view.
        let corners = view.points_back(&[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).unwrap();
        let [o, u, v] = [corners[0], corners[1], corners[2]];
        let (ux, uy, vx, vy) = (u[0] - o[0], u[1] - o[1], v[0] - o[0], v[1] - o[1]);
        let determinant = ux * vy - uy * vx;
        let there = |x: f64, y: f64| {
            let (x, y) = (x - o[0], y - o[1]);
            [(vy * x - vx * y) / determinant, (ux * y - uy * x) / determinant]
        };
        let boxes: Vec<f32> = [[5.0, 6.0, 15.0, 20.0], [30.0, 10.0, 50.0, 36.0]]
            .into_iter()
            .flat_map(|[x1, y1, x2, y2]: [f64; 4]| {
                let ([a, b], [c, d]) = (there(x1, y1), there(x2, y2));
                [a.min(c), b.min(d), a.max(c), b.max(d)].map(|x| x as f32)
            })
            .collect();
        Detections {
            boxes: Tensor::from_vec(boxes, [2, 4]).unwrap(),
            scores: Tensor::new(scores).unwrap(),
            labels: Tensor::new([3i64, 8]).unwrap(),
        }
    }

    #[test]
    fn objects_of_all_views_are_one() {
        let views = views();
        let scores = [[0.5, 0.9], [0.75, 0.6], [0.25, 0.5], [0.5, 0.4]];
        let lists: Vec<Detections> = views.iter().zip(scores).map(|(view, scores)| found(view, scores)).collect();
        let kinds = [MergeViews::Fusion(FusionOptions::default()), MergeViews::Suppression { iou_threshold: 0.5 }];
        for (merge, expected) in kinds.iter().zip([[0.6, 0.5], [0.9, 0.75]]) {
            let merged = merge_views(&views, &lists, merge).unwrap();
            assert_eq!(merged.labels.to_vec::<i64>().unwrap(), [8, 3], "{merge:?}");
            let boxes = merged.boxes.to_vec::<f32>().unwrap();
            let places = [30.0, 10.0, 50.0, 36.0, 5.0, 6.0, 15.0, 20.0];
            assert!(boxes.iter().zip(places).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-4), "{boxes:?}");
            let scores = merged.scores.to_vec::<f32>().unwrap();
            assert!(scores.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6), "{scores:?}");
        }
    }

    #[test]
    fn what_covers_nothing_stays_so() {
        let view = &views()[1];
        let boxes = Tensor::new([[8.0f32, 3.0, 2.0, 9.0], [2.0, 3.0, 8.0, 9.0]]).unwrap();
        let back = boxes_back("test", view, &boxes).unwrap();
        assert_eq!(back.to_vec::<f32>().unwrap(), [52.0, 3.0, 52.0, 3.0, 52.0, 3.0, 58.0, 9.0]);
        let scores = Tensor::new([0.5f32, 0.4]).unwrap();
        assert_eq!(nms(&back, &scores, 0.0).unwrap().to_vec::<i64>().unwrap(), [0, 1]);
    }

    #[test]
    fn lists_that_do_not_fit_are_refused() {
        let views = views();
        let lists: Vec<Detections> = views.iter().map(|view| found(view, [0.5, 0.5])).collect();
        let merge = MergeViews::Suppression { iou_threshold: 0.5 };
        let text = merge_views(&views, &lists[1..], &merge).unwrap_err().to_string();
        assert!(text.ends_with("4 views, received 3"), "{text}");
        assert!(merge_views(&[], &[], &merge).is_err());
        assert!(merge_views(&views, &lists, &MergeViews::Suppression { iou_threshold: 2.0 }).is_err());
        let other = View::new(Image::from_u8([4, 6, 1], vec![0; 24]).unwrap());
        let text = merge_views(&[views[0].clone(), other], &lists[..2], &merge).unwrap_err().to_string();
        assert!(text.contains("[40, 60], received one of [4, 6]"), "{text}");
    }
}
