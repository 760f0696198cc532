//! Tensors on their way between the processor and an adapter.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use half::{bf16, f16};

use super::elementwise::bytes;
use super::{Context, PIECE, Stored};
use crate::layout::Layout;
use crate::{DType, Element, Result, Tensor};

/// Whole numbers that are looked through on their way: it takes less time than to wait for an adapter.
const FEW: usize = 1 << 18;

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
    let extremes = match x.dtype() {
        DType::I64 => extremes(&dense, |x: i64| x),
        DType::I32 => extremes(&dense, |x: i32| x.into()),
        DType::U8 => extremes(&dense, |x: u8| x.into()),
        _ => None,
    };
    if let Some(extremes) = extremes {
        memory.known().extremes.get_or_init(|| extremes);
    }
    Ok(Tensor::on_device(Arc::new(memory), layout, x.dtype()))
}

/// The least and the greatest of whole numbers, if there are few: labels and indices, which the adapter need not be asked about then.
fn extremes<T: Element + Ord>(dense: &Tensor, widened: impl Fn(T) -> i64) -> Option<(i64, i64)> {
    let numbers = Some(dense.dense_elements::<T>()).filter(|numbers| numbers.len() <= FEW)?;
    Some((widened(*numbers.iter().min()?), widened(*numbers.iter().max()?)))
}

/// A copy on the CPU, in the same order of memory if that is dense. Waits until the adapter has computed the numbers.
pub(crate) fn download(x: &Tensor) -> Result<Tensor> {
    let mut copy = pin!(copied(x, Waiting::Blocks));
    match copy.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(copy) => copy,
        Poll::Pending => unreachable!("nothing is awaited where threads are blocked"),
    }
}

/// As [`download`], as a future that keeps no thread waiting.
pub(crate) async fn download_later(x: &Tensor) -> Result<Tensor> {
    copied(x, Waiting::Yields).await
}

/// What a thread does until numbers have come.
#[derive(Debug, Clone, Copy)]
enum Waiting {
    Blocks,
    Yields,
}

async fn copied(x: &Tensor, waiting: Waiting) -> Result<Tensor> {
    let dense = x.laid_out(&x.layout().dense_like())?;
    let stored = Stored::of(x.dtype(), dense.memory().context().has_f16())?;
    let (place, count) = (dense.layout().offset * stored.bytes(), bytes(dense.numel(), stored)?);
    let mut content = vec![0u8; count];
    // The next piece is on its way while one is copied.
    let begin = |start: usize| dense.memory().read_back(place + start, (count - start).min(PIECE));
    let mut next = if count > 0 { Some(begin(0)?) } else { None };
    for (piece, start) in content.chunks_mut(PIECE).zip((0..count).step_by(PIECE)) {
        let Some(coming) = next.take() else { break };
        if start + PIECE < count {
            next = Some(begin(start + PIECE)?);
        }
        match waiting {
            Waiting::Blocks => coming.wait(),
            Waiting::Yields => coming.arrive().await,
        }
        coming.take(piece)?;
    }
    let copy = match (x.dtype(), stored) {
        (DType::U8, _) => read::<u32, u8>(&content, |x| x as u8)?,
        (DType::Bool, _) => read::<u32, bool>(&content, |x| x != 0)?,
        (DType::BF16, _) => read::<f32, bf16>(&content, bf16::from_f32)?,
        (DType::F16, Stored::F32) => read::<f32, f16>(&content, f16::from_f32)?,
        (DType::F16, _) => read::<f16, f16>(&content, |x| x)?,
        (DType::I32, _) => read::<i32, i32>(&content, |x| x)?,
        (DType::I64, _) => read::<i64, i64>(&content, |x| x)?,
        (DType::F32 | DType::F64, _) => read::<f32, f32>(&content, |x| x)?,
    };
    Ok(copy.with_layout(Layout { offset: 0, ..dense.layout().clone() }))
}

/// The elements of a dense tensor in the order of memory, each as it is stored.
fn converted<T: Element, S>(dense: &Tensor, convert: impl Fn(T) -> S) -> Vec<S> {
    dense.dense_elements::<T>().iter().map(|&x| convert(x)).collect()
}

/// The elements, from how they are stored.
fn read<S: bytemuck::Pod, T: Element>(content: &[u8], convert: impl Fn(S) -> T) -> Result<Tensor> {
    Tensor::build::<T>([content.len() / size_of::<S>()], |out| {
        for (out, stored) in out.iter_mut().zip(content.chunks_exact(size_of::<S>())) {
            *out = convert(bytemuck::pod_read_unaligned(stored));
        }
        Ok(())
    })
}
