//! Indexing and order against PyTorch 2.15 and NumPy (`fixtures/index.py`), and what is refused.

use std::collections::BTreeMap;

use crate::common::{assert_close, devices, fixture, scattered};
use ocelli_tensor::{DType, Device, Error, Generator, Result, Tensor};
use proptest::prelude::*;

#[track_caller]
fn assert_same(actual: &Tensor, expected: &Tensor, what: &str) {
    assert_close(actual, expected, 0.0, 0.0, what);
}

/// The fixture on every device that has its dtypes.
fn fixtures() -> Vec<(Device, BTreeMap<String, Tensor>)> {
    let moved = |device: Device| {
        let tensors = fixture("index").into_iter();
        (device, tensors.filter_map(|(key, x)| Some((key, x.to_device(device).ok()?))).collect())
    };
    devices(DType::F32).into_iter().map(moved).collect()
}

#[test]
fn gather_and_scatter() {
    for (device, t) in fixtures() {
        for axis in 0..3isize {
            let get = |name: String| &t[&name];
            let index = get(format!("gather_{axis}_index"));
            let narrow = index.to_dtype(DType::I32).unwrap();
            for x in [t["x"].clone(), scattered(&t["x"])] {
                let expected = get(format!("gather_{axis}"));
                let gathered = x.gather(axis, index).unwrap();
                assert_eq!(gathered.device(), device);
                assert_same(&gathered, expected, "gather");
                let by_scattered = x.gather(axis - 3, &scattered(&narrow)).unwrap();
                assert_same(&by_scattered, expected, "gather by a scattered index");

                let (index, src) = (get(format!("scatter_{axis}_index")), get(format!("scatter_{axis}_src")));
                let expected = get(format!("scatter_add_{axis}"));
                let sum = x.scatter_add(axis, index, &scattered(src)).unwrap();
                assert_eq!(sum.device(), device);
                assert_close(&sum, expected, 1e-6, 1e-6, "scatter_add");
                let distinct = get(format!("scatter_{axis}_distinct"));
                let placed = x.scatter(axis, &scattered(distinct), &x.add(1.0).unwrap()).unwrap();
                assert_eq!(placed.device(), device);
                assert_same(&placed, get(format!("scatter_{axis}")), "scatter");

                let (rows, src) = (get(format!("index_{axis}_rows")), get(format!("index_{axis}_src")));
                let chosen = x.index_select(axis, &rows.to_dtype(DType::U8).unwrap()).unwrap();
                assert_same(&chosen, get(format!("index_select_{axis}")), "index_select");
                let sum = x.index_add(axis, rows, src).unwrap();
                assert_close(&sum, get(format!("index_add_{axis}")), 1e-6, 1e-6, "index_add");
            }
        }
    }
}

/// Gather and scatter of `[outer, size, inner]` by an index `[outer, n, inner]` that names some places many times, by plain loops.
fn check([outer, size, inner]: [usize; 3], n: usize, dtypes: [DType; 2], device: Device, seed: u64) -> Result<()> {
    let [dtype, index_dtype] = dtypes;
    let generator = &mut Generator::new(seed);
    let mut whole = |shape: [usize; 3], end: usize| {
        Tensor::rand(shape, DType::F32, generator)?.mul(end as f64)?.to_dtype(DType::I64)
    };
    // Few distinct places and small whole numbers, whose sums are exact.
    let (index, x, src) =
        (whole([outer, n, inner], size)?, whole([outer, size, inner], 7)?, whole([outer, n, inner], 7)?);
    let [indices, elements, sources] = [&index, &x, &src].map(|x| x.to_vec::<i64>().unwrap());
    let (mut placed, mut sums, mut gathered) = (elements.clone(), elements.clone(), vec![0; sources.len()]);
    for o in 0..outer {
        for (j, i) in (0..n).flat_map(|j| (0..inner).map(move |i| (j, i))) {
            let from = (o * n + j) * inner + i;
            let place = (o * size + indices[from] as usize) * inner + i;
            gathered[from] = elements[place];
            placed[place] = sources[from];
            sums[place] += sources[from];
        }
    }
    let what = format!("{outer}, {size}, {inner} by {n}, {dtypes:?} on {device}");
    let moved = |x: &Tensor, dtype| x.to_dtype(dtype)?.to_device(device);
    let (index, x, src) = (moved(&index, index_dtype)?, moved(&x, dtype)?, moved(&src, dtype)?);
    let expected = |values: Vec<i64>, size: usize| Tensor::from_vec(values, [outer, size, inner])?.to_dtype(dtype);
    let (gathered, placed) = (expected(gathered, n)?, expected(placed, size)?);
    let sums = expected(sums, size)?;
    for (index, src) in [(index.clone(), src.clone()), (scattered(&index), scattered(&src))] {
        assert_same(&x.gather(1, &index)?, &gathered, &format!("gather of {what}"));
        assert_same(&x.scatter(1, &index, &src)?, &placed, &format!("scatter of {what}"));
        if dtype != DType::Bool {
            assert_same(&x.scatter_add(1, &index, &src)?, &sums, &format!("scatter_add of {what}"));
        }
    }
    // One index for all neighbours.
    let rows = index.narrow(0, 0, 1)?.narrow(2, 0, 1)?;
    let wide = rows.expand(index.shape())?;
    let rows = scattered(&rows).reshape([n])?;
    assert_same(&x.index_select(1, &rows)?, &x.gather(1, &wide)?, &format!("index_select of {what}"));
    if dtype != DType::Bool {
        assert_same(&x.index_add(1, &rows, &src)?, &x.scatter_add(1, &wide, &src)?, &format!("index_add of {what}"));
    }
    Ok(())
}

