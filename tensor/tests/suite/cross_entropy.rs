//! Cross-entropy of logits with class indices against its definition in `f64`, with the classes along any axis.

use crate::common::{assert_close, copied, devices, scattered};
use ocelli_tensor::{ClassTargets, DType, Device, Generator, Result, Tensor};
use proptest::prelude::*;

fn wide(x: &Tensor) -> Result<Tensor> {
    x.to_device(Device::Cpu)?.to_dtype(DType::F64)
}

/// What each class counts at each position, in the logits' shape and with the classes last.
fn dense(targets: &ClassTargets, labels: &[i64], classes: usize) -> Vec<f64> {
    let weight = |class: usize| targets.weights.as_ref().map_or(1.0, |weights| weights[class]);
    let share = targets.label_smoothing / classes as f64;
    let of_position = |&label: &i64| {
        (0..classes).map(move |class| {
            let own = if class as i64 == label { 1.0 - targets.label_smoothing } else { 0.0 };
            if targets.ignore_index == Some(label) { 0.0 } else { weight(class) * (share + own) }
        })
    };
    labels.iter().flat_map(of_position).collect()
}

/// Compares losses, statistics, masses and gradient with the definition, on every device, for logits of `[before…, classes, behind…]`.
fn check(
    before: &[usize],
    classes: usize,
    behind: &[usize],
    dtype: DType,
    targets: &ClassTargets,
    seed: u64,
) -> Result<()> {
    let generator = &mut Generator::new(seed);
    let (axis, rank) = (before.len(), before.len() + behind.len() + 1);
    let positions = [before, behind].concat();
    let shape = [before, &[classes], behind].concat();
    let x = Tensor::randn(&shape[..], DType::F32, generator)?.mul(3.0)?.to_dtype(dtype)?;
    let dy = Tensor::randn(&positions[..], DType::F32, generator)?.to_dtype(dtype)?;
    let labels: Vec<i64> =
        (0..positions.iter().product()).map(|i: usize| (i as i64 * 7 + seed as i64) % classes as i64).collect();

    // With the classes last.
    let last: Vec<usize> = (0..rank).filter(|&i| i != axis).chain([axis]).collect();
    let mut back: Vec<usize> = (0..rank - 1).collect();
    back.insert(axis, rank - 1);
    let logits = wide(&x)?.permute(&last[..])?;
    let target = Tensor::from_vec(dense(targets, &labels, classes), logits.shape())?;
    let most = logits.max_keepdim(-1)?;
    let ln = logits.sub(&most)?.exp()?.sum_keepdim(-1)?.ln()?;
    let log_p = logits.sub(&most)?.sub(&ln)?;
    let losses = log_p.mul(&target)?.sum(-1)?.neg()?;
    let masses = target.sum(-1)?;
    let slope = log_p.exp()?.mul(&masses.unsqueeze(-1)?)?.sub(&target)?;
    let dx = slope.mul(&wide(&dy)?.unsqueeze(-1)?)?.permute(&back[..])?;
    let labels = Tensor::from_vec(labels, &positions[..])?;

    // Adapters compute exponentials and logarithms as WGSL has them: `exp` within 3 + 2·|x| ulp, `log` within 2⁻²¹ near 1. The CPU adds
    // classes that lie apart one after the other, so that its error grows with their number.
    let long = 1e-9 * classes as f64;
    let tolerance = |device: Device| match (dtype, device) {
        (DType::F64, _) => (1e-11, 1e-11),
        (DType::F32, Device::Cpu) => (1e-5, 1e-5 + long),
        (DType::F32, _) => (2e-5, 1e-5 + long),
        (DType::F16, _) => (2e-3, 2e-3),
        _ => (1.6e-2, 1.6e-2),
    };
    for device in devices(dtype) {
        let (rtol, atol) = tolerance(device);
        let [x, dy, labels] = [&x, &dy, &labels].map(|x| x.to_device(device));
        let (x, dy, labels) = (x?, dy?, labels?);
        let reversed: Vec<usize> = (0..rank).rev().collect();
        let backwards = copied(&x.permute(&reversed[..])?)?.permute(&reversed[..])?;
        let forms = [
            (x.clone(), dy.clone(), labels.clone()),
            (backwards, dy.clone(), labels.to_dtype(DType::I32)?),
            (scattered(&x), scattered(&dy), scattered(&labels)),
        ];
        for (form, (x, dy, labels)) in forms.iter().enumerate() {
            let what =
                |part: &str| format!("{part} of {shape:?} along {axis}, {dtype}, form {form} on {device}, {targets:?}");
            let (own, statistics) = x.cross_entropy(labels, axis as isize, targets)?;
            assert_eq!((own.dtype(), own.device(), statistics.device()), (dtype, device, device), "{}", what("losses"));
            assert_close(&wide(&own)?, &losses, rtol, atol, &what("losses"));
            let of = |i: isize| wide(&statistics)?.select(0, i);
            assert_close(&of(0)?, &most.squeeze(-1)?, rtol, atol, &what("greatest logits"));
            assert_close(&of(1)?, &ln.squeeze(-1)?, rtol, atol, &what("logarithms"));
            let own = x.cross_entropy_backward(labels, &statistics, dy, axis as isize, targets)?;
            assert_eq!((own.dtype(), own.device()), (dtype, device), "{}", what("gradient"));
            let scale = 1.0 + dx.abs()?.to_vec::<f64>()?.into_iter().fold(0.0, f64::max);
            assert_close(&wide(&own)?, &dx, rtol, atol * scale, &what("gradient"));
            let own = targets.mass(labels, classes, dtype)?;
            assert_eq!((own.dtype(), own.device()), (dtype, device), "{}", what("masses"));
            assert_close(&wide(&own)?, &masses, rtol, atol, &what("masses"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_defined(
        before in prop::collection::vec(1usize..9, 0..3),
        classes in prop_oneof![1usize..12, 60usize..70, Just(300)],
        behind in prop::collection::vec(1usize..9, 0..3),
        dtype in prop_oneof![Just(DType::F32), Just(DType::F64)],
        label_smoothing in prop_oneof![Just(0.0), 0.0..1.0f64],
        weighted: bool,
        ignore_index in prop_oneof![Just(None), (0i64..4).prop_map(Some)],
        seed in 0u64..1000,
    ) {
        let weights = weighted.then(|| (0..classes).map(|class| (class % 5) as f64 * 0.7).collect());
        let targets = ClassTargets { weights, label_smoothing, ignore_index };
        check(&before, classes, &behind, dtype, &targets, seed).unwrap();
    }
}

#[test]
fn half_types_and_many_of_each() -> Result<()> {
    let plain = ClassTargets::default();
    let smooth = ClassTargets { label_smoothing: 0.2, ..plain.clone() };
    for dtype in [DType::F16, DType::BF16] {
        check(&[6], 10, &[], dtype, &plain, 1)?;
        check(&[2], 5, &[3, 4], dtype, &smooth, 2)?;
    }
    // Many positions, many classes, and classes that lie apart.
    check(&[3000], 10, &[], DType::F32, &plain, 3)?;
    check(&[3], 20_000, &[], DType::F32, &smooth, 4)?;
    check(&[2], 9000, &[5], DType::F32, &smooth, 5)?;
    check(&[2], 21, &[40, 33], DType::F32, &smooth, 6)
}

#[test]
fn sizes_of_zero() -> Result<()> {
    for device in devices(DType::F32) {
        for (shape, positions) in [(&[0, 3][..], &[0][..]), (&[2, 3, 0], &[2, 0]), (&[0, 0], &[0])] {
            let x = Tensor::full_on(device, shape, 0, DType::F32)?;
            let labels = Tensor::full_on(device, positions, 0, DType::I64)?;
            let targets = ClassTargets::default();
            let (losses, statistics) = x.cross_entropy(&labels, 1, &targets)?;
            assert_eq!((&losses.shape()[..], statistics.numel()), (positions, 0));
            let dx = x.cross_entropy_backward(&labels, &statistics, &losses, 1, &targets)?;
            assert_eq!(dx.shape()[..], shape[..]);
        }
        // No classes, so no label counts.
        let x = Tensor::full_on(device, [2, 0], 0, DType::F32)?;
        let labels = Tensor::full_on(device, [2], 255, DType::U8)?;
        let targets = ClassTargets { ignore_index: Some(255), ..ClassTargets::default() };
        let (losses, statistics) = x.cross_entropy(&labels, 1, &targets)?;
        assert_eq!((losses.to_vec::<f32>()?, statistics.to_vec::<f32>()?), (vec![0.0; 2], vec![0.0; 4]));
        assert_eq!(targets.mass(&labels, 0, DType::F32)?.to_vec::<f32>()?, [0.0; 2]);
    }
    Ok(())
}

#[test]
fn extreme_logits() -> Result<()> {
    const INFINITY: f32 = f32::INFINITY;
    for device in devices(DType::F32) {
        let x = Tensor::new([
            [1e4f32, -1e4, 0.0],
            // A class that is ruled out, and has no weight.
            [0.0, -INFINITY, 0.0],
            [-INFINITY, -INFINITY, -INFINITY],
            [0.0, INFINITY, 0.0],
            [0.0, f32::NAN, 0.0],
            // Does not count.
            [0.0, f32::NAN, INFINITY],
        ])?
        .to_device(device)?;
        let labels = Tensor::new([1i64, 2, 0, 0, 0, -7])?.to_device(device)?;
        let ones = Tensor::full_on(device, [6], 1, DType::F32)?;
        for label_smoothing in [0.0, 0.5] {
            let weights = Some(vec![1.0, if label_smoothing == 0.0 { 1.0 } else { 0.0 }, 1.0]);
            let targets = ClassTargets { weights, label_smoothing, ignore_index: Some(-7) };
            let (losses, statistics) = x.cross_entropy(&labels, 1, &targets)?;
            let dx = x.cross_entropy_backward(&labels, &statistics, &ones, 1, &targets)?;
            let (losses, dx) = (losses.to_vec::<f32>()?, dx.to_vec::<f32>()?);
            let expected =
                if label_smoothing == 0.0 { [2e4, 2f32.ln()] } else { [1e4 / 6.0, 0.5 * 2f32.ln() + 2f32.ln() / 3.0] };
            assert!((losses[0] - expected[0]).abs() < 1e-2, "{losses:?} on {device}");
            assert!((losses[1] - expected[1]).abs() < 1e-5, "{losses:?} on {device}");
            assert!(losses[2..5].iter().all(|loss| loss.is_nan()), "{losses:?} on {device}");
            assert!(dx[..6].iter().all(|slope| slope.is_finite()), "{dx:?} on {device}");
            assert!(dx[6..15].iter().all(|slope| slope.is_nan()), "{dx:?} on {device}");
            assert_eq!((losses[5], &dx[15..]), (0.0, &[0.0; 3][..]));
        }
    }
    Ok(())
}

#[test]
fn what_is_refused() -> Result<()> {
    for device in devices(DType::F32) {
        let x = Tensor::full_on(device, [2, 3], 0, DType::F32)?;
        let text = |labels: Tensor, targets: &ClassTargets| -> Result<String> {
            let labels = labels.to_device(device)?;
            Ok(x.cross_entropy(&labels, 1, targets).unwrap_err().to_string())
        };
        let plain = ClassTargets::default();
        for label in [3i64, -1, 1 << 32, i64::MIN] {
            let labels = Tensor::new([1, label])?;
            let message = format!("expected labels in 0..3, one for each of 3 classes, received label {label}");
            assert_eq!(text(labels.clone(), &plain)?, format!("cross_entropy: {message}"));
            let labels = labels.to_device(device)?;
            let (statistics, dy) =
                (Tensor::full_on(device, [2, 2], 0, DType::F32)?, Tensor::full_on(device, [2], 0, DType::F32)?);
            let error = x.cross_entropy_backward(&labels, &statistics, &dy, 1, &plain).unwrap_err();
            assert_eq!(error.to_string(), format!("cross_entropy_backward: {message}"));
            assert!(plain.mass(&labels, 3, DType::F32).is_err());
            let ignored = ClassTargets { ignore_index: Some(label), ..plain.clone() };
            assert!(x.cross_entropy(&labels, 1, &ignored).is_ok());
        }
        assert_eq!(
            text(Tensor::new([0i64, 1, 2])?, &plain)?,
            "cross_entropy: expected labels of shape [2] for logits of shape [2, 3], received shape [3]"
        );
        assert_eq!(
            text(Tensor::new([0.0f32, 1.0])?, &plain)?,
            "cross_entropy: expected class indices of an integer dtype, received dtype f32"
        );
        let weighted = ClassTargets { weights: Some(vec![1.0, 2.0]), ..plain };
        assert_eq!(
            text(Tensor::new([0i64, 1])?, &weighted)?,
            "cross_entropy: expected 3 class weights, one for each class, received 2"
        );
    }
    Ok(())
}
