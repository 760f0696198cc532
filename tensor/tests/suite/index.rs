//! Indexing and order against PyTorch 2.15 and NumPy (`fixtures/index.py`), and what is refused.

use crate::common::{assert_close, fixture, scattered};
use ocelli_tensor::{DType, Error, Result, Tensor};

#[track_caller]
fn assert_same(actual: &Tensor, expected: &Tensor, what: &str) {
    assert_close(actual, expected, 0.0, 0.0, what);
}

#[test]
fn gather_and_scatter() {
    let t = fixture("index");
    for axis in 0..3isize {
        let get = |name: String| &t[&name];
        let index = get(format!("gather_{axis}_index"));
        let narrow = index.to_dtype(DType::I32).unwrap();
        for x in [t["x"].clone(), scattered(&t["x"])] {
            let expected = get(format!("gather_{axis}"));
            assert_same(&x.gather(axis, index).unwrap(), expected, "gather");
            let by_scattered = x.gather(axis - 3, &scattered(&narrow)).unwrap();
            assert_same(&by_scattered, expected, "gather by a scattered index");

            let (index, src) = (get(format!("scatter_{axis}_index")), get(format!("scatter_{axis}_src")));
            let expected = get(format!("scatter_add_{axis}"));
            let sum = x.scatter_add(axis, index, &scattered(src)).unwrap();
            assert_close(&sum, expected, 1e-6, 1e-6, "scatter_add");
            let distinct = get(format!("scatter_{axis}_distinct"));
            let placed = x.scatter(axis, &scattered(distinct), &x.add(1.0).unwrap()).unwrap();
            assert_same(&placed, get(format!("scatter_{axis}")), "scatter");

            let (rows, src) = (get(format!("index_{axis}_rows")), get(format!("index_{axis}_src")));
            let chosen = x.index_select(axis, &rows.to_dtype(DType::U8).unwrap()).unwrap();
            assert_same(&chosen, get(format!("index_select_{axis}")), "index_select");
            let sum = x.index_add(axis, rows, src).unwrap();
            assert_close(&sum, get(format!("index_add_{axis}")), 1e-6, 1e-6, "index_add");
        }
    }
}

#[test]
fn the_last_of_several_writes_wins() {
    let x = Tensor::zeros([3], DType::BF16).unwrap();
    let src = Tensor::new([1.0f32, 2.0, 3.0]).unwrap().to_dtype(DType::BF16).unwrap();
    let index = Tensor::new([1i64, 1, 2]).unwrap();
    let placed = x.scatter(0, &index, &src).unwrap().to_dtype(DType::F32).unwrap();
    assert_eq!(placed.to_vec::<f32>().unwrap(), [0.0, 2.0, 3.0]);
    let sum = x.scatter_add(0, &index, &src).unwrap();
    assert_eq!(sum.dtype(), DType::BF16);
    assert_eq!(sum.to_dtype(DType::I64).unwrap().to_vec::<i64>().unwrap(), [0, 3, 3]);
}

#[test]
fn halves_add_up_in_single_precision() {
    let ones = Tensor::ones([4096], DType::F16).unwrap();
    let index = Tensor::zeros([4096], DType::I64).unwrap();
    let sum = Tensor::zeros([1], DType::F16).unwrap().index_add(0, &index, &ones).unwrap();
    assert_eq!(sum.item::<f32>().unwrap(), 4096.0);
}

#[test]
fn masks() {
    let t = fixture("index");
    let (x, mask) = (&t["x"], &t["mask"]);
    for (x, mask) in [(x.clone(), mask.clone()), (scattered(x), mask.expand([3, 4, 5]).unwrap())] {
        assert_same(&x.masked_select(&mask).unwrap(), &t["masked_select"], "masked_select");
        assert_same(&x.masked_fill(&mask, -7.5).unwrap(), &t["masked_fill"], "masked_fill");
        let nonzero = x.mul(&mask).unwrap().nonzero().unwrap();
        assert_same(&nonzero, &t["nonzero"], "nonzero");
    }
    let column = x.select(0, 0).unwrap().narrow(1, 0, 1).unwrap();
    assert_same(&column.masked_select(mask).unwrap(), &t["masked_select_broadcast"], "masked_select, broadcast");
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
        for x in [x.clone(), scattered(x)] {
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
    let x = Tensor::zeros([2, 0, 3], DType::F32).unwrap();
    let none = Tensor::zeros([0], DType::I64).unwrap();
    assert_eq!(x.index_select(0, &none).unwrap().shape()[..], [0, 0, 3]);
    assert_eq!(x.index_select(1, &none).unwrap().shape()[..], [2, 0, 3]);
    let index = Tensor::zeros([2, 0, 3], DType::I64).unwrap();
    assert_eq!(x.gather(2, &index).unwrap().shape()[..], [2, 0, 3]);
    assert_eq!(x.scatter_add(1, &index, &x).unwrap().shape()[..], [2, 0, 3]);
    assert_eq!(
        x.scatter(0, &index.transpose(0, 2).unwrap().narrow(0, 0, 2).unwrap(), &x).map(|y| y.numel()).unwrap_or(0),
        0
    );
    assert_eq!(x.sort(1, true).unwrap().0.shape()[..], [2, 0, 3]);
    assert_eq!(x.sort(0, false).unwrap().1.shape()[..], [2, 0, 3]);
    assert_eq!(x.unique().unwrap().shape()[..], [0]);
    assert_eq!(x.nonzero().unwrap().shape()[..], [0, 3]);
    let two = Tensor::new([[1.0f32, 2.0], [3.0, 4.0]]).unwrap();
    let no_rows = two.index_add(0, &none, &Tensor::zeros([0, 2], DType::F32).unwrap()).unwrap();
    assert_same(&no_rows, &two, "index_add of nothing");
    let scalar = Tensor::full((), 2.5, DType::F32).unwrap();
    assert_eq!(scalar.unique().unwrap().to_vec::<f32>().unwrap(), [2.5]);
}

#[test]
fn what_is_refused() {
    let x = Tensor::zeros([3, 4], DType::F32).unwrap();
    let index = |values: [i64; 2]| Tensor::new([values]).unwrap();
    let text = |result: Result<Tensor>| result.unwrap_err().to_string();
    assert_eq!(text(x.gather(1, &index([0, 4]))), "gather: expected indices in 0..4 along axis 1, received 4");
    assert_eq!(text(x.gather(0, &index([0, -1]))), "gather: expected indices in 0..3 along axis 0, received -1");
    assert!(matches!(x.scatter(-1, &index([9, 0]), &x), Err(Error::IndexValue { index: 9, axis: 1, size: 4, .. })));
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
