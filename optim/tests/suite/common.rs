//! What the integration tests share: reading fixtures and comparing tensors.

use std::collections::BTreeMap;
use std::path::Path;

use ocelli_tensor::{DType, Tensor, safetensors};

/// The tensors of `tests/fixtures/<name>.safetensors`, which `tests/fixtures/<name>.py` has made.
pub(crate) fn fixture(name: &str) -> BTreeMap<String, Tensor> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.safetensors"));
    safetensors::load(path).expect("a committed fixture")
}

/// Asserts equal shapes and dtypes, and elements within `atol + rtol·|expected|`.
#[track_caller]
pub(crate) fn assert_close(actual: &Tensor, expected: &Tensor, rtol: f64, atol: f64, what: &str) {
    assert_eq!(actual.shape(), expected.shape(), "{what}: shape");
    assert_eq!(actual.dtype(), expected.dtype(), "{what}: dtype");
    let values = |x: &Tensor| x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
    for (i, (a, e)) in values(actual).into_iter().zip(values(expected)).enumerate() {
        let close = (a - e).abs() <= atol + rtol * e.abs();
        assert!(close, "{what}: element {i}: expected {e}, received {a}");
    }
}
