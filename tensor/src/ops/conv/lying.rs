//! How pictures lie in memory, as the kernels of convolutions ask for them.

use crate::cpu::conv::pointwise::Planes;
use crate::cpu::conv::{Geometry, Images, Lie};
use crate::cpu::gemm::Places;
use crate::layout::Layout;
use crate::memory::Buffer;
use crate::{Element, Result, Shape, Tensor};

/// The elements of a row-major tensor.
pub(super) fn elements<T: Element>(x: &Tensor) -> &[T] {
    x.view::<T>().as_contiguous().unwrap_or_default()
}

/// The last three of an array's axes, the missing ones being `fill`.
pub(super) fn three<T: Copy>(values: &[T], fill: T) -> [T; 3] {
    let mut three = [fill; 3];
    three[3 - values.len()..].copy_from_slice(values);
    three
}

/// The images of a 1×1 convolution, if they lie in planes and not channels-last.
pub(super) fn planes<'a, T: Element>(geometry: &Geometry, x: &'a Tensor) -> Option<Planes<'a, T>> {
    let layout = x.layout();
    if !geometry.is_pointwise() || geometry.is_depthwise() || channels_are_neighbours(x) {
        return None;
    }
    let mut step = 1;
    for (&size, &stride) in layout.shape[2..].iter().zip(&layout.strides[2..]).rev() {
        if size != 1 && stride != step {
            return None;
        }
        step *= size as isize;
    }
    let (image, channel) = (layout.strides[0], layout.strides[1]);
    Some(Planes { data: x.view::<T>().data, offset: layout.offset, image, channel })
}

fn channels_are_neighbours(x: &Tensor) -> bool {
    x.shape()[1] == 1 || x.layout().strides[1] == 1
}

/// The images with their channels as neighbours in memory: as they are, or a copy.
pub(super) fn channels_last(x: &Tensor) -> Result<Tensor> {
    if channels_are_neighbours(x) { Ok(x.clone()) } else { x.to_channels_last() }
}

/// A new tensor of this logical shape, channels-last in memory, that `fill` writes.
pub(super) fn build_channels_last<T: Element>(
    shape: &Shape,
    fill: impl FnOnce(&mut [T]) -> Result<()>,
) -> Result<Tensor> {
    shape.check_size("conv", T::DTYPE)?;
    let mut buffer = Buffer::for_output::<T>(shape.numel())?;
    fill(buffer.as_mut_slice::<T>())?;
    Ok(Tensor::from_buffer(buffer, Layout::channels_last(shape.clone()), T::DTYPE))
}

/// The images as places with their channels side by side, if they lie so.
pub(super) fn as_places<T: Element>(x: &Tensor) -> Option<Places<'_, T>> {
    let lie = lie(x);
    let place = lie.place(x.shape()[0], x.shape()[1], three(&x.shape()[2..], 1))?;
    Some(Places { data: &x.view::<T>().data[lie.offset..], place })
}

/// The images with their channels side by side: as they are, or a copy.
pub(super) fn in_places<T: Element>(x: Tensor) -> Result<Tensor> {
    if as_places::<T>(&x).is_some() { Ok(x) } else { x.to_channels_last() }
}

/// What [`in_places`] made.
pub(super) fn places<T: Element>(x: &Tensor) -> Places<'_, T> {
    // Images without places have none.
    as_places::<T>(x).unwrap_or(Places { data: &[], place: 0 })
}

/// How images lie in memory, whatever the order of their axes.
pub(super) fn lie(x: &Tensor) -> Lie {
    let layout = x.layout();
    let places = three(&layout.strides[2..], 0);
    Lie { offset: layout.offset, image: layout.strides[0], channel: layout.strides[1], places }
}

/// A batch of images whose channels are neighbours.
pub(super) fn images<T: Element>(x: &Tensor) -> Images<'_, T> {
    let layout = x.layout();
    let places = three(&layout.strides[2..], 0);
    Images { data: x.view::<T>().data, offset: layout.offset, image: layout.strides[0], places }
}
