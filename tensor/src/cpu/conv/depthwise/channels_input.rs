//! The gradient of the input for channels-last images.
// Loops of constant length over several arrays at once unroll into registers; iterators over them would not read better.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use super::channels::{READ, TILE, blocks, gather, is_fixed, with_fixed};
use crate::cpu::conv::Geometry;
use crate::cpu::gemm::Places;
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Kernel, Lane, Simd, Vector, load, store};

/// Rows of the input's gradient, counted over all images: `dx[n, i, c] = Σ dy · weight` over the windows and taps that read `i`.
pub(super) struct Input<'a, T> {
    pub(super) geometry: &'a Geometry,
    pub(super) dy: Places<'a, T>,
    pub(super) weight: &'a [T],
    pub(super) rows: Range<usize>,
    /// The whole gradient, dense, of which this writes its own rows.
    pub(super) dx: SharedMut<T>,
}

impl<T: Lane> Kernel for Input<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let fixed = is_fixed(self.geometry);
        for row in self.rows.clone() {
            if fixed {
                with_fixed!(self.geometry, K, STRIDE => self.row::<S, K, STRIDE>(s, row));
            } else {
                self.any_row(s, row);
            }
        }
    }
}

/// The window along an axis whose tap reads a place, if there is one.
#[inline(always)]
fn window(geometry: &Geometry, axis: usize, place: usize, tap: usize) -> Option<usize> {
    let at = (place as isize + geometry.before[axis]).checked_sub_unsigned(tap * geometry.dilation[axis])?;
    let at = usize::try_from(at).ok()?;
    let stride = geometry.stride[axis];
    (at % stride == 0 && at / stride < geometry.output[axis]).then_some(at / stride)
}

impl<T: Lane> Input<'_, T> {
    /// One row, in tiles that begin where a window's first tap reads: so which tap of which window reads which place of a tile
    /// is the same for all of them.
    #[inline(always)]
    fn row<S: Simd, const K: usize, const STRIDE: usize>(&self, s: S, row: usize) {
        let geometry = self.geometry;
        let ([_, high, wide], [_, input_high, input_wide]) = (geometry.output, geometry.input);
        let (image, y) = (row / input_high, row % input_high);
        let windows = if STRIDE == 1 { TILE } else { TILE.div_ceil(2) };
        // Windows before a tile's first one that read in it.
        let earlier = (K - 1) / STRIDE;
        let before = geometry.before[2];
        let mut first = before.div_euclid(STRIDE as isize);
        loop {
            let left = first * STRIDE as isize - before;
            if left >= input_wide as isize {
                break;
            }
            for (channel, lanes) in blocks(geometry.groups, T::Of::<S>::LANES) {
                let mut sums = [T::Of::<S>::zero(s); 8];
                for tap in 0..K {
                    let Some(y) = window(geometry, 1, y, tap) else { continue };
                    let from = (image * high + y) * wide;
                    let mut dy = [T::Of::<S>::zero(s); READ];
                    for o in 0..windows + earlier {
                        let z = (first + o as isize - earlier as isize) as usize;
                        if z < wide {
                            let from = &self.dy.data[(from + z) * self.dy.place + channel..];
                            // SAFETY: the window has these channels.
                            dy[o] = unsafe { load(s, from.as_ptr(), lanes) };
                        }
                    }
                    let weight = self.weight[tap * K * geometry.groups + channel..].as_ptr();
                    for t in 0..K {
                        // SAFETY: each tap has a weight for every channel.
                        let weight = unsafe { load(s, weight.add(t * geometry.groups), lanes) };
                        for o in 0..windows {
                            let at = o * STRIDE + t % STRIDE;
                            sums[at] = dy[o + earlier - t / STRIDE].mul_add(weight, sums[at]);
                        }
                    }
                }
                for i in 0..windows * STRIDE {
                    let column = (left + i as isize) as usize;
                    if column < input_wide {
                        let to = (row * input_wide + column) * geometry.groups + channel;
                        // SAFETY: the place is in this row, which this kernel writes alone.
                        unsafe { store::<S, T>(sums[i], self.dx.pointer().add(to), lanes) };
                    }
                }
            }
            first += windows as isize;
        }
    }

    /// As [`Input::row`] for any kernel, stride, dilation and depth multiplier.
    #[inline(always)]
    fn any_row<S: Simd>(&self, s: S, row: usize) {
        let geometry = self.geometry;
        let ([deep, high, wide], [input_deep, input_high, input_wide]) = (geometry.output, geometry.input);
        let [kernel_deep, kernel_high, kernel_wide] = geometry.kernel;
        let multiplier = geometry.filters;
        let filters = geometry.groups * multiplier;
        let (image, depth, y) = (row / (input_deep * input_high), row / input_high % input_deep, row % input_high);
        for (z, (channel, lanes)) in
            (0..input_wide).flat_map(|z| blocks(geometry.groups, T::Of::<S>::LANES).map(move |block| (z, block)))
        {
            let mut sum = T::Of::<S>::zero(s);
            for a in 0..kernel_deep {
                let Some(from_depth) = window(geometry, 0, depth, a) else { continue };
                for b in 0..kernel_high {
                    let Some(from_row) = window(geometry, 1, y, b) else { continue };
                    let from = ((image * deep + from_depth) * high + from_row) * wide;
                    for c in 0..kernel_wide {
                        let Some(column) = window(geometry, 2, z, c) else { continue };
                        let tap = (a * kernel_high + b) * kernel_wide + c;
                        let dy = &self.dy.data[(from + column) * self.dy.place..];
                        let weight = &self.weight[tap * filters..(tap + 1) * filters];
                        if multiplier == 1 {
                            // SAFETY: window and tap have a number for each channel.
                            let (dy, weight) = unsafe {
                                (load(s, dy.as_ptr().add(channel), lanes), load(s, weight[channel..].as_ptr(), lanes))
                            };
                            sum = dy.mul_add(weight, sum);
                            continue;
                        }
                        for of_channel in 0..multiplier {
                            let index = |lane: usize| (channel + lane) * multiplier + of_channel;
                            sum = gather(s, dy, lanes, index).mul_add(gather(s, weight, lanes, index), sum);
                        }
                    }
                }
            }
            let to = (row * input_wide + z) * geometry.groups + channel;
            // SAFETY: the place is in this row, which this kernel writes alone.
            unsafe { store::<S, T>(sum, self.dx.pointer().add(to), lanes) };
        }
    }
}
