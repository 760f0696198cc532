//! Suppression, overlaps and what prepares boxes for them, of what nobody should give.

use super::{Random, drops, indices, plain, tensor};
use crate::common::values;
use ocelli_tensor::{DType, Tensor};
use ocelli_vision::ops::boxes::{BoxFormat, area, clip, convert, denormalize, normalize, remove_small};
use ocelli_vision::ops::{
    Detections, FusionOptions, MatrixDecay, SoftDecay, batched_nms, ciou_matrix, diou_nms, giou_matrix, iou_matrix,
    mask_nms, matrix_nms, nms, rotated, rotated_nms, soft_nms, weighted_boxes_fusion,
};

#[test]
fn bad_arguments_are_named() {
    let boxes = Tensor::zeros([3, 4], DType::F32).unwrap();
    let scores = Tensor::zeros([3], DType::F32).unwrap();
    let negative = Tensor::new([0.5f32, -0.5, 0.5]).unwrap();
    let iou = Tensor::zeros([3, 3], DType::F32).unwrap();
    let text = |error: ocelli_vision::Error| error.to_string();
    let gaussian = |sigma| SoftDecay::Gaussian { sigma };
    let soft = |decay, scores: &Tensor, threshold| text(soft_nms(&boxes, scores, None, decay, threshold).unwrap_err());
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(
            soft(gaussian(sigma), &scores, 0.0),
            format!("soft_nms: expected a finite sigma above 0, received {sigma}")
        );
        let decay = MatrixDecay::Gaussian { sigma };
        assert!(
            text(matrix_nms(&iou, &scores, None, decay, 0.0).unwrap_err())
                .starts_with("matrix_nms: expected a finite sigma")
        );
    }
    assert!(
        soft(SoftDecay::Linear { threshold: 1.5 }, &scores, 0.0)
            .ends_with("expected a threshold in 0..=1, received 1.5")
    );
    assert!(soft(gaussian(0.5), &scores, f64::NAN).ends_with("received NaN"));
    assert!(soft(gaussian(0.5), &negative, 0.0).ends_with("expected scores that are not negative, received -0.5"));
    assert!(text(matrix_nms(&iou, &negative, None, MatrixDecay::Linear, 0.0).unwrap_err()).ends_with("received -0.5"));
    assert_eq!(
        text(matrix_nms(&boxes, &scores, None, MatrixDecay::Linear, 0.0).unwrap_err()),
        "matrix_nms: expected intersections over unions of shape [N, N], received shape [3, 4]"
    );
    let above = iou.add(1.5).unwrap();
    assert!(text(mask_nms(&above, &scores, None, 0.5).unwrap_err()).ends_with("in 0..=1, received 1.5"));
    assert!(mask_nms(&iou.to_dtype(DType::I64).unwrap(), &scores, None, 0.5).is_err());
    assert!(text(mask_nms(&iou, &scores, None, 2.0).unwrap_err()).starts_with("mask_nms: expected a threshold"));
    assert!(
        text(rotated_nms(&boxes, &scores, None, 0.5).unwrap_err()).starts_with("rotated_nms: expected rotated boxes")
    );
    assert!(text(diou_nms(&boxes, &scores, Some(&scores), 0.5).unwrap_err()).starts_with("diou_nms: expected labels"));
}

