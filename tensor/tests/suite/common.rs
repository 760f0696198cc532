//! What the integration tests share: the devices they run on, reading fixtures and comparing tensors.

use std::collections::BTreeMap;
use std::path::Path;

use ocelli_tensor::{DType, Device, Tensor, safetensors};

use crate::adapter::or_skipped;

/// The first graphics adapter, if there is one. With `OCELLI_TEST_BINDING` its kernels see so many bytes of an operand at most, and all
/// else is done by parts.
pub(crate) fn adapter() -> Option<Device> {
    let binding = std::env::var("OCELLI_TEST_BINDING").ok();
    or_skipped(match binding.map(|bytes| bytes.parse().expect("a number of bytes")) {
        Some(bytes) => Device::wgpu_bounded(0, bytes),
        None => Device::wgpu(0),
    })
}

/// Where operations on tensors of this dtype are tested: the CPU, and the first graphics adapter (which has no `f64`).
pub(crate) fn devices(dtype: DType) -> Vec<Device> {
    let adapter = if dtype == DType::F64 { None } else { adapter() };
    [Device::Cpu].into_iter().chain(adapter).collect()
}

/// The tensors of `tests/fixtures/<name>.safetensors`, which `tests/fixtures/<name>.py` has made.
pub(crate) fn fixture(name: &str) -> BTreeMap<String, Tensor> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.safetensors"));
    safetensors::load(path).expect("a committed fixture")
}

/// Asserts equal shapes and dtypes, on whichever devices, and elements within `atol + rtol·|expected|` (NaN equals NaN, ∞ equals ∞).
#[track_caller]
pub(crate) fn assert_close(actual: &Tensor, expected: &Tensor, rtol: f64, atol: f64, what: &str) {
    assert_eq!(actual.shape(), expected.shape(), "{what}: shape");
    assert_eq!(actual.dtype(), expected.dtype(), "{what}: dtype");
    let values = |x: &Tensor| x.to_device(Device::Cpu).unwrap().to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
    for (i, (a, e)) in values(actual).into_iter().zip(values(expected)).enumerate() {
        let close = a == e || (a.is_nan() && e.is_nan()) || (a - e).abs() <= atol + rtol * e.abs();
        assert!(close, "{what}: element {i}: expected {e}, received {a}");
    }
}

/// The same elements in a memory order that is not row-major: every other element of a larger tensor, with its axes reversed.
pub(crate) fn scattered(x: &Tensor) -> Tensor {
    let rank = x.rank();
    let reversed: Vec<usize> = (0..rank).rev().collect();
    let wide = Tensor::full_on(x.device(), [2], 0, x.dtype()).unwrap();
    let shape: Vec<usize> = x.shape().iter().rev().copied().chain([2]).collect();
    let spread = wide.add(&x.permute(&reversed[..]).unwrap().unsqueeze(-1).unwrap()).unwrap();
    assert_eq!(spread.shape()[..], shape[..]);
    spread.select(-1, 1).unwrap().permute(&reversed[..]).unwrap()
}

/// A row-major copy of a tensor of at least one axis.
pub(crate) fn copied(x: &Tensor) -> ocelli_tensor::Result<Tensor> {
    x.index_select(0, &Tensor::arange(0, x.size(0)? as i64, 1)?.to_device(x.device())?)
}
