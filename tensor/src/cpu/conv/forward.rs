//! The convolution itself, channels-last.

use smallvec::SmallVec;

use super::windows::{Result as Places, Windows};
use super::{Geometry, Images};
use crate::Result;
use crate::cpu::gemm::{Activation, EvenRows, Output, Packed, product};
use crate::cpu::math::Float;
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::level;

/// The packed weights of every group. `weight` lies as `[groups, taps, channels, filters]`.
pub(crate) fn pack<T: Float>(geometry: &Geometry, weight: &[T]) -> Result<Vec<Packed<T>>> {
    let &Geometry { channels, filters, groups, .. } = geometry;
    let taps = geometry.taps();
    let one = |group: usize| {
        Packed::new(level(), taps, channels, filters, |tap, channel| {
            &weight[((group * taps + tap) * channels + channel) * filters..][..filters]
        })
    };
    (0..groups).map(one).collect()
}

/// Where and how a convolution is written.
pub(crate) struct Written<'a, T> {
    /// Channels-last, `stride` elements from place to place.
    pub(crate) out: &'a mut [T],
    pub(crate) stride: usize,
    pub(crate) bias: Option<&'a [T]>,
    /// As the output, with its own distance of places.
    pub(crate) residual: Option<(&'a [T], usize)>,
    pub(crate) activation: Activation,
}

/// `out = activation(conv(x) + bias + residual)`. `zeros` are as many zeros as a group has channels.
pub(crate) fn forward<T: Float>(
    geometry: &Geometry,
    x: Images<'_, T>,
    packed: &[Packed<T>],
    zeros: &[T],
    written: Written<'_, T>,
) {
    let &Geometry { images, channels, filters, .. } = geometry;
    if written.out.is_empty() {
        return;
    }
    let shifts: SmallVec<[[isize; 3]; 9]> = (0..geometry.taps())
        .map(|tap| {
            let tap = geometry.tap(tap);
            std::array::from_fn(|axis| geometry.reads(axis, 0, tap[axis]))
        })
        .collect();
    let (len, out) = (written.out.len(), SharedMut::new(written.out));
    for (group, packed) in packed.iter().enumerate() {
        let first = group * filters;
        let x = x.starting_at(group * channels);
        let output = Output {
            data: out.from(first),
            len: len - first,
            stride: written.stride,
            bias: written.bias.map(|bias| &bias[first..first + filters]),
            residual: written.residual.map(|(residual, stride)| (&residual[first..], stride)),
            activation: written.activation,
        };
        let count = images * geometry.windows();
        // The windows of 1×1 convolutions need no searching.
        if let (true, Some(stride)) = (geometry.is_pointwise() && channels > 0, x.even_places(geometry.input)) {
            let rows = EvenRows { data: &x.data[x.offset..], stride, depth: channels };
            // SAFETY: `out` is borrowed for the whole call.
            unsafe { product(count, &rows, packed, &output) };
            continue;
        }
        let windows = Windows {
            images: x,
            input: geometry.input,
            grid: geometry.output,
            step: geometry.stride,
            shifts: shifts.clone(),
            zeros,
            result: Places::whole(geometry.output),
        };
        // SAFETY: `out` is borrowed for the whole call, and the windows' pointers are to `channels` numbers of an image or to the zeros.
        unsafe { product(count, &windows, packed, &output) };
    }
}
