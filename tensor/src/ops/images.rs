//! Images `[N, C, spatial…]` for kernels that take both memory orders.

use crate::layout::Layout;
use crate::{Element, Result, Shape, Tensor};

/// Images in one of the two memory orders that kernels take.
pub(crate) struct Images {
    pub(crate) tensor: Tensor,
    /// Channels side by side at each place: all of them, or 1 in row-major order.
    pub(crate) inner: usize,
}

impl Images {
    /// These images, copied if they lie in another order. Images of one place have both orders; they count as channels-last, as what
    /// convolutions make is.
    pub(crate) fn of(x: &Tensor) -> Result<Images> {
        let channels = x.shape()[1];
        let last = channels > 1 && (x.layout().is_channels_last() || (!x.is_contiguous() && x.strides()[1] == 1));
        match last {
            true => Ok(Images { tensor: x.to_channels_last()?, inner: channels }),
            false => Ok(Images { tensor: x.contiguous()?, inner: 1 }),
        }
    }

    /// Another tensor of these channels, in this order.
    pub(crate) fn alike(&self, other: &Tensor) -> Result<Images> {
        let tensor = if self.inner == 1 { other.contiguous()? } else { other.to_channels_last()? };
        Ok(Images { tensor, inner: self.inner })
    }

    /// These images as rows in memory: `[planes, places, channels side by side]`.
    pub(crate) fn planes(&self) -> Tensor {
        let shape = self.tensor.shape();
        let planes = [shape[0] * (shape[1] / self.inner), shape[2..].iter().product(), self.inner];
        self.tensor.with_layout(Layout { offset: self.tensor.layout().offset, ..Layout::contiguous(planes.into()) })
    }

    /// The elements in memory order.
    pub(crate) fn elements<T: Element>(&self) -> &[T] {
        let data = self.tensor.view::<T>().data;
        let start = self.tensor.layout().offset.min(data.len());
        &data[start..start + self.tensor.numel()]
    }

    /// As [`Images::elements`], for kernels that only move elements.
    pub(crate) fn bits<W: bytemuck::AnyBitPattern>(&self) -> &[W] {
        let data = self.tensor.bits::<W>().data;
        let start = self.tensor.layout().offset.min(data.len());
        &data[start..start + self.tensor.numel()]
    }

    /// A tensor of this shape whose elements a kernel has written in this order.
    pub(crate) fn result(&self, shape: &Shape, written: Tensor) -> Result<Tensor> {
        if self.inner == 1 {
            return Ok(written);
        }
        Ok(written.with_layout(Layout::channels_last(shape.clone())))
    }
}
