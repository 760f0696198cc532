//! Pascal VOC's average precision, confusion matrices and correct keypoints against `fixtures/metrics.py`.

use crate::common::{fixture, values};
use ocelli_tensor::{DType, Tensor};
use ocelli_vision::metrics::{
    ConfusionMatrix, Interpolation, VocDetection, VocEvaluator, VocObject, VocParams, average_precision, pck,
};
use proptest::prelude::*;

#[track_caller]
fn assert_equal(actual: &[f64], expected: &[f64], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let close = |(a, e): (&f64, &f64)| (a - e).abs() <= 1e-12;
    assert!(actual.iter().zip(expected).all(close), "{what}: expected {expected:?}, received {actual:?}");
}

#[test]
fn voc_is_voc_eval() {
    let fixture = fixture("metrics");
    for number in 0..12 {
        let get = |what: &str| values(&fixture[&format!("voc.{number}.{what}")]);
        let (objects, detections) = (get("objects"), get("detections"));
        let (threshold, inclusive) = (get("settings")[0], get("settings")[1] == 1.0);
        for (interpolation, key) in [(Interpolation::ElevenPoints, "eleven"), (Interpolation::Area, "area")] {
            let mut evaluator = VocEvaluator::new(VocParams { threshold, interpolation, inclusive }).unwrap();
            for picture in 0..8 {
                let here = |row: &&[f64]| row[0] == f64::from(picture);
                let object = |row: &[f64]| {
                    let object = VocObject::new(row[1] as i64, [row[3], row[4], row[5], row[6]]);
                    if row[2] == 1.0 { object.difficult() } else { object }
                };
                let known = objects.chunks(7).filter(here).map(object).collect();
                let found = |row: &[f64]| VocDetection::new(row[1] as i64, row[2], [row[3], row[4], row[5], row[6]]);
                let found = detections.chunks(7).filter(here).map(found).collect();
                evaluator.add(picture.into(), known, found).unwrap();
            }
            let evaluation = evaluator.evaluate();
            let (categories, numbers): (Vec<i64>, Vec<f64>) = evaluation.by_category().into_iter().unzip();
            assert_eq!(categories, [0, 1, 2]);
            assert_equal(&numbers, &get(key), key);
            let mean = evaluation.mean_average_precision().unwrap();
            assert_equal(&[mean], &[get(key).iter().sum::<f64>() / 3.0], "mean");
            let (recall, precision) = evaluation.curve(1).unwrap();
            assert_equal(recall, &get("recall.1"), "recall");
            assert_equal(precision, &get("precision.1"), "precision");
            assert_eq!(average_precision(recall, precision, interpolation).unwrap(), numbers[1]);
            assert!(evaluation.curve(3).is_none());
        }
    }
}

#[test]
fn voc_refuses_what_is_broken() {
    for threshold in [-0.1, 1.1, f64::NAN] {
        assert!(VocEvaluator::new(VocParams { threshold, ..VocParams::default() }).is_err());
    }
    let mut evaluator = VocEvaluator::new(VocParams::default()).unwrap();
    assert_eq!(evaluator.evaluate().mean_average_precision(), None);
    for bbox in [[5.0, 0.0, 1.0, 1.0], [0.0, f64::NAN, 1.0, 1.0], [0.0, 0.0, f64::INFINITY, 1.0]] {
        assert!(evaluator.add(0, vec![VocObject::new(0, bbox)], vec![]).is_err());
        assert!(evaluator.add(0, vec![], vec![VocDetection::new(0, 1.0, bbox)]).is_err());
    }
    assert!(evaluator.add(0, vec![], vec![VocDetection::new(0, f64::NAN, [0.0; 4])]).is_err());
    // A box of one pixel, found twice; a category with a difficult object only, and one without any.
    let unit = [3.0, 3.0, 3.0, 3.0];
    let known = vec![VocObject::new(0, unit), VocObject::new(1, unit).difficult()];
    let found = [0, 0, 1, 2].map(|category| VocDetection::new(category, 0.5, unit)).to_vec();
    evaluator.add(0, known, found).unwrap();
    assert!(evaluator.add(0, vec![], vec![]).unwrap_err().to_string().contains("0 again"));
    assert_eq!(evaluator.evaluate().by_category(), [(0, 1.0)]);
    assert_eq!(evaluator.evaluate().curve(0).unwrap().1, [1.0, 0.5]);
    // Without a pixel for the edge the box is empty, and is not found.
    let mut exclusive = VocEvaluator::new(VocParams { inclusive: false, ..VocParams::default() }).unwrap();
    exclusive.add(0, vec![VocObject::new(0, unit)], vec![VocDetection::new(0, 0.5, unit)]).unwrap();
    assert_eq!(exclusive.evaluate().by_category(), [(0, 0.0)]);
    let area = Interpolation::Area;
    assert!(average_precision(&[0.5], &[0.5, 0.2], area).is_err());
    assert!(average_precision(&[0.5, 0.4], &[0.5, 0.2], area).is_err());
    assert!(average_precision(&[f64::NAN], &[0.5], area).is_err());
    assert_eq!(average_precision(&[], &[], area).unwrap(), 0.0);
}

