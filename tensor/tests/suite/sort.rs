//! Order against its definition, over rows around every size that kernels cut at, and all dtypes.

use std::cmp::Ordering;

use crate::common::{assert_close, devices, scattered};
use ocelli_tensor::{DType, Generator, Result, Tensor};

/// Positions of one row in order: NaN above all others, equal elements as they come.
fn in_order(row: &[f64], descending: bool) -> Vec<usize> {
    let ascending = |a: f64, b: f64| match (a.is_nan(), b.is_nan()) {
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (a, b) => a.cmp(&b),
    };
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&i, &j| if descending { ascending(row[j], row[i]) } else { ascending(row[i], row[j]) });
    order
}

/// Sorts `x` of `[outer, n, inner]` along its middle axis, and takes the first `ks`, on every device of its dtype. Its numbers are
/// whole ones that `f64` knows.
fn check(x: &Tensor, ks: &[usize]) -> Result<()> {
    let [outer, n, inner] = x.shape()[..] else { panic!("{}", x.shape()) };
    let numbers = x.to_dtype(DType::F64)?.to_vec::<f64>()?;
    for descending in [false, true] {
        let (mut values, mut places) = (vec![0.0; numbers.len()], vec![0i64; numbers.len()]);
        for column in 0..outer * inner {
            let at = |j: usize| (column / inner * n + j) * inner + column % inner;
            let row: Vec<f64> = (0..n).map(|j| numbers[at(j)]).collect();
            for (rank, place) in in_order(&row, descending).into_iter().enumerate() {
                (values[at(rank)], places[at(rank)]) = (row[place], place as i64);
            }
        }
        let values = Tensor::from_vec(values, x.shape())?.to_dtype(x.dtype())?;
        let places = Tensor::from_vec(places, x.shape())?;
        for device in devices(x.dtype()) {
            let what = format!("{} of {}, descending: {descending}, {device}", x.dtype(), x.shape());
            let x = x.to_device(device)?;
            let (own, own_places) = x.sort(1, descending)?;
            assert_eq!((own.device(), own_places.device()), (device, device), "{what}");
            assert_close(&own_places, &places, 0.0, 0.0, &what);
            assert_close(&own, &values, 0.0, 0.0, &what);
            assert_close(&x.argsort(-2, descending)?, &places, 0.0, 0.0, &what);
            for &k in ks {
                let what = format!("the first {k} of {what}");
                let (own, own_places) = x.topk(k, 1, descending)?;
                assert_eq!((own.device(), own_places.device()), (device, device), "{what}");
                assert_close(&own_places, &places.narrow(1, 0, k)?, 0.0, 0.0, &what);
                assert_close(&own, &values.narrow(1, 0, k)?, 0.0, 0.0, &what);
            }
        }
    }
    Ok(())
}

/// Numbers of which some are equal.
fn draw(shape: &[usize], dtype: DType, seed: u64) -> Result<Tensor> {
    Tensor::randn(shape, DType::F32, &mut Generator::new(seed))?.mul(40.0)?.floor()?.to_dtype(dtype)
}

#[test]
fn rows_around_the_tiles() -> Result<()> {
    for (n, ks) in [
        (1, &[1][..]),
        (2, &[1]),
        (3, &[2, 3]),
        (31, &[0, 1, 30]),
        (255, &[1, 200]),
        (256, &[256]),
        (257, &[5]),
        (1023, &[1022]),
        (1024, &[1, 1000]),
        (1025, &[1, 256, 257, 1024]),
        (2049, &[2, 1024, 1025]),
        (4097, &[1, 255, 1500, 4096]),
        (10_000, &[3, 300, 2048, 7000]),
    ] {
        check(&draw(&[2, n, 1], DType::F32, n as u64)?, ks)?;
        check(&draw(&[1, n, 3], DType::I32, n as u64)?, ks)?;
    }
    check(&draw(&[70, 5, 13], DType::F32, 1)?, &[1, 3])?;
    check(&draw(&[3000, 2, 1], DType::F32, 2)?, &[1])?;
    check(&draw(&[1, 40_000, 1], DType::F32, 3)?, &[10, 5000])
}

#[test]
fn every_dtype() -> Result<()> {
    for dtype in DType::ALL {
        check(&draw(&[2, 300, 2], dtype, 4)?, &[7])?;
        check(&draw(&[1, 3000, 1], dtype, 5)?, &[7, 2000])?;
    }
    // Numbers whose low words order otherwise than they do.
    let large = draw(&[1, 2500, 1], DType::I64, 6)?.mul((1i64 << 40) - 1)?;
    check(&large, &[3])?;
    let ends = [0, 1, -1, i64::MIN, 1 << 33, -(1 << 40)];
    check(&Tensor::from_vec(ends.to_vec(), [1, ends.len(), 1])?, &[2])
}

#[test]
fn views_are_sorted_as_they_are_seen() -> Result<()> {
    let x = draw(&[6, 50, 4], DType::F32, 7)?;
    check(&scattered(&x), &[9])?;
    check(&x.permute([2, 1, 0])?, &[9])?;
    check(&x.narrow(0, 2, 3)?, &[9])
}

#[test]
fn extremes_have_their_places() -> Result<()> {
    let ends = [f32::NAN, 0.0, f32::INFINITY, -0.0, f32::NEG_INFINITY, f32::MAX, f32::MIN, -f32::NAN, 0.0, 1.0];
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        for repeats in [1, 150] {
            let all = ends.repeat(repeats);
            check(&Tensor::from_slice(&all, [1, all.len(), 1])?.to_dtype(dtype)?, &[4])?;
        }
    }
    // The sign of a zero comes along.
    for device in devices(DType::F32) {
        let zeros = Tensor::new([0.0f32, -0.0, 0.0])?.to_device(device)?.sort(0, true)?.0.to_vec::<f32>()?;
        assert_eq!(zeros.iter().map(|x| x.is_sign_negative()).collect::<Vec<bool>>(), [false, true, false]);
    }
    for limits in [[i32::MAX, i32::MIN], [i32::MIN, i32::MAX]] {
        check(&Tensor::new([limits])?.unsqueeze(-1)?, &[1])?;
    }
    Ok(())
}

#[test]
fn nothing_is_in_order() -> Result<()> {
    for device in devices(DType::F32) {
        let x = Tensor::zeros([3, 0], DType::F32)?.to_device(device)?;
        for (values, places) in [x.sort(1, false)?, x.sort(0, true)?, x.topk(0, -1, true)?] {
            assert_eq!((values.shape(), places.shape()), (x.shape(), x.shape()));
            assert_eq!((values.device(), places.device(), places.dtype()), (device, device, DType::I64));
        }
        assert_eq!(x.topk(2, 0, true)?.0.shape()[..], [2, 0]);
        let text = x.topk(1, 1, true).unwrap_err().to_string();
        assert_eq!(text, "topk: expected k of at most 0, the size of axis 1, received 1");
        assert_eq!(x.argsort(2, true).unwrap_err().to_string(), "argsort: expected an axis in -2..2, received 2");
    }
    Ok(())
}
