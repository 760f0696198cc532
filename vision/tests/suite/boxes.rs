//! Boxes, intersection over union and suppression against torchvision (`fixtures/boxes.py`) and against plain references.

use crate::common::{assert_close, fixture, scattered, values};
use ocelli_tensor::{DType, Tensor};
use ocelli_vision::ops::boxes::{area, clip, convert, denormalize, normalize, remove_small};
use ocelli_vision::ops::{BoxFormat, batched_nms, iou_matrix, nms};
use proptest::prelude::*;

/// What one rounding of a dtype may differ by, relative to the size of a box.
fn rounding(name: &str) -> f64 {
    match name {
        "f64" => 1e-15,
        "f32" => 1e-6,
        "f16" => 2e-3,
        _ => 1.6e-2,
    }
}

#[test]
fn formats_areas_clipping_and_sizes_are_torchvisions() {
    let fixture = fixture("boxes");
    for name in ["f32", "f64", "f16", "bf16"] {
        let get = |key: &str| &fixture[&format!("{name}.{key}")];
        let (boxes, tolerance) = (get("boxes"), rounding(name));
        for boxes in [boxes, &scattered(boxes)] {
            for (format, key) in [(BoxFormat::Xywh, "xywh"), (BoxFormat::Cxcywh, "cxcywh")] {
                let there = convert(boxes, BoxFormat::Xyxy, format).unwrap();
                assert_close(&there, get(key), tolerance, 0.0, key);
                let back = convert(get(key), format, BoxFormat::Xyxy).unwrap();
                assert_close(&back, get(&format!("{key}.back")), tolerance, 0.0, key);
                assert_eq!(key.parse::<BoxFormat>().unwrap(), format);
            }
            let across = convert(get("xywh"), BoxFormat::Xywh, BoxFormat::Cxcywh).unwrap();
            assert_close(&across, get("xywh.cxcywh"), tolerance, tolerance * 100.0, "xywh to cxcywh");
            assert_close(&clip(boxes, [80, 90]).unwrap(), get("clip"), 0.0, 0.0, "clip");
            assert_eq!(values(&remove_small(boxes, 8.0).unwrap()), values(get("small")), "{name}: remove_small");
            // torchvision subtracts in the half type and only then widens; here the widening comes first.
            assert_close(&area(boxes, BoxFormat::Xyxy).unwrap(), get("area"), 2.0 * tolerance, 1e3 * tolerance, "area");
        }
    }
}

#[test]
fn intersection_over_union_is_torchvisions() {
    let fixture = fixture("boxes");
    for name in ["f32", "f64", "f16", "bf16"] {
        let get = |key: &str| &fixture[&format!("{name}.{key}")];
        let iou = iou_matrix(get("boxes"), get("other")).unwrap();
        let tolerance = if name.starts_with('f') && name != "f16" { 0.0 } else { 4.0 * rounding(name) };
        assert_close(&iou, get("iou"), tolerance, tolerance, name);
        let again = iou_matrix(&scattered(get("boxes")), &scattered(get("other"))).unwrap();
        assert_eq!(values(&again), values(&iou));
    }
    let mixed = iou_matrix(&fixture["f32.boxes"], &fixture["f64.other"]).unwrap();
    assert_eq!((mixed.dtype(), &mixed.shape()[..]), (DType::F64, &[40, 25][..]));
}

#[test]
fn suppression_is_torchvisions() {
    let fixture = fixture("boxes");
    for name in ["f32", "f64"] {
        let get = |key: &str| &fixture[&format!("{name}.nms.{key}")];
        let (boxes, scores, labels) = (get("boxes"), get("scores"), get("labels"));
        for threshold in ["0.0", "0.3", "0.5", "0.7", "1.0"] {
            let limit = threshold.parse().unwrap();
            let taken = nms(boxes, scores, limit).unwrap();
            assert_eq!(taken.dtype(), DType::I64);
            assert_eq!(values(&taken), values(get(threshold)), "{name} {threshold}");
            assert_eq!(values(&nms(&scattered(boxes), scores, limit).unwrap()), values(&taken));
            let taken = batched_nms(boxes, scores, labels, limit).unwrap();
            let mut expected = values(get(&format!("{threshold}.batched")));
            // torchvision's last step sorts by score unstably: equal scores are compared in input order.
            let scores = values(scores);
            expected.sort_by(|&i, &j| scores[j as usize].total_cmp(&scores[i as usize]).then(i.total_cmp(&j)));
            assert_eq!(values(&taken), expected, "{name} {threshold} batched");
            let narrow = labels.to_dtype(DType::I32).unwrap();
            let again = batched_nms(boxes, get("scores"), &narrow, limit).unwrap();
            assert_eq!(values(&again), expected);
        }
    }
}

