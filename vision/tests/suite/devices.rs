//! `ops` with tensors on a graphics adapter: the CPU's numbers, ties and NaN in the CPU's order, results where the documentation says. Where there
//! is no adapter, a message; `OCELLI_TEST_ADAPTER=required` makes that a failure.

mod regions;

use std::io::Write;

use crate::common::assert_close;
use ocelli_autograd::Var;
use ocelli_nn::losses::Reduction;
use ocelli_tensor::{DType, Device, Generator, Tensor, set_num_threads};
use ocelli_vision::Result;
use ocelli_vision::ops::boxes::{self, BoxFormat};
use ocelli_vision::ops::coders::{BoxCoder, YoloV1Coder, YoloV2Coder};
use ocelli_vision::ops::rotated::{self, RotatedFormat};
use ocelli_vision::ops::{
    self, BalancedPositiveNegativeSampler, CenterSampling, Detections, FusionOptions, LowQuality, Matcher, MatrixDecay,
    SoftDecay, anchors,
};

type Op<'a> = dyn Fn(&[Tensor]) -> Result<Vec<Tensor>> + 'a;

/// The first adapter, or a message that there is none.
fn adapter() -> Option<Device> {
    match Device::wgpu(0) {
        Ok(device) => Some(device),
        Err(error) => {
            assert!(std::env::var_os("OCELLI_TEST_ADAPTER").is_none(), "{error}");
            let _ = writeln!(std::io::stderr(), "skipped: there is no graphics adapter: {error}");
            None
        }
    }
}

/// Asserts that an operation gives the same on the adapter, where all of its results lie, as on the CPU.
#[track_caller]
fn same(what: &str, inputs: &[&Tensor], tolerance: f64, op: &Op<'_>) {
    let Some(device) = adapter() else { return };
    let on = |device| -> Vec<Tensor> { inputs.iter().map(|x| x.to_device(device).unwrap()).collect() };
    let expected = op(&on(Device::Cpu)).unwrap();
    let actual = op(&on(device)).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(actual.len(), expected.len());
    for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        assert_eq!((actual.device(), expected.device()), (device, Device::Cpu), "{what}, result {i}");
        let actual = actual.to_device(Device::Cpu).unwrap();
        assert_close(&actual, expected, tolerance, tolerance, &format!("{what}, result {i}"));
    }
}

/// What a result of this dtype is off if the adapter's quotients and functions differ in the last digit of `f32`.
fn rounding(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => 1e-3,
        DType::BF16 => 8e-3,
        _ => 1e-6,
    }
}

fn random(shape: &[usize], seed: u64) -> Tensor {
    Tensor::rand(shape, DType::F32, &mut Generator::new(seed)).unwrap()
}

/// Boxes in a picture of 64 pixels, many of them on one another.
fn solid(count: usize, seed: u64) -> Tensor {
    let corner = random(&[count, 2], seed).mul(8.0).unwrap().round().unwrap().mul(6.0).unwrap();
    let side = random(&[count, 2], seed + 1).mul(4.0).unwrap().ceil().unwrap().mul(4.0).unwrap();
    Tensor::concat(&[&corner, &corner.add(&side).unwrap()], 1).unwrap()
}

/// As [`solid`], with boxes that cover nothing or are not finite among them.
fn odd(count: usize, seed: u64) -> Tensor {
    let wrong = Tensor::new([
        [5.0f32, 5.0, 5.0, 9.0],
        [9.0, 9.0, 5.0, 5.0],
        [f32::NAN, 0.0, 5.0, 5.0],
        [0.0, 0.0, f32::INFINITY, 5.0],
        [-1e30, -1e30, 1e30, 1e30],
    ]);
    Tensor::concat(&[&solid(count - 5, seed), &wrong.unwrap()], 0).unwrap()
}

/// Few different scores, NaN and both zeros among them.
fn scores(count: usize, seed: u64) -> Tensor {
    let scores = random(&[count], seed).mul(5.0).unwrap().floor().unwrap().div(5.0).unwrap();
    let nan = scores.masked_fill(&random(&[count], seed + 1).lt(0.1).unwrap(), f64::NAN).unwrap();
    nan.masked_fill(&random(&[count], seed + 2).lt(0.1).unwrap(), -0.0).unwrap()
}

