//! A hundred thousand random calls with whatever numbers and shapes of what works on boxes' numbers, masks, keypoints, pictures and results:
//! each gives a result or an error, none panics.

use ocelli_autograd::Var;
use ocelli_data::annotation::{Keypoints, Polygon, Rle};
use ocelli_nn::losses::Reduction;
use ocelli_tensor::{DType, Tensor};
use ocelli_vision::features::{ClassWeight, Hog, LinearSvm, SvmLoss, box_sums, integral_image};
use ocelli_vision::metrics::{
    CocoDetection, CocoEvaluator, CocoObject, CocoParams, ConfusionMatrix, Interpolation, VocDetection, VocEvaluator,
    VocObject, VocParams, average_precision, oks, pck,
};
use ocelli_vision::ops::keypoints::{
    AffinityTargets, HeatmapTargets, Peak, PeakFinder, PeopleAssembler, Refinement, heatmap_argmax, heatmap_peaks,
    line_integral,
};
use ocelli_vision::ops::{
    BoxFormat, box_iou_loss, boxes, ciou_matrix, complete_box_iou_loss, decode_masks, diou_matrix,
    distance_box_iou_loss, encode_masks, generalized_box_iou_loss, giou_matrix, mask_iou_matrix, masks_to_boxes,
    paste_masks_in_image, polygons_to_mask, rotated,
};
use ocelli_vision::proposals::{Felzenszwalb, ImagePyramid, SelectiveSearch, SlidingWindows};

use crate::malformed::Random;

impl Random {
    /// Up to three tensors' worth of axes, mostly of the given rank, sizes from 0 to 5.
    fn picture(&mut self, rank: usize) -> Tensor {
        let rank = if self.below(20) == 0 { self.below(5) as usize } else { rank };
        let shape: Vec<usize> =
            (0..rank).map(|_| if self.below(12) == 0 { 0 } else { 1 + self.below(5) as usize }).collect();
        let numbers = (0..shape.iter().product()).map(|_| self.number()).collect();
        let x = Tensor::from_vec(numbers, shape.as_slice()).unwrap();
        let dtype = self.pick(&[DType::F32, DType::F32, DType::F64, DType::F16, DType::U8, DType::I64, DType::Bool]);
        x.to_dtype(dtype).unwrap()
    }

    fn numbers<const N: usize>(&mut self) -> [f64; N] {
        std::array::from_fn(|_| self.number())
    }

    fn box_format(&mut self) -> BoxFormat {
        self.pick(&[BoxFormat::Xyxy, BoxFormat::Xywh, BoxFormat::Cxcywh])
    }

    fn keypoints(&mut self, count: usize) -> ocelli_data::Result<Keypoints> {
        let numbers: Vec<f64> =
            (0..3 * count).map(|i| if i % 3 == 2 { self.below(3) as f64 } else { self.number() }).collect();
        Keypoints::from_flat(&numbers)
    }

    /// A mask, mostly of one size, or keypoints, mostly as many as people have; sometimes neither.
    fn region(&mut self) -> (Option<Rle>, Option<Keypoints>) {
        let size = if self.below(20) == 0 { self.sizes() } else { [3, 3] };
        let mask = (0..size[0] * size[1]).map(|_| self.below(2) as u8).collect::<Vec<u8>>();
        let mask = (self.below(20) > 0).then(|| Rle::encode(&mask, size).unwrap());
        let points = if self.below(20) == 0 { 5 } else { 17 };
        let finite: Vec<f64> =
            (0..3 * points).map(|i| if i % 3 == 2 { self.below(3) } else { self.below(40) } as f64).collect();
        let keypoints = (self.below(20) > 0).then(|| Keypoints::from_flat(&finite).unwrap());
        (mask, keypoints)
    }

    fn coco_object(&mut self) -> CocoObject {
        let mut object = CocoObject::new(self.below(3) as i64, self.numbers()).area(self.number());
        (object.mask, object.keypoints) = self.region();
        object
    }