#[test]
fn half_types_are_taken_everywhere() {
    let fixture = fixture("boxes");
    let wide = &fixture["f32.nms.boxes"];
    let scores = &fixture["f32.nms.scores"];
    for dtype in [DType::F16, DType::BF16] {
        let (boxes, scores) = (wide.to_dtype(dtype).unwrap(), scores.to_dtype(dtype).unwrap());
        // Rounding moves the boxes, so the same rounded ones in f32 are the reference.
        let rounded = (boxes.to_dtype(DType::F32).unwrap(), scores.to_dtype(DType::F32).unwrap());
        let taken = nms(&boxes, &scores, 0.5).unwrap();
        assert_eq!(values(&taken), values(&nms(&rounded.0, &rounded.1, 0.5).unwrap()));
        assert_eq!(iou_matrix(&boxes, &boxes).unwrap().dtype(), DType::F32);
        assert_eq!(normalize(&boxes, [480, 640]).unwrap().dtype(), dtype);
    }
    // 300 × 300 is more than f16 holds.
    let large = Tensor::new([[0.0f32, 0.0, 300.0, 300.0]]).unwrap().to_dtype(DType::F16).unwrap();
    assert_eq!(values(&area(&large, BoxFormat::Xyxy).unwrap()), [90000.0]);
}

#[test]
fn normalized_boxes_are_fractions_of_width_and_height() {
    let boxes = Tensor::new([[10.0f32, 20.0, 30.0, 60.0]]).unwrap();
    let fractions = normalize(&boxes, [80, 40]).unwrap();
    assert_eq!(fractions.to_vec::<f32>().unwrap(), [0.25, 0.25, 0.75, 0.75]);
    assert_eq!(denormalize(&fractions, [80, 40]).unwrap().to_vec::<f32>().unwrap(), [10.0, 20.0, 30.0, 60.0]);
    assert!(normalize(&boxes, [0, 40]).unwrap_err().to_string().ends_with("received [0, 40]"));
}

