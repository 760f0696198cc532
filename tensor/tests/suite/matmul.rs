//! Matrix products, sums in Einstein's notation and QR against PyTorch (`fixtures/matmul.py`) and against the definition.

use crate::common::{assert_close, copied, devices, fixture, scattered};
use ocelli_tensor::{DType, Device, Generator, Result, Tensor};
use proptest::prelude::*;

#[test]
fn every_rank_is_pytorchs() {
    let data = fixture("matmul");
    for name in [
        "dot",
        "matrix_vector",
        "vector_matrix",
        "matrices",
        "batched",
        "broadcast",
        "right_matrix",
        "left_matrix",
        "vector_batched",
        "batched_vector",
    ] {
        let get = |part: &str| &data[&format!("{name}.{part}")];
        for device in devices(DType::F32) {
            for lie in [Tensor::clone, scattered] {
                let there = |part: &str| lie(&get(part).to_device(device).unwrap());
                let y = there("a").matmul(&there("b")).unwrap();
                assert_eq!(y.device(), device);
                assert_close(&y, get("y"), 1e-5, 1e-5, name);
            }
        }
    }
}

/// The list of `fixtures/matmul.py`.
const SPECS: [&str; 25] = [
    "ij,jk->ik",
    "ij,jk",
    "ba,cb",
    "ii->i",
    "ii",
    "iij->ji",
    "ij->ji",
    "ij->",
    "i,j->ij",
    "i,i->i",
    "i,i",
    "bij,bjk->bik",
    "bthd,bshd->bhts",
    "bhts,bshd->bthd",
    "abc,cde->abde",
    "...ij,...jk->...ik",
    "...ij,jk",
    "i...->...i",
    "i...->...",
    "ij,jk,kl->il",
    "ij,ik,il->jkl",
    "ij,kl->jl",
    "ijk,jil->kl",
    "ij,ij->j",
    "a,b,a,b->",
];

#[test]
fn einsum_is_pytorchs() {
    let data = fixture("matmul");
    for (i, spec) in SPECS.into_iter().enumerate() {
        for device in devices(DType::F32) {
            for lie in [Tensor::clone, scattered] {
                let operands = (0..4).map_while(|j| data.get(&format!("einsum{i}.{j}")));
                let operands: Vec<Tensor> = operands.map(|x| lie(&x.to_device(device).unwrap())).collect();
                let operands: Vec<&Tensor> = operands.iter().collect();
                let y = Tensor::einsum(spec, &operands).unwrap();
                assert_eq!(y.device(), device, "{spec}");
                assert_close(&y, &data[&format!("einsum{i}.y")], 1e-5, 1e-5, spec);
            }
        }
    }
    // Spaces do not count, and whole numbers are summed too.
    for device in devices(DType::I32) {
        let x = Tensor::new([[1i32, 2], [3, 4]]).unwrap().to_device(device).unwrap();
        let y = Tensor::einsum(" i j , j k -> i k ", &[&x, &x]).unwrap();
        assert_eq!(y.to_vec::<i32>().unwrap(), [7, 10, 15, 22]);
        assert_eq!(Tensor::einsum("ij->j", &[&x]).unwrap().to_vec::<i32>().unwrap(), [4, 6]);
        let none = Tensor::full_on(device, [0, 3], 0, DType::F32).unwrap();
        assert_eq!(Tensor::einsum("ij->j", &[&none]).unwrap().to_vec::<f32>().unwrap(), [0.0; 3]);
    }
}

#[test]
fn einsum_errors() {
    let x = Tensor::zeros([2, 3], DType::F32).unwrap();
    let text = |spec: &str, operands: &[&Tensor]| Tensor::einsum(spec, operands).unwrap_err().to_string();
    assert_eq!(text("ij,jk", &[&x]), "einsum: expected labels for 1 operands, received those of 2 in \"ij,jk\"");
    assert!(text("ijk", &[&x]).contains("an operand of rank 2, received \"ijk\""));
    assert!(text("ij->ii", &[&x]).contains("received i twice"));
    assert!(text("ij->k", &[&x]).contains("received k"));
    assert!(text("i1", &[&x]).contains("received '1'"));
    assert_eq!(
        text("ij,ij", &[&x, &x.t().unwrap()]),
        "einsum: expected size 2 for every axis i, received shape [3, 2]"
    );
    assert!(text("", &[]).contains("expected labels for 0 operands"));
}

