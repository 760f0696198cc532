//! Anchors against torchvision (`fixtures/assignment.py`), priors of k-means, and what broken sizes get.

use crate::common::{assert_close, fixture, scattered};
use ocelli_tensor::{DType, Generator, Tensor};
use ocelli_vision::ops::anchors::{AnchorGenerator, DefaultBoxGenerator, YoloPriors, kmeans_anchors};
use proptest::prelude::*;

#[test]
fn anchors_are_torchvisions() {
    let fixture = fixture("assignment");
    let check = |name: &str, anchors: ocelli_vision::Result<Tensor>| {
        // Whole numbers: equal, not close.
        assert_close(&anchors.unwrap(), &fixture[&format!("anchors.{name}")], 0.0, 0.0, name);
    };
    let sizes = [vec![17.0, 33.0, 45.0], vec![90.5]];
    let odd = AnchorGenerator::new(&sizes, &[vec![0.5, 1.0, 2.0], vec![0.3, 1.0, 4.0]]).unwrap();
    assert_eq!(odd.num_anchors_per_location(), [9, 3]);
    check("odd", odd.generate([50, 67], &[[3, 4], [2, 1]]));
    check("faster_rcnn", AnchorGenerator::faster_rcnn().unwrap().generate([64, 80], &[[4, 5]]));
    let pyramid = [[6, 5], [3, 3], [2, 2], [1, 1], [1, 1]];
    check("fpn", AnchorGenerator::fpn().unwrap().generate([50, 40], &pyramid));
    check("retinanet", AnchorGenerator::retinanet().unwrap().generate([50, 40], &pyramid));
}

#[test]
fn default_boxes_are_torchvisions() {
    let fixture = fixture("assignment");
    let check = |name: &str, boxes: ocelli_vision::Result<Tensor>| {
        assert_close(&boxes.unwrap(), &fixture[&format!("anchors.{name}")], 1e-6, 1e-5, name);
    };
    let maps = [[4, 3], [3, 3], [2, 2], [2, 1], [1, 1], [1, 1]];
    check("ssd300", DefaultBoxGenerator::ssd300().unwrap().generate([300, 300], &maps));
    check("ssdlite320", DefaultBoxGenerator::ssdlite320().unwrap().generate([320, 320], &maps));
    let free = DefaultBoxGenerator::new(&[vec![2.0, 5.5], vec![3.0]]).unwrap().scale_range(0.3, 0.8).unwrap();
    check("ssd.free", free.clip(false).generate([90, 120], &[[2, 3], [1, 2]]));
    let one = DefaultBoxGenerator::new(&[vec![2.0]]).unwrap().scale_range(0.3, 0.8).unwrap();
    check("ssd.one", one.generate([90, 120], &[[2, 3]]));
}

#[test]
fn priors_stand_in_the_middle_of_cells() {
    let three = YoloPriors::yolo_v3_coco().unwrap();
    let boxes = three.generate([416, 416], &[[52, 52], [26, 26], [13, 13]]).unwrap();
    assert_eq!(boxes.shape()[..], [10647, 4]);
    let last = boxes.narrow(0, 10646, 1).unwrap().to_vec::<f32>().unwrap();
    assert_eq!(last, [400.0 - 186.5, 400.0 - 163.0, 400.0 + 186.5, 400.0 + 163.0]);
    let voc = YoloPriors::yolo_v2_voc().unwrap();
    assert_eq!(voc.num_anchors_per_location(), [5]);
    let boxes = voc.generate([416, 416], &[[13, 13]]).unwrap();
    let first = boxes.narrow(0, 0, 1).unwrap().to_vec::<f32>().unwrap();
    assert!((f64::from(first[2] - first[0]) - 1.3221 * 32.0).abs() < 1e-4);
}

#[test]
fn bad_arguments_are_named() {
    let text = |result: ocelli_vision::Result<AnchorGenerator>| result.unwrap_err().to_string();
    assert!(text(AnchorGenerator::new(&[], &[])).contains("expected ratios for each map's sizes"));
    assert!(text(AnchorGenerator::new(&[vec![1.0]], &[])).contains("received 1 sizes and 0"));
    assert!(text(AnchorGenerator::new(&[vec![]], &[vec![1.0]])).contains("expected sizes for each map"));
    assert!(text(AnchorGenerator::new(&[vec![1.0]], &[vec![]])).contains("expected ratios for each map"));
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let expected = format!("above 0, received {wrong}");
        assert!(text(AnchorGenerator::new(&[vec![wrong]], &[vec![1.0]])).contains(&expected));
        assert!(text(AnchorGenerator::new(&[vec![1.0]], &[vec![wrong]])).contains(&expected));
        assert!(DefaultBoxGenerator::new(&[vec![wrong]]).is_err());
        assert!(DefaultBoxGenerator::ssd300().unwrap().scale_range(wrong, 0.9).is_err());
        assert!(DefaultBoxGenerator::ssd300().unwrap().steps(&[wrong; 6]).is_err());
        assert!(YoloPriors::new(&[vec![[1.0, wrong]]]).is_err());
    }
    let one = AnchorGenerator::faster_rcnn().unwrap();
    let text = |result: ocelli_vision::Result<Tensor>| result.unwrap_err().to_string();
    assert!(text(one.generate([32, 32], &[])).contains("expected the sizes of 1 maps, received 0"));
    assert!(text(one.generate([32, 32], &[[0, 2]])).contains("expected maps with places"));
    assert!(text(one.generate([32, 32], &[[64, 2]])).contains("received [64, 2]"));
    assert!(text(one.generate([usize::MAX; 2], &[[usize::MAX, 2]])).contains("that memory can address"));
    assert!(one.generate([1 << 40; 2], &[[1 << 28, 1 << 28]]).is_err());
    let one = DefaultBoxGenerator::new(&[vec![2.0]]).unwrap();
    assert_eq!(one.generate([9, 9], &[[usize::MAX, 0]]).unwrap().shape()[..], [0, 4]);
    assert!(DefaultBoxGenerator::new(&[]).is_err());
    assert!(DefaultBoxGenerator::ssd300().unwrap().scales(&[0.1]).is_err());
    assert!(DefaultBoxGenerator::ssd300().unwrap().steps(&[8.0]).is_err());
    assert!(YoloPriors::new(&[]).is_err() && YoloPriors::new(&[vec![]]).is_err());
    assert!(YoloPriors::yolo_v2_voc().unwrap().generate([416, 416], &[[13, 0]]).is_err());
}

