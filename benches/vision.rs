//! Detection utilities.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ocelli_autograd::Var;
use ocelli_benches::{
    boxes_of_all_sizes, clustered_boxes, coco_table, criterion, detected_pictures, randn, region_boxes, spread_boxes,
};
use ocelli_tensor::{DType, Generator, RoiMode, RoiOptions, Tensor};
use ocelli_vision::ops::boxes::convert;
use ocelli_vision::ops::roi::MultiScaleRoiAlign;
use ocelli_vision::ops::{
    BoxFormat, Detections, FusionOptions, MatrixDecay, SoftDecay, batched_nms, ciou_matrix, giou_matrix, iou_matrix,
    matrix_nms, nms, rotated, rotated_nms, soft_nms, weighted_boxes_fusion,
};
use ocelli_vision::proposals::SelectiveSearch;

fn suppression(c: &mut Criterion) {
    for (count, name) in [(1_000, "1k"), (10_000, "10k"), (100_000, "100k")] {
        let classes = Tensor::randint(0, 80, [count], DType::I64, &mut Generator::new(1)).expect("memory");
        for (kind, (boxes, scores)) in [("", spread_boxes(count)), ("_clustered", clustered_boxes(count))] {
            c.bench_function(&format!("nms_{name}{kind}"), |b| {
                b.iter(|| black_box(nms(&boxes, &scores, 0.5).expect("boxes")));
            });
            c.bench_function(&format!("batched_nms_{name}_80{kind}"), |b| {
                b.iter(|| black_box(batched_nms(&boxes, &scores, &classes, 0.5).expect("boxes")));
            });
        }
    }
    let (boxes, scores) = clustered_boxes(10_000);
    let decay = SoftDecay::Gaussian { sigma: 0.5 };
    c.bench_function("soft_nms_10k_clustered", |b| {
        b.iter(|| black_box(soft_nms(&boxes, &scores, None, decay, 0.001).expect("boxes")));
    });
    let (boxes, scores) = clustered_boxes(1_000);
    let iou = iou_matrix(&boxes, &boxes).expect("boxes");
    let decay = MatrixDecay::Gaussian { sigma: 2.0 };
    c.bench_function("matrix_nms_1k", |b| {
        b.iter(|| black_box(matrix_nms(&iou, &scores, None, decay, 0.05).expect("overlaps")));
    });
    let labels = Tensor::zeros([1_000], DType::I64).expect("memory");
    let models = [Detections { boxes, scores, labels }];
    c.bench_function("weighted_boxes_fusion_1k", |b| {
        b.iter(|| black_box(weighted_boxes_fusion(&models, &FusionOptions::default()).expect("boxes")));
    });
    let (boxes, scores) = (turned(2_000), spread_boxes(2_000).1);
    c.bench_function("rotated_nms_2k", |b| {
        b.iter(|| black_box(rotated_nms(&boxes, &scores, None, 0.5).expect("boxes")));
    });
}

fn overlaps(c: &mut Criterion) {
    let (boxes, _) = spread_boxes(5_000);
    c.bench_function("iou_5000x5000", |b| b.iter(|| black_box(iou_matrix(&boxes, &boxes).expect("boxes"))));
    c.bench_function("giou_5000x5000", |b| b.iter(|| black_box(giou_matrix(&boxes, &boxes).expect("boxes"))));
    c.bench_function("ciou_5000x5000", |b| b.iter(|| black_box(ciou_matrix(&boxes, &boxes).expect("boxes"))));
    let boxes = turned(1_000);
    c.bench_function("rotated_iou_1000x1000", |b| {
        b.iter(|| black_box(rotated::iou_matrix(&boxes, &boxes).expect("boxes")));
    });
}

/// Spread boxes, each turned by an angle of its own.
fn turned(count: usize) -> Tensor {
    let (boxes, _) = spread_boxes(count);
    let upright = convert(&boxes, BoxFormat::Xyxy, BoxFormat::Cxcywh).expect("boxes");
    let angles = Tensor::rand([count, 1], DType::F32, &mut Generator::new(2)).and_then(|x| x.mul(360.0));
    Tensor::concat(&[upright, angles.expect("memory")], 1).expect("memory")
}

/// Boxes in a picture of 800 × 800.
fn regions(c: &mut Criterion) {
    let image = Tensor::zeros([1000, 1], DType::F32).expect("memory");
    let rois = Tensor::concat(&[&image, &region_boxes(1000)], 1).expect("memory");
    let mode = RoiMode::Align { sampling_ratio: 2, aligned: true };
    let options = RoiOptions { mode, output_size: [7, 7], spatial_scale: 1.0 / 16.0 };
    let map = randn(&[1, 256, 50, 50]);
    let dy = randn(&[1000, 256, 7, 7]);
    c.bench_function("roi align 1000x256x7x7", |b| b.iter(|| black_box(map.roi_mean(&rois, &options).expect("maps"))));
    c.bench_function("roi align backward 1000x256x7x7", |b| {
        b.iter(|| black_box(dy.roi_mean_backward(&rois, map.shape(), &options).expect("maps")));
    });
    c.bench_function("roi pool 1000x256x7x7", |b| {
        b.iter(|| black_box(map.roi_max(&rois, [7, 7], 1.0 / 16.0).expect("maps")));
    });

    let pyramid = [200, 100, 50, 25].map(|size| Var::from(randn(&[1, 256, size, size])));
    let lists = [boxes_of_all_sizes(512)];
    let align = MultiScaleRoiAlign::new([14, 14], 2);
    c.bench_function("roi align 512x256x14x14 on four levels", |b| {
        b.iter(|| black_box(align.forward(&pyramid, &lists, &[[800, 800]]).expect("maps")));
    });
}

fn evaluation(c: &mut Criterion) {
    let pictures = detected_pictures(5_000);
    c.bench_function("coco eval 5000x36", |b| b.iter(|| black_box(coco_table(&pictures))));
}

/// A picture of 512 × 512: soft waves with noise.
fn proposals(c: &mut Criterion) {
    let wave = |shape: [usize; 3], factor: f64| {
        Tensor::arange(0, 512, 1).and_then(|x| x.to_dtype(DType::F32)?.mul(factor)?.sin()?.reshape(shape)?.mul(60.0))
    };
    let picture = || -> ocelli_tensor::Result<Tensor> {
        let channels = Tensor::from_slice(&[1.0f32, 0.6, 0.3], [3, 1, 1])?;
        let waves = wave([1, 512, 1], 0.03)?.add(&wave([1, 1, 512], 0.05)?)?.mul(&channels)?;
        waves.add(&randn(&[3, 512, 512]).mul(4.0)?)?.add(128.0)?.clamp(Some(0.0), Some(255.0))?.to_dtype(DType::U8)
    };
    let picture = picture().expect("memory");
    for (name, search) in [("fast", SelectiveSearch::fast()), ("quality", SelectiveSearch::quality())] {
        c.bench_function(&format!("selective search 512x512 {name}"), |b| {
            b.iter(|| black_box(search.propose(&picture).expect("a picture")));
        });
    }
}

criterion_group!(name = benches; config = criterion(); targets = suppression, overlaps, regions, evaluation, proposals);
criterion_main!(benches);
