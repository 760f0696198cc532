//! Products, folds, softmax, joins, and steps of optimizers.

use std::io::Write;

use super::*;

#[test]
fn products_of_matrices() {
    for (m, k, n) in [
        (1, 1, 1),
        (3, 5, 7),
        (64, 64, 64),
        (65, 130, 33),
        (200, 1000, 10),
        (1, 3000, 40),
        (130, 17, 300),
        (2, 70_000, 3),
        // Few rows or columns, of which an adapter shares nothing, and narrow blocks.
        (8, 300, 70),
        (600, 90, 5),
        (1, 40, 5000),
        (5000, 30, 1),
        (90, 600, 12),
        (2000, 20, 6),
    ] {
        let (a, b) = (normal(&[m, k], 1), normal(&[k, n], 2));
        alike(&format!("{m}×{k}×{n}"), &[&a, &b], 1e-5, |x| Ok(vec![x[0].matmul(&x[1])?]));
        let (a, b) = (scattered(&a), normal(&[n, k], 3).t().unwrap());
        alike(&format!("{m}×{k}×{n} of other strides"), &[&a, &b], 1e-5, |x| Ok(vec![x[0].matmul(&x[1])?]));
    }
    let (a, b) = (normal(&[4, 1, 20, 30], 4), normal(&[3, 30, 11], 5));
    alike("a batch", &[&a, &b], 1e-5, |x| Ok(vec![x[0].matmul(&x[1])?, x[1].t()?.matmul(&x[0].t()?)?]));
    let scattered_batch = |columns: usize| {
        let x = normal(&[2, 3, 2, 3, 2, 3, 4, columns], 7);
        x.permute([5, 4, 3, 2, 1, 0, 6, 7]).unwrap()
    };
    alike("a batch of many axes", &[&scattered_batch(5), &scattered_batch(6)], 1e-5, |x| {
        Ok(vec![x[0].t()?.matmul(&x[1])?, x[0].t()?.matmul(&x[1].narrow(2, 1, 1)?)?])
    });
    alike("vectors", &[&normal(&[30], 6), &b], 1e-5, |x| Ok(vec![x[0].matmul(&x[1])?, x[1].t()?.matmul(&x[0])?]));
    let (a, b) = (normal(&[3, 6, 50], 34), normal(&[2, 1, 50, 40], 35));
    alike("a batch of few rows", &[&a, &b], 1e-5, |x| Ok(vec![x[0].matmul(&x[1])?, x[1].t()?.matmul(&x[0].t()?)?]));
    for dtype in [DType::F16, DType::BF16] {
        let (a, b) = (normal(&[5, 700], 36).to_dtype(dtype).unwrap(), normal(&[700, 30], 37).to_dtype(dtype).unwrap());
        alike(&format!("few rows of {dtype}"), &[&a, &b], 8e-3, |x| {
            Ok(vec![x[0].matmul(&x[1])?, x[1].t()?.matmul(&x[0].t()?)?])
        });
        let (a, b) = (normal(&[50, 60], 7).to_dtype(dtype).unwrap(), normal(&[60, 40], 8).to_dtype(dtype).unwrap());
        alike(&format!("{dtype}"), &[&a, &b], 8e-3, |x| Ok(vec![x[0].matmul(&x[1])?]));
    }
    let ints = whole(DType::I32).reshape([3, 4]).unwrap();
    alike("integers", &[&ints, &ints.t().unwrap()], 0.0, |x| Ok(vec![x[0].matmul(&x[1])?]));
    alike("no depth", &[&normal(&[3, 0], 9), &normal(&[0, 2], 9)], 0.0, |x| Ok(vec![x[0].matmul(&x[1])?]));
}

#[test]
fn products_of_halves_by_matrix_units() {
    if adapter().is_none() {
        return;
    }
    if !Device::adapters()[0].features.contains(&"cooperative-matrices") {
        let _ = writeln!(std::io::stderr(), "skipped: the adapter has no matrix units for 16 × 16 halves");
        return;
    }
    for (m, k, n) in [(64, 32, 64), (128, 512, 256), (33, 7, 40), (130, 300, 70), (70, 5000, 65)] {
        let half = |x: Tensor| x.to_dtype(DType::F16).unwrap();
        let (a, b) = (half(normal(&[2, m, k], 38)), half(normal(&[2, k, n], 39)));
        let turned = half(normal(&[n, k], 40)).t().unwrap();
        alike(&format!("{m}×{k}×{n}"), &[&a, &b, &turned], 2e-3, |x| {
            Ok(vec![x[0].matmul(&x[1])?, x[0].matmul(&x[2])?])
        });
    }
}

