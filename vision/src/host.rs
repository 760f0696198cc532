//! Tensors as slices on the host, for loops that no tensor operation is.

use std::borrow::Cow;

use ocelli_tensor::{Device, Element, Error as TensorError, Tensor};

use crate::Result;

/// The elements in logical order as `T`: without a copy where they lie that way on the CPU.
pub(crate) fn elements<T: Element + Copy>(tensor: &Tensor) -> Result<Cow<'_, [T]>> {
    match tensor.as_slice::<T>() {
        Some(elements) => Ok(Cow::Borrowed(elements)),
        None => Ok(Cow::Owned(tensor.to_device(Device::Cpu)?.to_dtype(T::DTYPE)?.to_vec::<T>()?)),
    }
}

/// Boxes `[N, 4]` as arrays of `f64`.
pub(crate) fn boxes(op: &'static str, boxes: &Tensor) -> Result<Vec<[f64; 4]>> {
    crate::ops::boxes::require_list(op, boxes)?;
    Ok(elements::<f64>(boxes)?.as_chunks::<4>().0.to_vec())
}

/// An empty vector with room for so many values: for results whose length follows from a user's sizes.
pub(crate) fn reserved<T>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let refused = |_| TensorError::OutOfMemory { bytes: len.saturating_mul(size_of::<T>()) };
    values.try_reserve_exact(len).map_err(refused)?;
    Ok(values)
}
