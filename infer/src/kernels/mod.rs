//! What steps compute, on slices of the arena; convolutions and linear layers are the tensor crate's prepared kernels.
//!
//! Every value is a number of places with some channels each, `stride` elements from one place to the next: an image's places
//! are its pixels, a matrix's its rows.

pub(crate) mod binary;
pub(crate) mod copy;
pub(crate) mod map;
pub(crate) mod pool;
pub(crate) mod softmax;

pub(crate) use ocelli_tensor::kernels::{Activation, Images, ImagesMut, PackedConv, PackedLinear, over_pieces};

/// Elements of simple work that are worth a task of their own.
pub(crate) const GRAIN: usize = 32 * 1024;

/// How many places make a task, each being so much work.
pub(crate) fn places_per_task(work_per_place: usize) -> usize {
    (GRAIN / work_per_place.max(1)).max(1)
}

/// Elements of a value in memory, the gaps between its places included.
pub(crate) fn extent(places: usize, channels: usize, stride: usize) -> usize {
    if places == 0 || channels == 0 { 0 } else { (places - 1) * stride + channels }
}
