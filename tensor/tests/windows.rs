//! Tensors larger than what a kernel may see at once. A program of its own, whose device sees 64 KiB.

mod adapter;

use std::sync::{Mutex, MutexGuard, PoisonError};

use ocelli_tensor::{
    Activation, ClassTargets, ConvOptions, DType, Device, Generator, InterpolateMode, NormOptions, PadMode,
    PoolOptions, ResizeTo, Result, RoiMode, RoiOptions, Slice, Tensor, UpdateRule, WeightDecay, profile,
};

use adapter::or_skipped;

/// Floats that a kernel sees of an operand.
const SEEN: usize = 16_384;

fn device() -> Option<Device> {
    or_skipped(Device::wgpu_bounded(0, 4 * SEEN as u64))
}

/// One test at a time, as the profile is everybody's.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn normal(shape: &[usize]) -> Tensor {
    Tensor::randn(shape, DType::F32, &mut Generator::new(shape.len() as u64)).unwrap()
}

/// Asserts that operations give the same on both devices, up to a share of the largest number, and that the adapter has made it.
#[track_caller]
fn same<const R: usize>(what: &str, inputs: &[&Tensor], share: f64, op: impl Fn(&[Tensor]) -> Result<[Tensor; R]>) {
    let left = left_to_the_cpu(what, inputs, share, op);
    assert!(left.is_empty(), "{what}: {left:?} ran on the CPU");
}

/// As [`same`]; tells what the adapter has left to the CPU.
#[track_caller]
fn left_to_the_cpu<const R: usize>(
    what: &str,
    inputs: &[&Tensor],
    share: f64,
    op: impl Fn(&[Tensor]) -> Result<[Tensor; R]>,
) -> Vec<&'static str> {
    let Some(device) = device() else { return Vec::new() };
    let on = |device| -> Vec<Tensor> { inputs.iter().map(|x| x.to_device(device).unwrap()).collect() };
    let (expected, there) = (op(&on(Device::Cpu)).unwrap(), on(device));
    profile::reset();
    profile::set_enabled(true);
    let actual = op(&there);
    profile::set_enabled(false);
    let left = profile::rows().into_iter().filter(|row| row.device == Device::Cpu).map(|row| row.kernel).collect();
    let actual = actual.unwrap_or_else(|error| panic!("{what}: {error}"));
    for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        assert_eq!((actual.device(), actual.shape(), actual.dtype()), (device, expected.shape(), expected.dtype()));
        let actual = actual.to_device(Device::Cpu).unwrap();
        let [actual, expected] = [&actual, expected].map(|x| x.to_dtype(DType::F64).unwrap());
        let [error, largest] = [actual.sub(&expected).unwrap(), expected]
            .map(|x| x.abs().unwrap().max(..).unwrap().item::<f64>().unwrap());
        assert!(error <= share * largest, "{what}, result {i}: an error of {error} beside {largest}");
    }
    left
}

#[test]
fn elementwise() {
    let _alone = alone();
    // One axis, rows that are windows of no whole number of alignments, many rows, one of three, and columns.
    for shape in [&[100_001][..], &[3, 33_333], &[1001, 97], &[3, 2, 20_001], &[40_000, 3]] {
        let x = normal(shape);
        same("map", &[&x], 0.0, |x| Ok([x[0].abs()?]));
        same("zip", &[&x], 0.0, |x| Ok([x[0].mul(&x[0])?]));
        let last = normal(&[shape[shape.len() - 1]]);
        same("broadcast", &[&x, &last], 0.0, |x| Ok([x[0].add(&x[1])?, x[0].lt(&x[1])?]));
        same("permuted", &[&x], 0.0, |x| Ok([x[0].transpose(0, -1)?.to_dtype(DType::I32)?.mul(3)?]));
        same("transposed and straight", &[&x], 0.0, |x| {
            let t = x[0].transpose(0, -1)?;
            Ok([t.add(&t.mul(1.0)?.reshape([-1])?.reshape(t.shape())?)?])
        });
        same("choice", &[&x], 0.0, |x| Ok([x[0].gt(0.0)?.where_(&x[0], &x[0].neg()?)?]));
        same("views", &[&x], 0.0, |x| {
            let view = x[0].slice_axis(0, Slice::from(..).step(-1))?.narrow(-1, 1, x[0].size(-1)? - 2)?;
            Ok([view.add(1.0)?, view.mul(100.0)?.to_dtype(DType::I32)?])
        });
        same("joined", &[&x], 0.0, |x| {
            Ok([Tensor::concat(&[&x[0], &x[0].neg()?], 0)?, Tensor::stack(&[&x[0], &x[0]], -1)?])
        });
        same("padded", &[&x], 0.0, |x| {
            Ok([x[0].pad(&[(1, 2)], PadMode::Constant(1.5))?, x[0].pad(&[(2, 0)], PadMode::Circular)?])
        });
    }
    let bytes = normal(&[50_001]).mul(50.0).unwrap().to_dtype(DType::I64).unwrap();
    same("i64", &[&bytes], 0.0, |x| Ok([x[0].mul(&x[0])?, x[0].to_dtype(DType::U8)?]));
}

