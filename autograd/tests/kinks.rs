//! Gradients of reductions, orders, indices and rectifiers at ties, kinks and infinities. The numbers are those of PyTorch 2.15's `amax`,
//! `max`, `topk`, `linalg.vector_norm`, `std`, `softmax`, `log_softmax`, `relu` and `relu6` for the same inputs, unless a test says
//! otherwise.

use ocelli_autograd::{Result, Var};
use ocelli_tensor::{DType, Tensor};

const INF: f64 = f64::INFINITY;

/// The gradient of the sum of `f`.
#[track_caller]
fn gradient<const R: usize, const C: usize>(rows: [[f64; C]; R], f: impl Fn(&Var) -> Result<Var>) -> Vec<f64> {
    let x = Var::leaf(Tensor::new(rows).unwrap()).unwrap();
    let sum = f(&x).unwrap().sum(..).unwrap();
    let gradients = sum.backward().unwrap();
    gradients.get(&x).unwrap().to_vec().unwrap()
}

#[track_caller]
fn assert_near(actual: &[f64], expected: &[f64]) {
    let near = |(a, e): (&f64, &f64)| (a - e).abs() < 1e-12;
    assert!(
        actual.len() == expected.len() && actual.iter().zip(expected).all(near),
        "expected {expected:?}, received {actual:?}"
    );
}

#[test]
fn equal_extremes_share_but_an_index_takes_all() {
    let x = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]];
    let third = 1.0 / 3.0;
    let shared = [0.0, 0.5, 0.5, third, third, third];
    assert_near(&gradient(x, |x| x.max(1)), &shared);
    assert_near(&gradient(x, |x| x.neg()?.min(1)?.neg()), &shared);
    let first = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0];
    assert_near(&gradient(x, |x| Ok(x.max_with_indices(1)?.0)), &first);
    assert_near(&gradient(x, |x| Ok(x.topk(1, 1, true)?.0)), &first);
}

#[test]
fn norms_at_zero_and_at_ties() {
    let x = [[0.0, 0.0], [0.0, 2.0], [-2.0, 2.0]];
    let cases: [(f64, f64, f64); 7] = [
        // p, the gradient of 2 beside 0, and that of 2 beside -2.
        (1.0, 1.0, 1.0),
        (1.5, 1.0, 0.793_700_525_984_099_8),
        (2.0, 1.0, 0.707_106_781_186_547_5),
        (3.0, 1.0, 0.629_960_524_947_436_5),
        (-1.0, 0.0, 0.25),
        (INF, 1.0, 0.5),
        (-INF, 0.0, 0.5),
    ];
    for (p, beside_zero, beside_equal) in cases {
        let expected = [0.0, 0.0, 0.0, beside_zero, -beside_equal, beside_equal];
        assert_near(&gradient(x, |x| x.norm(p, 1)), &expected);
    }
}

#[test]
fn the_deviation_of_equal_elements_does_not_move() {
    let actual = gradient([[1.0, 1.0], [1.0, 2.0]], |x| x.std(1, 0));
    assert_near(&actual, &[0.0, 0.0, -0.5, 0.5]);
}

#[test]
fn infinities() {
    let masked = [[-INF, 0.0]];
    assert_near(&gradient(masked, |x| x.softmax(1)), &[0.0, 0.0]);
    let last = |x: &Var| x.log_softmax(1)?.select(1, 1);
    assert_near(&gradient(masked, last), &[0.0, 0.0]);
    assert_near(&gradient(masked, |x| x.logsumexp(1)), &[0.0, 1.0]);
    // Here PyTorch says NaN; 0 is what a sum that has masked all of its terms needs.
    assert_near(&gradient([[-INF, -INF]], |x| x.logsumexp(1)), &[0.0, 0.0]);
}

#[test]
fn half_types_keep_their_dtype() -> Result<()> {
    let x = Tensor::new([[1.0f32, 3.0], [2.0, 0.5]])?.to_dtype(DType::BF16)?;
    let x = Var::leaf(x)?;
    let index = Tensor::new([1i64, 0, 1])?;
    let results = [
        x.mean(..)?,
        x.std(.., 1)?,
        x.norm(3.0, ..)?,
        x.prod(..)?,
        x.logsumexp(..)?,
        x.softmax(1)?.max(..)?,
        x.cumprod(0)?.sum(..)?,
        x.index_select(0, &index)?.sort(0, true)?.0.sum(..)?,
        x.masked_fill(&x.tensor().gt(1.5)?, 0.0)?.sum(..)?,
    ];
    for y in results {
        assert_eq!(y.dtype(), DType::BF16, "{:?}", y.op_name());
        assert_eq!(y.backward()?.get(&x)?.dtype(), DType::BF16);
    }
    Ok(())
}

#[test]
fn indices_are_checked_as_the_tensors_are() {
    let x = Var::leaf(Tensor::zeros([2, 3], DType::F32).unwrap()).unwrap();
    let text = |result: Result<Var>| result.unwrap_err().to_string();
    assert_eq!(
        text(x.index_select(1, &Tensor::new([3i64]).unwrap())),
        "index_select: expected indices in 0..3 along axis 1, received 3"
    );
    assert_eq!(text(x.softmax(2)), "softmax: expected an axis in -2..2, received 2");
    assert_eq!(
        text(x.topk(4, 1, true).map(|(values, _)| values)),
        "topk: expected k of at most 3, the size of axis 1, received 4"
    );
}

#[test]
fn rectifiers_at_their_kinks() {
    let x = [[-1.0, 0.0, 3.0, 6.0, 7.0]];
    assert_near(&gradient(x, Var::relu), &[0.0, 0.0, 1.0, 1.0, 1.0]);
    assert_near(&gradient(x, Var::relu6), &[0.0, 0.0, 1.0, 0.0, 0.0]);
}