#[test]
fn a_hundred_thousand_malformed_inputs_give_a_result_or_an_error() {
    let mut random = Random(17);
    let odd = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        10.0,
        11.0,
        1e7,
        1e19,
        3e38,
        -3e38,
        1e-20,
        2e-20,
        1e-45,
        3e-45,
        -1e-38,
        1.000_000_1,
        0.5,
    ];
    let thresholds = [0.0, 1e-6, 0.3, 0.5, 1.0, -0.1, 1.1, f64::NAN, f64::INFINITY];
    for round in 0..100_000 {
        let count = random.below(7);
        let boxes: Vec<[f32; 4]> = (0..count).map(|_| [0; 4].map(|_| random.pick(&odd))).collect();
        let scores: Vec<f32> = (0..count).map(|_| random.pick(&odd)).collect();
        let labels: Vec<i64> = (0..count).map(|_| random.pick(&[0, 1, -1, i64::MIN, i64::MAX])).collect();
        let threshold = random.pick(&thresholds);
        let b = tensor(&boxes);
        let wrong = random.below(40) == 0;
        let length = count + usize::from(wrong);
        let s = Tensor::from_vec([scores.clone(), vec![0.5; length - count]].concat(), [length]).unwrap();
        let l = Tensor::from_slice(&labels, [count]).unwrap();

        let taken = nms(&b, &s, threshold);
        let by_class = batched_nms(&b, &s, &l, threshold);
        if wrong || !(0.0..=1.0).contains(&threshold) {
            assert!(taken.is_err() && by_class.is_err());
        } else {
            let scores: Vec<f64> = scores.iter().map(|score| f64::from(*score)).collect();
            let expected = plain(&boxes, &scores, &vec![0; count], drops(threshold));
            assert_eq!(indices(&taken.unwrap()), expected, "{round}: {boxes:?} {scores:?} {threshold}");
            let expected = plain(&boxes, &scores, &labels, drops(threshold));
            assert_eq!(indices(&by_class.unwrap()), expected, "{round}: {boxes:?} {scores:?} {labels:?} {threshold}");
        }
        // Each of the others on every eighth input, of which there are still ten thousand.
        match round % 8 {
            0 => {
                let _ = diou_nms(&b, &s, Some(&l), threshold);
                let decay = if random.below(2) == 0 {
                    SoftDecay::Linear { threshold }
                } else {
                    SoftDecay::Gaussian { sigma: threshold }
                };
                let positive = s.abs().unwrap();
                if let Ok(left) = soft_nms(&b, &positive, Some(&l), decay, f64::from(random.pick(&odd))) {
                    assert!(left.indices.numel() <= count);
                }
            }
            1 => {
                let iou = iou_matrix(&b, &b).unwrap();
                assert!(values(&iou).iter().all(|iou| iou.is_nan() || (0.0..=1.0).contains(iou)), "{boxes:?}");
                let _ = matrix_nms(&iou, &s.abs().unwrap(), Some(&l), MatrixDecay::Linear, threshold);
                let _ = matrix_nms(&iou, &s, None, MatrixDecay::Gaussian { sigma: threshold }, 0.1);
            }
            2 => {
                let iou =
                    Tensor::from_vec((0..count * count).map(|_| random.pick(&odd)).collect(), [count, count]).unwrap();
                let _ = mask_nms(&iou, &s, Some(&l), threshold);
                let _ = matrix_nms(&iou, &s.abs().unwrap(), None, MatrixDecay::Linear, threshold);
            }
            3 => {
                let rotated: Vec<[f32; 5]> =
                    boxes.iter().map(|b| [b[0], b[1], b[2], b[3], random.pick(&odd)]).collect();
                let _ = rotated_nms(&tensor(&rotated), &s, Some(&l), threshold);
                let iou = values(&rotated::iou_matrix(&tensor(&rotated), &tensor(&rotated)).unwrap());
                assert!(iou.iter().all(|iou| iou.is_nan() || (0.0..=1.0).contains(iou)), "{rotated:?}");
            }
            4 => {
                let model = Detections { boxes: b, scores: s.abs().unwrap(), labels: l };
                let options = FusionOptions {
                    weights: vec![1.0, f64::from(random.pick(&odd))],
                    iou_threshold: threshold,
                    skip_threshold: f64::from(random.pick(&odd)),
                    ..FusionOptions::default()
                };
                let _ = weighted_boxes_fusion(&[model.clone(), model.clone()], &options);
                let _ = weighted_boxes_fusion(&[model], &FusionOptions::default());
            }
            5 => {
                ciou_matrix(&b, &b).unwrap();
                giou_matrix(&b, &b).unwrap();
            }
            6 => {
                let formats = [BoxFormat::Xyxy, BoxFormat::Xywh, BoxFormat::Cxcywh];
                convert(&b, random.pick(&formats), random.pick(&formats)).unwrap();
                area(&b, random.pick(&formats)).unwrap();
                assert_eq!(remove_small(&b, threshold).is_err(), threshold.is_nan());
            }
            _ => {
                let size = [random.below(3), random.below(3)];
                clip(&b, size).unwrap();
                denormalize(&b, size).unwrap();
                assert_eq!(normalize(&b, size).is_err(), size.contains(&0));
            }
        }
    }
}
