//! Tensors on their way between the processor and an adapter.

use std::sync::Arc;

use half::{bf16, f16};

use super::elementwise::bytes;
use super::{Context, Stored};
use crate::layout::Layout;
use crate::{DType, Element, Result, Tensor};

/// A copy on the adapter, in the same order of memory if that is dense.
pub(crate) fn upload(context: &Arc<Context>, x: &Tensor) -> Result<Tensor> {
    let stored = Stored::of(x.dtype(), context.has_f16())?;
    let dense = x.laid_out(&x.layout().dense_like())?;
    let layout = Layout { offset: 0, ..dense.layout().clone() };
    let memory = match (x.dtype(), stored) {
        (DType::U8, _) => context.upload(bytemuck::cast_slice(&converted(&dense, |x: u8| u32::from(x))))?,
        (DType::Bool, _) => context.upload(bytemuck::cast_slice(&converted(&dense, |x: bool| u32::from(x))))?,
        (DType::BF16, _) => context.upload(bytemuck::cast_slice(&converted(&dense, bf16::to_f32)))?,
        (DType::F16, Stored::F32) => context.upload(bytemuck::cast_slice(&converted(&dense, f16::to_f32)))?,
        (DType::F16, _) => context.upload(bytemuck::cast_slice(dense.dense_elements::<f16>()))?,
        (DType::I32, _) => context.upload(bytemuck::cast_slice(dense.dense_elements::<i32>()))?,
        (DType::I64, _) => context.upload(bytemuck::cast_slice(dense.dense_elements::<i64>()))?,
        (DType::F32 | DType::F64, _) => context.upload(bytemuck::cast_slice(dense.dense_elements::<f32>()))?,
    };
    Ok(Tensor::on_device(Arc::new(memory), layout, x.dtype()))
}

/// A copy on the CPU, in the same order of memory if that is dense. Waits until the adapter has computed the numbers.
pub(crate) fn download(x: &Tensor) -> Result<Tensor> {
    let dense = x.laid_out(&x.layout().dense_like())?;
    let has_f16 = dense.memory().context().has_f16();
    let stored = Stored::of(x.dtype(), has_f16)?;
    let copy = match (x.dtype(), stored) {
        (DType::U8, _) => read::<u32, u8>(&dense, |x| x as u8)?,
        (DType::Bool, _) => read::<u32, bool>(&dense, |x| x != 0)?,
        (DType::BF16, _) => read::<f32, bf16>(&dense, bf16::from_f32)?,
        (DType::F16, Stored::F32) => read::<f32, f16>(&dense, f16::from_f32)?,
        (DType::F16, _) => read::<f16, f16>(&dense, |x| x)?,
        (DType::I32, _) => read::<i32, i32>(&dense, |x| x)?,
        (DType::I64, _) => read::<i64, i64>(&dense, |x| x)?,
        (DType::F32 | DType::F64, _) => read::<f32, f32>(&dense, |x| x)?,
    };
    Ok(copy.with_layout(Layout { offset: 0, ..dense.layout().clone() }))
}

/// The elements of a dense tensor in the order of memory, each as it is stored.
fn converted<T: Element, S>(dense: &Tensor, convert: impl Fn(T) -> S) -> Vec<S> {
    dense.dense_elements::<T>().iter().map(|&x| convert(x)).collect()
}

/// The elements of a dense tensor in the order of memory.
fn read<S: bytemuck::Pod, T: Element>(dense: &Tensor, convert: impl Fn(S) -> T) -> Result<Tensor> {
    let (start, count) = (dense.layout().offset, dense.numel());
    let mut stored = vec![0u8; bytes(count, Stored::of(dense.dtype(), dense.memory().context().has_f16())?)?];
    dense.memory().download(start * size_of::<S>(), &mut stored)?;
    Tensor::build::<T>([count], |out| {
        for (out, stored) in out.iter_mut().zip(stored.chunks_exact(size_of::<S>())) {
            *out = convert(bytemuck::pod_read_unaligned(stored));
        }
        Ok(())
    })
}