#[test]
fn kmeans_finds_what_was_planted() {
    let planted = [[12.0, 30.0], [60.0, 40.0], [55.0, 160.0], [200.0, 90.0], [300.0, 310.0]];
    let mut generator = Generator::new(9);
    let noise = Tensor::rand([1000, 2], DType::F64, &mut generator).unwrap().to_vec::<f64>().unwrap();
    let boxes: Vec<f64> =
        (0..1000).flat_map(|i| [0, 1].map(|k| planted[i % 5][k] * (0.95 + 0.1 * noise[2 * i + k]))).collect();
    let boxes = Tensor::from_vec(boxes, [1000, 2]).unwrap();
    let found = kmeans_anchors(&boxes, 5, 100, &mut Generator::new(1)).unwrap();
    for (found, planted) in found.sizes.iter().zip(planted) {
        assert!((0..2).all(|k| (found[k] / planted[k] - 1.0).abs() < 0.01), "{found:?}, expected {planted:?}");
    }
    assert!(found.mean_iou > 0.94 && found.iterations >= 1, "{found:?}");
    let again = kmeans_anchors(&scattered(&boxes), 5, 100, &mut Generator::new(1)).unwrap();
    assert_eq!(found, again);
    // One prior for all boxes is their mean.
    let one = kmeans_anchors(&boxes, 1, 100, &mut Generator::new(1)).unwrap();
    let mean = boxes.mean(0).unwrap().to_vec::<f64>().unwrap();
    assert!((0..2).all(|k| (one.sizes[0][k] - mean[k]).abs() < 1e-9));
    assert!(one.mean_iou < found.mean_iou);
}

#[test]
fn kmeans_of_few_boxes_and_of_broken_ones() {
    let generator = &mut Generator::new(0);
    let same = Tensor::full([6, 2], 3.0, DType::F32).unwrap();
    let found = kmeans_anchors(&same, 4, 50, generator).unwrap();
    assert_eq!((found.sizes, found.mean_iou), (vec![[3.0, 3.0]; 4], 1.0));
    for bad in [0.0f32, -2.0, f32::NAN, f32::INFINITY] {
        let text = kmeans_anchors(&Tensor::new([[1.0f32, bad]]).unwrap(), 1, 5, generator).unwrap_err().to_string();
        assert!(text.contains("expected widths and heights above 0"), "{text}");
        // Areas that no number holds.
        let far = Tensor::new([[1e200f64, 2e200], [1e-200, 2e-200], [2e200, 2e200]]).unwrap();
        let found = kmeans_anchors(&far, 2, 50, &mut Generator::new(0)).unwrap();
        assert_eq!((found.sizes[0], found.sizes[1]), ([1e-200, 2e-200], [1.5e200, 2e200]));
        assert!((found.mean_iou - (1.0 + 1.0 / 1.5 + 0.75) / 3.0).abs() < 1e-12, "{found:?}");
    }
    for k in [0, 7] {
        let text = kmeans_anchors(&same, k, 5, generator).unwrap_err().to_string();
        assert!(text.contains(&format!("received {k}")), "{text}");
    }
    assert!(kmeans_anchors(&Tensor::zeros([0, 2], DType::F32).unwrap(), 1, 5, generator).is_err());
    assert!(kmeans_anchors(&Tensor::zeros([3, 4], DType::F32).unwrap(), 1, 5, generator).is_err());
    assert!(kmeans_anchors(&Tensor::ones([3, 2], DType::I64).unwrap(), 1, 5, generator).is_err());
}

proptest! {
    #[test]
    fn as_many_priors_as_different_boxes_fit_them_all(
        boxes in prop::collection::hash_set((1u8..40, 1u8..40), 1..8),
        seed: u64,
    ) {
        let count = boxes.len();
        let sizes: Vec<f64> = boxes.iter().flat_map(|&(w, h)| [f64::from(w), f64::from(h)]).collect();
        let sizes = Tensor::from_vec(sizes, [count, 2]).unwrap();
        let found = kmeans_anchors(&sizes, count, 100, &mut Generator::new(seed)).unwrap();
        prop_assert!((found.mean_iou - 1.0).abs() < 1e-12, "{:?}", found);
        prop_assert!(found.sizes.is_sorted_by(|a, b| a[0] * a[1] <= b[0] * b[1]));
    }
}
