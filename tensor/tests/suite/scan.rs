//! Running sums and products against plain loops, over axes around every size that kernels cut at.

use crate::common::{assert_close, copied, devices, scattered};
use ocelli_tensor::{DType, Device, Generator, Result, Tensor};

/// What runs along the middle axis of `[outer, n, inner]`, in `f64`.
fn running(x: &Tensor, join: impl Fn(f64, f64) -> f64) -> Result<Tensor> {
    let [_, n, inner] = x.shape()[..] else { panic!("{}", x.shape()) };
    let mut y = x.to_dtype(DType::F64)?.to_vec::<f64>()?;
    for i in 0..y.len() {
        if i / inner % n > 0 {
            y[i] = join(y[i - inner], y[i]);
        }
    }
    Tensor::from_vec(y, x.shape())
}

/// Running sums of whole numbers and products of powers of two, which are exact however they are taken, in every order of the axes
/// in memory.
fn check(shape: [usize; 3], orders: &[[usize; 3]]) -> Result<()> {
    let draw = Tensor::randn(shape, DType::F32, &mut Generator::new(shape[1] as u64))?.mul(1.5)?.round()?;
    let powers = Tensor::full([1], 2, DType::F32)?.pow(&draw)?;
    let signed = draw.gt(1.5)?.where_(&powers.neg()?, &powers)?;
    let (sums, products) = (running(&draw, |a, b| a + b)?, running(&signed, |a, b| a * b)?);
    let products = products.to_dtype(DType::F32)?;
    for device in devices(DType::F32) {
        for &order in orders {
            let what = format!("{shape:?} in order {order:?}, {device}");
            let mut back = [0; 3];
            order.iter().enumerate().for_each(|(i, &axis)| back[axis] = i);
            let there = |x: &Tensor| copied(&x.to_device(device)?.permute(order)?)?.permute(back);
            let sum = there(&draw)?.cumsum(1)?;
            assert_eq!(sum.device(), device, "{what}");
            assert_close(&sum, &sums.to_dtype(DType::F32)?, 0.0, 0.0, &what);
            // Numbers too small to be normal may be 0, as WGSL has it.
            let least = if device == Device::Cpu { 0.0 } else { f64::from(f32::MIN_POSITIVE) };
            assert_close(&there(&signed)?.cumprod(1)?, &products, 0.0, least, &what);
            let whole = there(&draw)?.to_dtype(DType::I64)?.cumsum(-2)?;
            assert_close(&whole, &sums.to_dtype(DType::I64)?, 0.0, 0.0, &what);
        }
    }
    Ok(())
}

#[test]
fn axes_around_the_parts() -> Result<()> {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]];
    for n in [1, 2, 3, 4, 5, 63, 65] {
        check([2, n, 3], &orders)?;
    }
    for (n, inner) in [(1023, 1), (1024, 1), (1025, 1), (4096, 1), (4097, 1), (20_000, 1), (70_001, 1)] {
        check([1, n, inner], &[[0, 1, 2]])?;
    }
    for (outer, n, inner) in [(3, 5000, 1), (2, 2050, 2), (1, 300, 70), (1, 64, 64), (3, 65, 65), (700, 9, 1)] {
        check([outer, n, inner], &[[0, 1, 2]])?;
    }
    Ok(())
}

#[test]
fn sums_and_products_of_any_numbers() -> Result<()> {
    let x = Tensor::rand([3, 3000, 2], DType::F32, &mut Generator::new(1))?;
    let factors = x.mul(0.02)?.add(0.99)?;
    let (sums, products) = (running(&x, |a, b| a + b)?, running(&factors, |a, b| a * b)?);
    let wide = |x: Tensor| x.to_device(Device::Cpu)?.to_dtype(DType::F64);
    for device in devices(DType::F32) {
        // The CPU's run in f64. An adapter's pass through f32: sums through some 20 additions; each of up to 3000 factors rounds once,
        // by 3e-8 on average, up or down, which is 2e-6 in all.
        let (of_sums, of_products) = if device == Device::Cpu { (6e-8, 6e-8) } else { (6e-7, 8e-6) };
        assert_close(&wide(x.to_device(device)?.cumsum(1)?)?, &sums, of_sums, 0.0, &format!("sums, {device}"));
        let actual = wide(factors.to_device(device)?.cumprod(1)?)?;
        assert_close(&actual, &products, of_products, 0.0, &format!("products, {device}"));
    }
    Ok(())
}

