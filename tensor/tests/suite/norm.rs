//! Normalization by channel against its definition in `f64`, over random shapes, sizes around every block, and all memory orders.

use crate::common::{assert_close, copied, devices, scattered};
use ocelli_tensor::{DType, Device, Generator, NormOptions, NormOver, Result, Tensor};
use proptest::prelude::*;

/// The axes over which `[N, groups, C / groups, …]` is reduced, and that shape.
fn grouped(x: &Tensor, options: &NormOptions) -> (Tensor, Vec<isize>) {
    let (groups, first) = match options.over {
        NormOver::Batch => (x.shape()[1], vec![0]),
        NormOver::Groups(groups) => (groups, vec![]),
    };
    let mut shape = vec![x.shape()[0], groups, x.shape()[1] / groups];
    shape.extend(&x.shape()[2..]);
    let axes = first.into_iter().chain(2..shape.len() as isize).collect();
    (x.reshape(shape).unwrap(), axes)
}

struct Expected {
    y: Tensor,
    mean: Tensor,
    var: Tensor,
    dx: Tensor,
    dgamma: Tensor,
    dbeta: Tensor,
}

fn wide(x: &Tensor) -> Result<Tensor> {
    x.to_device(Device::Cpu)?.to_dtype(DType::F64)
}

/// The formulas as they stand in the papers, in f64.
fn expected(x: &Tensor, dy: &Tensor, gamma: &Tensor, beta: &Tensor, options: &NormOptions) -> Result<Expected> {
    let (x, dy) = (wide(x)?, wide(dy)?);
    let mut per_channel = vec![1; x.rank()];
    per_channel[1] = x.shape()[1];
    let (gamma, beta) = (wide(gamma)?.reshape(&per_channel[..])?, wide(beta)?.reshape(&per_channel[..])?);
    let (parts, axes) = grouped(&x, options);
    let mean = parts.mean_keepdim(&axes[..])?;
    let var = parts.sub(&mean)?.square()?.mean_keepdim(&axes[..])?;
    let inverse = var.add(options.eps)?.rsqrt()?;
    let normal = parts.sub(&mean)?.mul(&inverse)?;
    let flat = normal.reshape(x.shape())?;
    let mut y = flat.mul(&gamma)?.add(&beta)?;
    let mut dy = dy;
    if options.relu {
        dy = dy.mul(&y.gt(0.0)?.to_dtype(DType::F64)?)?;
        y = y.relu()?;
    }
    let rest: Vec<isize> = (0..x.rank() as isize).filter(|&axis| axis != 1).collect();
    let (dgamma, dbeta) = (dy.mul(&flat)?.sum(&rest[..])?, dy.sum(&rest[..])?);
    let upstream = grouped(&dy.mul(&gamma)?, options).0;
    let along = upstream.mul(&normal)?.mean_keepdim(&axes[..])?;
    let dx = upstream.sub(&upstream.mean_keepdim(&axes[..])?)?.sub(&normal.mul(&along)?)?.mul(&inverse)?;
    let shape = options.statistics_shape(x.shape())?;
    Ok(Expected {
        y,
        mean: mean.reshape(&shape)?,
        var: var.reshape(&shape)?,
        dx: dx.reshape(x.shape())?,
        dgamma,
        dbeta,
    })
}

/// What the norm is computed of.
struct Given {
    x: Tensor,
    dy: Tensor,
    gamma: Tensor,
    beta: Tensor,
    options: NormOptions,
}

/// Compares everything with the definition, in every order of the axes in memory, on every device.
fn check(shape: &[usize], dtype: DType, options: NormOptions, seed: u64) -> Result<()> {
    check_on(&devices(dtype), shape, dtype, options, seed)
}

