//! Reductions, scans and softmax against PyTorch 2.15 (`fixtures/reduce.py`), and what PyTorch has no word for.

use crate::common::{assert_close, copied, devices, fixture, scattered};
use ocelli_tensor::{Axes, DType, Device, Error, Generator, Result, Tensor};
use proptest::prelude::*;

fn axes(label: &str) -> Axes {
    match label {
        "all" => Axes::All,
        list => {
            let axes: Vec<isize> = list.split('_').map(|axis| axis.parse().unwrap()).collect();
            Axes::from(&axes[..])
        }
    }
}

fn apply(x: &Tensor, op: &str, label: &str, keepdim: bool) -> Result<Tensor> {
    let axes = axes(label);
    let axis = || label.parse::<isize>().unwrap();
    if let Some(p) = op.strip_prefix("norm") {
        let p: f64 = p.parse().unwrap();
        return if keepdim { x.norm_keepdim(p, axes) } else { x.norm(p, axes) };
    }
    match (op, keepdim) {
        ("sum", false) => x.sum(axes),
        ("sum", true) => x.sum_keepdim(axes),
        ("prod", false) => x.prod(axes),
        ("prod", true) => x.prod_keepdim(axes),
        ("mean", false) => x.mean(axes),
        ("mean", true) => x.mean_keepdim(axes),
        ("max", false) => x.max(axes),
        ("max", true) => x.max_keepdim(axes),
        ("min", false) => x.min(axes),
        ("min", true) => x.min_keepdim(axes),
        ("any", false) => x.any(axes),
        ("any", true) => x.any_keepdim(axes),
        ("all", false) => x.all(axes),
        ("all", true) => x.all_keepdim(axes),
        ("var0", false) => x.var(axes, 0),
        ("var0", true) => x.var_keepdim(axes, 0),
        ("var1", false) => x.var(axes, 1),
        ("var1", true) => x.var_keepdim(axes, 1),
        ("std1", false) => x.std(axes, 1),
        ("std1", true) => x.std_keepdim(axes, 1),
        ("logsumexp", false) => x.logsumexp(axes),
        ("logsumexp", true) => x.logsumexp_keepdim(axes),
        ("argmax", _) => x.argmax(axis()),
        ("argmin", _) => x.argmin_keepdim(axis()),
        ("max_with_indices.values", _) => Ok(x.max_with_indices(axis())?.0),
        ("max_with_indices.indices", _) => Ok(x.max_with_indices(axis())?.1),
        ("min_with_indices.values", _) => Ok(x.min_with_indices(axis())?.0),
        ("min_with_indices.indices", _) => Ok(x.min_with_indices(axis())?.1),
        ("cumsum", _) => x.cumsum(axis()),
        ("cumprod", _) => x.cumprod(axis()),
        ("softmax", _) => x.softmax(axis()),
        ("log_softmax", _) => x.log_softmax(axis()),
        _ => panic!("{op} is in the fixture only"),
    }
}

#[test]
fn as_pytorch() {
    let tensors = fixture("reduce");
    let mut count = 0;
    for (key, expected) in &tensors {
        let parts: Vec<&str> = key.split('/').collect();
        let ["y", name, op, label, form] = parts[..] else {
            continue;
        };
        let x = &tensors[&format!("x/{name}")];
        let (rtol, atol): (f64, f64) = match expected.dtype() {
            DType::BF16 => (8e-3, 1e-6),
            DType::F16 => (1e-3, 1e-6),
            DType::F64 => (1e-13, 1e-14),
            // Sums of a thousand numbers of both signs cancel; PyTorch's own carry this error.
            _ if x.numel() > 1000 => (1e-5, 5e-6),
            _ => (2e-6, 3e-7),
        };
        for device in devices(x.dtype()) {
            // WGSL promises an exponential within 3 + 2|x| ulp, and a logarithm within 2^-21 near 1; powers are made of both.
            let (rtol, atol) = match op {
                "softmax" | "log_softmax" | "logsumexp" | "norm3.5" if device != Device::Cpu => {
                    (rtol.max(1e-5), atol.max(2e-6))
                }
                _ => (rtol, atol),
            };
            let x = x.to_device(device).unwrap();
            let mut forms = vec![x.clone(), scattered(&x)];
            if let Ok(moved) = x.transpose(0, -1).and_then(|x| copied(&x)) {
                forms.push(moved.transpose(0, -1).unwrap());
            }
            for x in forms {
                let actual = apply(&x, op, label, form == "keepdim").unwrap();
                assert_eq!(actual.device(), device, "{key}");
                assert_close(&actual, expected, rtol, atol, &format!("{key} of strides {:?}, {device}", x.strides()));
            }
        }
        count += 1;
    }
    assert!(count > 300, "{count} cases");
}

