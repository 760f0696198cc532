//! Reductions, scans and softmax against PyTorch 2.15 (`fixtures/reduce.py`), and what PyTorch has no word for.

mod common;

use common::{assert_close, fixture, scattered};
use ocelli_tensor::{Axes, DType, Error, Result, Tensor};

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
        let (rtol, atol) = match expected.dtype() {
            DType::BF16 => (8e-3, 1e-6),
            DType::F16 => (1e-3, 1e-6),
            DType::F64 => (1e-13, 1e-14),
            // Sums of a thousand numbers of both signs cancel; PyTorch's own carry this error.
            _ if x.numel() > 1000 => (1e-5, 5e-6),
            _ => (2e-6, 3e-7),
        };
        let moved = x.transpose(0, -1).and_then(|x| x.contiguous_copy());
        let mut forms = vec![x.clone(), scattered(x)];
        if let Ok(moved) = moved {
            forms.push(moved.transpose(0, -1).unwrap());
        }
        for x in forms {
            let actual = apply(&x, op, label, form == "keepdim").unwrap();
            assert_close(&actual, expected, rtol, atol, &format!("{key} of strides {:?}", x.strides()));
        }
        count += 1;
    }
    assert!(count > 300, "{count} cases");
}

/// A row-major copy, which only an operation makes.
trait ContiguousCopy {
    fn contiguous_copy(&self) -> Result<Tensor>;
}
impl ContiguousCopy for Tensor {
    fn contiguous_copy(&self) -> Result<Tensor> {
        self.index_select(0, &Tensor::arange(0, self.size(0)? as i64, 1)?)
    }
}

#[test]
fn no_axes_reduce_nothing() {
    let x = Tensor::new([[1.0f32, -2.0], [3.0, 4.0]]).unwrap();
    let none = [0isize; 0];
    assert_close(&x.sum(none).unwrap(), &x, 0.0, 0.0, "sum");
    assert_close(&x.max(none).unwrap(), &x, 0.0, 0.0, "max");
    assert_close(&x.norm(2.0, none).unwrap(), &x.abs().unwrap(), 0.0, 0.0, "norm");
    assert_close(&x.logsumexp(none).unwrap(), &x, 1e-6, 0.0, "logsumexp");
    assert_eq!(x.var(none, 0).unwrap().to_vec::<f32>().unwrap(), [0.0; 4]);
}

#[test]
fn expanded_and_flipped() {
    let x = Tensor::new([[1.0f32], [2.0]]).unwrap().expand([3, 2, 4]).unwrap();
    assert_eq!(x.sum([0, 2]).unwrap().to_vec::<f32>().unwrap(), [12.0, 24.0]);
    assert_eq!(x.mean(..).unwrap().item::<f32>().unwrap(), 1.5);
    let flipped = Tensor::new([5i64, 1, 3]).unwrap().slice_axis(0, ocelli_tensor::Slice::from(..).step(-1)).unwrap();
    assert_eq!(flipped.argmin(0).unwrap().item::<i64>().unwrap(), 1);
    assert_eq!(flipped.cumsum(0).unwrap().to_vec::<i64>().unwrap(), [3, 4, 9]);
}

#[test]
fn integers_do_not_overflow_early() {
    let bytes = Tensor::full([1000], 255, DType::U8).unwrap();
    assert_eq!(bytes.sum(0).unwrap().to_vec::<i64>().unwrap_or_default(), [255_000]);
    assert_eq!(bytes.mean(0).unwrap().item::<f32>().unwrap(), 255.0);
    let halves = Tensor::full([70_000], 1.0, DType::F16).unwrap();
    assert_eq!(halves.mean(0).unwrap().item::<f32>().unwrap(), 1.0);
    assert_eq!(halves.cumsum(0).unwrap().max(0).unwrap().item::<f32>().unwrap(), f32::INFINITY);
}

#[test]
fn the_split_does_not_depend_on_the_number_of_threads() {
    let x = Tensor::rand([3, 300_001], DType::F32, &mut ocelli_tensor::Generator::new(7)).unwrap();
    let sums = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let all = x.sum(..).unwrap().item::<f32>().unwrap();
            let rows = x.sum(1).unwrap().to_vec::<f32>().unwrap();
            let columns = x.transpose(0, 1).unwrap().var(0, 1).unwrap().to_vec::<f32>().unwrap();
            (all, rows, columns)
        })
    };
    let one = sums(1);
    assert_eq!(one, sums(2));
    assert_eq!(one, sums(5));
    let exact: f64 = x.to_vec::<f32>().unwrap().iter().map(|&x| f64::from(x)).sum();
    assert!((f64::from(one.0) / exact - 1.0).abs() < 1.2e-7, "{} {exact}", one.0);
}

#[test]
fn what_is_refused() {
    let x = Tensor::zeros([2, 0, 3], DType::F32).unwrap();
    let text = |result: Result<Tensor>| result.unwrap_err().to_string();
    assert_eq!(text(x.max(1)), "max: expected at least one element along the axes, received shape [2, 0, 3]");
    assert_eq!(x.max(0).unwrap().shape()[..], [0, 3]);
    assert_eq!(text(x.argmax(1)), "argmax: expected at least one element along axis 1, received shape [2, 0, 3]");
    assert!(matches!(x.norm(f64::INFINITY, ..), Err(Error::Shape { .. })));
    assert_eq!(text(x.norm(f64::NAN, ..)), "norm: expected p to be a number, received NaN");
    assert_eq!(text(x.sum(3)), "sum: expected an axis in -3..3, received 3");
    assert_eq!(text(x.mean([0, -3])), "mean: expected distinct axes, received [0, -3]");
    assert_eq!(text(x.cumsum(-4)), "cumsum: expected an axis in -3..3, received -4");
    let ints = Tensor::zeros([2], DType::I64).unwrap();
    assert_eq!(text(ints.softmax(0)), "softmax: expected a float dtype, received dtype i64");
    assert_eq!(Tensor::zeros([0], DType::F32).unwrap().softmax(0).unwrap().numel(), 0);
}
