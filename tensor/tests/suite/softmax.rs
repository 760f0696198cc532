//! Softmax and its logarithm against their definitions in `f64`, over random shapes, axes and memory orders.

use crate::common::{assert_close, devices, scattered};
use ocelli_tensor::{DType, Device, Generator, Result, Tensor};
use proptest::prelude::*;

/// Compares results and gradients along an axis with the definition, on every device.
fn check(shape: &[usize], axis: usize, dtype: DType, seed: u64) -> Result<()> {
    devices(dtype).into_iter().try_for_each(|device| check_on(device, shape, axis, dtype, seed))
}

fn check_on(device: Device, shape: &[usize], axis: usize, dtype: DType, seed: u64) -> Result<()> {
    let generator = &mut Generator::new(seed);
    let mut draw = || Tensor::randn(shape, DType::F32, generator);
    let (x, dy) = (draw()?.mul(3.0)?.to_dtype(dtype)?, draw()?.to_dtype(dtype)?);
    let axis = axis as isize;

    let (wide_x, wide_dy) = (x.to_dtype(DType::F64)?, dy.to_dtype(DType::F64)?);
    let exponentials = wide_x.exp()?;
    let sum = exponentials.sum_keepdim(axis)?;
    let (y, log) = (exponentials.div(&sum)?, wide_x.sub(&sum.ln()?)?);
    let dx = y.mul(&wide_dy.sub(&y.mul(&wide_dy)?.sum_keepdim(axis)?)?)?;
    let of_log = wide_dy.sub(&y.mul(&wide_dy.sum_keepdim(axis)?)?)?;

    let (rtol, atol) = match dtype {
        DType::F64 => (1e-12, 1e-12),
        // The exponential of an adapter is good to some ulp of its argument, which is up to 20 here.
        DType::F32 if device != Device::Cpu => (1e-5, 1e-5),
        DType::F32 => (5e-6, 5e-6),
        // Gradients are made of results that are rounded.
        DType::F16 => (4e-3, 4e-3),
        _ => (3e-2, 3e-2),
    };
    // Sums of the slopes of all classes.
    let many = 1.0 + (shape[axis as usize] as f64).sqrt();
    let (x, dy) = (x.to_device(device)?, dy.to_device(device)?);
    for (form, (x, dy)) in [(x.clone(), dy.clone()), (scattered(&x), scattered(&dy))].iter().enumerate() {
        let (own, own_log) = (x.softmax(axis)?, x.log_softmax(axis)?);
        let (own_dx, own_of_log) = (dy.softmax_backward(&own, axis)?, dy.log_softmax_backward(&own_log, axis)?);
        let pairs = [
            ("softmax", own, &y, 1.0),
            ("log_softmax", own_log, &log, 1.0),
            ("softmax_backward", own_dx, &dx, many),
            ("log_softmax_backward", own_of_log, &of_log, many),
        ];
        for (op, actual, expected, scale) in pairs {
            let what = format!("{op} of {shape:?} along {axis}, {dtype}, form {form} on {device}");
            assert_eq!((actual.device(), actual.dtype()), (device, dtype), "{what}");
            let wide = actual.to_device(Device::Cpu)?.to_dtype(DType::F64)?;
            assert_close(&wide, expected, rtol, atol * scale, &what);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_defined(
        shape in prop::collection::vec(1usize..14, 1..4),
        axis: prop::sample::Index,
        dtype in prop_oneof![Just(DType::F32), Just(DType::F64)],
        seed: u64,
    ) {
        let axis = axis.index(shape.len());
        check(&shape, axis, dtype, seed).unwrap();
    }
}

#[test]
fn long_and_many_rows() -> Result<()> {
    for (shape, axis) in [
        (&[3usize, 1000][..], 1),
        (&[4100, 10], 1),
        (&[10, 4100], 0),
        (&[2, 300, 70], 1),
        (&[2, 5000, 3], 1),
        (&[9000], 0),
    ] {
        check(shape, axis, DType::F32, 1)?;
    }
    for dtype in [DType::F16, DType::BF16] {
        check(&[5, 9], 1, dtype, 2)?;
    }
    Ok(())
}

#[test]
fn infinities_and_nan_make_a_row_no_number() -> Result<()> {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let x = Tensor::new([[0.0, -inf, 0.0], [0.0, inf, 0.0], [0.0, nan, 0.0], [-inf, -inf, -inf], [1e30, -1e30, 1e30]])?;
    for device in devices(DType::F32) {
        let x = x.to_device(device)?;
        let rows = [[0.5, 0.0, 0.5], [nan; 3], [nan; 3], [nan; 3], [0.5, 0.0, 0.5]];
        assert_close(&x.softmax(1)?, &Tensor::new(rows)?, 1e-6, 0.0, "softmax");
        let ln = 0.5f32.ln();
        let rows = [[ln, -inf, ln], [nan; 3], [nan; 3], [nan; 3], [ln, -2e30, ln]];
        assert_close(&x.log_softmax(1)?, &Tensor::new(rows)?, 1e-6, 0.0, "log_softmax");
    }
    Ok(())
}

#[test]
fn sizes_of_zero() -> Result<()> {
    for device in devices(DType::F32) {
        for shape in [[0usize, 3], [3, 0]] {
            let x = Tensor::full_on(device, shape, 0, DType::F32)?;
            let y = x.softmax(1)?;
            assert_eq!((y.shape(), y.device()), (x.shape(), device));
            assert_eq!(x.log_softmax_backward(&y, 1)?.shape(), x.shape());
        }
    }
    Ok(())
}

#[test]
fn what_is_refused() -> Result<()> {
    let whole = Tensor::zeros([2, 4], DType::I64)?;
    let text = whole.softmax(1).unwrap_err().to_string();
    assert_eq!(text, "softmax: expected a float dtype, received dtype i64");
    let x = Tensor::zeros([2, 4], DType::F32)?;
    let text = x.softmax_backward(&Tensor::zeros([2, 3], DType::F32)?, 1).unwrap_err().to_string();
    assert_eq!(text, "softmax_backward: expected an output of the gradient's shape [2, 4], received shape [2, 3]");
    Ok(())
}
