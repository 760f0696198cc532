//! Suppression against torchvision, the papers' own steps and `ensemble-boxes` (`fixtures/suppression.py`), against plain loops over all
//! pairs, and on what nobody should give.

mod malformed;

use crate::common::{assert_close, fixture, scattered, values};
use ocelli_tensor::{DType, Tensor, set_num_threads};
use ocelli_vision::ops::boxes::{BoxFormat, area, clip, convert, denormalize, normalize};
use ocelli_vision::ops::{
    MatrixDecay, SoftDecay, batched_nms, diou_nms, iou_matrix, mask_nms, matrix_nms, nms, rotated, rotated_nms,
    soft_nms,
};
use proptest::prelude::*;

/// Numbers from a seed, for tests that need more than a strategy would make.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    /// In `0..1`.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// The definition of suppression, over all pairs. What is compared with the threshold is given.
fn plain<T: Copy>(boxes: &[T], scores: &[f64], labels: &[i64], drops: impl Fn(T, T) -> bool) -> Vec<i64> {
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&i, &j| {
        let (a, b) = (scores[i], scores[j]);
        b.partial_cmp(&a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    });
    let mut taken: Vec<usize> = Vec::new();
    for i in order {
        if !taken.iter().any(|&j| labels[i] == labels[j] && drops(boxes[j], boxes[i])) {
            taken.push(i);
        }
    }
    taken.into_iter().map(|i| i as i64).collect()
}

/// Of torchvision's kernel: which rounds in `f32`, and compares as `f64`.
fn drops(threshold: f64) -> impl Fn([f32; 4], [f32; 4]) -> bool {
    move |a, b| {
        let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
        let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
        let area = |c: [f32; 4]| (c[2] - c[0]) * (c[3] - c[1]);
        let shared = width * height;
        f64::from(shared / (area(a) + area(b) - shared)) > threshold
    }
}

fn tensor<const K: usize>(boxes: &[[f32; K]]) -> Tensor {
    Tensor::from_slice(&boxes.concat(), [boxes.len(), K]).unwrap()
}

fn indices(x: &Tensor) -> Vec<i64> {
    x.to_vec::<i64>().unwrap()
}

#[test]
fn nms_is_torchvisions() {
    let fixture = fixture("suppression");
    for name in ["f32", "f64"] {
        for kind in ["spread", "clustered", "special"] {
            let get = |key: &str| &fixture[&format!("{name}.{kind}.{key}")];
            let (boxes, scores, labels) = (get("boxes"), get("scores"), get("labels"));
            for threshold in ["0.0", "0.2", "0.5", "0.9", "1.0"] {
                let limit = threshold.parse().unwrap();
                let taken = nms(boxes, scores, limit).unwrap();
                assert_eq!(indices(&taken), indices(get(threshold)), "{name} {kind} {threshold}");
                assert_eq!(indices(&nms(&scattered(boxes), scores, limit).unwrap()), indices(&taken));
                let taken = batched_nms(boxes, scores, labels, limit).unwrap();
                let expected = indices(get(&format!("{threshold}.batched")));
                assert_eq!(indices(&taken), expected, "{name} {kind} {threshold} batched");
            }
        }
    }
}

