//! What the integration tests share: reading fixtures and comparing tensors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocelli_tensor::{DType, Tensor, safetensors};

/// A file of `tests/fixtures`.
pub(crate) fn fixture_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The tensors of `tests/fixtures/<name>.safetensors`, which `tests/fixtures/<name>.py` has made.
pub(crate) fn fixture(name: &str) -> BTreeMap<String, Tensor> {
    safetensors::load(fixture_path(&format!("{name}.safetensors"))).expect("a committed fixture")
}

/// The elements as `f64`.
pub(crate) fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap()
}

/// Asserts equal shapes and dtypes, and elements within `atol + rtol·|expected|` (NaN equals NaN, ∞ equals ∞).
#[track_caller]
pub(crate) fn assert_close(actual: &Tensor, expected: &Tensor, rtol: f64, atol: f64, what: &str) {
    assert_eq!(actual.shape(), expected.shape(), "{what}: shape");
    assert_eq!(actual.dtype(), expected.dtype(), "{what}: dtype");
    for (i, (a, e)) in values(actual).into_iter().zip(values(expected)).enumerate() {
        let close = a == e || (a.is_nan() && e.is_nan()) || (a - e).abs() <= atol + rtol * e.abs();
        assert!(close, "{what}: element {i}: expected {e}, received {a}");
    }
}

/// A 2-dimensional tensor's elements in a memory order that is not row-major: every other one of a larger transposed tensor.
pub(crate) fn scattered(x: &Tensor) -> Tensor {
    let across = x.t().unwrap();
    let wide = Tensor::stack(&[across.zeros_like().unwrap(), across], -1).unwrap();
    let scattered = wide.select(-1, 1).unwrap().t().unwrap();
    assert!(!scattered.is_contiguous() || x.numel() < 2);
    scattered
}

/// An `f32` tensor whose last two axes lie the other way round in memory.
pub(crate) fn turned(x: &Tensor) -> Tensor {
    let across = x.transpose(-2, -1).unwrap();
    let shape = across.shape().clone();
    let turned = Tensor::from_vec(across.to_vec::<f32>().unwrap(), shape).unwrap().transpose(-2, -1).unwrap();
    assert!(!turned.is_contiguous());
    turned
}
