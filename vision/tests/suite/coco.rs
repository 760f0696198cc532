//! COCO's evaluation against pycocotools (`fixtures/coco.py`), and what it does with odd and broken input.

use std::collections::BTreeMap;

use crate::common::{fixture, values};
use ocelli_data::annotation::{Keypoints, Polygon, Rle, Skeleton};
use ocelli_tensor::{Tensor, num_threads, set_num_threads};
use ocelli_vision::metrics::{
    AreaRange, CocoDetection, CocoEvaluation, CocoEvaluator, CocoObject, CocoParams, IouType, oks,
};
use proptest::prelude::*;

const SIDE: usize = 200;

/// The settings of a data set of the fixture: those that `fixtures/coco.py` sets.
fn params(number: usize, kind: &str, points: usize) -> CocoParams {
    let mut params = match kind {
        "bbox" => CocoParams::boxes(),
        "segm" => CocoParams::masks(),
        _ => CocoParams::keypoints(),
    };
    params.categories = Some(vec![1, 2, 3]);
    if points == 5 && kind == "keypoints" {
        params.sigmas = vec![0.025, 0.05, 0.075, 0.1, 0.125];
    }
    if kind != "keypoints" {
        params.use_categories = number % 4 != 1;
        if number % 5 == 2 {
            params.max_detections = vec![2, 3, 100];
        }
    }
    if number % 7 == 3 {
        params.iou_thresholds = vec![0.25, 0.5, 0.75, 1.0];
        params.recall_thresholds = vec![0.0, 0.3, 0.5, 1.0];
    }
    params
}

fn mask(row: &[f64]) -> Rle {
    Rle::from_polygons(&[Polygon::from_flat(&row[7..15]).unwrap()], [SIDE, SIDE]).unwrap()
}

fn rows(tensor: &Tensor) -> Vec<Vec<f64>> {
    values(tensor).chunks(tensor.shape()[1]).map(<[f64]>::to_vec).collect()
}

fn object(row: &[f64]) -> CocoObject {
    let mask = mask(row);
    let object = CocoObject::new(row[1] as i64, [row[3], row[4], row[5], row[6]]).area(mask.area() as f64);
    let object = object.mask(mask).keypoints(Keypoints::from_flat(&row[15..]).unwrap());
    if row[2] == 1.0 { object.crowd() } else { object }
}

fn detection(row: &[f64]) -> CocoDetection {
    CocoDetection::new(row[1] as i64, row[2], [row[3], row[4], row[5], row[6]])
        .mask(mask(row))
        .keypoints(Keypoints::from_flat(&row[15..]).unwrap())
}

/// A data set of the fixture evaluated.
fn evaluated(fixture: &BTreeMap<String, Tensor>, number: usize, kind: &str) -> CocoEvaluation {
    let objects = rows(&fixture[&format!("{number}.objects")]);
    let detections = rows(&fixture[&format!("{number}.detections")]);
    let points = (objects[0].len() - 15) / 3;
    let mut evaluator = CocoEvaluator::new(params(number, kind, points)).unwrap();
    // The order in which pictures are added makes no difference.
    for picture in (0..values(&fixture[&format!("{number}.pictures")])[0] as i64).rev() {
        let here = |row: &&Vec<f64>| row[0] as i64 == picture;
        let known = objects.iter().filter(here).map(|row| object(row)).collect();
        let found = detections.iter().filter(here).map(|row| detection(row)).collect();
        evaluator.add(picture, known, found).unwrap();
    }
    evaluator.evaluate().unwrap()
}

#[track_caller]
fn assert_equal(actual: &[f64], expected: &[f64], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= 1e-9, "{what}: number {i}: expected {e}, received {a}");
    }
}

#[test]
fn statistics_are_pycocotools() {
    let fixture = fixture("coco");
    for number in 0..36 {
        for kind in ["bbox", "segm", "keypoints"] {
            let mut expected = values(&fixture[&format!("{number}.{kind}.stats")]);
            let evaluation = evaluated(&fixture, number, kind);
            let what = format!("data set {number}, {kind}");
            assert_equal(&evaluation.stats(), &expected, &what);
            // By category the same again: their mean is the first number.
            if evaluation.params().use_categories {
                let known: Vec<f64> = evaluation.by_category().iter().filter_map(|(_, value)| *value).collect();
                expected.truncate(1);
                let mean = if known.is_empty() { -1.0 } else { known.iter().sum::<f64>() / known.len() as f64 };
                assert_equal(&[mean], &expected, &what);
            }
        }
    }
}

