//! Random numbers and dropout: what an adapter draws is what the CPU draws from the same generator, which `src/random.rs` tests.

use crate::common::{adapter, assert_close, devices, scattered};
use ocelli_tensor::{DType, Device, Error, Generator, Result, Tensor};

const FLOATS: [DType; 3] = [DType::F32, DType::F16, DType::BF16];

/// Sizes around the four numbers of a counter and a workgroup's 64 counters, and none.
const SHAPES: [&[usize]; 7] = [&[0], &[], &[1], &[3, 2], &[255], &[257], &[5, 7, 31]];

/// Generators at the beginning, behind single draws, where a counter's low word overflows, and at the end of all counters.
fn generators() -> Vec<Generator> {
    use rand::Rng;
    let mut drawn = Generator::new(u64::MAX - 5);
    drawn.next_u32();
    vec![Generator::new(3), drawn, Generator::at(1 << 40, u64::from(u32::MAX) - 9), Generator::at(7, u64::MAX - 20)]
}

/// Asserts that a draw on an adapter gives the CPU's numbers and leaves the generator as the CPU does.
#[track_caller]
fn same_draw(
    (rtol, atol): (f64, f64),
    what: &str,
    draw: impl Fn(Device, &[usize], &mut Generator) -> Result<Tensor>,
) -> Result<()> {
    let Some(device) = adapter() else { return Ok(()) };
    for shape in SHAPES {
        for generator in generators() {
            let (mut here, mut there) = (generator.clone(), generator.clone());
            let expected = draw(Device::Cpu, shape, &mut here)?;
            let actual = draw(device, shape, &mut there)?;
            assert_eq!(actual.device(), device, "{what}");
            assert_close(&actual, &expected, rtol, atol, &format!("{what} {shape:?} of {generator:?}"));
            assert_eq!(here, there, "{what} {shape:?}");
        }
    }
    Ok(())
}

#[test]
fn even_numbers_are_the_cpus_bit_for_bit() -> Result<()> {
    for dtype in FLOATS {
        same_draw((0.0, 0.0), &format!("rand {dtype}"), |device, shape, g| Tensor::rand_on(device, shape, dtype, g))?;
    }
    Ok(())
}

#[test]
fn normal_numbers_are_the_cpus_up_to_rounding() -> Result<()> {
    // The CPU rounds the angle, up to 2π, to f32; its sine is then off by 4e-7 times the radius, which is below 5.8. The adapter's
    // quotients are within 2.5 ulp. Halves may be rounded to the neighbour.
    for (dtype, tolerance) in [(DType::F32, (1e-6, 3e-6)), (DType::F16, (1e-3, 3e-6)), (DType::BF16, (8e-3, 3e-6))] {
        same_draw(tolerance, &format!("randn {dtype}"), |device, shape, g| Tensor::randn_on(device, shape, dtype, g))?;
    }
    // Many, so that extreme words are among them.
    let Some(device) = adapter() else { return Ok(()) };
    let draw = |device| Tensor::randn_on(device, [300_001], DType::F32, &mut Generator::new(11));
    assert_close(&draw(device)?, &draw(Device::Cpu)?, 1e-6, 3e-6, "many");
    Ok(())
}

#[test]
fn whole_numbers_and_booleans_are_the_cpus() -> Result<()> {
    let (i32_min, i32_max) = (i64::from(i32::MIN), i64::from(i32::MAX));
    for (dtype, low, high) in [
        (DType::U8, 0, 256),
        (DType::U8, 17, 18),
        (DType::I32, -5, 1000),
        (DType::I32, i32_min, i32_max + 1),
        (DType::I64, 0, 10),
        (DType::I64, -3_000_000_000, 1_000_000_000),
        (DType::I64, i64::MIN, i64::MIN + (1 << 32)),
        (DType::I64, i64::MAX - 77, i64::MAX),
    ] {
        same_draw((0.0, 0.0), &format!("randint {dtype} {low}..{high}"), |device, shape, g| {
            Tensor::randint_on(device, low, high, shape, dtype, g)
        })?;
    }
    for probability in [0.0, 1e-9, 0.3, 0.5, 1.0] {
        same_draw((0.0, 0.0), &format!("bernoulli {probability}"), |device, shape, g| {
            Tensor::bernoulli_on(device, probability, shape, g)
        })?;
    }
    Ok(())
}