    fn coco_detection(&mut self) -> CocoDetection {
        let mut found = CocoDetection::new(self.below(3) as i64, self.number(), self.numbers());
        (found.mask, found.keypoints) = self.region();
        found
    }

    /// Lists of peaks, some of numbers that are none.
    fn peaks(&mut self, lists: usize) -> Vec<Vec<Peak>> {
        (0..lists)
            .map(|_| {
                let count = self.below(3);
                (0..count).map(|_| Peak { x: self.number(), y: self.number(), score: self.number() }).collect()
            })
            .collect()
    }
}

fn boxes_and_losses(r: &mut Random, call: usize) -> bool {
    let (a, b) = (r.tensor(4), r.tensor(4));
    match call % 8 {
        0 => boxes::convert(&a, r.box_format(), r.box_format()).is_ok(),
        1 => boxes::area(&a, r.box_format()).is_ok() & boxes::clip(&b, r.sizes()).is_ok(),
        2 => boxes::normalize(&a, r.sizes()).is_ok() | boxes::denormalize(&b, r.sizes()).is_ok(),
        3 => boxes::remove_small(&a, r.number()).is_ok(),
        4 => giou_matrix(&a, &b).is_ok() & diou_matrix(&a, &b).is_ok() & ciou_matrix(&b, &a).is_ok(),
        5 => {
            let turned = r.tensor(5);
            rotated::enclosing(&turned).is_ok()
                & rotated::area(&turned).is_ok()
                & rotated::iou_matrix(&turned, &turned).is_ok()
        }
        _ => {
            let losses = [box_iou_loss, generalized_box_iou_loss, distance_box_iou_loss, complete_box_iou_loss];
            let reduction = r.pick(&[Reduction::None, Reduction::Sum, Reduction::Mean]);
            let Ok(x) = Var::leaf(a) else { return false };
            match r.pick(&losses)(&x, &Var::from(b), reduction, 1e-7) {
                Ok(loss) => loss.sum(..).unwrap().backward().is_ok(),
                Err(_) => false,
            }
        }
    }
}

fn masks(r: &mut Random, call: usize) -> bool {
    let (a, b) = (r.picture(3), r.picture(3));
    match call % 7 {
        6 => {
            let [one, other] = [r.region().0, r.region().0];
            let (Some(one), Some(other)) = (one, other) else { return false };
            let both = [one, other];
            let crowd = vec![r.below(2) == 0; r.pick(&[1, 2, 2])];
            Rle::union(&both).is_ok() & Rle::intersection(&both).is_ok() & Rle::iou_matrix(&both, &both, &crowd).is_ok()
        }
        0 => masks_to_boxes(&a).is_ok(),
        1 => encode_masks(&a).is_ok(),
        2 => mask_iou_matrix(&a, &b).is_ok(),
        3 => {
            let boxes = r.tensor(4);
            let size = [r.below(30) as usize, r.below(30) as usize];
            paste_masks_in_image(&a, &boxes, size, r.below(3) as usize).is_ok()
        }
        4 => {
            let numbers: Vec<f64> = (0..2 * r.below(6)).map(|_| r.number()).collect();
            match Polygon::from_flat(&numbers) {
                Ok(polygon) => polygons_to_mask(&[polygon], r.sizes()).is_ok(),
                Err(_) => false,
            }
        }
        _ => {
            let size = r.sizes();
            let text: String = (0..r.below(6)).map(|_| char::from(40 + r.below(80) as u8)).collect();
            match Rle::from_compressed(size, &text) {
                Ok(mask) => decode_masks(&[mask], r.sizes()).is_ok(),
                Err(_) => false,
            }
        }
    }
}