#[test]
fn no_axes_reduce_nothing() {
    for device in devices(DType::F32) {
        let x = Tensor::new([[1.0f32, -2.0], [3.0, 4.0]]).unwrap().to_device(device).unwrap();
        let none = [0isize; 0];
        // WGSL promises a root as exact as 1 / inverseSqrt(x), which is within 2 ulp.
        let root = if device == Device::Cpu { 0.0 } else { 4e-7 };
        assert_close(&x.sum(none).unwrap(), &x, 0.0, 0.0, "sum");
        assert_close(&x.max(none).unwrap(), &x, 0.0, 0.0, "max");
        assert_close(&x.norm(2.0, none).unwrap(), &x.abs().unwrap(), root, 0.0, "norm");
        assert_close(&x.logsumexp(none).unwrap(), &x, 1e-6, 0.0, "logsumexp");
        assert_eq!(x.var(none, 0).unwrap().to_vec::<f32>().unwrap(), [0.0; 4]);
    }
}

#[test]
fn expanded_and_flipped() {
    for device in devices(DType::F32) {
        let x = Tensor::new([[1.0f32], [2.0]]).unwrap().to_device(device).unwrap().expand([3, 2, 4]).unwrap();
        assert_eq!(x.sum([0, 2]).unwrap().to_vec::<f32>().unwrap(), [12.0, 24.0]);
        assert_eq!(x.mean(..).unwrap().item::<f32>().unwrap(), 1.5);
        let x = Tensor::new([5i64, 1, 3]).unwrap().to_device(device).unwrap();
        let flipped = x.slice_axis(0, ocelli_tensor::Slice::from(..).step(-1)).unwrap();
        assert_eq!(flipped.argmin(0).unwrap().item::<i64>().unwrap(), 1);
        assert_eq!(flipped.cumsum(0).unwrap().to_vec::<i64>().unwrap(), [3, 4, 9]);
    }
}

#[test]
fn integers_do_not_overflow_early() {
    for device in devices(DType::F16) {
        let bytes = Tensor::full([1000], 255, DType::U8).unwrap().to_device(device).unwrap();
        assert_eq!(bytes.sum(0).unwrap().to_vec::<i64>().unwrap_or_default(), [255_000]);
        assert_eq!(bytes.mean(0).unwrap().item::<f32>().unwrap(), 255.0);
        let halves = Tensor::full([70_000], 1.0, DType::F16).unwrap().to_device(device).unwrap();
        assert_eq!(halves.mean(0).unwrap().item::<f32>().unwrap(), 1.0);
        assert_eq!(halves.cumsum(0).unwrap().max(0).unwrap().item::<f32>().unwrap(), f32::INFINITY);
    }
}

#[test]
fn the_split_does_not_depend_on_the_number_of_threads() {
    let x = Tensor::rand([3, 300_001], DType::F32, &mut ocelli_tensor::Generator::new(7)).unwrap();
    let sums = |threads: usize| {
        ocelli_tensor::set_num_threads(threads).unwrap();
        let all = x.sum(..).unwrap().item::<f32>().unwrap();
        let rows = x.sum(1).unwrap().to_vec::<f32>().unwrap();
        let columns = x.transpose(0, 1).unwrap().var(0, 1).unwrap().to_vec::<f32>().unwrap();
        (all, rows, columns)
    };
    let one = sums(1);
    assert_eq!(one, sums(2));
    assert_eq!(one, sums(5));
    let exact: f64 = x.to_vec::<f32>().unwrap().iter().map(|&x| f64::from(x)).sum();
    assert!((f64::from(one.0) / exact - 1.0).abs() < 1.2e-7, "{} {exact}", one.0);
}

#[test]
fn what_is_refused() {
    devices(DType::F32).into_iter().for_each(refused_on);
}