#[test]
fn i64_beyond_doubles_are_exact() -> Result<()> {
    // `assert_close` compares doubles.
    let Some(device) = adapter() else { return Ok(()) };
    let draw = |device| {
        let low = i64::MAX - (1 << 31);
        Tensor::randint_on(device, low, i64::MAX, [1000], DType::I64, &mut Generator::new(2))?.to_vec::<i64>()
    };
    assert_eq!(draw(device)?, draw(Device::Cpu)?);
    Ok(())
}

#[test]
fn refusals_are_the_same_everywhere() -> Result<()> {
    for device in devices(DType::F32) {
        let g = &mut Generator::new(0);
        assert!(matches!(Tensor::rand_on(device, [2], DType::I32, g), Err(Error::DType { .. })));
        assert!(matches!(Tensor::randn_on(device, [2], DType::Bool, g), Err(Error::DType { .. })));
        assert!(Tensor::randint_on(device, 3, 3, [2], DType::I64, g).is_err());
        assert!(Tensor::randint_on(device, 0, 300, [2], DType::U8, g).is_err());
        assert!(Tensor::bernoulli_on(device, 1.5, [2], g).is_err());
        let x = Tensor::full_on(device, [2], 1, DType::F32)?;
        let error = x.dropout(-0.5, g).unwrap_err().to_string();
        assert_eq!(error, "dropout: expected a rate in 0..=1, received -0.5");
        assert!(matches!(x.to_dtype(DType::I32)?.dropout(0.5, g), Err(Error::DType { .. })));
        assert_eq!(*g, Generator::new(0));
    }
    if let Some(device) = adapter() {
        assert!(matches!(Tensor::rand_on(device, [2], DType::F64, &mut Generator::new(0)), Err(Error::DType { .. })));
    }
    Ok(())
}

/// An element is `x · 1 / (1 − rate)` where `bernoulli` of `1 − rate` is true, `x · 0` elsewhere, in any order of memory.
fn check_dropout(x: &Tensor, rate: f64) -> Result<()> {
    for device in devices(x.dtype()) {
        for generator in generators() {
            let wide = x.dtype().is_half() || x.dtype() == DType::F32;
            let scale = if rate == 1.0 { 0.0 } else { 1.0 / (1.0 - rate) };
            let scale = if wide { f64::from(scale as f32) } else { scale };
            let kept = Tensor::bernoulli(1.0 - rate, x.shape(), &mut generator.clone())?;
            let factors = kept.to_dtype(DType::F64)?.mul(scale)?;
            let product = x.to_dtype(DType::F64)?.mul(&factors)?;
            let narrow = if wide { product.to_dtype(DType::F32)? } else { product };
            let expected = narrow.to_dtype(x.dtype())?;
            for lie in [Tensor::clone, scattered] {
                let mut own = generator.clone();
                let y = lie(&x.to_device(device)?).dropout(rate, &mut own)?;
                assert_eq!(y.device(), device);
                assert_close(&y, &expected, 0.0, 0.0, &format!("{} {} {rate} on {device}", x.shape(), x.dtype()));
                let mut after = generator.clone();
                Tensor::bernoulli(0.5, x.shape(), &mut after)?;
                assert_eq!(own, after);
            }
        }
    }
    Ok(())
}

#[test]
fn dropout_keeps_what_bernoulli_says() -> Result<()> {
    for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        for shape in SHAPES {
            let x = Tensor::randn(shape, DType::F32, &mut Generator::new(5))?.to_dtype(dtype)?;
            for rate in [0.0, 0.3, 1.0] {
                check_dropout(&x, rate)?;
            }
        }
    }
    // What is no number remains so, dropped or not; a view that begins inside of its memory.
    let wild = Tensor::new([1.0f32, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e38, -1e-30, 2.0, 3.0])?;
    check_dropout(&wild.expand([9, 9])?, 0.5)?;
    for device in devices(DType::F32) {
        let x = Tensor::randn([40], DType::F32, &mut Generator::new(6))?;
        let drop = |x: &Tensor| x.narrow(0, 7, 30)?.dropout(0.4, &mut Generator::new(1))?.to_vec::<f32>();
        assert_eq!(drop(&x.to_device(device)?)?, drop(&x)?);
    }
    Ok(())
}