#[test]
fn qr_is_lapacks() {
    let data = fixture("matmul");
    for name in ["tall", "wide", "square", "batched", "row", "column"] {
        let get = |part: &str| &data[&format!("qr_{name}.{part}")];
        for lie in [Tensor::clone, scattered] {
            let (q, r) = lie(get("x")).qr().unwrap();
            assert_close(&q, get("q"), 1e-4, 1e-5, name);
            assert_close(&r, get("r"), 1e-4, 1e-5, name);
        }
    }
    let x = Tensor::randn([40, 30], DType::F64, &mut Generator::new(5)).unwrap();
    let (q, r) = x.qr().unwrap();
    assert_close(&q.matmul(&r).unwrap(), &x, 0.0, 1e-12, "q · r");
    let gram = q.t().unwrap().matmul(&q).unwrap();
    assert_close(&gram, &Tensor::eye(30, 30, DType::F64).unwrap(), 0.0, 1e-12, "qᵀ · q");
    // Zeros are a product of the identity and zeros.
    let (q, r) = Tensor::zeros([3, 2], DType::F32).unwrap().qr().unwrap();
    assert_eq!(q.to_vec::<f32>().unwrap(), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(r.to_vec::<f32>().unwrap(), [0.0; 4]);
    for shape in [[0, 3], [3, 0]] {
        let (q, r) = Tensor::zeros(shape, DType::F32).unwrap().qr().unwrap();
        assert_eq!((&q.shape()[..], &r.shape()[..]), (&[shape[0], 0][..], &[0, shape[1]][..]));
    }
    let text = Tensor::zeros([3], DType::F32).unwrap().qr().unwrap_err().to_string();
    assert_eq!(text, "qr: expected matrices […, m, n], received shape [3]");
}

#[test]
fn inverse_of_a_triangle() {
    let x = Tensor::randn([2, 6, 6], DType::F64, &mut Generator::new(6)).unwrap();
    let x = x.add(&Tensor::eye(6, 6, DType::F64).unwrap().mul(4.0).unwrap()).unwrap();
    let down = Tensor::arange(0, 6, 1).unwrap().unsqueeze(1).unwrap();
    let above = Tensor::arange(0, 6, 1).unwrap().ge(&down).unwrap().to_dtype(DType::F64).unwrap();
    let inverse = scattered(&x).triangular_inverse().unwrap();
    let identity = Tensor::eye(6, 6, DType::F64).unwrap().expand([2, 6, 6]).unwrap();
    assert_close(&inverse.matmul(&x.mul(&above).unwrap()).unwrap(), &identity, 0.0, 1e-12, "identity");
    assert_eq!(Tensor::zeros([0, 0], DType::F32).unwrap().triangular_inverse().unwrap().shape()[..], [0, 0]);
    let text = Tensor::zeros([2, 3], DType::F32).unwrap().triangular_inverse().unwrap_err().to_string();
    assert_eq!(text, "triangular_inverse: expected square matrices […, n, n], received shape [2, 3]");
}

/// The products of matrices `[batch, m, k]` and `[batch, k, n]` follow the definition on all devices, transposed, flipped and scattered
/// operands included.
fn check(batch: usize, [m, k, n]: [usize; 3], lie: usize, dtype: DType) -> Result<()> {
    let mut generator = Generator::new(m as u64);
    let mut draw = |shape: [usize; 3]| -> Result<Tensor> {
        let normal = Tensor::randn(shape, DType::F64, &mut generator)?;
        let normal = if dtype.is_float() { normal } else { normal.mul(1e8)?.to_dtype(DType::I64)?.square()? };
        normal.to_dtype(dtype)
    };
    let (a, b) = (draw([batch, m, k])?, draw([batch, k, n])?);
    let place = |i: usize, p: usize| (i / n * k + p, (i / n / m * k + p) * n + i % n);
    let expected = if dtype.is_float() {
        let (x, y) = (a.to_dtype(DType::F64)?.to_vec::<f64>()?, b.to_dtype(DType::F64)?.to_vec::<f64>()?);
        let sum = |i| (0..k).map(|p| place(i, p)).map(|(p, q)| x[p] * y[q]).sum::<f64>();
        Tensor::from_vec((0..batch * m * n).map(sum).collect(), [batch, m, n])?
    } else {
        let (x, y) = (a.to_dtype(DType::I64)?.to_vec::<i64>()?, b.to_dtype(DType::I64)?.to_vec::<i64>()?);
        let add = |sum: i64, (p, q): (usize, usize)| sum.wrapping_add(x[p].wrapping_mul(y[q]));
        let sum = |i| (0..k).map(|p| place(i, p)).fold(0i64, add);
        // What is left of an `i64` that wrapped around is an `i32` that did.
        Tensor::from_vec((0..batch * m * n).map(sum).collect(), [batch, m, n])?.to_dtype(dtype)?
    };
    let (rtol, atol) = match dtype {
        DType::F64 => (1e-11, 1e-11),
        DType::F32 => (1e-5, 1e-5),
        DType::F16 => (1e-3, 1e-5),
        DType::BF16 => (8e-3, 1e-5),
        _ => (0.0, 0.0),
    };
    for device in devices(dtype) {
        // As it is, with axes in another order of memory, and backwards over memory that is the reverse of the tensor's.
        let form = |x: &Tensor, lie: usize| -> Result<Tensor> {
            let x = x.to_device(device)?;
            match lie {
                0 => Ok(x),
                1 => Ok(scattered(&x)),
                _ => copied(&x.flip(2)?)?.flip(2),
            }
        };
        let y = form(&a, lie % 3)?.matmul(&form(&b, lie / 3)?)?;
        assert_eq!((y.device(), y.dtype()), (device, dtype));
        let what = format!("{batch} × {m}×{k}×{n} of {dtype}, form {lie}, on {device}");
        let actual = if dtype.is_float() { y.to_device(Device::Cpu)?.to_dtype(DType::F64)? } else { y };
        // An adapter adds its steps one behind the other, where the CPU has several sums side by side.
        let more = if device == Device::Cpu || !dtype.is_float() { 0.0 } else { 1e-6 * (k as f64).sqrt() };
        assert_close(&actual, &expected, rtol, atol + more, &what);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_shapes_follow_the_definition(
        m in 1usize..70,
        k in 0usize..90,
        n in 1usize..70,
        batch in 1usize..4,
        lie in 0usize..9,
        dtype in prop_oneof![
            3 => Just(DType::F64),
            3 => Just(DType::F32),
            1 => Just(DType::F16),
            1 => Just(DType::BF16),
            1 => Just(DType::I32),
            1 => Just(DType::I64),
        ],
    ) {
        check(batch, [m, k, n], lie, dtype).unwrap();
    }
}

#[test]
fn around_the_blocks() -> Result<()> {
    for (dtype, lie) in [(DType::F32, 3), (DType::F16, 1), (DType::I32, 0), (DType::I64, 4)] {
        // An adapter's blocks are of 32 to 128 rows and columns, and its parts of a sum of 768 steps.
        check(1, [33, 17, 129], lie, dtype)?;
        check(1, [2, 1600, 3], lie, dtype)?;
        check(2, [1, 769, 33], lie, dtype)?;
        check(40, [5, 3, 4], lie, dtype)?;
    }
    // More blocks than an adapter needs to be busy: the larger ones.
    check(130, [65, 5, 64], 0, DType::I32)?;
    check(130, [65, 5, 64], 0, DType::F32)
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let mut generator = Generator::new(9);
    let a = Tensor::randn([130, 700], DType::F32, &mut generator).unwrap();
    let b = Tensor::randn([700, 530], DType::F32, &mut generator).unwrap();
    // A product with the first rows alone is cut differently, and gives the same numbers.
    let whole = a.matmul(&b).unwrap().narrow(0, 0, 40).unwrap();
    let part = a.narrow(0, 0, 40).unwrap().matmul(&b).unwrap();
    assert_close(&part, &whole, 0.0, 0.0, "rows");
}

#[test]
fn empty_operands_and_errors() {
    for device in devices(DType::F32) {
        for dtype in [DType::F32, DType::F16, DType::I32, DType::I64] {
            let zeros = |shape: &[usize]| Tensor::full_on(device, shape, 0, dtype).unwrap();
            let product = |a: &[usize], b: &[usize]| zeros(a).matmul(&zeros(b)).unwrap();
            for (y, shape) in [
                (product(&[0, 3], &[3, 2]), &[0, 2][..]),
                (product(&[2, 0], &[0, 2]), &[2, 2]),
                (zeros(&[0]).dot(&zeros(&[0])).unwrap(), &[]),
                (product(&[0, 2, 3], &[3, 4]), &[0, 2, 4]),
            ] {
                assert_eq!((y.device(), y.dtype()), (device, dtype));
                assert_close(&y, &Tensor::zeros(shape, dtype).unwrap(), 0.0, 0.0, "nothing");
            }
        }
        // What is no number remains so.
        let wild = Tensor::new([[f32::NAN, 1.0], [f32::INFINITY, 2.0]]).unwrap();
        let y = wild.to_device(device).unwrap().matmul(&Tensor::full_on(device, [2, 1], 3, DType::F32).unwrap());
        assert_close(&y.unwrap(), &Tensor::new([[f32::NAN], [f32::INFINITY]]).unwrap(), 0.0, 0.0, "wild");
    }
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32).unwrap();
    let text = |result: Result<Tensor>| result.unwrap_err().to_string();
    assert_eq!(
        text(zeros(&[2, 3]).matmul(&zeros(&[4, 5]))),
        "matmul: expected a right operand with 3 rows for a left one of [2, 3], received shape [4, 5]"
    );
    assert_eq!(text(zeros(&[]).matmul(&zeros(&[4, 5]))), "matmul: expected a vector or matrix, received shape []");
    assert!(text(zeros(&[2, 2, 3]).matmul(&zeros(&[3, 3, 5]))).contains("[2] and [3] do not broadcast"));
    let bytes = zeros(&[2, 2]).to_dtype(DType::U8).unwrap();
    assert_eq!(text(bytes.matmul(&bytes)), "matmul: expected a float dtype, i32 or i64, received dtype u8");
    assert!(text(bytes.matmul(&zeros(&[2, 2]))).contains("operands of one dtype, the first being u8"));
    assert_eq!(text(zeros(&[2]).dot(&zeros(&[3]))), "dot: expected a vector of shape [2], received shape [3]");
    let (a, b) = (Tensor::new([1.0f32, 2.0]).unwrap(), Tensor::new([3.0f32, 4.0]).unwrap());
    assert_eq!(a.outer(&b).unwrap().to_vec::<f32>().unwrap(), [3.0, 4.0, 6.0, 8.0]);
    assert!(text(a.outer(&zeros(&[2, 2]))).contains("two vectors"));
}
