//! Detection utilities.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ocelli_benches::criterion;
use ocelli_tensor::{DType, Generator, Result, Tensor};
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

criterion_group!(name = benches; config = criterion(); targets = suppression);
criterion_main!(benches);
