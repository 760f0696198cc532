//! What is left of a detector's boxes, one way and another.

use ocelli_examples::Result;
use ocelli_tensor::Tensor;
use ocelli_vision::ops::{
    Detections, FusionOptions, MatrixDecay, Rescored, SoftDecay, batched_nms, diou_nms, iou_matrix, matrix_nms,
    soft_nms, weighted_boxes_fusion,
};

/// A name and what it does to detections.
pub type Method = (&'static str, fn(&Detections) -> Result<Detections>);

/// Every way, the first of which leaves all as it is.
pub const METHODS: [Method; 6] = [
    ("before", |found| Ok(found.clone())),
    ("NMS", |found| {
        let kept = batched_nms(&found.boxes, &found.scores, &found.labels, THRESHOLD)?;
        selected(found, &kept)
    }),
    ("DIoU-NMS", |found| {
        let kept = diou_nms(&found.boxes, &found.scores, Some(&found.labels), THRESHOLD)?;
        selected(found, &kept)
    }),
    ("soft-NMS", |found| {
        let decay = SoftDecay::Gaussian { sigma: 0.5 };
        rescored(found, soft_nms(&found.boxes, &found.scores, Some(&found.labels), decay, LEAST)?)
    }),
    ("matrix NMS", |found| {
        let overlaps = iou_matrix(&found.boxes, &found.boxes)?;
        let decay = MatrixDecay::Gaussian { sigma: 0.5 };
        rescored(found, matrix_nms(&overlaps, &found.scores, Some(&found.labels), decay, LEAST)?)
    }),
    ("weighted boxes fusion", |found| {
        // As if three models had found every third box.
        let count = found.scores.numel() as i64;
        let model = |first: i64| -> Result<Detections> {
            let mine = Tensor::arange(first.min(count), count, 3)?;
            selected(found, &mine)
        };
        Ok(weighted_boxes_fusion(&[model(0)?, model(1)?, model(2)?], &FusionOptions::default())?)
    }),
];

/// Boxes that overlap a better one by more are dropped.
const THRESHOLD: f64 = 0.5;
/// Detections with lowered scores below this are dropped.
const LEAST: f64 = 0.05;

/// The detections of these numbers.
fn selected(found: &Detections, kept: &Tensor) -> Result<Detections> {
    Ok(Detections {
        boxes: found.boxes.index_select(0, kept)?,
        scores: found.scores.index_select(0, kept)?,
        labels: found.labels.index_select(0, kept)?,
    })
}

fn rescored(found: &Detections, left: Rescored) -> Result<Detections> {
    Ok(Detections { scores: left.scores, ..selected(found, &left.indices)? })
}