fn labels(count: usize, seed: u64) -> Tensor {
    random(&[count], seed).mul(3.0).unwrap().floor().unwrap().to_dtype(DType::I64).unwrap()
}

fn turned(boxes: &Tensor) -> Tensor {
    let centred = boxes::convert(boxes, BoxFormat::Xyxy, BoxFormat::Cxcywh).unwrap();
    let angles = random(&[boxes.shape()[0], 1], 77).mul(8.0).unwrap().floor().unwrap().mul(45.0).unwrap();
    Tensor::concat(&[&centred, &angles], 1).unwrap()
}

#[test]
fn boxes_stay_where_they_are() {
    let formats = [BoxFormat::Xyxy, BoxFormat::Xywh, BoxFormat::Cxcywh];
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        let boxes = odd(40, 1).narrow(0, 0, 39).unwrap().to_dtype(dtype).unwrap();
        same("formats", &[&boxes], 1e-6, &|x| {
            let mut results = Vec::new();
            for (from, to) in formats.iter().flat_map(|from| formats.iter().map(move |to| (*from, *to))) {
                results.push(boxes::convert(&x[0], from, to)?);
            }
            for format in formats {
                results.push(boxes::area(&x[0], format)?);
            }
            Ok(results)
        });
        same("sizes", &[&boxes], rounding(dtype), &|x| {
            Ok(vec![
                boxes::normalize(&x[0], [48, 64])?,
                boxes::denormalize(&x[0], [48, 70_000])?,
                boxes::clip(&x[0], [40, 30])?,
                boxes::remove_small(&x[0], 8.0)?,
            ])
        });
        let rotated = turned(&solid(40, 2)).to_dtype(dtype).unwrap();
        same("rotated", &[&rotated], 1e-5 + rounding(dtype), &|x| {
            let corners = rotated::convert(&x[0], RotatedFormat::Cxcywhr, RotatedFormat::Xyxyxyxy)?;
            Ok(vec![
                rotated::convert(&x[0], RotatedFormat::Cxcywhr, RotatedFormat::Xywhr)?,
                rotated::convert(&x[0], RotatedFormat::Xywhr, RotatedFormat::Cxcywhr)?,
                corners,
                rotated::area(&x[0])?,
                rotated::enclosing(&x[0])?,
            ])
        });
    }
    // Corners back to angles, which near 180 degrees may have either sign.
    let upright = turned(&solid(40, 2)).narrow(1, 0, 4).unwrap();
    let slanted = Tensor::concat(&[&upright, &random(&[40, 1], 5).mul(80.0).unwrap()], 1).unwrap();
    same("from corners", &[&slanted], 1e-4, &|x| {
        let corners = rotated::convert(&x[0], RotatedFormat::Cxcywhr, RotatedFormat::Xyxyxyxy)?;
        Ok(vec![rotated::convert(&corners, RotatedFormat::Xyxyxyxy, RotatedFormat::Cxcywhr)?])
    });
}

#[test]
fn overlaps_are_the_cpus() {
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        let [a, b] = [odd(40, 1), odd(23, 2)].map(|boxes| boxes.to_dtype(dtype).unwrap());
        same("overlaps", &[&a, &b], 0.0, &|x| {
            let stacked = Tensor::stack(&[&x[0], &x[0]], 0)?;
            Ok(vec![
                ops::iou_matrix(&x[0], &x[1])?,
                ops::giou_matrix(&x[0], &x[1])?,
                ops::diou_matrix(&x[0], &x[1])?,
                ops::ciou_matrix(&x[0], &x[1])?,
                ops::iou_matrix(&stacked, &x[1])?,
            ])
        });
        let [a, b] = [turned(&a), turned(&b)].map(|boxes| boxes.to_dtype(dtype).unwrap());
        same("rotated overlaps", &[&a, &b], 0.0, &|x| Ok(vec![rotated::iou_matrix(&x[0], &x[1])?]));
    }
    let masks = random(&[7, 9, 11], 3).gt(0.6).unwrap();
    for dtype in [DType::Bool, DType::U8, DType::F32] {
        let masks = masks.to_dtype(dtype).unwrap();
        same("masks", &[&masks], 0.0, &|x| {
            Ok(vec![ops::mask_iou_matrix(&x[0], &x[0].narrow(0, 2, 3)?)?, ops::masks_to_boxes(&x[0])?])
        });
    }
}