#[test]
fn curves_and_tables_are_pycocotools() {
    let fixture = fixture("coco");
    for number in 0..6 {
        for kind in ["bbox", "segm", "keypoints"] {
            let get = |what: &str| &fixture[&format!("{number}.{kind}.{what}")];
            let evaluation = evaluated(&fixture, number, kind);
            assert_eq!(evaluation.to_string().into_bytes(), get("table").to_vec::<u8>().unwrap());

            let params = evaluation.params();
            let categories = if params.use_categories { evaluation.categories() } else { &[0] };
            let (mut precision, mut scores, mut recall) = (Vec::new(), Vec::new(), Vec::new());
            for &iou in &params.iou_thresholds {
                for &category in categories {
                    for AreaRange { name, .. } in &params.area_ranges {
                        for &most in &params.max_detections {
                            let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
                            let curve = evaluation.curve(category, iou, name, most);
                            precision.push(curve.map_or(-1.0, |curve| mean(curve.0)));
                            scores.push(curve.map_or(-1.0, |curve| mean(curve.1)));
                            recall.push(evaluation.recall(category, iou, name, most).unwrap_or(-1.0));
                        }
                    }
                }
            }
            let what = format!("data set {number}, {kind}");
            assert_equal(&precision, &values(get("precision")), &what);
            assert_equal(&scores, &values(get("scores")), &what);
            assert_equal(&recall, &values(get("recall")), &what);
        }
    }
}

#[test]
fn threads_make_no_difference() {
    let (fixture, threads) = (fixture("coco"), num_threads());
    let stats = |count| {
        set_num_threads(count).unwrap();
        evaluated(&fixture, 4, "segm").stats().iter().map(|x| x.to_bits()).collect::<Vec<u64>>()
    };
    let one = stats(1);
    assert!([2, 5].into_iter().all(|count| stats(count) == one));
    set_num_threads(threads).unwrap();
}

#[test]
fn perfect_and_empty_results() {
    let unit = |category| CocoObject::new(category, [10.0, 10.0, 40.0, 40.0]);
    let mut evaluator = CocoEvaluator::new(CocoParams::boxes()).unwrap();
    assert!(evaluator.is_empty());
    assert_eq!(evaluator.evaluate().unwrap().stats(), [-1.0; 12]);
    evaluator.add(7, vec![], vec![CocoDetection::new(1, 0.5, [0.0, 0.0, 1.0, 1.0])]).unwrap();
    assert_eq!(evaluator.evaluate().unwrap().stats(), [-1.0; 12]);
    evaluator.add(-3, vec![unit(5)], vec![CocoDetection::new(5, 0.5, [10.0, 10.0, 40.0, 40.0])]).unwrap();
    assert_eq!(evaluator.len(), 2);
    let evaluation = evaluator.evaluate().unwrap();
    let stats = evaluation.stats();
    assert!(stats[..3].iter().chain(&stats[6..9]).all(|x| (x - 1.0).abs() < 1e-12), "{stats:?}");
    assert_eq!(evaluation.categories(), [5]);
    assert!(evaluation.average_precision(Some(0.51), "all", 100).is_none());
    assert!(evaluation.average_precision(None, "tiny", 100).is_none());
    assert!(evaluation.curve(6, 0.5, "all", 100).is_none() && evaluation.recall(5, 0.5, "small", 100).is_none());
    // Objects that nobody has found.
    let mut evaluator = CocoEvaluator::new(CocoParams::boxes()).unwrap();
    evaluator.add(0, vec![unit(5), unit(6).crowd()], vec![]).unwrap();
    let evaluation = evaluator.evaluate().unwrap();
    assert_eq!(evaluation.by_category(), [(5, Some(0.0)), (6, None)]);
}