#[test]
fn a_view_of_little_is_seen_whole() {
    let _alone = alone();
    let x = normal(&[200, 1000]);
    same("small views", &[&x], 1e-6, |x| {
        let view = x[0].narrow(0, 77, 9)?;
        Ok([view.matmul(&view.t()?)?, view.select(0, 3)?.softmax(0)?, view.flip(1)?.sort(1, true)?.0])
    });
    // Nobody else's memory is changed.
    let Some(device) = device() else { return };
    let there = x.to_device(device).unwrap();
    let mut view = there.narrow(0, 77, 9).unwrap();
    let gradient = view.ones_like().unwrap();
    view.update(&gradient, &mut [], UpdateRule::Descent { rate: 1.0 }, WeightDecay::default()).unwrap();
    assert_eq!(
        view.to_vec::<f32>().unwrap()[..3],
        x.narrow(0, 77, 1).unwrap().sub(1.0).unwrap().to_vec::<f32>().unwrap()[..3]
    );
    assert_eq!(there.to_vec::<f32>().unwrap(), x.to_vec::<f32>().unwrap());
}

#[test]
fn folds() {
    let _alone = alone();
    for shape in [&[50_001][..], &[3, 17_333], &[501, 97], &[2, 18_000, 2]] {
        let x = normal(shape);
        for axis in 0..shape.len() as isize {
            same("sum", &[&x], 1e-5, |x| Ok([x[0].sum(axis)?, x[0].sum_keepdim(axis)?]));
            same("extremes", &[&x], 0.0, |x| Ok([x[0].max(axis)?, x[0].min_keepdim(axis)?]));
            same("norm", &[&x], 1e-5, |x| Ok([x[0].norm(2.0, axis)?, x[0].var(axis, 1)?]));
            if shape[axis as usize] <= SEEN {
                same("along", &[&x], 1e-4, |x| Ok([x[0].softmax(axis)?, x[0].log_softmax(axis)?, x[0].cumsum(axis)?]));
                same("softmax backward", &[&x], 1e-5, |x| Ok([x[0].softmax_backward(&x[0].softmax(axis)?, axis)?]));
                same("places", &[&x], 0.0, |x| Ok([x[0].argmax(axis)?]));
            }
        }
        same("all", &[&x], 1e-5, |x| Ok([x[0].mean(..)?, x[0].abs()?.sum(..)?]));
    }
    let x = normal(&[300, 200]);
    same("sort", &[&x], 0.0, |x| {
        let ((sorted, places), (top, _)) = (x[0].sort(0, false)?, x[0].topk(3, 1, true)?);
        Ok([sorted, places, top])
    });
    same("layer norm", &[&x], 1e-4, |x| {
        let (gamma, beta) = (x[0].select(0, 0)?, x[0].select(0, 1)?);
        let (y, mean, var) = x[0].layer_norm(&gamma, &beta, 1e-5)?;
        let (dx, dgamma, dbeta) = x[0].layer_norm_backward(&x[0], &gamma, (&mean, &var), 1e-5)?;
        Ok([y, mean, var, dx, dgamma, dbeta])
    });
}