/// What each kind of suppression makes of boxes, scores, labels.
fn suppressed(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let [boxes, scores, labels] = x else { panic!("three tensors") };
    let iou = ops::iou_matrix(boxes, boxes)?;
    // Neither is over 1 nor may be negative.
    let (iou, least) = (iou.clamp(Some(0.0), Some(1.0))?, scores.clamp(Some(0.0), None)?);
    let linear = ops::soft_nms(boxes, &least, Some(labels), SoftDecay::Linear { threshold: 0.2 }, 0.1)?;
    let gaussian = ops::soft_nms(boxes, &least, None, SoftDecay::Gaussian { sigma: 0.5 }, 0.1)?;
    let matrix = ops::matrix_nms(&iou, &least, None, MatrixDecay::Gaussian { sigma: 2.0 }, 0.1)?;
    let straight = ops::matrix_nms(&iou, &least, Some(labels), MatrixDecay::Linear, 0.1)?;
    let rotated = Tensor::concat(
        &[
            boxes::convert(boxes, BoxFormat::Xyxy, BoxFormat::Cxcywh)?,
            Tensor::full_on(boxes.device(), [boxes.shape()[0], 1], 30, boxes.dtype())?,
        ],
        1,
    )?;
    let kept = [linear, gaussian, matrix, straight].into_iter().flat_map(|left| [left.indices, left.scores]);
    let mut results: Vec<Tensor> = kept.collect();
    results.extend([
        ops::nms(boxes, scores, 0.4)?,
        ops::batched_nms(boxes, scores, labels, 0.4)?,
        ops::diou_nms(boxes, scores, Some(labels), 0.4)?,
        ops::mask_nms(&iou, scores, Some(labels), 0.4)?,
        ops::rotated_nms(&rotated, scores, None, 0.4)?,
    ]);
    Ok(results)
}

#[test]
fn suppression_takes_the_same_boxes_in_the_same_order() {
    for (count, dtype) in [(60, DType::F32), (60, DType::F16), (60, DType::BF16), (1500, DType::F32)] {
        let [boxes, scores] = [odd(count, 3), scores(count, 4)].map(|x| x.to_dtype(dtype).unwrap());
        let labels = labels(count, 5);
        same("suppression", &[&boxes, &scores, &labels], 0.0, &suppressed);
        for label_type in [DType::I32, DType::U8] {
            let labels = labels.to_dtype(label_type).unwrap();
            same("other labels", &[&boxes, &scores, &labels], 0.0, &|x| {
                Ok(vec![ops::batched_nms(&x[0], &x[1], &x[2], 0.4)?])
            });
        }
    }
}

#[test]
fn results_do_not_depend_on_threads_on_any_device() {
    let adapter = adapter();
    let inputs = [odd(1500, 3), scores(1500, 4), labels(1500, 5)];
    for device in [Device::Cpu].into_iter().chain(adapter) {
        let inputs = inputs.clone().map(|x| x.to_device(device).unwrap());
        let run = |threads: usize| {
            set_num_threads(threads).unwrap();
            let mut results = suppressed(&inputs).unwrap();
            let quality = ops::ciou_matrix(&inputs[0], &inputs[0]).unwrap();
            let keep = Matcher::new(0.5, 0.4).unwrap().low_quality(LowQuality::Keep);
            results.extend([keep.matches(&quality).unwrap(), quality]);
            let bits =
                |x: Tensor| x.to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap().into_iter().map(f32::to_bits);
            results.into_iter().map(|x| bits(x).collect()).collect::<Vec<Vec<u32>>>()
        };
        let one = run(1);
        assert!([2, 3, 7].into_iter().all(|threads| run(threads) == one), "{device:?}");
    }
}