#[test]
fn classes_are_counted_as_by_torchvision_and_keras() {
    let fixture = fixture("metrics");
    let get = |what: &str| &fixture[&format!("classes.{what}")];
    let mut whole = ConfusionMatrix::new(6).unwrap().ignore(255);
    whole.update(get("truth"), get("predicted")).unwrap();
    // Picture by picture and in other types the same, also where memory is not in order.
    let mut parts = ConfusionMatrix::new(6).unwrap().ignore(255);
    for picture in 0..2 {
        let part = |what: &str| get(what).select(0, picture).unwrap().t().unwrap().to_dtype(DType::I32).unwrap();
        let mut one = ConfusionMatrix::new(6).unwrap().ignore(255);
        one.update(&part("truth"), &part("predicted")).unwrap();
        parts.merge(&one).unwrap();
    }
    assert_eq!(parts, whole);
    assert_eq!(whole.to_tensor().unwrap().to_vec::<i64>().unwrap(), get("counts").to_vec::<i64>().unwrap());
    assert_equal(&[whole.accuracy().unwrap()], &values(get("accuracy")), "accuracy");
    for (name, numbers) in [("recall", whole.recall()), ("iou", whole.iou())] {
        for (a, e) in numbers.iter().zip(values(get(name))) {
            assert!(a.map_or(e.is_nan(), |a| (a - e).abs() < 1e-12), "{name}: expected {e}, received {a:?}");
        }
    }
    // Keras computes in f32.
    assert!((whole.mean_iou().unwrap() - values(get("mean_iou"))[0]).abs() < 1e-6);
}

#[test]
fn numbers_of_a_small_confusion_matrix() {
    let mut matrix = ConfusionMatrix::new(3).unwrap();
    let truth = Tensor::new([0u8, 0, 0, 1, 1, 0]).unwrap();
    matrix.update(&truth, &Tensor::new([0u8, 0, 1, 1, 0, 0]).unwrap()).unwrap();
    assert_eq!((matrix.count(0, 1), matrix.count(1, 0), matrix.count(0, 3), matrix.count(usize::MAX, 0)), (1, 1, 0, 0));
    assert_eq!(matrix.precision(), [Some(0.75), Some(0.5), None]);
    assert_eq!(matrix.recall(), [Some(0.75), Some(0.5), None]);
    assert_eq!(matrix.f1(), [Some(0.75), Some(0.5), None]);
    assert_eq!(matrix.iou(), [Some(0.6), Some(1.0 / 3.0), None]);
    assert_eq!(matrix.mean_accuracy(), Some(0.625));
    assert!((matrix.frequency_weighted_iou().unwrap() - (4.0 * 0.6 + 2.0 / 3.0) / 6.0).abs() < 1e-15);
    let text = "global correct: 66.7\naverage row correct: [75.0, 50.0, -]\nIoU: [60.0, 33.3, -]\nmean IoU: 46.7";
    assert_eq!(matrix.to_string(), text);
    let before = matrix.clone();
    let wrong = Tensor::new([0u8, 0, 0, 1, 3, 0]).unwrap();
    assert!(matrix.update(&truth, &wrong).unwrap_err().to_string().contains("0..3, received 1 for truth and 3"));
    assert!(matrix.update(&wrong, &truth).is_err() && matrix.update(&truth, &truth.reshape([2, 3]).unwrap()).is_err());
    assert!(matrix.update(&truth, &truth.to_dtype(DType::F32).unwrap()).is_err());
    assert!(matrix.merge(&ConfusionMatrix::new(2).unwrap()).is_err());
    assert_eq!(matrix, before);
    assert!(ConfusionMatrix::new(0).is_err() && ConfusionMatrix::new(1 << 20).is_err());
    let empty = ConfusionMatrix::new(2).unwrap();
    assert_eq!((empty.accuracy(), empty.mean_iou(), empty.frequency_weighted_iou()), (None, None, None));
}