fn refused_on(device: Device) {
    let x = Tensor::zeros([2, 0, 3], DType::F32).unwrap().to_device(device).unwrap();
    let text = |result: Result<Tensor>| result.unwrap_err().to_string();
    assert_eq!(text(x.max(1)), "max: expected at least one element along the axes, received shape [2, 0, 3]");
    assert_eq!(x.max(0).unwrap().shape()[..], [0, 3]);
    assert_eq!(text(x.argmax(1)), "argmax: expected at least one element along axis 1, received shape [2, 0, 3]");
    assert!(matches!(x.norm(f64::INFINITY, ..), Err(Error::Shape { .. })));
    assert_eq!(text(x.norm(f64::NAN, ..)), "norm: expected p to be a number, received NaN");
    assert_eq!(text(x.sum(3)), "sum: expected an axis in -3..3, received 3");
    assert_eq!(text(x.mean([0, -3])), "mean: expected distinct axes, received [0, -3]");
    assert_eq!(text(x.cumsum(-4)), "cumsum: expected an axis in -3..3, received -4");
    let ints = Tensor::zeros([2], DType::I64).unwrap().to_device(device).unwrap();
    assert_eq!(text(ints.softmax(0)), "softmax: expected a float dtype, received dtype i64");
    let none = Tensor::zeros([0], DType::F32).unwrap().to_device(device).unwrap();
    assert_eq!(none.softmax(0).unwrap().numel(), 0);
}

/// Reductions of `[outer, n, inner]` along `n` by plain loops, in every order of the axes in memory.
fn check(outer: usize, n: usize, inner: usize, dtype: DType, seed: u64) -> Result<()> {
    let x = Tensor::randn([outer, n, inner], DType::F32, &mut Generator::new(seed))?.add(0.5)?.to_dtype(dtype)?;
    let numbers = x.to_dtype(DType::F64)?.to_vec::<f64>()?;
    let column = |o: usize, i: usize| (0..n).map(move |j| (o * n + j) * inner + i).map(|place| numbers[place]);
    let expected = |of: &dyn Fn(Vec<f64>) -> f64| -> Result<Tensor> {
        let all = (0..outer * inner).map(|place| of(column(place / inner, place % inner).collect()));
        Tensor::from_vec(all.collect::<Vec<f64>>(), [outer, inner])
    };
    let mean = |x: &[f64]| x.iter().sum::<f64>() / n as f64;
    let largest = |x: Vec<f64>| x.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let first = |x: Vec<f64>| {
        let most = largest(x.clone());
        x.iter().position(|&y| y == most).unwrap_or_default() as f64
    };
    let sum = expected(&|x| x.iter().sum())?;
    let var = expected(&|x| {
        let mean = mean(&x);
        x.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n as f64
    })?;
    let (max, argmax) = (expected(&largest)?, expected(&first)?);
    let min = expected(&|x| x.into_iter().fold(f64::INFINITY, f64::min))?;
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]];
    for (device, order) in devices(dtype).into_iter().flat_map(|device| orders.map(|order| (device, order))) {
        let mut back = [0; 3];
        order.iter().enumerate().for_each(|(i, &axis)| back[axis] = i);
        let x = copied(&x.to_device(device)?.permute(order)?)?.permute(back)?;
        let (tight, what) =
            (if dtype == DType::F64 { 1e-12 } else { 2e-6 }, format!("{outer}, {n}, {inner}, {order:?}, {device}"));
        let wide = |x: Tensor| {
            assert_eq!(x.device(), device, "{what}");
            x.to_device(Device::Cpu)?.to_dtype(DType::F64)
        };
        assert_close(&wide(x.sum(1)?)?, &sum, tight, tight * (n as f64).sqrt(), &format!("sum of {what}"));
        assert_close(&wide(x.var(1, 0)?)?, &var, 2.0 * tight, tight, &format!("var of {what}"));
        assert_close(&wide(x.max(1)?)?, &max, 0.0, 0.0, &format!("max of {what}"));
        assert_close(&wide(x.min(1)?)?, &min, 0.0, 0.0, &format!("min of {what}"));
        assert_close(&wide(x.argmax(1)?)?, &argmax, 0.0, 0.0, &format!("argmax of {what}"));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn as_plain_loops(
        outer in 1usize..6,
        n in prop_oneof![1usize..70, 1020usize..1030],
        inner in prop_oneof![1usize..5, 28usize..36, 62usize..67],
        dtype in prop_oneof![Just(DType::F32), Just(DType::F64)],
        seed: u64,
    ) {
        check(outer, n, inner, dtype, seed).unwrap();
    }
}

