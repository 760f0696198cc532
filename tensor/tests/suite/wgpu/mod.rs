//! Graphics processors compute what the CPU computes.

mod arrays;
mod conv;
mod elementwise;
mod fusion;
mod images;
mod limits;

use ocelli_tensor::{
    Activation, ConvOptions, DType, Device, Error, Generator, Operand, PadMode, PoolOptions, Result, Slice, Tensor,
    UpdateRule, WeightDecay,
};

use crate::common::{adapter, scattered};

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
        // The last one lies beyond the middle between two numbers of bf16, but not as f32, by way of which it becomes one (as PyTorch has it).
        DType::I32 => {
            vec![0, 1, -1, 2, -7, 7, 100, 65_537, i64::from(i32::MAX), i64::from(i32::MIN), 46_341, 1_077_936_129]
        }
        _ => vec![
            0,
            1,
            -1,
            -7,
            7,
            1 << 33,
            -(1 << 40),
            i64::MAX,
            i64::MIN,
            0x1234_5678_9abc,
            3_037_000_500,
            1_077_936_129,
        ],
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

/// More than 128 MiB, which is all that some adapters let a kernel see.
#[test]
fn tensors_larger_than_a_binding() {
    let Some(device) = adapter() else { return };
    let (rows, row) = (35_000, 1000);
    let x = Tensor::full_on(device, [rows, row], 0.5, DType::F32).unwrap();
    let steps = Tensor::arange(0, rows as i64, 1).unwrap().to_device(device).unwrap().to_dtype(DType::F32).unwrap();
    let x = x.add(&steps.unsqueeze(1).unwrap()).unwrap();
    let sums = x.sum(1).unwrap().to_vec::<f32>().unwrap();
    assert!(sums.iter().enumerate().all(|(i, &sum)| (sum - i as f32 * 1000.0 - 500.0).abs() <= 4.0));
    assert_eq!(x.max(..).unwrap().item::<f32>().unwrap(), rows as f32 - 0.5);
    let product = x.matmul(&Tensor::full_on(device, [row, 1], 1, DType::F32).unwrap()).unwrap();
    assert_eq!(product.narrow(0, 10, 2).unwrap().to_vec::<f32>().unwrap(), [10_500.0, 11_500.0]);
    let view = x.t().unwrap().narrow(1, 20_000, 3).unwrap().select(0, 999).unwrap();
    assert_eq!(view.to_vec::<f32>().unwrap(), [20_000.5, 20_001.5, 20_002.5]);
    device.synchronize().unwrap();
    ocelli_tensor::release_idle_memory();
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

/// Kernels of many kinds at once: products, sums, sorting, pooling and moving, of whole numbers, so that all are exact.
#[test]
fn many_threads_mix_kernels() {
    let Some(device) = adapter() else { return };
    fn step(x: &Tensor, kind: u64) -> Result<Tensor> {
        match kind {
            0 => x.matmul(x)?.clamp(Some(-3.0), Some(3.0)),
            1 => x.sub(&x.sum(0)?)?.clamp(Some(-3.0), Some(3.0)),
            2 => Ok(x.sort(1, false)?.0),
            3 => Tensor::concat(&[&x.narrow(0, 4, 3)?, &x.narrow(0, 0, 4)?], 0),
            4 => x.cumsum(1)?.clamp(Some(-2.0), Some(3.0)),
            5 => {
                x.reshape([1, 1, 7, 7])?.max_pool(&PoolOptions::new(3).stride(1).padding(1))?.sub(1.0)?.reshape([7, 7])
            }
            _ => x.t()?.add(&x.max(..)?)?.rem(4.0),
        }
    }
    std::thread::scope(|scope| {
        for seed in 0..16u64 {
            scope.spawn(move || {
                let start = Tensor::randint(-2, 3, [7, 7], DType::I64, &mut Generator::new(seed)).unwrap();
                let start = start.to_dtype(DType::F32).unwrap();
                let (mut x, mut there) = (start.clone(), start.to_device(device).unwrap());
                for i in 0..70 {
                    let kind = (seed + i) % 7;
                    (x, there) = (step(&x, kind).unwrap(), step(&there, kind).unwrap());
                    if i % 14 == 13 {
                        let found = there.to_vec::<f32>().unwrap();
                        assert_eq!(found, x.to_vec::<f32>().unwrap(), "thread {seed}, step {i}");
                        // What is the same for long tells nothing.
                        (x, there) = (x.add(&start).unwrap(), there.add(&start.to_device(device).unwrap()).unwrap());
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