#[test]
fn assignment_and_draws_are_the_cpus() {
    for dtype in [DType::F32, DType::F16] {
        let quality = random(&[9, 50], 1).mul(10.0).unwrap().round().unwrap().div(10.0).unwrap();
        let quality = quality.masked_fill(&random(&[9, 50], 2).gt(0.9).unwrap(), f64::NAN).unwrap();
        same("matches", &[&quality.to_dtype(dtype).unwrap()], 0.0, &|x| {
            let matcher = Matcher::new(0.7, 0.3)?;
            [LowQuality::Drop, LowQuality::Keep, LowQuality::Force]
                .into_iter()
                .map(|low| matcher.low_quality(low).matches(&x[0]))
                .collect()
        });
        let [loss, positive] = [scores(60, 3), random(&[60], 6)];
        let positive = positive.reshape([2, 30]).unwrap().gt(0.8).unwrap();
        same("mining", &[&loss.reshape([2, 30]).unwrap().to_dtype(dtype).unwrap(), &positive], 0.0, &|x| {
            Ok(vec![ops::hard_negative_mining(&x[0], &x[1], 2.5)?])
        });
        let places = Tensor::arange(0, 64, 8).unwrap().to_dtype(dtype).unwrap().reshape([8, 1]).unwrap();
        let squares = Tensor::concat(&[&places, &places, &places.add(8.0).unwrap(), &places.add(8.0).unwrap()], 1);
        same("centres", &[&squares.unwrap(), &odd(20, 7).to_dtype(dtype).unwrap()], 0.0, &|x| {
            Ok(vec![CenterSampling::new(1.5)?.matches(&x[0], &[5, 3], &x[1])?])
        });
    }
    for dtype in [DType::I64, DType::F32, DType::U8] {
        same("sample", &[&labels(90, 8).to_dtype(dtype).unwrap()], 0.0, &|x| {
            let sampler = BalancedPositiveNegativeSampler::new(30, 0.4)?;
            let (positive, negative) = sampler.sample(&x[0], &mut Generator::new(3))?;
            Ok(vec![positive, negative])
        });
    }
    if let Some(device) = adapter() {
        let sizes = random(&[70, 2], 9).add(0.1).unwrap().mul(90.0).unwrap();
        let found = |sizes: &Tensor| anchors::kmeans_anchors(sizes, 5, 50, &mut Generator::new(1)).unwrap();
        assert_eq!(found(&sizes.to_device(device).unwrap()), found(&sizes));
    }
}

/// A result and the gradient of its weighted sum at each variable.
fn with_gradients(y: &Var, variables: &[&Var]) -> Result<Vec<Tensor>> {
    let weights: Vec<f32> = (0..y.numel()).map(|i| (i % 7) as f32 - 2.5).collect();
    let weights = Tensor::from_vec(weights, y.shape())?.to_device(y.device())?.to_dtype(y.dtype())?;
    let gradients = y.mul(&weights)?.sum(..)?.backward()?;
    let mut results = vec![y.tensor().clone()];
    for variable in variables {
        results.push(gradients.get(variable)?.tensor().clone());
    }
    Ok(results)
}