#[test]
fn proposals_may_have_any_category() {
    let place = [10.0, 10.0, 40.0, 40.0];
    let evaluated = |params: CocoParams| {
        let mut evaluator = CocoEvaluator::new(params).unwrap();
        let found = vec![CocoDetection::new(0, 0.9, place), CocoDetection::new(1, 0.8, [60.0, 60.0, 30.0, 30.0])];
        evaluator.add(0, vec![CocoObject::new(7, place), CocoObject::new(3, [60.0, 60.0, 30.0, 30.0])], found).unwrap();
        evaluator.evaluate().unwrap().stats()[0]
    };
    assert_eq!(evaluated(CocoParams::boxes()), 0.0);
    let without = |categories| CocoParams { use_categories: false, categories, ..CocoParams::boxes() };
    assert!((evaluated(without(None)) - 1.0).abs() < 1e-12);
    // Those that are named count, and no others.
    assert_eq!(evaluated(without(Some(vec![3, 7]))), 0.0);
}

#[test]
fn tensors_of_a_detector() {
    let boxes = Tensor::new([[0.0f32, 1.0, 4.0, 3.0], [2.0, 2.0, 2.5, 9.0]]).unwrap();
    let (scores, labels) = (Tensor::new([0.5f32, 0.25]).unwrap(), Tensor::new([3i32, 1]).unwrap());
    let found = CocoDetection::from_tensors(&boxes, &scores, &labels).unwrap();
    assert_eq!(found[1], CocoDetection::new(1, 0.25, [2.0, 2.0, 0.5, 7.0]));
    let known = CocoObject::from_tensors(&boxes, &labels).unwrap();
    assert_eq!(known[0], CocoObject::new(3, [0.0, 1.0, 4.0, 2.0]));
    assert_eq!(known[0].area, 8.0);
    assert!(CocoDetection::from_tensors(&boxes, &scores, &scores).is_err());
    assert!(CocoDetection::from_tensors(&boxes, &labels, &labels).is_err());
    assert!(CocoObject::from_tensors(&boxes, &Tensor::new([1i64]).unwrap()).is_err());
    assert!(CocoObject::from_tensors(&scores, &labels).is_err());
}

#[test]
fn broken_settings_are_refused() {
    let refused = |change: fn(&mut CocoParams)| {
        let mut params = CocoParams::keypoints();
        change(&mut params);
        CocoEvaluator::new(params).unwrap_err().to_string()
    };
    assert!(refused(|params| params.iou_thresholds = vec![1.5]).contains("[1.5]"));
    assert!(refused(|params| params.recall_thresholds = vec![f64::NAN]).contains("recall"));
    assert!(refused(|params| params.iou_thresholds.clear()).contains("at least one"));
    assert!(refused(|params| params.max_detections = vec![0]).contains("[0]"));
    assert!(refused(|params| params.max_detections = vec![10, 1]).contains("ascending"));
    assert!(refused(|params| params.area_ranges[0].low = f64::NAN).contains("low..=high"));
    assert!(refused(|params| params.area_ranges.clear()).contains("at least one"));
    assert!(refused(|params| params.sigmas.clear()).contains("sigma"));
    assert!(refused(|params| params.sigmas[2] = 0.0).contains("sigma"));
}

#[test]
fn broken_pictures_are_refused() {
    let mut evaluator = CocoEvaluator::new(CocoParams::masks()).unwrap();
    let small = Rle::encode(&[1; 4], [2, 2]).unwrap();
    let object = CocoObject::new(1, [0.0, 0.0, 2.0, 2.0]).mask(small.clone());
    let found = CocoDetection::new(1, 0.5, [0.0, 0.0, 2.0, 2.0]).mask(small);
    let mut refused = |object: CocoObject, found: CocoDetection| {
        let text = evaluator.add(0, vec![object], vec![found]).unwrap_err().to_string();
        assert!(evaluator.is_empty());
        text
    };
    let with = |bbox| CocoObject { bbox, ..object.clone() };
    assert!(refused(with([0.0, 0.0, -1.0, 2.0]), found.clone()).contains("-1.0"));
    assert!(refused(with([f64::NAN, 0.0, 1.0, 2.0]), found.clone()).contains("NaN"));
    assert!(refused(object.clone().area(-5.0), found.clone()).contains("-5"));
    assert!(refused(object.clone(), CocoDetection { score: f64::NAN, ..found.clone() }).contains("NaN"));
    assert!(refused(object.clone(), CocoDetection { mask: None, ..found.clone() }).contains("a mask of detection 0"));
    assert!(refused(CocoObject { mask: None, ..object.clone() }, found.clone()).contains("a mask of object 0"));
    let large = Rle::encode(&[1; 6], [2, 3]).unwrap();
    assert!(refused(object.clone(), found.clone().mask(large)).contains("[2, 2] and [2, 3]"));
    evaluator.add(0, vec![object.clone()], vec![found.clone()]).unwrap();
    assert!(evaluator.add(0, vec![], vec![]).unwrap_err().to_string().contains("0 again"));

    let mut evaluator = CocoEvaluator::new(CocoParams::keypoints()).unwrap();
    let few = object.keypoints(Keypoints::visible([[0.0, 0.0]; 16]).unwrap());
    let text = evaluator.add(0, vec![few], vec![]).unwrap_err().to_string();
    assert!(text.contains("17 keypoints of object 0, received 16"), "{text}");
    assert!(evaluator.add(0, vec![], vec![found]).unwrap_err().to_string().contains("received none"));
    assert_eq!(evaluator.params().iou_type, IouType::Keypoints);
}