#[test]
fn reductions() {
    let x = normal(&[6, 7, 5, 8], 10);
    for x in [
        x.clone(),
        x.permute([0, 3, 1, 2]).unwrap(),
        scattered(&x),
        normal(&[1, 100_000, 1, 3], 11),
        normal(&[1, 1, 3, 70_000], 12),
    ] {
        for axes in [vec![0isize], vec![1], vec![-1], vec![0, 2], vec![1, 3], vec![0, 1, 2, 3]] {
            // Of sums whose terms cancel.
            alike(&format!("{} over {axes:?}", x.shape()), &[&x], 2e-5, |x| {
                let x = &x[0];
                Ok(vec![
                    x.sum(&axes[..])?,
                    x.sum_keepdim(&axes[..])?,
                    x.mean(&axes[..])?,
                    x.max(&axes[..])?,
                    x.min(&axes[..])?,
                    x.var(&axes[..], 1)?,
                    x.std_keepdim(&axes[..], 0)?,
                    x.norm(2.0, &axes[..])?,
                    x.norm(1.0, &axes[..])?,
                    x.norm(f64::INFINITY, &axes[..])?,
                    x.norm(f64::NEG_INFINITY, &axes[..])?,
                    x.norm(0.0, &axes[..])?,
                    x.norm(3.0, &axes[..])?,
                    x.logsumexp(&axes[..])?,
                    x.gt(0.0)?.any(&axes[..])?,
                    x.gt(-9.0)?.all(&axes[..])?,
                    x.argmax(axes[0])?,
                ])
            });
        }
    }
    for dtype in [DType::U8, DType::I32, DType::I64] {
        let x = whole(dtype);
        alike(&format!("{dtype}"), &[&x], 0.0, |x| Ok(vec![x[0].sum(0)?, x[0].prod(0)?, x[0].max(0)?, x[0].min(0)?]));
    }
    alike("prod", &[&normal(&[10, 4], 13)], 1e-5, |x| Ok(vec![x[0].prod(0)?, x[0].prod(..)?]));
    let wild = wild(60);
    alike("NaN", &[&wild], 0.0, |x| Ok(vec![x[0].max(0)?, x[0].min(0)?, x[0].sum(0)?]));
    alike("nothing", &[&normal(&[0, 3], 1)], 0.0, |x| Ok(vec![x[0].sum(0)?, x[0].prod(0)?, x[0].logsumexp(0)?]));
    let infinite = Tensor::new([[f32::NEG_INFINITY, f32::NEG_INFINITY], [f32::INFINITY, 1.0]]).unwrap();
    alike("infinities", &[&infinite], 0.0, |x| Ok(vec![x[0].logsumexp(1)?]));
    // A workgroup for each row, in which one invocation sees a NaN or an infinity.
    let mut rows = normal(&[5, 5000], 41).to_vec::<f32>().unwrap();
    (rows[5000 + 77], rows[2 * 5000 + 4999], rows[3 * 5000]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    let rows = Tensor::from_slice(&rows, [5, 5000]).unwrap();
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        let rows = rows.to_dtype(dtype).unwrap();
        alike(&format!("long rows of {dtype}"), &[&rows], 1e-5, |x| {
            let x = x[0].to_dtype(DType::F32)?;
            Ok(vec![x.max(1)?, x.min(1)?, x.sum(1)?, x.abs()?.mul(0.001)?.add(1.0)?.prod(1)?, x.is_nan()?.any(1)?])
        });
        alike(&format!("extremes of {dtype}"), &[&rows], 0.0, |x| Ok(vec![x[0].max(1)?, x[0].min(1)?]));
    }
    let counts = rows.clamp(Some(-3.0), Some(3.0)).unwrap().to_dtype(DType::I32).unwrap();
    alike("long rows of i32", &[&counts], 0.0, |x| Ok(vec![x[0].max(1)?, x[0].min(1)?, x[0].sum(1)?, x[0].prod(1)?]));
    let long = Tensor::ones([20_000_000], DType::F32).unwrap();
    alike("a long sum", &[&long], 0.0, |x| Ok(vec![x[0].sum(0)?]));
}

#[test]
fn softmax_and_its_gradient() {
    // The last has an axis that is too long for one workgroup.
    for shape in [&[4usize, 10][..], &[3, 1000], &[2, 5, 7], &[1, 70_000], &[2, 3, 4, 5], &[5_200_000]] {
        let (x, dy) = (normal(shape, 14).mul(4.0).unwrap(), normal(shape, 15));
        for axis in 0..shape.len() as isize {
            alike(&format!("{shape:?} along {axis}"), &[&x, &dy], 1e-5, |x| {
                let (y, log) = (x[0].softmax(axis)?, x[0].log_softmax(axis)?);
                let dx = x[1].softmax_backward(&y, axis)?;
                let of_log = x[1].log_softmax_backward(&log, axis)?;
                Ok(vec![y, log, dx, of_log])
            });
        }
    }
    alike("halves", &[&normal(&[4, 9], 16).to_dtype(DType::F16).unwrap()], 2e-3, |x| Ok(vec![x[0].softmax(1)?]));
    let rows =
        Tensor::new([[f32::NEG_INFINITY, 0.0, 1e30], [f32::NAN, 0.0, 1.0], [-1e30, -1e30, f32::NEG_INFINITY]]).unwrap();
    alike("extremes", &[&rows], 1e-6, |x| Ok(vec![x[0].softmax(1)?]));
}

