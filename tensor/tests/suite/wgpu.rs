//! Graphics processors compute what the CPU computes.

use std::io::Write;

use ocelli_tensor::{
    Activation, ConvOptions, DType, Device, Error, Generator, Operand, PadMode, PoolOptions, Result, Slice, Tensor,
    UpdateRule, WeightDecay,
};

use crate::common::scattered;

/// The first adapter, or a message that there is none; `OCELLI_TEST_ADAPTER=required` makes that a failure.
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

/// Units in the last place between two floats of this dtype; 0 for two NaNs. A number too small to be normal may be 0, as WGSL has it.
fn ulps(a: f64, b: f64, dtype: DType) -> f64 {
    let is_flushed = a == 0.0 && b.abs() < f64::from(f32::MIN_POSITIVE);
    if a == b || (a.is_nan() && b.is_nan()) || is_flushed {
        return 0.0;
    }
    let digits = match dtype {
        DType::BF16 => 8,
        DType::F16 => 11,
        _ => 24,
    };
    let smallest = if dtype == DType::F16 { -14 } else { -126 };
    let exponent = (b.abs().log2().floor() as i32).max(smallest);
    (a - b).abs() / f64::from(exponent - digits + 1).exp2()
}

/// Asserts that an operation gives the same shape, dtype and numbers (within some ulp of the CPU's) on both devices.
#[track_caller]
fn same(what: &str, inputs: &[&Tensor], ulps: f64, op: impl Fn(&[Tensor]) -> Result<Tensor>) {
    close(what, inputs, (ulps, 0.0), op);
}

/// As [`same`], within some ulp or an absolute error.
#[track_caller]
fn close(what: &str, inputs: &[&Tensor], (most, absolute): (f64, f64), op: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let Some(device) = adapter() else { return };
    let on = |device| -> Vec<Tensor> { inputs.iter().map(|x| x.to_device(device).unwrap()).collect() };
    let expected = op(&on(Device::Cpu)).unwrap();
    let actual = op(&on(device)).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(actual.device(), device, "{what}");
    assert_eq!(actual.shape(), expected.shape(), "{what}");
    assert_eq!(actual.dtype(), expected.dtype(), "{what}");
    let values = |x: &Tensor| x.to_device(Device::Cpu).unwrap().to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
    for (i, (a, e)) in values(&actual).into_iter().zip(values(&expected)).enumerate() {
        let error = ulps(a, e, expected.dtype());
        assert!(
            error <= most || (a - e).abs() <= absolute,
            "{what}: element {i}: expected {e}, received {a} ({error} ulp)"
        );
    }
}

/// Numbers of all sizes and signs, zeros, infinities and NaN.
fn wild(count: usize) -> Tensor {
    let mut values: Vec<f32> = vec![0.0, -0.0, 1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e-30, -1e30];
    let normal = Tensor::randn([count], DType::F32, &mut Generator::new(1)).unwrap().to_vec::<f32>().unwrap();
    values.extend(normal.iter().enumerate().map(|(i, x)| x * [0.01, 1.0, 3.0, 20.0][i % 4]));
    let count = values.len();
    Tensor::from_vec(values, [count]).unwrap()
}

fn normal(shape: &[usize], seed: u64) -> Tensor {
    Tensor::randn(shape, DType::F32, &mut Generator::new(seed)).unwrap()
}

/// Whole numbers of a dtype, its limits among them.
fn whole(dtype: DType) -> Tensor {
    let values: Vec<i64> = match dtype {
        DType::U8 => (0..=255).collect(),
        DType::I32 => vec![0, 1, -1, 2, -7, 7, 100, -100, 65_537, i64::from(i32::MAX), i64::from(i32::MIN), 46_341],
        _ => vec![0, 1, -1, 2, -7, 7, 1 << 33, -(1 << 40), i64::MAX, i64::MIN, 0x1234_5678_9abc, 3_037_000_500],
    };
    let count = values.len();
    Tensor::from_vec(values, [count]).unwrap().to_dtype(dtype).unwrap()
}

