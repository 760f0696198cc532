//! Casts and functions of one and two numbers.

use super::*;

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
    ("ln", Tensor::ln, (4.0, 0.0)),
    ("log2", Tensor::log2, (4.0, 0.0)),
    ("log10", Tensor::log10, (4.0, 0.0)),
    ("ln_1p", Tensor::ln_1p, (4.0, 0.0)),
    ("sin", Tensor::sin, (4.0, 0.0)),
    ("cos", Tensor::cos, (4.0, 0.0)),
    ("tan", Tensor::tan, (8.0, 0.0)),
    ("asin", Tensor::asin, (4.0, 0.0)),
    ("acos", Tensor::acos, (4.0, 0.0)),
    ("atan", Tensor::atan, (4.0, 0.0)),
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
    for (name, f, tolerance) in FUNCTIONS {
        close(name, &[&x], tolerance, |x| f(&x[0]));
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
    ("rem", |x, y| x.rem(y), 0.0),
    ("pow", |x, y| x.pow(y), 4096.0),
    ("atan2", |x, y| x.atan2(y), 8.0),
    ("hypot", |x, y| x.hypot(y), 4.0),
];

#[test]
fn functions_of_two_numbers() {
    let x = wild(100);
    let (a, b) = (x.unsqueeze(1).unwrap(), x.unsqueeze(0).unwrap());
    for (name, f, tolerance) in OF_TWO {
        same(name, &[&a, &b], tolerance, |x| f(&x[0], &x[1]));
    }
    let (a, b) = (normal(&[40, 1], 2).mul(10.0).unwrap(), normal(&[1, 40], 3));
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
    same("pow of bools", &[&bools, &bools.t().unwrap()], 0.0, |x| x[0].pow(&x[1]));
}

#[test]
fn remainders_and_floor_division() {
    // The numbers that the one step of a quotient too large for its digits left wrong, and their likes.
    let mut values = vec![1.0f32, 2.0, 3.0, 7.0, 10.0, 0.1, 0.3, 1e10, 5e8, 16_777_217.0, 1e-30, 1e30, f32::MAX];
    // The least normal number, and smaller ones.
    values.extend([f32::MIN_POSITIVE, 1.5 * f32::MIN_POSITIVE, 1e-40, 7e-45, 1e-45]);
    values.extend([0.0, f32::INFINITY, f32::NAN]);
    let scales = [1.0, 1e-3, 1e8, 1e-37, 1e35];
    let normal = normal(&[60], 4).to_vec::<f32>().unwrap();
    values.extend(normal.iter().zip(scales.iter().cycle()).map(|(x, scale)| x.abs() * scale));
    let signed: Vec<f32> = values.iter().flat_map(|&x| [x, -x]).collect();
    let x = Tensor::new(&signed[..]).unwrap();
    let (a, b) = (x.unsqueeze(1).unwrap(), x.unsqueeze(0).unwrap());
    same("rem", &[&a, &b], 0.0, |x| x[0].rem(&x[1]));
    same("floor_div", &[&a, &b], 0.0, |x| x[0].floor_div(&x[1]));
    // Multiples, and numbers just beside them.
    let (a, b) = (Tensor::arange(-3000, 3000, 7).unwrap(), Tensor::arange(1, 60, 1).unwrap());
    let (a, b) =
        (a.to_dtype(DType::F32).unwrap().unsqueeze(1).unwrap(), b.to_dtype(DType::F32).unwrap().mul(0.1).unwrap());
    same("floor_div of multiples", &[&a.mul(&b).unwrap(), &b], 0.0, |x| x[0].floor_div(&x[1]));
    same("floor_div", &[&a, &b], 0.0, |x| x[0].floor_div(&x[1]));
}

#[test]
fn copies_of_many_axes() {
    let reversed: Vec<usize> = (0..12).rev().collect();
    for dtype in [DType::F32, DType::I64, DType::Bool] {
        let x = normal(&[2; 12], 1).to_dtype(dtype).unwrap().permute(&reversed[..]).unwrap();
        let every_other = x.slice_axis(4, Slice::from(..).step(-1)).unwrap();
        same("copy", &[&x], 0.0, |x| x[0].reshape([64, 64]));
        same("of a part", &[&every_other], 0.0, |x| x[0].narrow(2, 1, 1)?.reshape([-1]));
        same("written beside", &[&x], 0.0, |x| Tensor::concat(&[&x[0], &x[0].flip(1)?], 3));
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

/// Of many elements an invocation makes four neighbours, where all operands allow it.
#[test]
fn many_elements() {
    // Rows of a multiple of four and of an odd number, and planes.
    for shape in [&[300usize, 1000][..], &[271, 1001], &[2, 150, 32, 32], &[300_000]] {
        let x = normal(shape, 50);
        let last = normal(&shape[shape.len() - 1..], 51);
        let first: Vec<usize> = shape.iter().enumerate().map(|(i, &size)| if i == 0 { size } else { 1 }).collect();
        let first = normal(&first, 52);
        alike(&format!("chains of {shape:?}"), &[&x, &last, &first], 1e-6, |x| {
            let (x, last, first) = (&x[0], &x[1], &x[2]);
            let turned = x.transpose(0, -1)?;
            Ok(vec![
                x.mul(last)?.add(first)?.clamp(Some(-1.0), Some(2.0))?,
                x.mul(2.5)?.sub(x)?,
                turned.add(&turned)?.abs()?,
                turned.reshape([-1])?.reshape(turned.shape())?.add(&turned)?,
                x.gt(last)?.where_(first, x)?,
                x.mul(10.0)?.to_dtype(DType::I32)?.rem(7)?,
                x.mul(10.0)?.to_dtype(DType::U8)?.maximum(3)?,
                x.mul(10.0)?.to_dtype(DType::I64)?.mul(3)?,
                x.lt(0.0)?.logical_xor(&x.lt(last)?)?,
                // Views that begin anywhere.
                x.narrow(-1, 4, shape[shape.len() - 1] - 4)?.add(1.0)?,
                x.narrow(-1, 1, shape[shape.len() - 1] - 1)?.mul(&x.narrow(-1, 0, shape[shape.len() - 1] - 1)?)?,
            ])
        });
        for dtype in [DType::F16, DType::BF16] {
            let (x, last) = (x.to_dtype(dtype).unwrap(), last.to_dtype(dtype).unwrap());
            alike(&format!("{dtype} of {shape:?}"), &[&x, &last], 1e-6, |x| {
                Ok(vec![x[0].mul(&x[1])?.add(0.5)?, x[0].to_dtype(DType::F32)?.add(1.0)?, x[0].le(&x[1])?])
            });
        }
    }
}