fn check_on(devices: &[Device], shape: &[usize], dtype: DType, options: NormOptions, seed: u64) -> Result<()> {
    let generator = &mut Generator::new(seed);
    let draw = |shape: &[usize], generator: &mut Generator| Tensor::randn(shape, DType::F32, generator);
    let x = draw(shape, generator)?.mul(3.0)?.add(1.5)?.to_dtype(dtype)?;
    let dy = draw(shape, generator)?.to_dtype(dtype)?;
    let factors = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    let mut factor = || draw(&shape[1..2], generator)?.to_dtype(factors);
    let (gamma, beta) = (factor()?, factor()?);
    let expected = expected(&x, &dy, &gamma, &beta, &options)?;
    let last: Vec<usize> = std::iter::once(0).chain(2..shape.len()).chain([1]).collect();
    let mut back: Vec<usize> = vec![0, shape.len() - 1];
    back.extend(1..shape.len() - 1);
    let channels_last = |x: &Tensor| copied(&x.permute(&last[..])?)?.permute(&back[..]);
    let reversed: Vec<usize> = (0..shape.len()).rev().collect();
    let backwards = |x: &Tensor| copied(&x.permute(&reversed[..])?)?.permute(&reversed[..]);
    for &device in devices {
        let (x, dy) = (x.to_device(device)?, dy.to_device(device)?);
        let forms = [x.clone(), channels_last(&x)?, backwards(&x)?, scattered(&x)];
        let gradients = [dy.clone(), channels_last(&dy)?, dy.clone(), scattered(&dy)];
        for (form, (x, dy)) in forms.into_iter().zip(gradients).enumerate() {
            let given = Given { x, dy, gamma: gamma.to_device(device)?, beta: beta.to_device(device)?, options };
            let what = format!("{shape:?}, {dtype}, {options:?}, form {form} on {device}");
            compare(&given, &expected, form == 1, &what)?;
        }
    }
    Ok(())
}