#[test]
fn tensors_come_back_as_they_went() {
    let Some(device) = adapter() else { return };
    let x = normal(&[3, 4, 5], 0).mul(100.0).unwrap();
    for dtype in DType::ALL {
        let x = x.to_dtype(dtype).unwrap();
        for x in [
            x.clone(),
            x.permute([2, 0, 1]).unwrap(),
            scattered(&x),
            x.slice_axis(1, Slice::from(..).step(-2)).unwrap(),
        ] {
            if dtype == DType::F64 {
                let error = x.to_device(device).unwrap_err();
                assert!(matches!(error, Error::DType { .. }), "{error}");
                continue;
            }
            let there = x.to_device(device).unwrap();
            assert_eq!((there.device(), there.dtype(), there.shape()), (device, dtype, x.shape()));
            let back = there.to_device(Device::Cpu).unwrap();
            let values = |x: &Tensor| x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
            assert_eq!(values(&back), values(&x), "{dtype}");
            // Views of what is there.
            let view = there.narrow(0, 1, 2).unwrap().transpose(0, 2).unwrap();
            let expected = x.narrow(0, 1, 2).unwrap().transpose(0, 2).unwrap();
            assert_eq!(values(&view.to_device(Device::Cpu).unwrap()), values(&expected), "{dtype}");
        }
    }
    let empty = Tensor::zeros([0, 3], DType::F32).unwrap().to_device(device).unwrap();
    assert_eq!(empty.add(1.0).unwrap().to_vec::<f32>().unwrap(), [0.0f32; 0]);
    let one = Tensor::new(2.5f32).unwrap().to_device(device).unwrap();
    assert_eq!((one.item::<f64>().unwrap(), one.as_slice::<f32>()), (2.5, None));
}

#[test]
fn casts() {
    let floats = wild(200);
    for to in DType::ALL.into_iter().filter(|&to| to != DType::F64) {
        same(&format!("f32 to {to}"), &[&floats], 0.0, |x| x[0].to_dtype(to));
        for from in [DType::F16, DType::BF16] {
            same(&format!("{from} to {to}"), &[&floats.to_dtype(from).unwrap()], 0.0, |x| x[0].to_dtype(to));
        }
        for from in [DType::U8, DType::I32, DType::I64] {
            same(&format!("{from} to {to}"), &[&whole(from)], 0.0, |x| x[0].to_dtype(to));
        }
        same(&format!("bool to {to}"), &[&Tensor::new([true, false]).unwrap()], 0.0, |x| x[0].to_dtype(to));
    }
}

