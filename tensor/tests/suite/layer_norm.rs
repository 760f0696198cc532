//! Layer norm against its definition in `f64`, over random shapes, sizes around every block, and memory orders.

use crate::common::{assert_close, copied, devices, scattered};
use ocelli_tensor::{DType, Device, Generator, Result, Tensor};
use proptest::prelude::*;

/// Compares result, statistics and gradients with the definition, the last `axes` axes being normalized, on every device.
fn check(shape: &[usize], axes: usize, dtype: DType, seed: u64) -> Result<()> {
    devices(dtype).into_iter().try_for_each(|device| check_on(device, shape, axes, dtype, seed))
}

fn check_on(device: Device, shape: &[usize], axes: usize, dtype: DType, seed: u64) -> Result<()> {
    let generator = &mut Generator::new(seed);
    let lead = shape.len() - axes;
    let mut draw = |shape: &[usize]| Tensor::randn(shape, DType::F32, generator);
    let (x, dy) = (draw(shape)?.mul(3.0)?.add(1.5)?.to_dtype(dtype)?, draw(shape)?.to_dtype(dtype)?);
    let factors = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    let (gamma, beta) = (draw(&shape[lead..])?.to_dtype(factors)?, draw(&shape[lead..])?.to_dtype(factors)?);
    let eps = 0.1;

    let [wide_x, wide_dy, wide_gamma, wide_beta] = [&x, &dy, &gamma, &beta].map(|x| x.to_dtype(DType::F64));
    let (wide_x, wide_dy, wide_gamma) = (wide_x?, wide_dy?, wide_gamma?);
    let over: Vec<isize> = (lead as isize..shape.len() as isize).collect();
    let mean = wide_x.mean_keepdim(&over[..])?;
    let var = wide_x.sub(&mean)?.square()?.mean_keepdim(&over[..])?;
    let inverse = var.add(eps)?.rsqrt()?;
    let normal = wide_x.sub(&mean)?.mul(&inverse)?;
    let y = normal.mul(&wide_gamma)?.add(&wide_beta?)?;
    let upstream = wide_dy.mul(&wide_gamma)?;
    let along = normal.mul(&upstream.mul(&normal)?.mean_keepdim(&over[..])?)?;
    let dx = upstream.sub(&upstream.mean_keepdim(&over[..])?)?.sub(&along)?.mul(&inverse)?;
    let first: Vec<isize> = (0..lead as isize).collect();
    let (dgamma, dbeta) = (wide_dy.mul(&normal)?.sum(&first[..])?, wide_dy.sum(&first[..])?);
    let statistics = &shape[..lead];

    let (rtol, atol) = match dtype {
        DType::F64 => (1e-10, 1e-10),
        DType::F32 => (1e-5, 2e-5),
        DType::F16 => (2e-3, 2e-3),
        _ => (1.6e-2, 1.6e-2),
    };
    let fine = if dtype == DType::F64 { 1e-12 } else { 3e-6 };
    // Weights' gradients are sums of many terms of both signs, each with the rounding of its factors.
    let many = (shape[..lead].iter().product::<usize>() as f64).sqrt().max(1.0);
    // The second form has its leading axes in another order.
    let turned = |x: &Tensor| -> Result<Tensor> {
        let order: Vec<usize> = (0..lead).rev().chain(lead..shape.len()).collect();
        copied(&x.permute(&order[..])?)?.permute(&order[..])
    };
    let [x, dy, gamma, beta] = [x, dy, gamma, beta].map(|x| x.to_device(device));
    let (x, dy, gamma, beta) = (x?, dy?, gamma?, beta?);
    let forms = [(x.clone(), dy.clone()), (turned(&x)?, dy.clone()), (scattered(&x), scattered(&dy))];
    for (form, (x, dy)) in forms.iter().enumerate() {
        let what = |part: &str| format!("{part} of {shape:?}, {axes} axes, {dtype}, form {form} on {device}");
        let wide = |x: &Tensor| x.to_device(Device::Cpu)?.to_dtype(DType::F64);
        let (actual, own_mean, own_var) = x.layer_norm(&gamma, &beta, eps)?;
        assert_eq!(actual.dtype(), dtype);
        assert!([&actual, &own_mean, &own_var].iter().all(|of| of.device() == device), "{}", what("device"));
        assert_close(&wide(&actual)?, &y, rtol, atol, &what("y"));
        assert_close(&wide(&own_mean)?, &mean.reshape(statistics)?, fine, fine, &what("mean"));
        assert_close(&wide(&own_var)?, &var.reshape(statistics)?, fine, fine, &what("var"));
        let own = dy.layer_norm_backward(x, &gamma, (&own_mean, &own_var), eps)?;
        assert!([&own.0, &own.1, &own.2].iter().all(|of| of.device() == device), "{}", what("device"));
        let scale = 1.0 + dx.abs()?.to_vec::<f64>()?.into_iter().fold(0.0, f64::max);
        assert_close(&wide(&own.0)?, &dx, rtol, atol * scale, &what("dx"));
        assert_close(&wide(&own.1)?, &dgamma, rtol, atol * many, &what("dgamma"));
        assert_close(&wide(&own.2)?, &dbeta, rtol, atol * many, &what("dbeta"));
        if form == 1 && x.numel() > 0 {
            // Where an axis has one place, its stride means nothing.
            let strides = |x: &Tensor| -> Vec<isize> {
                x.shape().iter().zip(x.strides()).map(|(&size, &stride)| if size > 1 { stride } else { 0 }).collect()
            };
            assert_eq!((strides(&actual), strides(&own.0)), (strides(x), strides(x)), "{}", what("strides"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_defined(
        lead in prop::collection::vec(1usize..12, 0..3),
        normalized in prop_oneof![
            prop::collection::vec(2usize..9, 1..3),
            prop::collection::vec(14usize..70, 1..2),
        ],
        dtype in prop_oneof![Just(DType::F32), Just(DType::F64)],
        seed: u64,
    ) {
        let shape = [&lead[..], &normalized[..]].concat();
        check(&shape, normalized.len(), dtype, seed).unwrap();
    }
}

#[test]
fn around_the_blocks() -> Result<()> {
    for width in [4095, 4096, 4097, 8193] {
        check(&[5, width], 1, DType::F32, 1)?;
    }
    // Tasks on rows, and what is left of four rows.
    for rows in [255, 256, 257, 515] {
        check(&[rows, 24], 1, DType::F32, 2)?;
    }
    check(&[3, 7, 768], 1, DType::F32, 3)?;
    // Rows that are cut into parts, one of them at least.
    check(&[1, 20_011], 1, DType::F32, 8)?;
    check(&[2, 64, 33, 20], 3, DType::F32, 4)
}

#[test]
fn half_types_and_sizes_of_zero() -> Result<()> {
    for dtype in [DType::F16, DType::BF16] {
        check(&[3, 4, 15], 1, dtype, 5)?;
    }
    for device in devices(DType::F32) {
        for shape in [&[0, 4][..], &[3, 0], &[0, 0]] {
            let x = Tensor::full_on(device, shape, 0, DType::F32)?;
            let ones = Tensor::full_on(device, [shape[1]], 1, DType::F32)?;
            let (y, mean, var) = x.layer_norm(&ones, &ones, 1e-5)?;
            assert_eq!((y.shape(), mean.shape()[..].to_vec()), (x.shape(), vec![shape[0]]));
            assert!(mean.to_vec::<f32>()?.iter().all(|mean| mean.is_nan()));
            let (dx, dgamma, dbeta) = x.layer_norm_backward(&x, &ones, (&mean, &var), 1e-5)?;
            assert_eq!((dx.shape(), dgamma.to_vec::<f32>()?), (x.shape(), vec![0.0; shape[1]]));
            assert_eq!(dbeta.to_vec::<f32>()?, vec![0.0; shape[1]]);
        }
    }
    Ok(())
}

#[test]
fn a_large_mean_does_no_harm() -> Result<()> {
    // Short and long rows: the latter are cut into parts.
    for (width, device) in
        [50, 40_000].into_iter().flat_map(|width| devices(DType::F32).into_iter().map(move |d| (width, d)))
    {
        let x = Tensor::randn([3, width], DType::F32, &mut Generator::new(7))?.mul(0.1)?.add(1000.0)?;
        let ones = Tensor::full_on(device, [width], 1, DType::F32)?;
        let (_, mean, var) = x.to_device(device)?.layer_norm(&ones, &ones, 1e-5)?;
        let exact = x.to_dtype(DType::F64)?;
        let wide = |x: &Tensor| x.to_device(Device::Cpu)?.to_dtype(DType::F64);
        assert_close(&wide(&mean)?, &exact.mean(1)?, 1e-7, 0.0, "mean");
        assert_close(&wide(&var)?, &exact.var(1, 0)?, 1e-6, 0.0, "var");
    }
    Ok(())
}

#[test]
fn the_split_does_not_depend_on_the_number_of_threads() -> Result<()> {
    let generator = &mut Generator::new(6);
    let mut draw = |shape: &[usize]| Tensor::randn(shape, DType::F32, generator);
    let (x, dy, gamma, beta) = (draw(&[3000, 96])?, draw(&[3000, 96])?, draw(&[96])?, draw(&[96])?);
    let run = |threads: usize| -> Result<Vec<Vec<f32>>> {
        ocelli_tensor::set_num_threads(threads)?;
        let (y, mean, var) = x.layer_norm(&gamma, &beta, 1e-5)?;
        let (dx, dgamma, dbeta) = dy.layer_norm_backward(&x, &gamma, (&mean, &var), 1e-5)?;
        [y, mean, var, dx, dgamma, dbeta].iter().map(Tensor::to_vec::<f32>).collect()
    };
    let one = run(1)?;
    assert!(one == run(2)? && one == run(5)?);
    Ok(())
}

#[test]
fn what_is_refused() -> Result<()> {
    let x = Tensor::zeros([2, 6, 4], DType::F32)?;
    let (four, six) = (Tensor::ones([4], DType::F32)?, Tensor::ones([6], DType::F32)?);
    let text = |result: Result<(Tensor, Tensor, Tensor)>| result.unwrap_err().to_string();
    assert_eq!(
        text(x.layer_norm(&six, &six, 1e-5)),
        "layer_norm: expected a scale of the last axes of [2, 6, 4], received shape [6]"
    );
    assert_eq!(text(x.layer_norm(&four, &six, 1e-5)), "layer_norm: expected a shift of shape [4], received shape [6]");
    assert_eq!(text(x.layer_norm(&four, &four, -1.0)), "layer_norm: expected eps ≥ 0, received -1");
    let scalar = Tensor::ones((), DType::F32)?;
    assert_eq!(
        text(x.layer_norm(&scalar, &scalar, 1e-5)),
        "layer_norm: expected a scale of the last axes of [2, 6, 4], received shape []"
    );
    let whole = Tensor::zeros([2, 4], DType::I64)?;
    assert_eq!(text(whole.layer_norm(&four, &four, 0.0)), "layer_norm: expected a float dtype, received dtype i64");
    assert_eq!(
        text(four.layer_norm_backward(&x, &four, (&six, &six), 1e-5)),
        "layer_norm_backward: expected a gradient of shape [2, 6, 4], received shape [4]"
    );
    assert_eq!(
        text(x.layer_norm_backward(&x, &four, (&six, &six), 1e-5)),
        "layer_norm_backward: expected means of shape [2, 6], received shape [6]"
    );
    Ok(())
}
