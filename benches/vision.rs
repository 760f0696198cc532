//! Detection utilities.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ocelli_autograd::Var;
use ocelli_benches::{criterion, randn};
use ocelli_tensor::{DType, Generator, Result, RoiMode, RoiOptions, Tensor};
use ocelli_vision::ops::roi::MultiScaleRoiAlign;
use ocelli_vision::ops::{batched_nms, iou_matrix, nms};

/// Boxes as in torchvision's own benchmark: corners in 0..1000, sides of 1 to 101.
fn boxes(count: usize) -> Result<(Tensor, Tensor)> {
    let mut generator = Generator::new(0);
    let corner = Tensor::rand([count, 2], DType::F32, &mut generator)?.mul(1000.0)?;
    let size = Tensor::rand([count, 2], DType::F32, &mut generator)?.mul(100.0)?.add(1.0)?;
    let scores = Tensor::rand([count], DType::F32, &mut generator)?;
    Ok((Tensor::concat(&[&corner, &corner.add(&size)?], 1)?, scores))
}

fn suppression(c: &mut Criterion) {
    let (all, scores) = boxes(10_000).expect("memory");
    let classes = Tensor::randint(0, 80, [10_000], DType::I64, &mut Generator::new(1)).expect("memory");
    c.bench_function("nms 10k", |b| b.iter(|| black_box(nms(&all, &scores, 0.5).expect("boxes"))));
    c.bench_function("nms 10k in 80 classes", |b| {
        b.iter(|| black_box(batched_nms(&all, &scores, &classes, 0.5).expect("boxes")));
    });
    let (few, _) = boxes(1000).expect("memory");
    c.bench_function("iou 1000x1000", |b| b.iter(|| black_box(iou_matrix(&few, &few).expect("boxes"))));
}

/// Boxes in a picture of 800 × 800.
fn regions(c: &mut Criterion) {
    let (all, _) = boxes(1000).expect("memory");
    let all = all.mul(0.7).expect("memory");
    let image = Tensor::zeros([1000, 1], DType::F32).expect("memory");
    let rois = Tensor::concat(&[&image, &all], 1).expect("memory");
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
    let lists = [all.narrow(0, 0, 512).expect("so many")];
    let align = MultiScaleRoiAlign::new([14, 14], 2);
    c.bench_function("roi align 512x256x14x14 on four levels", |b| {
        b.iter(|| black_box(align.forward(&pyramid, &lists, &[[800, 800]]).expect("maps")));
    });
}

criterion_group!(name = benches; config = criterion(); targets = suppression, regions);
criterion_main!(benches);