/// A function of one number, with the largest error: in ulp of the CPU's result, or absolute.
type Function = (&'static str, fn(&Tensor) -> Result<Tensor>, (f64, f64));

/// What WGSL promises of an adapter's own logarithms near 1, sines and inverse sines (section 15.7.4.1 of the specification).
const LOGARITHM: (f64, f64) = (4.0, 1.0 / (1 << 20) as f64);
const SINE: (f64, f64) = (4096.0, 1.0 / 2048.0);
const ARC: (f64, f64) = (4096.0, 7e-5);

const FUNCTIONS: [Function; 45] = [
    ("neg", Tensor::neg, (0.0, 0.0)),
    ("abs", Tensor::abs, (0.0, 0.0)),
    ("sign", Tensor::sign, (0.0, 0.0)),
    ("square", Tensor::square, (0.0, 0.0)),
    ("relu", Tensor::relu, (0.0, 0.0)),
    ("sqrt", Tensor::sqrt, (3.0, 0.0)),
    ("rsqrt", Tensor::rsqrt, (4.0, 0.0)),
    ("cbrt", Tensor::cbrt, (4.0, 0.0)),
    ("recip", Tensor::recip, (3.0, 0.0)),
    ("exp", Tensor::exp, (100.0, 0.0)),
    ("exp2", Tensor::exp2, (100.0, 0.0)),
    ("exp_m1", Tensor::exp_m1, (100.0, 0.0)),
    ("ln", Tensor::ln, LOGARITHM),
    ("log2", Tensor::log2, LOGARITHM),
    ("log10", Tensor::log10, LOGARITHM),
    ("ln_1p", Tensor::ln_1p, LOGARITHM),
    ("sin", Tensor::sin, SINE),
    ("cos", Tensor::cos, SINE),
    ("tan", Tensor::tan, SINE),
    ("asin", Tensor::asin, ARC),
    ("acos", Tensor::acos, ARC),
    ("atan", Tensor::atan, (4096.0, 0.0)),
    ("sinh", Tensor::sinh, (100.0, 0.0)),
    ("cosh", Tensor::cosh, (100.0, 0.0)),
    ("tanh", Tensor::tanh, (16.0, 0.0)),
    ("asinh", Tensor::asinh, (16.0, 1e-6)),
    ("acosh", Tensor::acosh, (16.0, 1e-6)),
    ("atanh", Tensor::atanh, (16.0, 1e-6)),
    ("erf", Tensor::erf, (16.0, 0.0)),
    ("erfc", Tensor::erfc, (256.0, 0.0)),
    ("erfinv", Tensor::erfinv, (64.0, 0.0)),
    ("sigmoid", Tensor::sigmoid, (100.0, 0.0)),
    ("log_sigmoid", Tensor::log_sigmoid, (100.0, 1e-6)),
    ("softplus", Tensor::softplus, (100.0, 1e-6)),
    ("silu", Tensor::silu, (100.0, 0.0)),
    ("gelu", Tensor::gelu, (256.0, 0.0)),
    ("gelu_tanh", Tensor::gelu_tanh, (16.0, 2e-6)),
    ("hard_sigmoid", Tensor::hard_sigmoid, (2.0, 0.0)),
    ("hard_swish", Tensor::hard_swish, (2.0, 0.0)),
    ("leaky_relu", |x| x.leaky_relu(0.1), (0.0, 0.0)),
    ("floor", Tensor::floor, (0.0, 0.0)),
    ("ceil", Tensor::ceil, (0.0, 0.0)),
    ("round", Tensor::round, (0.0, 0.0)),
    ("trunc", Tensor::trunc, (0.0, 0.0)),
    ("clamp", |x| x.clamp(Some(-0.5), Some(2.0)), (0.0, 0.0)),
];

#[test]
fn functions_of_one_number() {
    let x = wild(400);
    let angles = normal(&[300], 9).mul(1.5).unwrap().clamp(Some(-3.1), Some(3.1)).unwrap();
    for (name, f, tolerance) in FUNCTIONS {
        // Adapters need not know what 10³⁰ radians are.
        let x = if tolerance == SINE { &angles } else { &x };
        close(name, &[x], tolerance, |x| f(&x[0]));
    }
    for dtype in [DType::F16, DType::BF16] {
        let x = x.to_dtype(dtype).unwrap();
        for (name, f, _) in &FUNCTIONS[..16] {
            same(&format!("{name} of {dtype}"), &[&x], 1.0, |x| f(&x[0]));
        }
    }
    for dtype in [DType::U8, DType::I32, DType::I64] {
        for (name, f, _) in FUNCTIONS[..5].iter().chain(&FUNCTIONS[40..]) {
            same(&format!("{name} of {dtype}"), &[&whole(dtype)], 0.0, |x| f(&x[0]));
        }
        same(&format!("sqrt of {dtype}"), &[&whole(dtype)], 3.0, |x| x[0].sqrt());
        same(&format!("clamp of {dtype}"), &[&whole(dtype)], 0.0, |x| x[0].clamp(Some(3.0), None));
    }
    for test in [Tensor::is_nan, Tensor::is_inf, Tensor::is_finite] {
        same("a test", &[&x], 0.0, |x| test(&x[0]));
        same("a test of whole numbers", &[&whole(DType::I64)], 0.0, |x| test(&x[0]));
    }
}

/// A function of two numbers, with the largest error in ulp of the CPU's result.
type OfTwo = (&'static str, fn(&Tensor, &Tensor) -> Result<Tensor>, f64);

const OF_TWO: [OfTwo; 20] = [
    ("add", |x, y| x.add(y), 0.0),
    ("sub", |x, y| x.sub(y), 0.0),
    ("mul", |x, y| x.mul(y), 0.0),
    ("maximum", |x, y| x.maximum(y), 0.0),
    ("minimum", |x, y| x.minimum(y), 0.0),
    ("eq", |x, y| x.eq(y), 0.0),
    ("ne", |x, y| x.ne(y), 0.0),
    ("lt", |x, y| x.lt(y), 0.0),
    ("le", |x, y| x.le(y), 0.0),
    ("gt", |x, y| x.gt(y), 0.0),
    ("ge", |x, y| x.ge(y), 0.0),
    ("logical_and", |x, y| x.logical_and(y), 0.0),
    ("logical_or", |x, y| x.logical_or(y), 0.0),
    ("logical_xor", |x, y| x.logical_xor(y), 0.0),
    ("where", |x, y| x.gt(0)?.where_(x, y), 0.0),
    ("div", |x, y| x.div(y), 3.0),
    ("rem", |x, y| x.rem(y), 4.0),
    ("pow", |x, y| x.pow(y), 4096.0),
    ("atan2", |x, y| x.atan2(y), 4096.0),
    ("hypot", |x, y| x.hypot(y), 4.0),
];

#[test]
fn functions_of_two_numbers() {
    let x = wild(100);
    let (a, b) = (x.unsqueeze(1).unwrap(), x.unsqueeze(0).unwrap());
    for (name, f, tolerance) in OF_TWO {
        if name != "rem" {
            same(name, &[&a, &b], tolerance, |x| f(&x[0], &x[1]));
        }
    }
    // Remainders of quotients that floats hold.
    let (a, b) = (normal(&[40, 1], 2).mul(10.0).unwrap(), normal(&[1, 40], 3));
    same("rem", &[&a, &b], 256.0, |x| x[0].rem(&x[1]));
    same("floor_div", &[&a, &b], 0.0, |x| x[0].floor_div(&x[1]));
    for dtype in [DType::F16, DType::BF16] {
        let (a, b) = (a.to_dtype(dtype).unwrap(), b.to_dtype(dtype).unwrap());
        for (name, f, _) in &OF_TWO[..16] {
            same(&format!("{name} of {dtype}"), &[&a, &b], 1.0, |x| f(&x[0], &x[1]));
        }
    }
    for dtype in [DType::U8, DType::I32, DType::I64] {
        let x = whole(dtype);
        let (a, b) = (x.unsqueeze(1).unwrap(), x.unsqueeze(0).unwrap());
        for (name, f, _) in &OF_TWO[..15] {
            same(&format!("{name} of {dtype}"), &[&a, &b], 0.0, |x| f(&x[0], &x[1]));
        }
        let divisors = b.eq(0).unwrap().where_(&Tensor::ones([1], dtype).unwrap(), &b).unwrap();
        same(&format!("rem of {dtype}"), &[&a, &divisors], 0.0, |x| x[0].rem(&x[1]));
        same(&format!("floor_div of {dtype}"), &[&a, &divisors], 0.0, |x| x[0].floor_div(&x[1]));
        let exponents = Tensor::new([0i64, 1, 2, 3, 5, 31, 64]).unwrap().to_dtype(dtype).unwrap();
        same(&format!("pow of {dtype}"), &[&a, &exponents], 0.0, |x| x[0].pow(&x[1]));
    }
    let bools = Tensor::new([[true, false], [false, true]]).unwrap();
    for (name, f, _) in [OF_TWO[0], OF_TWO[2], OF_TWO[3], OF_TWO[4], OF_TWO[5], OF_TWO[11], OF_TWO[12], OF_TWO[13]] {
        same(&format!("{name} of bools"), &[&bools, &bools.t().unwrap()], 0.0, |x| f(&x[0], &x[1]));
    }
}

#[test]
fn operands_of_any_strides_and_dtypes() {
    let (x, row, column) = (normal(&[4, 3, 5], 4), normal(&[5], 5), normal(&[3, 1], 6));
    for x in [x.clone(), x.permute([2, 1, 0]).unwrap(), scattered(&x), x.narrow(1, 1, 2).unwrap()] {
        let last = x.size(-1).unwrap();
        let row = row.narrow(0, 0, last.min(5)).unwrap();
        same("a row", &[&x, &row], 0.0, |x| x[0].mul(&x[1]));
        if x.size(1).unwrap() == 3 {
            same("a column", &[&x, &column], 0.0, |x| x[1].sub(&x[0]));
        }
        same("a number", &[&x], 0.0, |x| x[0].add(1.5));
        same("flipped", &[&x], 0.0, |x| x[0].slice_axis(0, Slice::from(..).step(-1))?.add(&x[0]));
    }
    let ints = whole(DType::I32);
    same("promotion", &[&ints, &ints.to_dtype(DType::F16).unwrap()], 1.0, |x| x[0].add(&x[1]));
    same("a weak number", &[&ints], 0.0, |x| x[0].add(1.5));
    same("i64 and f32", &[&whole(DType::I64), &normal(&[12], 7)], 0.0, |x| x[0].mul(&x[1]));
    // More elements than a row of workgroups has invocations.
    let long = Tensor::arange(0, 5_000_000, 1).unwrap().to_dtype(DType::F32).unwrap();
    same("a long one", &[&long], 0.0, |x| x[0].add(1.0));
}

#[test]
fn refusals_say_why() {
    let Some(device) = adapter() else { return };
    let x = normal(&[2, 2], 8);
    let there = x.to_device(device).unwrap();
    let error = there.add(&x).unwrap_err().to_string();
    assert_eq!(error, format!("add: expected tensors on one device, received {device} and cpu"));
    assert!(matches!(there.to_dtype(DType::F64), Err(Error::DType { .. })));
    let error = there.to_dtype(DType::I32).unwrap().rem(0).unwrap_err().to_string();
    assert!(error.contains("received 0"), "{error}");
    let error = Device::wgpu(99).unwrap_err().to_string();
    assert!(error.starts_with("wgpu:99: expected an adapter"), "{error}");
    let operand: Operand<'_> = 2.0.into();
    assert_eq!(there.mul(operand).unwrap().to_vec::<f32>().unwrap(), x.mul(2.0).unwrap().to_vec::<f32>().unwrap());
}

#[test]
fn many_threads_use_one_device() {
    let Some(device) = adapter() else { return };
    std::thread::scope(|scope| {
        for seed in 0..16u64 {
            scope.spawn(move || {
                let mut x = normal(&[7, 11], seed);
                let mut there = x.to_device(device).unwrap();
                for step in 0..60 {
                    let factor = 0.5 + f64::from(step % 3);
                    x = x.mul(factor).unwrap().add(&x).unwrap();
                    there = there.mul(factor).unwrap().add(&there).unwrap();
                    if step % 20 == 19 {
                        assert_eq!(
                            there.to_vec::<f32>().unwrap(),
                            x.to_vec::<f32>().unwrap(),
                            "thread {seed}, step {step}"
                        );
                        x = x.mul(1e-6).unwrap();
                        there = there.mul(1e-6).unwrap();
                    }
                }
            });
        }
    });
}

/// Asserts that an operation gives the same on both devices, up to a share of the largest number.
#[track_caller]
fn alike(what: &str, inputs: &[&Tensor], share: f64, op: impl Fn(&[Tensor]) -> Result<Vec<Tensor>>) {
    let Some(device) = adapter() else { return };
    let on = |device| -> Vec<Tensor> { inputs.iter().map(|x| x.to_device(device).unwrap()).collect() };
    let expected = op(&on(Device::Cpu)).unwrap();
    let actual = op(&on(device)).unwrap_or_else(|error| panic!("{what}: {error}"));
    for (actual, expected) in actual.iter().zip(&expected) {
        assert_eq!(
            (actual.device(), actual.shape(), actual.dtype()),
            (device, expected.shape(), expected.dtype()),
            "{what}"
        );
        let values =
            |x: &Tensor| x.to_device(Device::Cpu).unwrap().to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
        let (actual, expected) = (values(actual), values(expected));
        let largest = expected.iter().filter(|x| x.is_finite()).fold(0.0f64, |largest, x| largest.max(x.abs()));
        for (i, (a, e)) in actual.into_iter().zip(expected).enumerate() {
            let is_close = a == e || (a.is_nan() && e.is_nan()) || (a - e).abs() <= share * largest;
            assert!(is_close, "{what}: element {i}: expected {e}, received {a} (largest {largest})");
        }
    }
}

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
    ] {
        let (a, b) = (normal(&[m, k], 1), normal(&[k, n], 2));
        alike(&format!("{m}×{k}×{n}"), &[&a, &b], 1e-5, |x| Ok(vec![x[0].matmul(&x[1])?]));
        let (a, b) = (scattered(&a), normal(&[n, k], 3).t().unwrap());
        alike(&format!("{m}×{k}×{n} of other strides"), &[&a, &b], 1e-5, |x| Ok(vec![x[0].matmul(&x[1])?]));
    }
    let (a, b) = (normal(&[4, 1, 20, 30], 4), normal(&[3, 30, 11], 5));
    alike("a batch", &[&a, &b], 1e-5, |x| Ok(vec![x[0].matmul(&x[1])?, x[1].t()?.matmul(&x[0].t()?)?]));
    alike("vectors", &[&normal(&[30], 6), &b], 1e-5, |x| Ok(vec![x[0].matmul(&x[1])?, x[1].t()?.matmul(&x[0])?]));
    for dtype in [DType::F16, DType::BF16] {
        let (a, b) = (normal(&[50, 60], 7).to_dtype(dtype).unwrap(), normal(&[60, 40], 8).to_dtype(dtype).unwrap());
        alike(&format!("{dtype}"), &[&a, &b], 8e-3, |x| Ok(vec![x[0].matmul(&x[1])?]));
    }
    let ints = whole(DType::I32).reshape([3, 4]).unwrap();
    alike("integers", &[&ints, &ints.t().unwrap()], 0.0, |x| Ok(vec![x[0].matmul(&x[1])?]));
    alike("no depth", &[&normal(&[3, 0], 9), &normal(&[0, 2], 9)], 0.0, |x| Ok(vec![x[0].matmul(&x[1])?]));
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
    let long = Tensor::ones([20_000_000], DType::F32).unwrap();
    alike("a long sum", &[&long], 0.0, |x| Ok(vec![x[0].sum(0)?]));
}