#[test]
fn cross_entropy() {
    let _alone = alone();
    let plain = |x: &[Tensor], axis: isize, targets: &ClassTargets| {
        let classes = x[0].shape()[axis as usize];
        let (losses, statistics) = x[0].cross_entropy(&x[1], axis, targets)?;
        let dx = x[0].cross_entropy_backward(&x[1], &statistics, &x[2], axis, targets)?;
        Ok([losses, statistics, dx, targets.mass(&x[1], classes, DType::F32)?])
    };
    // Pictures that are seen one by one, one that is seen by parts of it, rows, and more positions than labels are seen of.
    for (shape, axis) in [([5, 7, 30, 41], 1), ([2, 9, 50, 61], 1), ([3, 40, 50, 11], 3), ([2, 3, 150, 61], 1)] {
        let mut x = normal(&shape);
        let mut places = shape.to_vec();
        let classes = places.remove(axis);
        let mut generator = Generator::new(5);
        let labels = Tensor::randint(0, classes as i64, &places[..], DType::I64, &mut generator).unwrap();
        let dy = normal(&places);
        let weights = Some((0..classes).map(|i| 0.5 + i as f64).collect());
        let weighted = ClassTargets { weights, label_smoothing: 0.1, ignore_index: Some(1) };
        for targets in [ClassTargets::default(), weighted] {
            for order in ["row-major", "channels-last"] {
                same(&format!("cross entropy of {shape:?}, {order}"), &[&x, &labels, &dy], 1e-5, |x| {
                    plain(x, axis as isize, &targets)
                });
                // Of labels that were computed there the adapter has to tell whether they are classes.
                same(&format!("cross entropy of computed labels, {shape:?}"), &[&x, &labels, &dy], 1e-5, |x| {
                    plain(&[x[0].clone(), x[1].add(0)?, x[2].clone()], axis as isize, &targets)
                });
                let last = x.permute([0, 2, 3, 1]).unwrap();
                x = last.reshape([x.numel()]).unwrap().reshape(last.shape().clone()).unwrap();
                x = x.permute([0, 3, 1, 2]).unwrap();
            }
        }
    }
}

#[test]
fn products() {
    let _alone = alone();
    for (a, b) in [
        (&[300, 100][..], &[100, 300][..]),
        (&[40_000, 3], &[3, 2]),
        (&[2, 40_000], &[40_000, 3]),
        (&[3, 2], &[2, 40_000]),
        (&[7, 100, 90], &[7, 90, 80]),
        (&[7, 100, 90], &[90, 3]),
        (&[300, 299], &[299]),
    ] {
        let (a, b) = (normal(a), normal(b));
        same("matmul", &[&a, &b], 1e-5, |x| Ok([x[0].matmul(&x[1])?]));
    }
}

#[test]
fn images() {
    let _alone = alone();
    let (x, weight) = (normal(&[5, 4, 40, 41]), normal(&[6, 4, 3, 3]));
    let (bias, options) = (normal(&[6]), ConvOptions::default().padding(1));
    same("conv", &[&x, &weight, &bias], 1e-5, |x| {
        let y = x[0].conv_fused(&x[1], Some(&x[2]), None, &options, Activation::Identity)?;
        let again = x[0].conv_fused(&x[1], Some(&x[2]), Some(&y), &options, Activation::Identity)?;
        let dx = Tensor::conv_backward_input(&x[1], &y, x[0].shape(), &options)?;
        let dw = Tensor::conv_backward_weight(&x[0], &y, x[1].shape(), &options)?;
        Ok([y, again, dx, dw])
    });
    let pool = PoolOptions::new(3).stride(2);
    same("pool", &[&x], 1e-5, |x| {
        let (y, places) = x[0].max_pool_with_indices(&pool)?;
        let dx = y.max_pool_backward_within(&places, [40, 41], &pool)?;
        Ok([x[0].avg_pool(&pool)?, x[0].max_pool(&pool)?, y, places, dx])
    });
    let linear = InterpolateMode::Linear { align_corners: false };
    same("interpolate", &[&x], 1e-5, |x| {
        let y = x[0].interpolate(ResizeTo::scale(2.0), linear)?;
        let dx = y.interpolate_backward([40, 41], ResizeTo::scale(2.0), linear)?;
        Ok([y, dx, x[0].interpolate(17, InterpolateMode::Nearest)?])
    });
}