fn keypoints(r: &mut Random, call: usize) -> bool {
    let limbs = vec![[r.below(3) as usize, r.below(4) as usize]; r.below(3) as usize];
    match call % 7 {
        0 => heatmap_argmax(
            &r.picture(3),
            r.pick(&[Refinement::None, Refinement::Quarter, Refinement::Quadratic, Refinement::LogQuadratic]),
        )
        .is_ok(),
        1 => {
            let finder = PeakFinder {
                threshold: r.number(),
                radius: r.below(3) as usize,
                max_peaks: r.below(4) as usize,
                ..PeakFinder::default()
            };
            heatmap_peaks(&r.picture(3), &finder).is_ok()
        }
        2 => {
            let targets = HeatmapTargets {
                truncate: r.number(),
                rounded: r.below(2) == 0,
                ..HeatmapTargets::new(r.sizes(), r.number())
            };
            targets.encode(&r.picture(3)).is_ok() | targets.encode(&r.tensor(3)).is_ok()
        }
        3 => {
            let people = Tensor::from_vec((0..18).map(|_| r.number()).collect(), [2, 3, 3]).unwrap();
            AffinityTargets { size: r.sizes(), width: r.number(), limbs }.encode(&people).is_ok()
        }
        4 => line_integral(&r.picture(3), &r.tensor(2), &r.tensor(2), r.below(12) as usize).is_ok(),
        5 => {
            let lists = 1 + r.below(3) as usize;
            let assembler = PeopleAssembler {
                tree: r.below(3) as usize,
                samples: r.below(12) as usize,
                min_affinity: r.number(),
                min_support: r.number(),
                limbs,
                ..PeopleAssembler::default()
            };
            let peaks = r.peaks(lists);
            let fields = if r.below(2) == 0 {
                Tensor::ones([2 * assembler.limbs.len(), 4, 4], DType::F32).unwrap()
            } else {
                r.picture(3)
            };
            assembler.assemble(&peaks, &fields).is_ok()
        }
        _ => {
            let shown = Tensor::ones([2, 3], DType::Bool).unwrap();
            let points = |r: &mut Random| Tensor::from_vec((0..12).map(|_| r.number()).collect(), [2, 3, 2]).unwrap();
            let (found, known) = (points(r), points(r));
            pck(&found, &known, &shown, &r.picture(1), r.number()).is_ok()
        }
    }
}

fn metrics(r: &mut Random, call: usize) -> bool {
    let (objects, found) = (r.below(4), r.below(5));
    match call % 5 {
        0 => {
            let kind = r.pick(&[CocoParams::boxes as fn() -> CocoParams, CocoParams::masks, CocoParams::keypoints]);
            let params = CocoParams {
                iou_thresholds: vec![0.5, r.number().abs() / 40.0],
                use_categories: r.below(3) > 0,
                ..kind()
            };
            let Ok(mut evaluator) = CocoEvaluator::new(params) else { return false };
            for id in [0, 1, r.below(2) as i64] {
                let known = (0..objects).map(|_| r.coco_object()).collect();
                let found = (0..found).map(|_| r.coco_detection()).collect();
                if evaluator.add(id, known, found).is_err() {
                    return false;
                }
            }
            evaluator.evaluate().unwrap().stats().iter().all(|x| (-1.0..=1.0).contains(x))
        }
        1 => {
            let params = VocParams { threshold: r.number() / 20.0, inclusive: r.below(2) == 0, ..VocParams::default() };
            let Ok(mut evaluator) = VocEvaluator::new(params) else { return false };
            let known = (0..objects).map(|_| VocObject::new(r.below(3) as i64, r.numbers())).collect();
            let found = (0..found).map(|_| VocDetection::new(r.below(3) as i64, r.number(), r.numbers())).collect();
            evaluator.add(0, known, found).is_ok()
                && evaluator.evaluate().mean_average_precision().is_none_or(|ap| (0.0..=1.0).contains(&ap))
        }
        2 => {
            let numbers = |r: &mut Random| (0..objects).map(|_| r.number() / 30.0).collect::<Vec<f64>>();
            let (recall, precision) = (numbers(r), numbers(r));
            average_precision(&recall, &precision, r.pick(&[Interpolation::ElevenPoints, Interpolation::Area])).is_ok()
        }
        3 => {
            let Ok(matrix) = ConfusionMatrix::new(r.below(4) as usize) else { return false };
            let labels =
                |r: &mut Random| Tensor::from_vec((0..4).map(|_| r.below(5) as i64 - 1).collect(), [4]).unwrap();
            let (truth, predicted) = (labels(r), if r.below(10) == 0 { r.picture(1) } else { labels(r) });
            matrix.ignore(-1).update(&truth, &predicted).is_ok()
        }
        _ => {
            let count = r.below(4) as usize;
            match (r.keypoints(count), r.keypoints(count)) {
                (Ok(found), Ok(known)) => oks(&found, &known, r.numbers(), r.number(), &[0.1; 3][..count]).is_ok(),
                _ => false,
            }
        }
    }
}

