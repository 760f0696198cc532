//! Functions, arithmetic and comparisons against PyTorch (`fixtures/elementwise.py`).

use crate::common::{assert_close, devices, fixture, scattered};
use ocelli_tensor::{DType, Device, Result, Tensor};

type Unary = fn(&Tensor) -> Result<Tensor>;

macro_rules! unary {
    ($($name:ident)*) => { [$((stringify!($name), Tensor::$name as Unary)),*] };
}

#[test]
fn functions_of_one_number() {
    let f = fixture("elementwise");
    let mut functions = unary!(
        sqrt rsqrt cbrt recip exp exp2 exp_m1 ln log2 log10 ln_1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf
        erfc erfinv sigmoid log_sigmoid softplus neg abs sign square relu floor ceil round trunc is_nan is_inf is_finite
    )
    .to_vec();
    functions.push(("leaky_relu", |x| x.leaky_relu(0.1)));
    let on_the_cpu = [("f32", Device::Cpu, 3e-6, 1e-37), ("f64", Device::Cpu, 1e-13, 1e-300)];
    // Exponentials are an adapter's own, whose error WGSL lets grow with the argument.
    let there = devices(DType::F32).into_iter().filter(|&device| device != Device::Cpu);
    let there = there.map(|device| ("f32", device, 1e-5, 1e-6));
    for (dtype, device, rtol, atol) in on_the_cpu.into_iter().chain(there) {
        let x = &f[&format!("x_{dtype}")].to_device(device).unwrap();
        for (name, function) in &functions {
            let expected = &f[&format!("{name}_{dtype}")];
            let what = format!("{name} of {dtype}");
            assert_close(&function(x).unwrap(), expected, rtol, atol, &what);
            assert_close(&function(&scattered(x)).unwrap(), expected, rtol, atol, &what);
            // Every shape goes: none, one and many axes.
            let scalar = function(&x.select(0, 13).unwrap()).unwrap();
            assert_close(&scalar, &expected.select(0, 13).unwrap(), rtol, atol, &what);
            let none = function(&x.narrow(0, 0, 0).unwrap().reshape([0, 3]).unwrap()).unwrap();
            assert_eq!(none.shape()[..], [0, 3], "{what}");
        }
    }
}

#[test]
fn half_types_compute_in_single_precision() {
    let f = fixture("elementwise");
    for (device, dtype) in devices(DType::F32).into_iter().flat_map(|d| [(d, DType::F16), (d, DType::BF16)]) {
        let x = f["x_f32"].to_device(device).unwrap().to_dtype(dtype).unwrap();
        for function in [Tensor::exp as Unary, Tensor::tanh, Tensor::sigmoid, Tensor::erf, Tensor::relu] {
            let expected = function(&x.to_dtype(DType::F32).unwrap()).unwrap().to_dtype(dtype).unwrap();
            assert_close(&function(&x).unwrap(), &expected, 0.0, 0.0, "half");
        }
    }
}

macro_rules! binary {
    ($($name:ident)*) => {
        [$((stringify!($name), (|a, b| a.$name(b)) as fn(&Tensor, &Tensor) -> Result<Tensor>)),*]
    };
}

#[test]
fn functions_of_two_numbers_broadcast() {
    let f = fixture("elementwise");
    let functions = binary!(
        add sub mul div rem floor_div pow maximum minimum atan2 hypot eq ne lt le gt ge logical_and logical_or logical_xor
    );
    for ((name, function), device) in
        functions.into_iter().flat_map(|f| devices(DType::F32).into_iter().map(move |d| (f, d)))
    {
        let (a, b) = (&f["a"].to_device(device).unwrap(), &f["b"].to_device(device).unwrap());
        let expected = &f[&format!("{name}_ab")];
        assert_close(&function(a, b).unwrap(), expected, 1e-6, 1e-7, name);
        let moved = function(&scattered(a), &scattered(b)).unwrap();
        assert_close(&moved, expected, 1e-6, 1e-7, name);
        let wide = function(&a.expand([2, 3, 4]).unwrap(), &b.expand([2, 3, 4]).unwrap()).unwrap();
        assert_close(&wide, expected, 1e-6, 1e-7, name);
        let none = function(&a.narrow(0, 0, 0).unwrap(), b).unwrap();
        assert_eq!(none.shape()[..], [0, 3, 4], "{name}");
        let text = function(a, &Tensor::full_on(device, [2, 2], 1, DType::F32).unwrap()).unwrap_err().to_string();
        assert!(text.contains("[2, 3, 1] and [2, 2] do not broadcast"), "{text}");
    }
    for device in devices(DType::F32) {
        let [a, b] = [&f["a"], &f["b"]].map(|x| x.to_device(device).unwrap());
        let chosen = a.gt(0.1).unwrap().where_(&a, &b).unwrap();
        assert_close(&chosen, &f["where_ab"], 0.0, 0.0, "where");
    }
}

#[test]
fn dtypes_promote() {
    let f = fixture("elementwise");
    let x = Tensor::new([0i64, 1, 3]).unwrap();
    let y = Tensor::new([2i64, 1, 0]).unwrap();
    for (i, p) in DType::ALL.into_iter().enumerate() {
        for (j, q) in DType::ALL.into_iter().enumerate() {
            for device in devices(if q == DType::F64 { q } else { p }) {
                let on = |x: &Tensor, dtype| x.to_dtype(dtype).unwrap().to_device(device).unwrap();
                let (x, y) = (on(&x, p), on(&y, q));
                let what = format!("{p} and {q} on {device}");
                assert_close(&x.mul(&y).unwrap(), &f[&format!("promote_{i}_{j}")], 0.0, 0.0, &what);
                if let Some(expected) = f.get(&format!("divide_{i}_{j}")) {
                    assert_close(&x.div(&y).unwrap(), expected, 0.0, 0.0, &what);
                }
            }
        }
    }
}