#[test]
fn empty_boxes_and_no_boxes() {
    let empty = Tensor::new([[5.0f32, 5.0, 5.0, 5.0], [0.0, 0.0, 10.0, 10.0], [3.0, 2.0, 3.0, 8.0]]).unwrap();
    let iou = iou_matrix(&empty, &empty).unwrap();
    assert_eq!(values(&iou), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let scores = Tensor::new([0.5f32, 0.6, 0.7]).unwrap();
    assert_eq!(values(&nms(&empty, &scores, 0.0).unwrap()), [2.0, 1.0, 0.0]);

    let none = Tensor::zeros([0, 4], DType::F32).unwrap();
    let (scores, labels) = (Tensor::zeros([0], DType::F32).unwrap(), Tensor::zeros([0], DType::I64).unwrap());
    assert_eq!(nms(&none, &scores, 0.5).unwrap().shape()[..], [0]);
    assert_eq!(batched_nms(&none, &scores, &labels, 0.5).unwrap().shape()[..], [0]);
    assert_eq!(iou_matrix(&none, &empty).unwrap().shape()[..], [0, 3]);
    assert_eq!(iou_matrix(&empty, &none).unwrap().shape()[..], [3, 0]);
    assert_eq!(area(&none, BoxFormat::Xywh).unwrap().shape()[..], [0]);
    assert_eq!(clip(&none, [4, 4]).unwrap().shape()[..], [0, 4]);
    assert_eq!(remove_small(&none, 1.0).unwrap().shape()[..], [0]);
    assert_eq!(convert(&none, BoxFormat::Xyxy, BoxFormat::Cxcywh).unwrap().shape()[..], [0, 4]);
}

#[test]
fn equal_scores_keep_their_order_and_nan_comes_last() {
    let boxes: Vec<f32> = (0..6).flat_map(|i| [10.0 * i as f32, 0.0, 10.0 * i as f32 + 5.0, 5.0]).collect();
    let boxes = Tensor::from_vec(boxes, [6, 4]).unwrap();
    let scores = Tensor::new([f32::NAN, 0.5, f32::INFINITY, 0.5, f32::NEG_INFINITY, f32::NAN]).unwrap();
    assert_eq!(values(&nms(&boxes, &scores, 0.5).unwrap()), [2.0, 1.0, 3.0, 4.0, 0.0, 5.0]);
}

#[test]
fn classes_stay_apart_whatever_the_coordinates() {
    // Moving classes apart by an offset would lose these coordinates in f32, or fold negative ones together.
    let boxes = Tensor::new([
        [1.0e7f32, 0.0, 1.0e7 + 4.0, 4.0],
        [1.0e7, 0.0, 1.0e7 + 4.0, 4.0],
        [-1.0e7, -4.0, -1.0e7 + 4.0, 0.0],
        [-1.0e7, -4.0, -1.0e7 + 4.0, 0.0],
        [1.0e7, 0.0, 1.0e7 + 4.0, 4.0],
    ])
    .unwrap();
    let scores = Tensor::new([0.1f32, 0.2, 0.3, 0.4, 0.5]).unwrap();
    let labels = Tensor::new([0i64, 1, -7, i64::MAX, 1]).unwrap();
    assert_eq!(values(&batched_nms(&boxes, &scores, &labels, 0.5).unwrap()), [4.0, 3.0, 2.0, 0.0]);
}

#[test]
fn bad_arguments_are_named() {
    let boxes = Tensor::zeros([3, 4], DType::F32).unwrap();
    let scores = Tensor::zeros([3], DType::F32).unwrap();
    let labels = Tensor::zeros([3], DType::I64).unwrap();
    let flat = Tensor::zeros([12], DType::F32).unwrap();
    let whole = Tensor::zeros([3, 4], DType::I64).unwrap();
    let text = |error: ocelli_vision::Error| error.to_string();
    assert_eq!(text(nms(&flat, &scores, 0.5).unwrap_err()), "nms: expected boxes of shape [N, 4], received shape [12]");
    assert_eq!(
        text(nms(&whole, &scores, 0.5).unwrap_err()),
        "nms: expected boxes of a float dtype, received dtype i64"
    );
    assert_eq!(
        text(nms(&boxes, &flat, 0.5).unwrap_err()),
        "nms: expected one score for each box, shape [3], received shape [12]"
    );
    assert_eq!(
        text(nms(&boxes, &labels, 0.5).unwrap_err()),
        "nms: expected scores of a float dtype, received dtype i64"
    );
    for threshold in [-0.1, 1.1, f64::NAN] {
        let error = text(nms(&boxes, &scores, threshold).unwrap_err());
        assert_eq!(error, format!("nms: expected a threshold in 0..=1, received {threshold}"));
    }
    assert_eq!(
        text(batched_nms(&boxes, &scores, &scores, 0.5).unwrap_err()),
        "batched_nms: expected labels of an integer dtype, received dtype f32"
    );
    assert_eq!(
        text(batched_nms(&boxes, &scores, &Tensor::zeros([2], DType::I64).unwrap(), 0.5).unwrap_err()),
        "batched_nms: expected one label for each box, shape [3], received shape [2]"
    );
    assert_eq!(
        text(iou_matrix(&boxes, &flat).unwrap_err()),
        "iou_matrix: expected boxes of shape [..., 4], received shape [12]"
    );
    assert!(area(&scores, BoxFormat::Xyxy).is_err());
    assert!(area(&Tensor::zeros((), DType::F32).unwrap(), BoxFormat::Xyxy).is_err());
    assert!(clip(&whole, [1, 1]).is_err());
    assert!("yolo".parse::<BoxFormat>().unwrap_err().to_string().ends_with("received \"yolo\""));
}

/// The definition, pair by pair.
fn plain_iou(a: &[f32], b: &[f32]) -> f32 {
    let overlap = |k: usize| (a[k + 2].min(b[k + 2]) - a[k].max(b[k])).max(0.0);
    let area = |c: &[f32]| (c[2] - c[0]) * (c[3] - c[1]);
    let shared = overlap(0) * overlap(1);
    let union = area(a) + area(b) - shared;
    if union == 0.0 { 0.0 } else { shared / union }
}

fn plain_nms(boxes: &[Vec<f32>], scores: &[f32], labels: &[i64], threshold: f64) -> Vec<i64> {
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&i, &j| scores[j].partial_cmp(&scores[i]).unwrap());
    let mut taken: Vec<usize> = Vec::new();
    for i in order {
        let free = |&j: &usize| labels[i] != labels[j] || f64::from(plain_iou(&boxes[i], &boxes[j])) <= threshold;
        if taken.iter().all(free) {
            taken.push(i);
        }
    }
    taken.into_iter().map(|i| i as i64).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn suppression_follows_its_definition(
        // Few places, sizes and scores, so that overlaps, equal boxes, empty ones and equal scores are common.
        boxes in prop::collection::vec((0u8..12, 0u8..12, 0u8..8, 0u8..8, 0u8..5, -1i64..2), 0..40),
        threshold in 0.0f64..1.0,
    ) {
        let corners: Vec<Vec<f32>> = boxes
            .iter()
            .map(|&(x, y, w, h, ..)| [x, y, x + w, y + h].map(f32::from).to_vec())
            .collect();
        let scores: Vec<f32> = boxes.iter().map(|b| f32::from(b.4)).collect();
        let labels: Vec<i64> = boxes.iter().map(|b| b.5).collect();
        let n = boxes.len();
        let tensor = Tensor::from_vec(corners.concat(), [n, 4]).unwrap();
        let (s, l) = (Tensor::from_slice(&scores, [n]).unwrap(), Tensor::from_slice(&labels, [n]).unwrap());

        let one_class = vec![0; n];
        prop_assert_eq!(
            nms(&tensor, &s, threshold).unwrap().to_vec::<i64>().unwrap(),
            plain_nms(&corners, &scores, &one_class, threshold)
        );
        prop_assert_eq!(
            batched_nms(&tensor, &s, &l, threshold).unwrap().to_vec::<i64>().unwrap(),
            plain_nms(&corners, &scores, &labels, threshold)
        );
        let iou = iou_matrix(&tensor, &tensor).unwrap().to_vec::<f32>().unwrap();
        for i in 0..n {
            for j in 0..n {
                prop_assert_eq!(iou[i * n + j], plain_iou(&corners[i], &corners[j]));
            }
        }
    }
}