fn pictures(r: &mut Random, call: usize) -> bool {
    let rank = r.pick(&[2, 3, 3]);
    let image = if r.below(2) == 0 {
        // A picture as it should be.
        let numbers = (0..108).map(|_| r.below(256) as u8).collect();
        Tensor::from_vec(numbers, [3, 6, 6]).unwrap()
    } else {
        r.picture(rank)
    };
    match call % 7 {
        0 => Felzenszwalb { scale: r.number(), sigma: r.number().abs() / 8.0, min_size: r.below(9) as usize }
            .segment(&image)
            .is_ok(),
        1 => SelectiveSearch { scales: vec![r.number()], min_side: r.below(4) as usize, ..SelectiveSearch::single() }
            .propose(&image)
            .is_ok(),
        2 => SlidingWindows { cover: r.below(2) == 0, ..SlidingWindows::new(r.sizes(), r.sizes()) }
            .boxes(r.sizes())
            .is_ok(),
        3 => ImagePyramid { scale: r.number() / 10.0, min_size: r.sizes(), max_levels: r.below(5) as usize }
            .levels(&image)
            .is_ok(),
        4 => match integral_image(&image) {
            Ok(sums) => box_sums(&sums, &r.tensor(4)).is_ok(),
            Err(_) => false,
        },
        5 => Hog {
            orientations: r.below(10) as usize,
            pixels_per_cell: r.sizes(),
            cells_per_block: r.sizes(),
            ..Hog::default()
        }
        .features(&image)
        .is_ok(),
        _ => {
            let labels = Tensor::from_vec((0..3).map(|_| r.below(3) as i64).collect(), [3]).unwrap();
            let class_weight = r.pick(&[0, 1, 2]);
            let class_weight = match class_weight {
                0 => ClassWeight::Equal,
                1 => ClassWeight::Balanced,
                _ => ClassWeight::Each(vec![r.number(); 2]),
            };
            let loss = if r.below(2) == 0 { SvmLoss::Hinge } else { SvmLoss::SquaredHinge };
            let svm = LinearSvm { c: r.number(), loss, class_weight, max_iterations: 20, ..LinearSvm::default() };
            svm.fit(&r.tensor(3), &labels).is_ok_and(|fitted| fitted.predict(&r.tensor(3)).is_ok())
        }
    }
}

#[test]
fn nothing_panics() {
    let mut random = Random(5);
    let families = [boxes_and_losses, masks, keypoints, metrics, pictures];
    let calls = 100_000;
    let mut accepted = [0; 5];
    for call in 0..calls {
        let family = call % families.len();
        accepted[family] += usize::from(families[family](&mut random, call / families.len()));
    }
    // Of no family is everything refused, nor nothing.
    let each = calls / families.len();
    assert!(
        accepted.iter().all(|accepted| (each / 50..each * 49 / 50).contains(accepted)),
        "{accepted:?} of {each} each"
    );
}