#[test]
fn coders_code_the_same() {
    let (boxes, priors) = (solid(30, 1), solid(30, 2));
    for dtype in [DType::F32, DType::F16] {
        let [boxes, priors] = [&boxes, &priors].map(|x| x.to_dtype(dtype).unwrap());
        let codes = random(&[30, 12], 3).sub(0.5).unwrap().to_dtype(dtype).unwrap();
        same("rcnn", &[&boxes, &priors, &codes], 1e-5 + rounding(dtype), &|x| {
            let mut results = Vec::new();
            for coder in [BoxCoder::new([10.0, 10.0, 5.0, 5.0])?, BoxCoder::with_variances([0.1, 0.1, 0.2, 0.2])?] {
                let codes = Var::leaf(x[2].clone())?;
                results.push(coder.encode(&x[0], &x[1])?);
                results.extend(with_gradients(&coder.decode(&codes, &x[1])?, &[&codes])?);
            }
            Ok(results)
        });
        same("yolo v1", &[&boxes], 1e-5, &|x| {
            let coder = YoloV1Coder::new([7, 7], [80, 80])?;
            let (cells, codes) = coder.encode(&x[0])?;
            let variable = Var::leaf(codes.clone())?;
            let decoded = with_gradients(&coder.decode(&variable, &cells)?, &[&variable])?;
            Ok([vec![cells, codes], decoded].concat())
        });
        let near = boxes.add(0.5).unwrap();
        same("yolo v2", &[&near, &boxes, &codes.narrow(1, 0, 4).unwrap()], 1e-5 + rounding(dtype), &|x| {
            let coder = YoloV2Coder::new([8.0, 8.0])?;
            let codes = Var::leaf(x[2].clone())?;
            let decoded = with_gradients(&coder.decode(&codes, &x[1])?, &[&codes])?;
            Ok([vec![coder.encode(&x[0], &x[1])?], decoded].concat())
        });
    }
    let Some(device) = adapter() else { return };
    let coder = BoxCoder::new([1.0; 4]).unwrap();
    let there = boxes.to_device(device).unwrap();
    assert!(coder.encode(&there, &priors).is_err());
    assert!(coder.decode(&Var::from(&there), &priors).is_err());
    for wrong in [[5.0f32, 5.0, 5.0, 9.0], [f32::NAN, 0.0, 1.0, 1.0], [0.0, 0.0, f32::INFINITY, 1.0]] {
        let wrong = Tensor::new([wrong]).unwrap().to_device(device).unwrap();
        let text = coder.encode(&wrong, &wrong).unwrap_err().to_string();
        assert!(text.contains("finite corners and sides above 0"), "{text}");
    }
}

#[test]
fn losses_and_their_gradients_are_the_cpus() {
    type Loss = fn(&Var, &Var, Reduction, f64) -> Result<Var>;
    let losses: [Loss; 4] =
        [ops::box_iou_loss, ops::generalized_box_iou_loss, ops::distance_box_iou_loss, ops::complete_box_iou_loss];
    let (a, b) = (solid(30, 1).add(&random(&[30, 4], 3)).unwrap(), solid(30, 2));
    for loss in losses {
        for reduction in [Reduction::None, Reduction::Mean, Reduction::Sum] {
            same("loss", &[&a, &b], 1e-4, &|x| {
                let (a, b) = (Var::leaf(x[0].clone())?, Var::leaf(x[1].clone())?);
                with_gradients(&loss(&a, &b, reduction, 1e-7)?, &[&a, &b])
            });
        }
        if let Some(device) = adapter() {
            let there = Var::from(a.to_device(device).unwrap());
            assert!(loss(&there, &Var::from(&b), Reduction::Mean, 1e-7).is_err());
        }
    }
}

#[test]
fn fusion_is_the_cpus() {
    let scores = scores(40, 2).clamp(Some(0.0), None).unwrap();
    same("fusion", &[&odd(40, 1), &scores, &labels(40, 3), &odd(40, 4)], 0.0, &|x| {
        let model = |boxes: &Tensor| Detections { boxes: boxes.clone(), scores: x[1].clone(), labels: x[2].clone() };
        let fused = ops::weighted_boxes_fusion(&[model(&x[0]), model(&x[3])], &FusionOptions::default())?;
        Ok(vec![fused.boxes, fused.scores, fused.labels])
    });
}

#[test]
fn what_is_compared_on_the_cpu_may_lie_apart() {
    let Some(device) = adapter() else { return };
    let (boxes, scores, labels) = (odd(60, 3), scores(60, 4), labels(60, 5));
    let there = scores.to_device(device).unwrap();
    let taken = ops::batched_nms(&boxes, &there, &labels, 0.4).unwrap();
    assert_eq!(taken.device(), device);
    assert_eq!(
        taken.to_vec::<i64>().unwrap(),
        ops::batched_nms(&boxes, &scores, &labels, 0.4).unwrap().to_vec::<i64>().unwrap()
    );
    let other = boxes.to_device(device).unwrap();
    for (a, b, expected) in [(&boxes, &other, Device::Cpu), (&other, &boxes, device)] {
        assert_eq!(ops::iou_matrix(a, b).unwrap().device(), expected);
        assert_eq!(ops::giou_matrix(a, b).unwrap().device(), expected);
    }
}