#[test]
fn regions() {
    let _alone = alone();
    if device().is_none() {
        return;
    }
    // Images that are seen one by one, and one that is seen by channels; bins of more regions than are seen at once.
    for (shape, count) in [([3, 12, 36, 36], 150), ([1, 12, 48, 48], 150), ([1, 12, 9, 9], 1500)] {
        let x = normal(&shape);
        let side = shape[2] as f64;
        let corners = normal(&[count, 2]).sigmoid().unwrap().mul(side).unwrap();
        let sizes = normal(&[2, count, 1]).select(0, 1).unwrap().abs().unwrap().mul(side / 3.0).unwrap();
        let images = normal(&[1, count, 1, 1]).sigmoid().unwrap().mul(shape[0] as f64).unwrap().floor().unwrap();
        let images = images.reshape([count, 1]).unwrap();
        let rois = Tensor::concat(&[&images, &corners, &corners.add(&sizes).unwrap()], 1).unwrap();
        for mode in [RoiMode::Align { sampling_ratio: 2, aligned: true }, RoiMode::PsPool] {
            let options = RoiOptions { mode, output_size: [3, 2], spatial_scale: 1.0 };
            same("means", &[&x, &rois], 1e-5, |x| {
                let y = x[0].roi_mean(&x[1], &options)?;
                Ok([y.clone(), y.roi_mean_backward(&x[1], shape, &options)?])
            });
        }
        let left = left_to_the_cpu("maxima", &[&x, &rois], 1e-5, |x| {
            // The places of one channel have to be seen whole.
            let (y, places) = x[0].roi_max_with_indices(&x[1], [2, 2], 1.0)?;
            let dx = y.roi_max_backward(&places, &x[1], shape)?;
            Ok([x[0].roi_max_take(&places, &x[1])?, y, places, dx])
        });
        // Regions are read there.
        assert_eq!(left, ["map"]);
    }
}

#[test]
fn norms() {
    let _alone = alone();
    let x = normal(&[6, 8, 37, 20]).add(2.0).unwrap();
    let order = x.permute([0, 2, 3, 1]).unwrap();
    let channels_last = order.reshape([6 * 37 * 20 * 8]).unwrap().reshape(order.shape().clone()).unwrap();
    for options in [NormOptions::batch(1e-5), NormOptions::groups(4, 1e-5)] {
        for (what, x) in [("row-major", x.clone()), ("channels-last", channels_last.permute([0, 3, 1, 2]).unwrap())] {
            same(what, &[&x, &normal(&[8])], 1e-4, |x| {
                let (y, mean, var) = x[0].channel_norm(&x[1], &x[1], &options)?;
                let again = x[0].channel_norm_with(&x[1], &x[1], (&mean, &var), &options)?;
                let (dx, dgamma, dbeta) =
                    y.abs()?.channel_norm_backward(&x[0], &x[1], &x[1], (&mean, &var), &options)?;
                Ok([y, mean, var, again, dx, dgamma, dbeta])
            });
        }
    }
}

#[test]
fn random_numbers_and_steps() {
    let _alone = alone();
    let Some(device) = device() else { return };
    let count = 100_003;
    let (mut one, mut other) = (Generator::new(3), Generator::new(3));
    let cpu = Tensor::rand([count], DType::F32, &mut one).unwrap();
    let there = Tensor::rand_on(device, [count], DType::F32, &mut other).unwrap();
    assert_eq!(cpu.to_vec::<f32>().unwrap(), there.to_vec::<f32>().unwrap());
    let cpu = Tensor::randint(-5, 1000, [count], DType::I64, &mut one).unwrap();
    let there = Tensor::randint_on(device, -5, 1000, [count], DType::I64, &mut other).unwrap();
    assert_eq!(cpu.to_vec::<i64>().unwrap(), there.to_vec::<i64>().unwrap());
    assert_eq!(one, other);
    let x = normal(&[count]);
    same("dropout", &[&x], 1e-6, |x| Ok([x[0].dropout(0.3, &mut Generator::new(7))?]));
    // The result can be seen at once, but not what it is of, which begins between two windows.
    same("dropout of a part", &[&x], 1e-6, |x| Ok([x[0].narrow(0, 1, SEEN)?.dropout(0.3, &mut Generator::new(7))?]));
    same("step", &[&x], 1e-5, |x| {
        let (mut w, g) = (x[0].clone(), x[0].mul(0.5)?);
        let mut states = [w.zeros_like()?, w.zeros_like()?];
        let [first, second] = &mut states;
        let rule = UpdateRule::Adam { betas: [0.9, 0.99], epsilon: 1e-8, correction: 1.0, amsgrad: false, rate: 0.1 };
        for _ in 0..2 {
            w.update(&g, &mut [&mut *first, &mut *second], rule, WeightDecay::default())?;
        }
        let [first, second] = states;
        Ok([w, first, second])
    });
}