#[test]
fn correct_keypoints() {
    let fixture = fixture("metrics");
    let get = |what: &str| fixture[&format!("pck.{what}")].clone();
    let measured = pck(&get("found"), &get("known"), &get("shown"), &get("lengths"), 0.5).unwrap();
    let known: Vec<f64> = measured.by_keypoint.iter().copied().flatten().collect();
    assert_equal(&known, &values(&get("by_keypoint")), "by keypoint");
    assert_eq!(measured.by_keypoint[3], None);
    assert_equal(&[measured.all.unwrap()], &values(&get("all")), "all");
    // Nobody, and nothing that is a number.
    let none = Tensor::zeros([0, 4, 2], DType::F32).unwrap();
    let (no_points, no_lengths) = (Tensor::zeros([0, 4], DType::U8).unwrap(), Tensor::zeros([0], DType::F32).unwrap());
    assert_eq!(pck(&none, &none, &no_points, &no_lengths, 0.5).unwrap().all, None);
    let lost = get("found").mul(f64::NAN).unwrap();
    assert_eq!(pck(&lost, &get("known"), &get("shown"), &get("lengths"), 0.5).unwrap().all, Some(0.0));
    let refused = |found: &Tensor, lengths: &Tensor, threshold| {
        pck(found, &get("known"), &get("shown"), lengths, threshold).unwrap_err().to_string()
    };
    assert!(refused(&get("found"), &get("lengths").mul(0.0).unwrap(), 0.5).contains("received 0"));
    assert!(refused(&get("found"), &get("lengths"), f64::NAN).contains("NaN"));
    assert!(refused(&none, &get("lengths"), 0.5).contains("[7, 4, 2]"));
    assert!(refused(&get("found"), &no_lengths, 0.5).contains("[7]"));
}

proptest! {
    #[test]
    fn average_precision_is_a_fraction(pairs in proptest::collection::vec((0.0..=1.0, 0.0..=1.0), 0..20)) {
        let (mut recall, precision): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        recall.sort_by(f64::total_cmp);
        for interpolation in [Interpolation::Area, Interpolation::ElevenPoints] {
            let value = average_precision(&recall, &precision, interpolation).unwrap();
            prop_assert!((0.0..=1.0 + 1e-12).contains(&value));
        }
    }

    #[test]
    fn overlap_is_never_above_recall(
        pairs in proptest::collection::vec((0i64..5, 0i64..5), 1..60),
    ) {
        let mut matrix = ConfusionMatrix::new(5).unwrap();
        let (truth, predicted): (Vec<i64>, Vec<i64>) = pairs.into_iter().unzip();
        let count = truth.len();
        let tensor = |classes: Vec<i64>| Tensor::from_vec(classes, [count]).unwrap();
        matrix.update(&tensor(truth), &tensor(predicted)).unwrap();
        for ((iou, recall), f1) in matrix.iou().iter().zip(matrix.recall()).zip(matrix.f1()) {
            if let (Some(iou), Some(recall), Some(f1)) = (iou, recall, f1) {
                prop_assert!(*iou <= recall && *iou <= f1 && f1 <= 1.0);
            }
        }
    }
}
