//! What is left of a detector's boxes, one way and another.

use std::f64::consts::TAU;

use ocelli_data::annotation::{Polygon, Rle};
use ocelli_examples::Result;
use ocelli_tensor::{DType, Tensor};
use ocelli_vision::ops::{
    Detections, FusionOptions, MatrixDecay, Rescored, SoftDecay, batched_nms, diou_nms, iou_matrix, mask_nms,
    matrix_nms, soft_nms, weighted_boxes_fusion,
};

/// A name and what it does to detections.
pub type Method = (&'static str, fn(&Detections) -> Result<Detections>);

/// Every way, the first of which leaves all as it is.
pub const METHODS: [Method; 8] = [
    ("before", |found| Ok(found.clone())),
    ("NMS", |found| {
        let kept = batched_nms(&found.boxes, &found.scores, &found.labels, THRESHOLD)?;
        selected(found, &kept)
    }),
    ("DIoU-NMS", |found| {
        let kept = diou_nms(&found.boxes, &found.scores, Some(&found.labels), THRESHOLD)?;
        selected(found, &kept)
    }),
    ("soft-NMS, linear", |found| {
        let decay = SoftDecay::Linear { threshold: THRESHOLD };
        rescored(found, soft_nms(&found.boxes, &found.scores, Some(&found.labels), decay, LEAST)?)
    }),
    ("soft-NMS, Gaussian", |found| {
        let decay = SoftDecay::Gaussian { sigma: 0.5 };
        rescored(found, soft_nms(&found.boxes, &found.scores, Some(&found.labels), decay, LEAST)?)
    }),
    ("matrix NMS", |found| {
        let overlaps = iou_matrix(&found.boxes, &found.boxes)?;
        let decay = MatrixDecay::Gaussian { sigma: 0.5 };
        rescored(found, matrix_nms(&overlaps, &found.scores, Some(&found.labels), decay, LEAST)?)
    }),
    ("mask NMS", |found| {
        let masks = ellipses(found)?;
        let overlaps = Rle::iou_matrix(&masks, &masks, &vec![false; masks.len()])?;
        let overlaps = Tensor::from_vec(overlaps, [masks.len(); 2])?;
        let kept = mask_nms(&overlaps, &found.scores, Some(&found.labels), THRESHOLD)?;
        selected(found, &kept)
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

/// The ellipse in each box, as if that were the mask of what was found.
fn ellipses(found: &Detections) -> Result<Vec<Rle>> {
    const POINTS: usize = 32;
    let boxes = found.boxes.to_dtype(DType::F64)?.to_vec::<f64>()?;
    let side = boxes.iter().fold(1.0, |most: f64, &corner| most.max(corner)).ceil() as usize;
    let ellipse = |&[x1, y1, x2, y2]: &[f64; 4]| {
        let points = (0..POINTS).flat_map(|i| {
            let (sin, cos) = (TAU * i as f64 / POINTS as f64).sin_cos();
            [(x1 + x2 + (x2 - x1) * cos) / 2.0, (y1 + y2 + (y2 - y1) * sin) / 2.0]
        });
        Ok(Rle::from_polygons(&[Polygon::from_flat(&points.collect::<Vec<f64>>())?], [side, side])?)
    };
    boxes.as_chunks::<4>().0.iter().map(ellipse).collect()
}

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