#[test]
fn what_cannot_be_cut_is_left_to_the_cpu() {
    let _alone = alone();
    if device().is_none() {
        return;
    }
    let (line, rows) = (normal(&[40_001]), normal(&[2, 20_001]));
    let places = line.sigmoid().unwrap().mul(40_000.0).unwrap().to_dtype(DType::I64).unwrap();
    for (what, left) in [
        ("sort", left_to_the_cpu("sort", &[&rows], 0.0, |x| Ok(x[0].sort(1, true)?.into()))),
        ("cumsum", left_to_the_cpu("cumsum", &[&line], 1e-5, |x| Ok([x[0].cumsum(0)?]))),
        ("argmin", left_to_the_cpu("argmin", &[&rows], 0.0, |x| Ok([x[0].argmin(1)?]))),
        ("gather", left_to_the_cpu("gather", &[&line, &places], 0.0, |x| Ok([x[0].gather(0, &x[1])?]))),
        (
            "index_select",
            left_to_the_cpu("index_select", &[&line, &places], 0.0, |x| Ok([x[0].index_select(0, &x[1])?])),
        ),
        ("scatter", left_to_the_cpu("scatter", &[&line, &places], 0.0, |x| Ok([x[0].scatter(0, &x[1], &x[0])?]))),
        (
            "index_add",
            left_to_the_cpu("index_add", &[&line, &places], 1e-6, |x| Ok([x[0].index_add(0, &x[1], &x[0])?])),
        ),
    ] {
        assert_eq!(left, [what]);
    }
    // A picture that is more than a kernel may see.
    let (x, weight) = (normal(&[1, 2, 100, 101]), normal(&[3, 2, 3, 3]));
    let options = ConvOptions::default();
    let left = left_to_the_cpu("conv", &[&x, &weight, &normal(&[3])], 1e-5, |x| {
        let y = x[0].conv(&x[1], Some(&x[2]), &options)?;
        let dx = Tensor::conv_backward_input(&x[1], &y, x[0].shape(), &options)?;
        let dw = Tensor::conv_backward_weight(&x[0], &y, x[1].shape(), &options)?;
        Ok([y, dx, dw])
    });
    assert!(["conv", "conv_backward_input", "conv_backward_weight"].iter().all(|op| left.contains(op)), "{left:?}");
    let (x, pool) = (normal(&[1, 1, 150, 151]), PoolOptions::new(2));
    let left = left_to_the_cpu("pool", &[&x], 1e-6, |x| {
        let (y, places) = x[0].max_pool_with_indices(&pool)?;
        let dx = y.max_pool_backward(&places, [150, 151])?;
        Ok([x[0].avg_pool(&pool)?, x[0].max_pool_take(&places)?, y, places, dx])
    });
    assert!(
        ["max_pool", "max_pool_backward", "avg_pool", "max_pool_take"].iter().all(|op| left.contains(op)),
        "{left:?}"
    );
    // Of gradients that are a part of others, channels-last.
    let x = x.expand([2, 3, 150, 151]).unwrap().permute([0, 2, 3, 1]).unwrap().mul(1.0).unwrap();
    let x = x.mul(&normal(&[2, 150, 151, 3])).unwrap().permute([0, 3, 1, 2]).unwrap();
    let left = left_to_the_cpu("pool of a channel", &[&x], 1e-6, |x| {
        let (y, places) = x[0].max_pool_with_indices(&pool)?;
        Ok([y.narrow(1, 1, 1)?.max_pool_backward(&places.narrow(1, 1, 1)?, [150, 151])?])
    });
    assert!(left.contains(&"max_pool_backward"), "{left:?}");
    // What can be seen is seen.
    same("part", &[&line], 1e-6, |x| Ok([x[0].narrow(0, 0, 100)?.cumsum(0)?]));
}

#[test]
fn indices() {
    let _alone = alone();
    for shape in [&[7, 30_001][..], &[30_001, 7], &[20, 40, 90]] {
        let x = normal(shape);
        for axis in 0..shape.len() {
            if shape[axis] > SEEN {
                continue;
            }
            let size = shape[axis] as f64;
            let places =
                normal(shape).sigmoid().unwrap().mul(size).unwrap().floor().unwrap().to_dtype(DType::I64).unwrap();
            let chosen: Vec<i64> = (0..3 * shape[axis] as i64).map(|i| i * 5 % shape[axis] as i64).collect();
            let chosen = Tensor::from_slice(&chosen, [chosen.len()]).unwrap();
            let axis = axis as isize;
            same(&format!("{shape:?} along {axis}"), &[&x, &places, &chosen], 1e-6, |x| {
                let (largest, at) = x[0].max_with_indices(axis)?;
                let repeated = x[0].index_select(axis, &x[2])?;
                let added = x[0].index_add(axis, &x[2], &repeated)?;
                let (taken, put) = (x[0].gather(axis, &x[1])?, x[0].scatter(axis, &x[1], &x[0].neg()?)?);
                Ok([largest, at, repeated, added, taken, put, x[0].scatter_add(axis, &x[1], &x[0])?])
            });
        }
    }
}