#[test]
fn around_the_segments() -> Result<()> {
    for (n, inner) in [(65_535, 1), (65_536, 1), (65_537, 1), (131_073, 1), (32_769, 2), (21_846, 3), (1025, 64)] {
        check(1, n, inner, DType::F32, 1)?;
    }
    check(3, 1024, 65, DType::F32, 2)?;
    check(2, 70_000, 1, DType::F64, 3)
}

#[test]
fn positions_of_ties_and_nan() -> Result<()> {
    for device in devices(DType::F32) {
        let mut x = vec![1.0f32; 1500];
        let on = |x: &[f32]| Tensor::from_slice(x, [x.len()])?.to_device(device);
        (x[700], x[1200]) = (2.0, 2.0);
        let found = on(&x)?.argmax(0)?;
        assert_eq!((found.device(), found.item::<i64>()?), (device, 700));
        assert_eq!(on(&x)?.argmin(0)?.item::<i64>()?, 0);
        (x[1100], x[1300]) = (f32::NAN, f32::NAN);
        assert_eq!(on(&x)?.argmax(0)?.item::<i64>()?, 1100);
        assert_eq!(on(&x)?.argmin(0)?.item::<i64>()?, 1100);
        let (values, at) = on(&x)?.expand([2, 1500])?.max_with_indices(1)?;
        assert!(values.to_vec::<f32>()?.iter().all(|x| x.is_nan()));
        assert_eq!((values.device(), at.to_vec::<i64>()?), (device, vec![1100, 1100]));
        let infinite = on(&[f32::NEG_INFINITY; 5])?;
        assert_eq!((infinite.argmax(0)?.item::<i64>()?, infinite.argmin(0)?.item::<i64>()?), (0, 0));
        let empty = Tensor::full_on(device, [2, 0], 0, DType::F32)?;
        assert_eq!(empty.argmax(0)?.shape()[..], [0]);
        assert!(matches!(empty.argmin(1), Err(Error::Shape { .. })));
    }
    Ok(())
}

/// The positions of extremes of `[outer, n, inner]` along `n` by plain loops, in every order of the axes in memory.
fn check_positions([outer, n, inner]: [usize; 3], dtype: DType, device: Device, seed: u64) -> Result<()> {
    // Few distinct numbers: most extremes occur several times.
    let x = Tensor::rand([outer, n, inner], DType::F32, &mut Generator::new(seed))?.mul(4.0)?.to_dtype(DType::I64)?;
    let x = x.to_dtype(dtype)?;
    let numbers = x.to_dtype(DType::F64)?.to_vec::<f64>()?;
    let first = |is_better: fn(f64, f64) -> bool| {
        let places = (0..outer * inner).map(|place| {
            let at = |j: usize| numbers[(place / inner * n + j) * inner + place % inner];
            (1..n).fold(0, |best, j| if is_better(at(j), at(best)) { j } else { best }) as i64
        });
        Tensor::from_vec(places.collect(), [outer, inner])
    };
    let (largest, smallest) = (first(|x, best| x > best)?, first(|x, best| x < best)?);
    let x = x.to_device(device)?;
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let mut back = [0; 3];
        order.iter().enumerate().for_each(|(i, &axis)| back[axis] = i);
        let x = copied(&x.permute(order)?)?.permute(back)?;
        let what = format!("{outer}, {n}, {inner}, {order:?}, {dtype} on {device}");
        assert_close(&x.argmax(1)?, &largest, 0.0, 0.0, &format!("argmax of {what}"));
        assert_close(&x.argmin(1)?, &smallest, 0.0, 0.0, &format!("argmin of {what}"));
        let (values, places) = x.min_with_indices(1)?;
        assert_close(&places, &smallest, 0.0, 0.0, &format!("places of {what}"));
        assert_close(&values, &x.gather(1, &smallest.to_device(device)?.unsqueeze(1)?)?.squeeze(1)?, 0.0, 0.0, &what);
    }
    Ok(())
}

#[test]
fn positions_of_every_dtype() -> Result<()> {
    for dtype in DType::ALL {
        for device in devices(dtype) {
            for shape in [[1, 1, 1], [3, 7, 1], [2, 40, 5], [2, 9, 70]] {
                check_positions(shape, dtype, device, 4)?;
            }
        }
    }
    // Cut into parts.
    for device in devices(DType::F32) {
        for shape in [[1, 20_000, 1], [2, 9000, 3]] {
            check_positions(shape, DType::F32, device, 5)?;
        }
    }
    Ok(())
}