#[test]
fn nms_of_many_boxes_is_that_of_all_pairs_on_any_number_of_threads() {
    let mut random = Random(3);
    for (round, count) in [2500, 1800, 2000, 1, 16, 17, 255, 256, 257].into_iter().enumerate() {
        let centres: Vec<[f64; 2]> = (0..20).map(|_| [random.fraction() * 500.0, random.fraction() * 500.0]).collect();
        let mut make = || {
            let scale = match round % 3 {
                0 => 40.0,
                // From points to the whole picture, so that boxes of all sizes meet.
                1 => 0.01 * 5e4f64.powf(random.fraction()),
                _ => 60.0,
            };
            let (x, y) = if round % 3 == 2 {
                let [x, y] = random.pick(&centres);
                (x + 8.0 * random.fraction(), y + 8.0 * random.fraction())
            } else {
                (500.0 * random.fraction(), 500.0 * random.fraction())
            };
            let (w, h) = (scale * (0.5 + random.fraction()), scale * (0.5 + random.fraction()));
            [x, y, x + w, y + h].map(|x| x as f32)
        };
        let boxes: Vec<[f32; 4]> = (0..count).map(|_| make()).collect();
        let scores: Vec<f64> = boxes.iter().map(|_| random.below(100) as f64).collect();
        let labels: Vec<i64> = boxes.iter().map(|_| random.below(3) as i64 - 1).collect();
        let all = tensor(&boxes);
        let (s, l) = (Tensor::from_slice(&scores, [count]).unwrap(), Tensor::from_slice(&labels, [count]).unwrap());
        for threshold in [0.0, 0.05, 0.3, 0.5, 0.7, 0.95] {
            let expected = plain(&boxes, &scores, &vec![0; count], drops(threshold));
            let expected_by_class = plain(&boxes, &scores, &labels, drops(threshold));
            for threads in [1, 3] {
                set_num_threads(threads).unwrap();
                assert_eq!(indices(&nms(&all, &s, threshold).unwrap()), expected, "{count} {threshold}");
                assert_eq!(indices(&batched_nms(&all, &s, &l, threshold).unwrap()), expected_by_class);
            }
        }
    }
}

#[test]
fn diou_nms_follows_its_paper() {
    let fixture = fixture("suppression");
    for threshold in ["0.1", "0.3", "0.5"] {
        let taken = diou_nms(&fixture["boxes"], &fixture["scores"], None, threshold.parse().unwrap()).unwrap();
        assert_eq!(indices(&taken), indices(&fixture[&format!("diou.{threshold}")]), "{threshold}");
    }
    apart_by_class(&fixture["boxes"], &fixture["labels"], |boxes, scores, labels| {
        let taken = diou_nms(boxes, scores, labels, 0.3).unwrap();
        (taken.clone(), scores.index_select(0, &taken).unwrap())
    });
}

#[test]
fn soft_nms_follows_its_paper() {
    let fixture = fixture("suppression");
    let (boxes, scores) = (&fixture["boxes"], &fixture["scores"]);
    let decays = [("linear", SoftDecay::Linear { threshold: 0.3 }), ("gauss", SoftDecay::Gaussian { sigma: 0.5 })];
    for (key, decay) in decays {
        let left = soft_nms(boxes, scores, None, decay, 0.05).unwrap();
        assert_eq!(indices(&left.indices), indices(&fixture[&format!("soft.{key}")]), "{key}");
        assert_close(&left.scores, &fixture[&format!("soft.{key}.scores")], 1e-12, 0.0, key);
        let narrow =
            soft_nms(&boxes.to_dtype(DType::F32).unwrap(), &scores.to_dtype(DType::F32).unwrap(), None, decay, 0.05);
        let narrow = narrow.unwrap();
        assert_eq!(indices(&narrow.indices), indices(&left.indices), "{key}");
        assert_close(&narrow.scores, &left.scores.to_dtype(DType::F32).unwrap(), 1e-4, 0.0, key);
        apart_by_class(boxes, &fixture["labels"], |boxes, scores, labels| {
            let left = soft_nms(boxes, scores, labels, decay, 0.1).unwrap();
            (left.indices, left.scores)
        });
    }
    // All are left where nothing is dropped, equal scores in their order.
    let apart = tensor(&[[0.0, 0.0, 1.0, 1.0], [5.0, 0.0, 6.0, 1.0], [9.0, 0.0, 10.0, 1.0]]);
    let equal = Tensor::new([0.5f32, f32::NAN, 0.5]).unwrap();
    let left = soft_nms(&apart, &equal, None, SoftDecay::Gaussian { sigma: 1.0 }, 0.0).unwrap();
    assert_eq!(indices(&left.indices), [0, 2]);
}