#[test]
fn around_the_pieces_of_chains() -> Result<()> {
    for device in devices(DType::F32) {
        for (n, size, inner) in [(1024, 5, 1), (1025, 1, 1), (3000, 2000, 1), (2049, 7, 3), (200, 3, 40)] {
            check([2, size, inner], n, [DType::F32, DType::I64], device, 1)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn as_plain_loops(
        outer in 1usize..4,
        size in 1usize..20,
        inner in prop_oneof![1usize..5, 60usize..70],
        n in 1usize..40,
        dtype in proptest::sample::select(&DType::ALL[..]),
        index in proptest::sample::select(&[DType::I32, DType::I64][..]),
        seed: u64,
    ) {
        for device in devices(dtype) {
            check([outer, size, inner], n, [dtype, index], device, seed).unwrap();
        }
    }
}

#[test]
fn the_last_of_several_writes_wins() {
    for device in devices(DType::BF16) {
        let x = Tensor::full_on(device, [3], 0, DType::BF16).unwrap();
        let src = Tensor::new([1.0f32, 2.0, 3.0]).unwrap().to_dtype(DType::BF16).unwrap().to_device(device).unwrap();
        let index = Tensor::new([1i64, 1, 2]).unwrap().to_device(device).unwrap();
        let placed = x.scatter(0, &index, &src).unwrap().to_dtype(DType::F32).unwrap();
        assert_eq!(placed.to_vec::<f32>().unwrap(), [0.0, 2.0, 3.0]);
        let sum = x.scatter_add(0, &index, &src).unwrap();
        assert_eq!(sum.dtype(), DType::BF16);
        assert_eq!(sum.to_dtype(DType::I64).unwrap().to_vec::<i64>().unwrap(), [0, 3, 3]);
    }
}

#[test]
fn halves_add_up_in_single_precision() {
    for device in devices(DType::F16) {
        let ones = Tensor::full_on(device, [4096], 1, DType::F16).unwrap();
        let index = Tensor::full_on(device, [4096], 0, DType::I64).unwrap();
        let sum = Tensor::full_on(device, [1], 0, DType::F16).unwrap().index_add(0, &index, &ones).unwrap();
        assert_eq!(sum.item::<f32>().unwrap(), 4096.0);
    }
}

#[test]
fn sums_are_in_the_order_of_the_index() {
    // Of three numbers that cancel, the order decides what is left.
    for device in devices(DType::F32) {
        let src = Tensor::new([1e8f32, 1.0, -1e8, 1.0]).unwrap().to_device(device).unwrap();
        let index = Tensor::full_on(device, [4], 0, DType::I32).unwrap();
        let x = Tensor::full_on(device, [2], 0.5, DType::F32).unwrap();
        assert_eq!(x.index_add(0, &index, &src).unwrap().to_vec::<f32>().unwrap(), [1.0, 0.5]);
    }
}

#[test]
fn one_hot_rows_are_on_the_device_of_the_labels() {
    for device in devices(DType::F32) {
        for labels in [DType::U8, DType::I32, DType::I64] {
            let x = Tensor::new([[2i64, 0], [1, 2]]).unwrap().to_dtype(labels).unwrap().to_device(device).unwrap();
            for dtype in DType::ALL.into_iter().filter(|&dtype| dtype != DType::F64) {
                let hot = x.t().unwrap().one_hot(3, dtype).unwrap();
                assert_eq!((hot.device(), hot.shape()[..].to_vec()), (device, vec![2, 2, 3]));
                let expected = Tensor::new([[[0i64, 0, 1], [0, 1, 0]], [[1, 0, 0], [0, 0, 1]]]).unwrap();
                assert_same(&hot, &expected.to_dtype(dtype).unwrap(), &format!("{labels} to {dtype}"));
            }
            let error = x.one_hot(2, DType::F32).unwrap_err().to_string();
            assert_eq!(error, "one_hot: expected class numbers in 0..2, received 2");
        }
        let none = Tensor::full_on(device, [0, 2], 0, DType::I64).unwrap();
        assert_eq!(none.one_hot(4, DType::F32).unwrap().shape()[..], [0, 2, 4]);
        let below = Tensor::full_on(device, (), -1, DType::I64).unwrap().one_hot(4, DType::F32).unwrap_err();
        assert_eq!(below.to_string(), "one_hot: expected class numbers in 0..4, received -1");
    }
}

#[test]
fn masks() {
    for (_, t) in fixtures() {
        let (x, mask) = (&t["x"], &t["mask"]);
        for (x, mask) in [(x.clone(), mask.clone()), (scattered(x), mask.expand([3, 4, 5]).unwrap())] {
            assert_same(&x.masked_select(&mask).unwrap(), &t["masked_select"], "masked_select");
            assert_same(&x.masked_fill(&mask, -7.5).unwrap(), &t["masked_fill"], "masked_fill");
            let nonzero = x.mul(&mask).unwrap().nonzero().unwrap();
            assert_same(&nonzero, &t["nonzero"], "nonzero");
        }
        let column = x.select(0, 0).unwrap().narrow(1, 0, 1).unwrap();
        assert_same(&column.masked_select(mask).unwrap(), &t["masked_select_broadcast"], "masked_select, broadcast");
    }
    let rank_0 = Tensor::full((), 3, DType::I64).unwrap();
    assert_eq!(rank_0.nonzero().unwrap().shape()[..], [1, 0]);
    assert_eq!(rank_0.masked_select(&Tensor::new(true).unwrap()).unwrap().to_vec::<i64>().unwrap(), [3]);
}

#[test]
fn sorting() {
    let t = fixture("index");
    for (key, expected) in &t {
        let Some(label) = key.strip_prefix("order/") else {
            continue;
        };
        let parts: Vec<&str> = label.split('/').collect();
        let (axis, descending) = (parts[1].parse::<isize>().unwrap(), parts[2] == "down");
        let x = &t[&format!("sort/{}", parts[0])];
        for device in devices(x.dtype()) {
            let there = x.to_device(device).unwrap();
            for x in [there.clone(), scattered(&there)] {
                let (values, indices) = x.sort(axis, descending).unwrap();
                assert_same(&indices, expected, key);
                assert_same(&values, &t[&format!("sorted/{label}")], key);
                assert_same(&x.argsort(axis, descending).unwrap(), expected, key);
                for k in 0..=x.size(axis).unwrap() {
                    let (first, at) = x.topk(k, axis, descending).unwrap();
                    assert_same(&first, &values.narrow(axis, 0, k).unwrap(), key);
                    assert_same(&at, &indices.narrow(axis, 0, k).unwrap(), key);
                }
            }
        }
    }
}

#[test]
fn distinct_elements() {
    let t = fixture("index");
    for (key, expected) in &t {
        let Some(name) = key.strip_prefix("unique/") else {
            continue;
        };
        let x = &t[&format!("sort/{name}")];
        for x in [x.clone(), scattered(x)] {
            assert_same(&x.unique().unwrap(), expected, key);
            let (values, inverse, counts) = x.unique_with_counts().unwrap();
            assert_same(&values, expected, key);
            assert_same(&inverse, &t[&format!("inverse/{name}")], key);
            assert_same(&counts, &t[&format!("counts/{name}")], key);
        }
    }
}

#[test]
fn nothing_to_choose_from() {
    for device in devices(DType::F32) {
        let zeros = |shape: &[usize], dtype| Tensor::full_on(device, shape, 0, dtype).unwrap();
        let (x, none) = (zeros(&[2, 0, 3], DType::F32), zeros(&[0], DType::I64));
        assert_eq!(x.index_select(0, &none).unwrap().shape()[..], [0, 0, 3]);
        assert_eq!(x.index_select(1, &none).unwrap().shape()[..], [2, 0, 3]);
        let index = zeros(&[2, 0, 3], DType::I64);
        assert_eq!(x.gather(2, &index).unwrap().shape()[..], [2, 0, 3]);
        assert_eq!(x.scatter_add(1, &index, &x).unwrap().shape()[..], [2, 0, 3]);
        let turned = index.transpose(0, 2).unwrap().narrow(0, 0, 2).unwrap();
        assert_eq!(x.scatter(0, &turned, &x).map(|y| y.numel()).unwrap_or(0), 0);
        assert_eq!(x.sort(1, true).unwrap().0.shape()[..], [2, 0, 3]);
        assert_eq!(x.sort(0, false).unwrap().1.shape()[..], [2, 0, 3]);
        assert_eq!(x.unique().unwrap().shape()[..], [0]);
        assert_eq!(x.nonzero().unwrap().shape()[..], [0, 3]);
        let two = Tensor::new([[1.0f32, 2.0], [3.0, 4.0]]).unwrap().to_device(device).unwrap();
        let no_rows = two.index_add(0, &none, &zeros(&[0, 2], DType::F32)).unwrap();
        assert_same(&no_rows, &two, "index_add of nothing");
        let scalar = Tensor::full_on(device, (), 2.5, DType::F32).unwrap();
        assert_eq!(scalar.unique().unwrap().to_vec::<f32>().unwrap(), [2.5]);
    }
}

#[test]
fn what_lies_outside_is_refused() {
    let text = |result: Result<Tensor>| result.unwrap_err().to_string();
    for device in devices(DType::F32) {
        let x = Tensor::full_on(device, [3, 4], 0, DType::F32).unwrap();
        let index = |values: [i64; 2]| Tensor::new([values]).unwrap().to_device(device).unwrap();
        assert_eq!(text(x.gather(1, &index([0, 4]))), "gather: expected indices in 0..4 along axis 1, received 4");
        assert_eq!(text(x.gather(0, &index([0, -1]))), "gather: expected indices in 0..3 along axis 0, received -1");
        // Of several the first.
        assert_eq!(text(x.gather(1, &index([7, -2]))), "gather: expected indices in 0..4 along axis 1, received 7");
        assert!(matches!(x.scatter(-1, &index([9, 0]), &x), Err(Error::IndexValue { index: 9, axis: 1, size: 4, .. })));
        let far = index([0, 1 << 32]);
        assert!(matches!(x.scatter_add(1, &far, &x), Err(Error::IndexValue { index: 4_294_967_296, .. })));
        let rows = far.expand([3, 2]).unwrap().select(0, 1).unwrap();
        assert!(matches!(x.index_select(0, &rows), Err(Error::IndexValue { index: 4_294_967_296, .. })));
        for dtype in [DType::U8, DType::I32] {
            let rows = index([1, 3]).select(0, 0).unwrap().to_dtype(dtype).unwrap();
            assert!(matches!(x.index_select(0, &rows), Err(Error::IndexValue { index: 3, axis: 0, size: 3, .. })));
        }
    }
}

#[test]
fn what_is_refused() {
    let x = Tensor::zeros([3, 4], DType::F32).unwrap();
    let index = |values: [i64; 2]| Tensor::new([values]).unwrap();
    let text = |result: Result<Tensor>| result.unwrap_err().to_string();
    let line = Tensor::new([0i64, 1]).unwrap();
    assert_eq!(
        text(x.gather(1, &line)),
        "gather: expected an index no longer than shape [3, 4] apart from axis 1, received shape [2]"
    );
    assert_eq!(
        text(x.scatter_add(1, &index([0, 1]), &Tensor::zeros([1, 1], DType::F32).unwrap())),
        "scatter_add: expected an index no longer than shape [1, 1], received shape [1, 2]"
    );
    assert_eq!(text(x.gather(1, &x)), "gather: expected an index of i32 or i64, received dtype f32");
    assert_eq!(
        text(x.scatter(1, &index([0, 1]), &Tensor::zeros([3, 4], DType::F64).unwrap())),
        "scatter: expected operands of one dtype, the first being f32, received dtype f64"
    );
    assert_eq!(
        text(x.index_select(0, &index([0, 1]))),
        "index_select: expected an index with one axis, received shape [1, 2]"
    );
    assert_eq!(text(x.index_add(0, &line, &x)), "index_add: expected a source of shape [2, 4], received shape [3, 4]");
    assert_eq!(text(x.masked_select(&x)), "masked_select: expected a boolean mask, received dtype f32");
    let mask = Tensor::zeros([2, 3, 4], DType::Bool).unwrap();
    assert_eq!(
        text(x.masked_fill(&mask, 0.0)),
        "masked_fill: expected a mask that broadcasts to shape [3, 4], received shape [2, 3, 4]"
    );
    assert_eq!(
        text(line.masked_fill(&Tensor::new([true, false]).unwrap(), 0.5)),
        "masked_fill: expected a value that fits i64, received Float(0.5)"
    );
    assert_eq!(
        x.topk(5, 1, true).unwrap_err().to_string(),
        "topk: expected k of at most 4, the size of axis 1, received 5"
    );
    let bools = Tensor::new([true, false]).unwrap();
    assert_eq!(text(bools.scatter_add(0, &line, &bools)), "scatter_add: expected a number dtype, received dtype bool");
}