#[test]
fn similarity_of_odd_keypoints() {
    let person = Skeleton::coco_person();
    let sigmas = person.sigmas().unwrap();
    let at = |x: f64, v: f64| Keypoints::from_flat(&[x, x, v].repeat(17)).unwrap();
    let bbox = [10.0, 10.0, 10.0, 10.0];
    // Without labels, anywhere in the doubled box is right.
    for (x, inside) in [(0.0, true), (30.0, true), (-500.0, false), (500.0, false)] {
        let similarity = oks(&at(x, 2.0), &at(0.0, 0.0), bbox, 100.0, sigmas).unwrap();
        assert_eq!(similarity == 1.0, inside, "{x}");
        assert!(inside || similarity < 1e-9);
    }
    // An object without area is found only exactly.
    assert_eq!(oks(&at(5.0, 0.0), &at(5.0, 1.0), bbox, 0.0, sigmas).unwrap(), 1.0);
    assert_eq!(oks(&at(5.1, 0.0), &at(5.0, 1.0), bbox, 0.0, sigmas).unwrap(), 0.0);
    let one = Keypoints::visible([[0.0, 0.0]]).unwrap();
    assert!(oks(&one, &at(0.0, 1.0), bbox, 1.0, sigmas).is_err());
    assert!(oks(&one, &one, bbox, 1.0, &[0.0]).is_err() && oks(&one, &one, bbox, f64::NAN, &[1.0]).is_err());
    assert!(oks(&one, &one, [0.0, 0.0, -1.0, 0.0], 1.0, &[1.0]).is_err());
    assert!(oks(&Keypoints::default(), &Keypoints::default(), bbox, 1.0, &[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_numbers_are_evaluated_or_refused(
        objects in proptest::collection::vec((0i64..3, any::<[f64; 4]>(), any::<f64>(), any::<bool>()), 0..6),
        places in proptest::collection::vec((0i64..4, 0.0..1.0, [0.0..50.0, 0.0..50.0, 0.0..50.0, 0.0..50.0]), 0..12),
        known in proptest::collection::vec((0i64..4, [0.0..50.0, 0.0..50.0, 0.0..50.0, 0.0..50.0]), 0..6),
    ) {
        let mut evaluator = CocoEvaluator::new(CocoParams::boxes()).unwrap();
        let wild: Vec<CocoObject> = objects
            .into_iter()
            .map(|(category, bbox, area, crowd)| CocoObject { crowd, ..CocoObject::new(category, bbox).area(area) })
            .collect();
        let found: Vec<CocoDetection> =
            places.into_iter().map(|(category, score, bbox)| CocoDetection::new(category, score, bbox)).collect();
        let _ = evaluator.add(0, wild, found.clone());
        let known: Vec<CocoObject> = known.into_iter().map(|(category, bbox)| CocoObject::new(category, bbox)).collect();
        evaluator.add(1, known, found).unwrap();
        for value in evaluator.evaluate().unwrap().stats() {
            prop_assert!(value == -1.0 || (0.0..=1.0 + 1e-9).contains(&value), "{value}");
        }
    }
}