#[test]
fn matrix_and_mask_suppression_follow_their_papers() {
    let fixture = fixture("suppression");
    let (iou, scores) = (&fixture["masks.iou"], &fixture["masks.scores"]);
    for (key, decay) in [("linear", MatrixDecay::Linear), ("gauss", MatrixDecay::Gaussian { sigma: 2.0 })] {
        let left = matrix_nms(iou, scores, None, decay, 0.0).unwrap();
        let expected = &fixture[&format!("matrix.{key}")];
        assert_eq!(left.indices.shape(), scores.shape());
        let expected = expected.index_select(0, &left.indices).unwrap();
        assert_close(&left.scores, &expected, 1e-12, 1e-15, key);
        let few = matrix_nms(iou, scores, None, decay, 0.3).unwrap();
        let count = values(&left.scores).iter().filter(|score| **score >= 0.3).count();
        assert_eq!(indices(&few.indices), indices(&left.indices)[..count]);
        assert!(count > 3 && count < scores.numel());
    }
    assert_eq!(indices(&mask_nms(iou, scores, None, 0.4).unwrap()), indices(&fixture["masks.nms"]));
    let across = iou.t().unwrap();
    assert_eq!(indices(&mask_nms(&across, scores, None, 0.4).unwrap()), indices(&fixture["masks.nms"]));

    // By the overlaps of boxes, these are the same as what takes boxes.
    let boxes = &fixture["boxes"];
    let iou_of = |boxes: &Tensor| iou_matrix(boxes, boxes).unwrap();
    let taken = mask_nms(&iou_of(boxes), &fixture["scores"], Some(&fixture["labels"]), 0.4).unwrap();
    assert_eq!(indices(&taken), indices(&batched_nms(boxes, &fixture["scores"], &fixture["labels"], 0.4).unwrap()));
    apart_by_class(boxes, &fixture["labels"], |boxes, scores, labels| {
        let left = matrix_nms(&iou_of(boxes), scores, labels, MatrixDecay::Linear, 0.1).unwrap();
        (left.indices, left.scores)
    });
    // What is covered entirely by a better one lowers nothing, and has no score left.
    let same = Tensor::new([[1.0f64, 1.0, 0.5], [1.0, 1.0, 0.75], [0.5, 0.75, 1.0]]).unwrap();
    let left = matrix_nms(&same, &Tensor::new([0.75f64, 0.5, 0.25]).unwrap(), None, MatrixDecay::Linear, 0.0).unwrap();
    assert_eq!(values(&left.scores), [0.75, 0.125, 0.0]);
}

/// Asserts that a suppression with labels gives what it gives for each class alone.
#[track_caller]
fn apart_by_class(
    boxes: &Tensor,
    labels: &Tensor,
    suppress: impl Fn(&Tensor, &Tensor, Option<&Tensor>) -> (Tensor, Tensor),
) {
    let count = boxes.shape()[0];
    let scores = Tensor::linspace(0.2, 0.9, count, DType::F64).unwrap();
    let mut expected = Vec::new();
    for class in 0..3 {
        let members = labels.eq(class).unwrap().nonzero().unwrap().squeeze(1).unwrap();
        let of = |x: &Tensor| x.index_select(0, &members).unwrap();
        let (taken, scores) = suppress(&of(boxes), &of(&scores), None);
        let positions = members.index_select(0, &taken).unwrap();
        expected.extend(indices(&positions).into_iter().zip(values(&scores)));
    }
    expected.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (taken, scores) = suppress(boxes, &scores, Some(labels));
    let found: Vec<(i64, f64)> = indices(&taken).into_iter().zip(values(&scores)).collect();
    assert_eq!(found, expected);
    assert!(found.len() < count);
}

