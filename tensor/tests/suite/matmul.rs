//! Matrix products, sums in Einstein's notation and QR against PyTorch (`fixtures/matmul.py`) and against the definition.

use crate::common::{assert_close, fixture, scattered};
use ocelli_tensor::{DType, Generator, Slice, Tensor};
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
        for lie in [Tensor::clone, scattered] {
            let y = lie(get("a")).matmul(&lie(get("b"))).unwrap();
            assert_close(&y, get("y"), 1e-5, 1e-5, name);
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
        for lie in [Tensor::clone, scattered] {
            let operands: Vec<Tensor> = (0..4).map_while(|j| data.get(&format!("einsum{i}.{j}"))).map(lie).collect();
            let operands: Vec<&Tensor> = operands.iter().collect();
            let y = Tensor::einsum(spec, &operands).unwrap();
            assert_close(&y, &data[&format!("einsum{i}.y")], 1e-5, 1e-5, spec);
        }
    }
    // Spaces do not count, and whole numbers are summed too.
    let x = Tensor::new([[1i32, 2], [3, 4]]).unwrap();
    let y = Tensor::einsum(" i j , j k -> i k ", &[&x, &x]).unwrap();
    assert_eq!(y.to_vec::<i32>().unwrap(), [7, 10, 15, 22]);
    assert_eq!(Tensor::einsum("ij->j", &[&x]).unwrap().to_vec::<i32>().unwrap(), [4, 6]);
    let none = Tensor::zeros([0, 3], DType::F32).unwrap();
    assert_eq!(Tensor::einsum("ij->j", &[&none]).unwrap().to_vec::<f32>().unwrap(), [0.0; 3]);
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_shapes_follow_the_definition(m in 1usize..70, k in 0usize..90, n in 1usize..70, batch in 1usize..4, lie in 0usize..4) {
        let mut generator = Generator::new(m as u64);
        let a = Tensor::randn([batch, m, k], DType::F64, &mut generator).unwrap();
        let b = Tensor::randn([batch, k, n], DType::F64, &mut generator).unwrap();
        let (x, y) = (a.to_vec::<f64>().unwrap(), b.to_vec::<f64>().unwrap());
        let mut expected = Vec::with_capacity(batch * m * n);
        for i in 0..batch * m * n {
            let (row, column) = (i / n, i % n);
            let right = row / m * k;
            expected.push((0..k).map(|p| x[row * k + p] * y[(right + p) * n + column]).sum::<f64>());
        }
        let expected = Tensor::from_vec(expected, [batch, m, n]).unwrap();
        // Transposed, flipped and scattered operands.
        let flip = |x: &Tensor| {
            let back = Slice::from(..).step(-1);
            x.slice_axis(2, back).unwrap().contiguous_flip()
        };
        let a = if lie & 1 == 1 { scattered(&a) } else { flip(&a) };
        let b = if lie & 2 == 2 { scattered(&b) } else { flip(&b) };
        assert_close(&a.matmul(&b).unwrap(), &expected, 1e-11, 1e-11, "product");
    }
}

/// A view that runs backwards over memory that is the reverse of the tensor's.
trait Flip {
    fn contiguous_flip(&self) -> Tensor;
}

impl Flip for Tensor {
    fn contiguous_flip(&self) -> Tensor {
        let copy = Tensor::from_vec(self.to_vec::<f64>().unwrap(), self.shape().clone()).unwrap();
        copy.slice_axis(2, Slice::from(..).step(-1)).unwrap()
    }
}

#[test]
fn other_dtypes() {
    let mut generator = Generator::new(8);
    let a = Tensor::randint(-9, 9, [20, 30], DType::I64, &mut generator).unwrap();
    let b = Tensor::randint(-9, 9, [30, 25], DType::I64, &mut generator).unwrap();
    let expected = a.to_dtype(DType::F64).unwrap().matmul(&b.to_dtype(DType::F64).unwrap()).unwrap();
    for dtype in [DType::I32, DType::I64, DType::F32, DType::F16, DType::BF16] {
        let y = a.to_dtype(dtype).unwrap().matmul(&b.to_dtype(dtype).unwrap()).unwrap();
        assert_eq!(y.dtype(), dtype);
        assert_close(&y, &expected.to_dtype(dtype).unwrap(), 0.0, 0.0, dtype.name());
    }
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
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32).unwrap();
    assert_eq!(zeros(&[0, 3]).matmul(&zeros(&[3, 2])).unwrap().shape()[..], [0, 2]);
    assert_eq!(zeros(&[2, 0]).matmul(&zeros(&[0, 2])).unwrap().to_vec::<f32>().unwrap(), [0.0; 4]);
    assert_eq!(zeros(&[0]).dot(&zeros(&[0])).unwrap().item::<f32>().unwrap(), 0.0);
    assert_eq!(zeros(&[0, 2, 3]).matmul(&zeros(&[3, 4])).unwrap().shape()[..], [0, 2, 4]);
    let text = |result: ocelli_tensor::Result<Tensor>| result.unwrap_err().to_string();
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
