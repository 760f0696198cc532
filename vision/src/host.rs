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

/// One score for each box `[N]`.
pub(crate) fn scores(op: &'static str, count: usize, scores: &Tensor) -> Result<Vec<f64>> {
    if !scores.dtype().is_float() {
        return Err(TensorError::dtype(op, "scores of a float dtype", scores.dtype()).into());
    }
    if scores.shape()[..] != [count] {
        let expected = format!("one score for each box, shape [{count}]");
        return Err(TensorError::shape(op, expected, scores.shape()).into());
    }
    Ok(elements::<f64>(scores)?.into_owned())
}

/// One label for each box `[N]`.
pub(crate) fn labels(op: &'static str, count: usize, labels: &Tensor) -> Result<Vec<i64>> {
    if !labels.dtype().is_integer() {
        return Err(TensorError::dtype(op, "labels of an integer dtype", labels.dtype()).into());
    }
    if labels.shape()[..] != [count] {
        let expected = format!("one label for each box, shape [{count}]");
        return Err(TensorError::shape(op, expected, labels.shape()).into());
    }
    Ok(elements::<i64>(labels)?.into_owned())
}

/// So many equal values.
pub(crate) fn filled<T: Clone>(value: T, len: usize) -> Result<Vec<T>> {
    let mut values = reserved(len)?;
    values.resize(len, value);
    Ok(values)
}

/// An empty vector with room for so many values: for results whose length follows from a user's sizes.
pub(crate) fn reserved<T>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let refused = |_| TensorError::OutOfMemory { bytes: len.saturating_mul(size_of::<T>()) };
    values.try_reserve_exact(len).map_err(refused)?;
    Ok(values)
}