#[test]
fn rotated_nms_is_that_of_all_pairs() {
    let fixture = fixture("suppression");
    let (boxes, scores) = (&fixture["rotated"], &fixture["rotated.scores"]);
    for threshold in ["0.0", "0.1", "0.4"] {
        let limit = threshold.parse().unwrap();
        let taken = rotated_nms(boxes, scores, None, limit).unwrap();
        assert_eq!(indices(&taken), indices(&fixture[&format!("rotated.{threshold}")]), "{threshold}");
        let iou = rotated::iou_matrix(boxes, boxes).unwrap();
        let labels = Tensor::arange(0, 150, 1).unwrap().rem(3).unwrap();
        let by_class = rotated_nms(boxes, scores, Some(&labels), limit).unwrap();
        assert_eq!(indices(&by_class), indices(&mask_nms(&iou, scores, Some(&labels), limit).unwrap()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_left_is_a_subset_in_order_that_stays_as_it_is(
        boxes in prop::collection::vec((0u8..30, 0u8..30, 0u8..12, 0u8..12, 0u8..9, 0i64..3), 0..60),
        threshold in 0.0f64..1.0,
    ) {
        let n = boxes.len();
        let corners: Vec<[f32; 4]> =
            boxes.iter().map(|&(x, y, w, h, ..)| [x, y, x + w, y + h].map(f32::from)).collect();
        let scores: Vec<f64> = boxes.iter().map(|b| f64::from(b.4) / 8.0).collect();
        let labels: Vec<i64> = boxes.iter().map(|b| b.5).collect();
        let (b, s, l) = (tensor(&corners), Tensor::from_slice(&scores, [n]).unwrap(), Tensor::from_slice(&labels, [n]).unwrap());
        let gaussian = SoftDecay::Gaussian { sigma: 0.5 };
        let left = [
            indices(&nms(&b, &s, threshold).unwrap()),
            indices(&batched_nms(&b, &s, &l, threshold).unwrap()),
            indices(&diou_nms(&b, &s, Some(&l), threshold).unwrap()),
            indices(&soft_nms(&b, &s, Some(&l), gaussian, threshold).unwrap().indices),
        ];
        for left in &left {
            let mut sorted = left.clone();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(sorted.len(), left.len());
            prop_assert!(sorted.iter().all(|&i| (i as usize) < n));
        }
        for taken in &left[..3] {
            let order = |pair: &[i64]| {
                let [i, j] = [pair[0] as usize, pair[1] as usize];
                scores[i] > scores[j] || (scores[i] == scores[j] && i < j)
            };
            prop_assert!(taken.windows(2).all(order));
        }
        // What was left is left again.
        let kept = Tensor::from_slice(&left[0], [left[0].len()]).unwrap();
        let again = nms(&b.index_select(0, &kept).unwrap(), &s.index_select(0, &kept).unwrap(), threshold).unwrap();
        prop_assert_eq!(indices(&again), (0..left[0].len() as i64).collect::<Vec<_>>());
    }

    #[test]
    fn formats_and_fractions_round_trip(
        boxes in prop::collection::vec((-50.0f64..50.0, -50.0f64..50.0, 0.0f64..60.0, 0.0f64..60.0), 0..10),
        size in (1usize..500, 1usize..500),
    ) {
        let n = boxes.len();
        let corners: Vec<f64> = boxes.iter().flat_map(|&(x, y, w, h)| [x, y, x + w, y + h]).collect();
        let b = Tensor::from_slice(&corners, [n, 4]).unwrap();
        let formats = [BoxFormat::Xyxy, BoxFormat::Xywh, BoxFormat::Cxcywh];
        for (from, to) in formats.iter().flat_map(|from| formats.map(|to| (*from, to))) {
            let first = convert(&b, BoxFormat::Xyxy, from).unwrap();
            let back = convert(&convert(&first, from, to).unwrap(), to, from).unwrap();
            assert_close(&back, &first, 0.0, 1e-12, "round trip");
            assert_close(&area(&first, from).unwrap(), &area(&b, BoxFormat::Xyxy).unwrap(), 0.0, 1e-10, "area");
        }
        let back = denormalize(&normalize(&b, size.into()).unwrap(), size.into()).unwrap();
        assert_close(&back, &b, 1e-14, 1e-14, "fractions");
        let clipped = clip(&b, size.into()).unwrap();
        prop_assert_eq!(values(&clip(&clipped, size.into()).unwrap()), values(&clipped));
        for corners in values(&clipped).chunks_exact(4) {
            let [x1, y1, x2, y2] = [corners[0], corners[1], corners[2], corners[3]];
            prop_assert!(0.0 <= x1 && x1 <= x2 && x2 <= size.1 as f64 && 0.0 <= y1 && y1 <= y2 && y2 <= size.0 as f64);
        }
    }
}