#[test]
fn softmax_and_its_gradient() {
    for shape in [&[4usize, 10][..], &[3, 1000], &[2, 5, 7], &[1, 70_000], &[2, 3, 4, 5]] {
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

/// Channels, filters, groups, kernel, stride, padding, dilation.
type ConvCase = ([usize; 3], &'static [usize], usize, usize, usize);

#[test]
fn convolutions_and_their_gradients() {
    let cases: [ConvCase; 14] = [
        ([3, 8, 1], &[3, 3], 1, 1, 1),
        ([16, 24, 1], &[3, 3], 1, 1, 1),
        ([16, 24, 1], &[3, 3], 2, 1, 1),
        ([8, 12, 1], &[1, 1], 1, 0, 1),
        ([8, 12, 1], &[1, 1], 2, 0, 1),
        ([3, 40, 1], &[7, 7], 2, 3, 1),
        ([8, 12, 4], &[3, 3], 1, 1, 1),
        ([12, 12, 12], &[3, 3], 1, 1, 1),
        ([12, 24, 12], &[5, 3], 2, 2, 1),
        ([6, 5, 1], &[3, 3], 1, 2, 2),
        ([4, 6, 2], &[3], 2, 1, 1),
        ([3, 4, 1], &[2, 3, 3], 1, 1, 1),
        ([4, 8, 4], &[2, 2, 2], 2, 0, 1),
        ([70, 90, 1], &[3, 3], 1, 1, 1),
    ];
    for ([channels, filters, groups], kernel, stride, padding, dilation) in cases {
        let options = ConvOptions::new().stride(stride).padding(padding).dilation(dilation).groups(groups);
        let spatial = &[9, 11, 10][..kernel.len()];
        let x = normal(&[&[2, channels][..], spatial].concat(), 19).mul(0.2).unwrap();
        let w = normal(&[&[filters, channels / groups][..], kernel].concat(), 20);
        let bias = normal(&[filters], 21);
        let y = x.conv(&w, None, &options).unwrap();
        let (dy, residual) = (normal(y.shape(), 22), normal(y.shape(), 23));
        let what = format!(
            "{channels} to {filters} in {groups}, {kernel:?}, stride {stride}, padding {padding}, dilation {dilation}"
        );
        let last = |x: &Tensor| {
            let order: Vec<isize> = [0].into_iter().chain(2..x.rank() as isize).chain([1]).collect();
            let back: Vec<isize> = [0, x.rank() as isize - 1].into_iter().chain(1..x.rank() as isize - 1).collect();
            let moved = x.permute(&order[..]).unwrap();
            moved.add(0.0).unwrap().permute(&back[..]).unwrap()
        };
        for (x, dy) in [(x.clone(), dy.clone()), (last(&x), last(&dy))] {
            // The CPU's own error (Winograd's method) is up to 6e-6 of the largest sum, which a ReLU6 cuts off.
            alike(&what, &[&x, &w, &bias, &residual, &dy], 3e-5, |t| {
                let mut all = vec![t[0].conv(&t[1], None, &options)?];
                for activation in [Activation::Relu, Activation::Relu6, Activation::Silu, Activation::LeakyRelu(0.1)] {
                    all.push(t[0].conv_fused(&t[1], Some(&t[2]), Some(&t[3]), &options, activation)?);
                }
                all.push(Tensor::conv_backward_input(&t[1], &t[4], t[0].shape(), &options)?);
                all.push(Tensor::conv_backward_weight(&t[0], &t[4], t[1].shape(), &options)?);
                Ok(all)
            });
        }
    }
    // A depth that is cut into parts, with bias and activation behind.
    let (x, w) = (normal(&[1, 300, 5, 5], 24), normal(&[4, 300, 3, 3], 25));
    let options = ConvOptions::new().padding(1);
    alike("a long depth", &[&x, &w, &normal(&[4], 26)], 1e-5, |t| {
        Ok(vec![t[0].conv_fused(&t[1], Some(&t[2]), None, &options, Activation::Relu)?])
    });
    let (x, w) = (x.to_dtype(DType::F16).unwrap(), w.to_dtype(DType::F16).unwrap());
    alike("halves", &[&x, &w], 1e-3, |t| Ok(vec![t[0].conv(&t[1], None, &options)?]));
    let transposed = ConvOptions::new().stride(2).padding(1);
    alike("transposed", &[&normal(&[2, 6, 5, 4], 27), &normal(&[6, 3, 3, 3], 28), &normal(&[3], 29)], 1e-5, |t| {
        Ok(vec![t[0].conv_transpose(&t[1], Some(&t[2]), &transposed, 1)?])
    });
    let far = ConvOptions::new().dilation(1usize << 31).padding(1usize << 31);
    alike("far apart", &[&normal(&[1, 2, 3, 3], 30), &normal(&[2, 2, 3, 3], 31)], 1e-5, |t| {
        Ok(vec![t[0].conv(&t[1], None, &far)?])
    });
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

#[test]
fn pooling_and_its_gradients() {
    let shapes: [(&[usize], PoolOptions); 6] = [
        (&[2, 3, 9, 10], PoolOptions::new(2)),
        (&[2, 3, 9, 10], PoolOptions::new(3).stride(2).padding(1)),
        (&[2, 3, 9, 10], PoolOptions::new(3).stride(2).padding(1).ceil_mode(true).count_include_pad(false)),
        (&[2, 5, 13], PoolOptions::new(4).stride(3)),
        (&[1, 4, 5, 6, 7], PoolOptions::new([2, 3, 2]).stride([1, 2, 2])),
        (&[2, 3, 8, 8], PoolOptions::new(5).stride(1).padding(2)),
    ];
    for (shape, options) in shapes {
        let x = normal(shape, 36);
        let order: Vec<isize> = [0].into_iter().chain(2..x.rank() as isize).chain([1]).collect();
        let back: Vec<isize> = [0, x.rank() as isize - 1].into_iter().chain(1..x.rank() as isize - 1).collect();
        let last = x.permute(&order[..]).unwrap().add(0.0).unwrap().permute(&back[..]).unwrap();
        for x in [x, last] {
            alike(&format!("{shape:?} {options:?}"), &[&x], 1e-5, |x| {
                let (x, spatial) = (&x[0], &shape[2..]);
                let (y, places) = x.max_pool_with_indices(&options)?;
                let dy = y.mul(0.5)?.add(1.0)?;
                let (_, small) = x.max_pool_with_small_indices(&options)?;
                let mean = x.avg_pool(&options)?;
                Ok(vec![
                    x.max_pool(&options)?,
                    dy.max_pool_backward(&places, spatial)?,
                    dy.max_pool_backward_within(&small, spatial, &options)?,
                    dy.max_pool_backward_within(&places, spatial, &options)?,
                    mean.avg_pool_backward(spatial, &options)?,
                    x.max_pool_take(&places)?,
                    x.adaptive_avg_pool(3)?.adaptive_avg_pool_backward(spatial)?,
                    x.adaptive_avg_pool(3)?,
                    x.adaptive_max_pool(2)?,
                    x.global_avg_pool()?,
                    mean,
                    y,
                    places,
                ])
            });
        }
    }
    let dilated = PoolOptions::new(2).dilation(3);
    let x = wild(27).narrow(0, 0, 36).unwrap().reshape([1, 1, 6, 6]).unwrap();
    alike("dilated, with NaN", &[&x], 0.0, |x| {
        let (y, places) = x[0].max_pool_with_small_indices(&dilated)?;
        Ok(vec![y.ones_like()?.max_pool_backward_within(&places, [6, 6], &dilated)?, y])
    });
    for dtype in [DType::U8, DType::I32, DType::I64, DType::F16] {
        let x = normal(&[1, 2, 4, 4], 37).mul(9.0).unwrap().abs().unwrap().to_dtype(dtype).unwrap();
        alike(&format!("{dtype}"), &[&x], 0.0, |x| Ok(vec![x[0].max_pool(&PoolOptions::new(2))?]));
    }
}
