//! The convolution itself, channels-last.

use smallvec::SmallVec;

use super::windows::{Result as Places, Windows};
use super::{Geometry, Images};
use crate::Result;
use crate::cpu::gemm::{EvenRows, Output, Packed, product};
use crate::cpu::math::Float;
use crate::cpu::simd::level;
use crate::profile;

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

/// `out = activation(conv(x) + bias + residual)`. `zeros` are as many zeros as a group has channels.
pub(crate) fn forward<T: Float>(
    geometry: &Geometry,
    x: Images<'_, T>,
    packed: &[Packed<T>],
    zeros: &[T],
    out: &Output<'_, T>,
) {
    let _span = profile::span_of_work("conv", geometry.bytes::<T>(), geometry.flops());
    let &Geometry { images, channels, filters, .. } = geometry;
    if out.len == 0 {
        return;
    }
    let shifts: SmallVec<[[isize; 3]; 9]> = (0..geometry.taps())
        .map(|tap| {
            let tap = geometry.tap(tap);
            std::array::from_fn(|axis| geometry.reads(axis, 0, tap[axis]))
        })
        .collect();
    for (group, packed) in packed.iter().enumerate() {
        let first = group * filters;
        let x = x.starting_at(group * channels);
        let output = out.channels(first..first + filters);
        let count = images * geometry.windows();
        // The windows of 1×1 convolutions need no searching.
        if let (true, Some(stride)) = (geometry.is_pointwise() && channels > 0, x.even_places(geometry.input)) {
            let rows = EvenRows { data: &x.data[x.offset..], stride, depth: channels };
            // SAFETY: `out` is borrowed for as long as it is there.
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
        // SAFETY: `out` is borrowed for as long as it is there, and the windows' pointers are to `channels` numbers of an image or to the zeros.
        unsafe { product(count, &windows, packed, &output) };
    }
}