#[test]
fn every_dtype() -> Result<()> {
    let draw = Tensor::randn([2, 30, 2], DType::F32, &mut Generator::new(2))?.abs()?.floor()?;
    for dtype in DType::ALL {
        let x = draw.to_dtype(dtype)?;
        let result = if dtype.is_float() { dtype } else { DType::I64 };
        let sums = running(&x, |a, b| a + b)?.to_dtype(result)?;
        let factors = draw.add(1.0)?.minimum(2.0)?.to_dtype(dtype)?;
        let products = running(&factors, |a, b| a * b)?.to_dtype(result)?;
        for device in devices(dtype) {
            let what = format!("{dtype}, {device}");
            let (x, factors) = (x.to_device(device)?, factors.to_device(device)?);
            for (x, factors) in [(x.clone(), factors.clone()), (scattered(&x), scattered(&factors))] {
                assert_close(&x.cumsum(1)?, &sums, 0.0, 0.0, &what);
                assert_close(&factors.cumprod(1)?, &products, 0.0, 0.0, &what);
            }
        }
    }
    // Integers wrap around.
    let x: Vec<i64> = (0..3000).map(|i| ((i << 33) - 7 * i) | 1).collect();
    let wrapping = |start: i64, join: fn(i64, i64) -> i64| -> Vec<i64> {
        let run = |last: &mut i64, &x: &i64| {
            *last = join(*last, x);
            Some(*last)
        };
        x.iter().scan(start, run).collect()
    };
    for device in devices(DType::I64) {
        let there = Tensor::from_slice(&x, [3000])?.to_device(device)?;
        assert!(there.cumsum(0)?.to_vec::<i64>()? == wrapping(0, i64::wrapping_add), "{device}");
        assert!(there.cumprod(0)?.to_vec::<i64>()? == wrapping(1, i64::wrapping_mul), "{device}");
    }
    Ok(())
}

#[test]
fn extremes_run_on() -> Result<()> {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for device in devices(DType::F32) {
        let run = |x: &[f32], product: bool| -> Result<Vec<String>> {
            let x = Tensor::from_slice(x, [x.len()])?.to_device(device)?;
            let y = if product { x.cumprod(0)? } else { x.cumsum(0)? };
            Ok(y.to_vec::<f32>()?.iter().map(|x| format!("{x:e}")).collect())
        };
        let text = |x: &[f32]| x.iter().map(|x| format!("{x:e}")).collect::<Vec<String>>();
        assert_eq!(run(&[1.0, inf, 2.0, -inf, 1.0], false)?, text(&[1.0, inf, inf, nan, nan]), "{device}");
        assert_eq!(run(&[1.0, nan, 2.0], false)?, text(&[1.0, nan, nan]), "{device}");
        assert_eq!(run(&[-2.0, inf, -1.0, 0.0, 1.0], true)?, text(&[-2.0, -inf, inf, nan, nan]), "{device}");
        // What f32 cannot hold between factors.
        let two = f32::exp2;
        let factors = [0.0, two(100.0), two(100.0), two(-100.0)];
        assert_eq!(run(&factors, true)?, text(&[0.0; 4]), "{device}");
        let factors = [two(-100.0), two(-100.0), two(100.0), two(101.0), -two(120.0), two(120.0), two(-120.0)];
        let expected = [two(-100.0), 0.0, two(-100.0), 2.0, -two(121.0), -inf, -two(121.0)];
        assert_eq!(run(&factors, true)?, text(&expected), "{device}");
        let long: Vec<f32> = (0..9000).map(|i| if i % 2 == 0 { two(120.0) } else { two(-120.0) }).collect();
        let expected: Vec<f32> = (0..9000).map(|i| if i % 2 == 0 { two(120.0) } else { 1.0 }).collect();
        assert_eq!(run(&long, true)?, text(&expected), "{device}");
    }
    Ok(())
}

#[test]
fn nothing_runs() -> Result<()> {
    for device in devices(DType::U8) {
        for dtype in [DType::F32, DType::U8] {
            let x = Tensor::zeros([2, 0, 3], dtype)?.to_device(device)?;
            for y in [x.cumsum(1)?, x.cumprod(0)?, x.cumsum(-1)?] {
                assert_eq!((y.shape(), y.device()), (x.shape(), device));
            }
        }
    }
    Ok(())
}