/// Compares all results with what is expected, and if asked the strides of those that are like the input with its strides.
fn compare(given: &Given, expected: &Expected, has_strides: bool, what: &str) -> Result<()> {
    let Given { x, dy, gamma, beta, options } = given;
    let what = |part: &str| format!("{part} of {what}");
    let dtype = x.dtype();
    let (rtol, atol) = match dtype {
        DType::F64 => (1e-10, 1e-10),
        DType::F32 => (1e-5, 2e-5),
        DType::F16 => (2e-3, 2e-3),
        _ => (1.6e-2, 1.6e-2),
    };
    // Weights' gradients are sums of many terms of both signs, each with the rounding of its factors.
    let many = (x.numel() as f64).sqrt().max(1.0);
    let has_strides = has_strides && x.numel() > 0 && x.size(1)? > 1;
    let (y, mean, var) = x.channel_norm(gamma, beta, options)?;
    assert!([&y, &mean, &var].iter().all(|of| of.device() == x.device()), "{}", what("device"));
    assert_eq!(y.dtype(), dtype);
    assert_close(&wide(&y)?, &expected.y, rtol, atol, &what("y"));
    let fine = if dtype == DType::F64 { 1e-12 } else { 3e-6 };
    assert_close(&wide(&mean)?, &expected.mean, fine, fine, &what("mean"));
    assert_close(&wide(&var)?, &expected.var, fine, fine, &what("var"));
    if has_strides {
        assert_eq!(y.strides(), x.strides(), "{}", what("strides"));
    }
    let again = x.channel_norm_with(gamma, beta, (&mean, &var), options)?;
    assert_eq!(wide(&again)?.to_vec::<f64>()?, wide(&y)?.to_vec::<f64>()?);
    let (dx, dgamma, dbeta) = dy.channel_norm_backward(x, gamma, beta, (&mean, &var), options)?;
    assert!([&dx, &dgamma, &dbeta].iter().all(|of| of.device() == x.device()), "{}", what("device"));
    assert_eq!(dx.dtype(), dtype);
    if has_strides {
        assert_eq!(dx.strides(), x.strides(), "{}", what("strides of the gradient"));
    }
    // In f32 it may be rounding that decides whether a result is positive.
    if !options.relu || dtype == DType::F64 {
        let scale = 1.0 + expected.dx.abs()?.to_vec::<f64>()?.into_iter().fold(0.0, f64::max);
        assert_close(&wide(&dx)?, &expected.dx, rtol, atol * scale, &what("dx"));
        assert_close(&wide(&dgamma)?, &expected.dgamma, rtol, atol * many, &what("dgamma"));
        assert_close(&wide(&dbeta)?, &expected.dbeta, rtol, atol * many, &what("dbeta"));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn as_defined(
        batch in 1usize..5,
        channels in prop_oneof![1usize..20, 60usize..70, Just(130)],
        spatial in prop::collection::vec(1usize..9, 0..3),
        groups in 0usize..4,
        relu: bool,
        dtype in prop_oneof![Just(DType::F32), Just(DType::F64)],
        seed: u64,
    ) {
        let mut shape = vec![batch, channels];
        shape.extend(&spatial);
        let options = match groups {
            0 => NormOptions::batch(1e-5),
            1 => NormOptions::groups(channels, 0.1),
            _ if channels % groups == 0 => NormOptions::groups(groups, 1e-3),
            _ => NormOptions::groups(1, 1e-3),
        };
        // A channel of one element has no gradient to speak of in f32: all of it is rounding.
        let eps = options.eps.max(0.1);
        check(&shape, dtype, NormOptions { eps, ..options }.relu(relu), seed).unwrap();
    }
}

#[test]
fn around_the_blocks() -> Result<()> {
    let batch = NormOptions::batch(1e-5);
    // Runs at the edges of vectors and blocks; channels in one go and in segments; long and short rows.
    for len in [15, 16, 17, 63, 64, 65, 4095, 4096, 4097, 65_535, 65_537] {
        check(&[2, 2, len], DType::F32, batch, 1)?;
        check(&[1, 3, len], DType::F32, NormOptions::groups(3, 1e-5), 2)?;
    }
    check(&[3, 9, 70, 69], DType::F32, batch.relu(true), 3)?;
    // A graphics adapter that is the processor itself takes too long for this one.
    check_on(&[Device::Cpu], &[2, 10, 300, 301], DType::F32, batch, 4)?;
    check(&[2, 12, 130, 33], DType::F64, NormOptions::groups(4, 1e-5).relu(true), 5)?;
    for channels in [1, 3, 24, 63, 64, 65, 129] {
        check(&[5, channels, 13, 11], DType::F32, batch, 6)?;
    }
    check(&[2, 1000, 5, 7], DType::F32, batch, 6)?;
    check_on(&[Device::Cpu], &[5, 1000, 13, 11], DType::F32, batch, 6)?;
    // Short runs in many parts.
    check(&[900, 4, 3, 3], DType::F32, batch, 14)?;
    check(&[1, 16, 70, 50], DType::F32, NormOptions::groups(4, 1e-5), 15)?;
    check(&[700, 33], DType::F32, batch, 7)?;
    check(&[40_000, 7], DType::F32, batch, 8)
}

#[test]
fn half_types_and_sizes_of_zero() -> Result<()> {
    for dtype in [DType::F16, DType::BF16] {
        check(&[3, 4, 5, 6], dtype, NormOptions::batch(1e-5), 9)?;
        check(&[3, 4, 5, 6], dtype, NormOptions::groups(2, 1e-5), 10)?;
    }
    for device in devices(DType::F32) {
        for shape in [&[0, 3, 4][..], &[2, 0, 4], &[2, 3, 0], &[0, 0]] {
            let x = Tensor::full_on(device, shape, 0, DType::F32)?;
            let ones = Tensor::full_on(device, [shape[1]], 1, DType::F32)?;
            for options in [NormOptions::batch(1e-5), NormOptions::groups(1, 1e-5)] {
                let (y, mean, var) = x.channel_norm(&ones, &ones, &options)?;
                assert_eq!((y.shape(), mean.shape()), (x.shape(), &options.statistics_shape(x.shape())?));
                assert!(mean.to_vec::<f32>()?.iter().all(|mean| mean.is_nan()));
                let (dx, dgamma, _) = x.channel_norm_backward(&x, &ones, &ones, (&mean, &var), &options)?;
                assert_eq!((dx.shape(), dgamma.to_vec::<f32>()?), (x.shape(), vec![0.0; shape[1]]));
            }
        }
    }
    Ok(())
}

#[test]
fn a_relu_lets_no_gradient_through_where_the_result_is_negative() -> Result<()> {
    let options = [NormOptions::batch(1e-5), NormOptions::groups(2, 1e-5)];
    for (device, options) in
        devices(DType::F32).into_iter().flat_map(|device| options.map(|options| (device, options.relu(true))))
    {
        let generator = &mut Generator::new(13);
        let mut draw = |shape: &[usize]| Tensor::randn(shape, DType::F32, generator);
        let (x, dy, gamma, beta) = (draw(&[3, 6, 5, 7])?, draw(&[3, 6, 5, 7])?, draw(&[6])?, draw(&[6])?);
        let expected = expected(&x, &dy, &gamma, &beta, &options)?;
        let [x, dy, gamma, beta] = [x, dy, gamma, beta].map(|x| x.to_device(device));
        let (x, dy, gamma, beta) = (x?, dy?, gamma?, beta?);
        let (_, mean, var) = x.channel_norm(&gamma, &beta, &options)?;
        let (dx, dgamma, dbeta) = dy.channel_norm_backward(&x, &gamma, &beta, (&mean, &var), &options)?;
        assert_close(&wide(&dx)?, &expected.dx, 1e-5, 2e-5, "dx");
        assert_close(&wide(&dgamma)?, &expected.dgamma, 1e-5, 1e-4, "dgamma");
        assert_close(&wide(&dbeta)?, &expected.dbeta, 1e-5, 1e-4, "dbeta");
    }
    Ok(())
}

#[test]
fn what_is_no_number_stays_in_its_channel() -> Result<()> {
    for (device, wrong) in
        devices(DType::F32).into_iter().flat_map(|device| [f32::NAN, f32::INFINITY].map(|wrong| (device, wrong)))
    {
        // At the first place, which the kernels of graphics processors relate others to, and at a later one.
        for place in [4, 19] {
            let mut x: Vec<f32> = (0..24).map(|i| (i % 5) as f32).collect();
            x[place] = wrong;
            let x = Tensor::from_vec(x, [2, 3, 4])?.to_device(device)?;
            let ones = Tensor::full_on(device, [3], 1, DType::F32)?;
            let (y, mean, var) = x.channel_norm(&ones, &ones, &NormOptions::batch(1e-5).relu(true))?;
            assert!(y.to_vec::<f32>()?.iter().enumerate().all(|(i, y)| y.is_nan() == (i / 4 % 3 == 1)), "{y}");
            for statistic in [mean, var] {
                let finite: Vec<bool> = statistic.to_vec::<f32>()?.iter().map(|x| x.is_finite()).collect();
                assert_eq!(finite, [true, false, true]);
            }
        }
    }
    Ok(())
}

#[test]
fn a_large_mean_does_no_harm() -> Result<()> {
    // Half of a channel is 0, the rest lies around 1000 with a spread of 0.1: sums of squares would lose the spread.
    let noise = Tensor::randn([4, 2, 90, 100], DType::F64, &mut Generator::new(11))?.mul(0.1)?;
    let x = noise.add(1000.0)?;
    let reference = x.var([0, 2, 3], 0)?;
    let narrow = x.to_dtype(DType::F32)?;
    let ones = Tensor::ones([2], DType::F32)?;
    let channels_last = copied(&narrow.permute([0, 2, 3, 1])?)?.permute([0, 3, 1, 2])?;
    for (device, x) in devices(DType::F32).into_iter().flat_map(|device| [&narrow, &channels_last].map(|x| (device, x)))
    {
        let ones = ones.to_device(device)?;
        let (_, mean, var) = x.to_device(device)?.channel_norm(&ones, &ones, &NormOptions::batch(1e-5))?;
        let exact = x.to_dtype(DType::F64)?;
        assert_close(&wide(&mean)?, &exact.mean([0, 2, 3])?, 1e-7, 0.0, "mean");
        assert_close(&wide(&var)?, &exact.var([0, 2, 3], 0)?, 1e-6, 0.0, "var");
        assert_close(&wide(&var)?, &reference, 1e-2, 0.0, "var before rounding");
    }
    Ok(())
}

#[test]
fn the_split_does_not_depend_on_the_number_of_threads() -> Result<()> {
    let generator = &mut Generator::new(12);
    let x = Tensor::randn([6, 20, 60, 61], DType::F32, generator)?;
    let dy = Tensor::randn([6, 20, 60, 61], DType::F32, generator)?;
    let (gamma, beta) = (Tensor::rand([20], DType::F32, generator)?, Tensor::rand([20], DType::F32, generator)?);
    let last = |x: &Tensor| copied(&x.permute([0, 2, 3, 1])?)?.permute([0, 3, 1, 2]);
    for (x, dy) in [(x.clone(), dy.clone()), (last(&x)?, last(&dy)?)] {
        for options in [NormOptions::batch(1e-5).relu(true), NormOptions::groups(5, 1e-5)] {
            let run = |threads: usize| -> Result<Vec<Vec<f32>>> {
                ocelli_tensor::set_num_threads(threads)?;
                let (y, mean, var) = x.channel_norm(&gamma, &beta, &options)?;
                let (dx, dgamma, dbeta) = dy.channel_norm_backward(&x, &gamma, &beta, (&mean, &var), &options)?;
                [y, mean, var, dx, dgamma, dbeta].iter().map(Tensor::to_vec::<f32>).collect()
            };
            let one = run(1)?;
            assert!(one == run(2)? && one == run(5)?);
        }
    }
    Ok(())
}

#[test]
fn what_is_refused() -> Result<()> {
    let x = Tensor::zeros([2, 6, 4], DType::F32)?;
    let (six, five) = (Tensor::ones([6], DType::F32)?, Tensor::ones([5], DType::F32)?);
    let batch = NormOptions::batch(1e-5);
    let text = |result: Result<(Tensor, Tensor, Tensor)>| result.unwrap_err().to_string();
    assert_eq!(
        text(x.channel_norm(&five, &six, &batch)),
        "channel_norm: expected a scale of shape [6], received shape [5]"
    );
    assert_eq!(
        text(x.channel_norm(&six, &five, &batch)),
        "channel_norm: expected a shift of shape [6], received shape [5]"
    );
    assert_eq!(
        text(x.channel_norm(&six, &six, &NormOptions::groups(4, 1e-5))),
        "channel_norm: expected channels that fall into 4 groups, received 6"
    );
    assert_eq!(
        text(x.channel_norm(&six, &six, &NormOptions::batch(-1.0))),
        "channel_norm: expected eps ≥ 0, received -1"
    );
    assert_eq!(
        text(six.channel_norm(&six, &six, &batch)),
        "channel_norm: expected [N, C] and any further axes, received shape [6]"
    );
    let whole = Tensor::zeros([2, 6, 4], DType::I64)?;
    assert_eq!(
        text(whole.channel_norm(&six, &six, &batch)),
        "channel_norm: expected a float dtype, received dtype i64"
    );
    assert_eq!(
        text(six.channel_norm_backward(&x, &six, &six, (&six, &six), &batch)),
        "channel_norm_backward: expected a gradient of shape [2, 6, 4], received shape [6]"
    );
    assert_eq!(
        x.channel_norm_with(&six, &six, (&five, &six), &batch).unwrap_err().to_string(),
        "channel_norm_with: expected means of shape [6], received shape [5]"
    );
    Ok(())
}