#[test]
fn tensors_are_joined_and_padded() {
    let (x, y) = (normal(&[2, 3, 4], 17), normal(&[2, 5, 4], 18));
    alike("concat", &[&x, &y], 0.0, |x| {
        let parts = [&x[0], &x[1], &x[0].slice_axis(1, Slice::from(..).step(-1))?];
        Ok(vec![Tensor::concat(&parts, 1)?, Tensor::stack(&[&x[0], &x[0]], 1)?, x[0].tile(&[2, 1, 3])?])
    });
    alike("pad", &[&x], 0.0, |x| {
        let pairs = [(1, 2), (0, 1)];
        let modes = [PadMode::Constant(1.5), PadMode::Reflect, PadMode::Replicate, PadMode::Circular];
        modes.into_iter().map(|mode| x[0].pad(&pairs, mode)).collect()
    });
    alike("slice_scatter", &[&x], 0.0, |x| Ok(vec![x[0].slice_scatter(1, Slice::from(..).step(2), 5)?]));
    alike("roll", &[&x], 0.0, |x| Ok(vec![x[0].roll(&[1, -2], &[0, 2])?, x[0].flip([0, 2])?]));
}

#[test]
fn optimizers_change_parameters_in_place() {
    let rules = [
        UpdateRule::Descent { rate: 0.1 },
        UpdateRule::Momentum { momentum: 0.9, taken: 0.5, ahead: None, rate: 0.1 },
        UpdateRule::Momentum { momentum: 0.9, taken: 1.0, ahead: Some(1.0), rate: 0.1 },
        UpdateRule::RmsProp { rho: 0.9, epsilon: 1e-7, inside: false, centered: false, momentum: None, rate: 0.01 },
        UpdateRule::RmsProp { rho: 0.9, epsilon: 1e-7, inside: true, centered: true, momentum: None, rate: 0.01 },
        UpdateRule::RmsProp {
            rho: 0.9,
            epsilon: 1e-7,
            inside: true,
            centered: false,
            momentum: Some([0.9, 0.5]),
            rate: 0.01,
        },
        UpdateRule::RmsProp {
            rho: 0.9,
            epsilon: 1e-7,
            inside: true,
            centered: true,
            momentum: Some([0.9, 0.5]),
            rate: 0.01,
        },
        UpdateRule::Adam { betas: [0.9, 0.99], epsilon: 1e-8, correction: 0.3, amsgrad: false, rate: 0.01 },
        UpdateRule::Adam { betas: [0.9, 0.99], epsilon: 1e-8, correction: 0.3, amsgrad: true, rate: 0.01 },
        UpdateRule::Adagrad { epsilon: 1e-7, inside: true, rate: 0.1 },
        UpdateRule::Adadelta { rho: 0.9, epsilon: 1e-6, rate: 1.0 },
    ];
    for rule in rules {
        let count = match rule {
            UpdateRule::Descent { .. } => 0,
            UpdateRule::Momentum { .. } | UpdateRule::Adagrad { .. } => 1,
            UpdateRule::RmsProp { centered, momentum, .. } => {
                1 + usize::from(centered) + usize::from(momentum.is_some())
            }
            UpdateRule::Adam { amsgrad, .. } => 2 + usize::from(amsgrad),
            UpdateRule::Adadelta { .. } => 2,
        };
        let (w, g) = (normal(&[3, 50], 32), normal(&[3, 50], 33));
        alike(&format!("{rule:?}"), &[&w, &g], 1e-5, |x| {
            let (mut w, shared, zeros) = (x[0].t()?, x[0].clone(), x[0].t()?.zeros_like()?);
            let mut states = vec![zeros; count];
            let decay = WeightDecay { kept: 0.99, coupled: 0.01 };
            for step in 0..3 {
                let mut states: Vec<&mut Tensor> = states.iter_mut().collect();
                w.update(&x[1].t()?.mul(1.0 + f64::from(step))?, &mut states, rule, decay)?;
            }
            // No other tensor has changed.
            Ok([vec![w, shared], states].concat())
        });
    }
}
