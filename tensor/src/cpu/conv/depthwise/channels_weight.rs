//! The gradient of the weight for channels-last images.
// Loops of constant length over several arrays at once unroll into registers; iterators over them would not read better.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use super::channels::{READ, TILE, blocks, gather, is_fixed, with_fixed};
use crate::cpu::conv::Geometry;
use crate::cpu::gemm::Places;
use crate::cpu::simd::{Kernel, Lane, Simd, Vector, load, store};

/// What some rows of windows, counted over all images, give: `sums[tap, filter] = Σ dy · x`.
pub(super) struct Weight<'a, T> {
    pub(super) geometry: &'a Geometry,
    pub(super) x: Places<'a, T>,
    pub(super) dy: Places<'a, T>,
    pub(super) rows: Range<usize>,
    pub(super) sums: &'a mut [T],
}

impl<T: Lane> Kernel for Weight<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let filters = self.geometry.groups * self.geometry.filters;
        if is_fixed(self.geometry) {
            self.sums.fill(T::ZERO);
            for row in self.rows.clone() {
                with_fixed!(self.geometry, K, STRIDE => self.row::<S, K, STRIDE>(s, row));
            }
        } else {
            for (channel, lanes) in blocks(filters, T::Of::<S>::LANES) {
                self.any_block(s, channel, lanes);
            }
        }
    }
}

impl<T: Lane> Weight<'_, T> {
    /// Adds what one row gives.
    #[inline(always)]
    fn row<S: Simd, const K: usize, const STRIDE: usize>(&mut self, s: S, row: usize) {
        let geometry = self.geometry;
        let ([_, high, wide], [_, input_high, input_wide]) = (geometry.output, geometry.input);
        let (image, y) = (row / high, row % high);
        let whole = T::Of::<S>::LANES;
        for (tap, first) in (0..K).flat_map(|tap| (0..geometry.groups).step_by(whole).map(move |c| (tap, c))) {
            let Some(from_row) = geometry.reads_inside(1, y, tap) else { continue };
            let from = (image * input_high + from_row) * input_wide;
            let (channel, lanes) = (first, whole.min(geometry.groups - first));
            // Even and odd windows are summed apart: additions that wait for each other are the limit here.
            let (mut even, mut odd) = ([T::Of::<S>::zero(s); K], [T::Of::<S>::zero(s); K]);
            for left in (0..wide).step_by(TILE) {
                let mut dy = [T::Of::<S>::zero(s); TILE];
                for (o, dy) in dy.iter_mut().enumerate() {
                    if left + o < wide {
                        let from = &self.dy.data[(row * wide + left + o) * self.dy.place + channel..];
                        // SAFETY: the window has these channels.
                        *dy = unsafe { load(s, from.as_ptr(), lanes) };
                    }
                }
                let column = geometry.reads(2, left, 0);
                let mut x = [T::Of::<S>::zero(s); READ];
                for j in 0..(TILE - 1) * STRIDE + K {
                    let column = (column + j as isize) as usize;
                    if column < input_wide {
                        let from = &self.x.data[(from + column) * self.x.place + channel..];
                        // SAFETY: the place has these channels.
                        x[j] = unsafe { load(s, from.as_ptr(), lanes) };
                    }
                }
                for t in 0..K {
                    for o in 0..TILE {
                        let sums = if o % 2 == 0 { &mut even } else { &mut odd };
                        sums[t] = x[o * STRIDE + t].mul_add(dy[o], sums[t]);
                    }
                }
            }
            for t in 0..K {
                let total = &mut self.sums[(tap * K + t) * geometry.groups + channel..][..lanes];
                // SAFETY: there are just so many.
                unsafe {
                    let sum = load(s, total.as_ptr(), lanes).add(even[t]).add(odd[t]);
                    store::<S, T>(sum, total.as_mut_ptr(), lanes);
                }
            }
        }
    }

    #[inline(always)]
    fn put<S: Simd>(&mut self, total: T::Of<S>, tap: usize, channel: usize, lanes: usize) {
        let filters = self.geometry.groups * self.geometry.filters;
        let to = &mut self.sums[tap * filters + channel..][..lanes];
        // SAFETY: there are just so many.
        unsafe { store::<S, T>(total, to.as_mut_ptr(), lanes) };
    }

    /// As [`Weight::row`], of all rows, for any kernel, stride, dilation and depth multiplier: tap by tap.
    #[inline(always)]
    fn any_block<S: Simd>(&mut self, s: S, channel: usize, lanes: usize) {
        let geometry = self.geometry;
        let ([deep, high, wide], [input_deep, input_high, input_wide]) = (geometry.output, geometry.input);
        for tap in 0..geometry.taps() {
            let [a, b, c] = geometry.tap(tap);
            let start = geometry.reads(2, 0, c);
            let inside = geometry.inside(start, wide);
            let mut total = T::Of::<S>::zero(s);
            for row in self.rows.clone() {
                let (image, depth, y) = (row / (deep * high), row / high % deep, row % high);
                let Some(from_depth) = geometry.reads_inside(0, depth, a) else { continue };
                let Some(from_row) = geometry.reads_inside(1, y, b) else { continue };
                let from = ((image * input_deep + from_depth) * input_high + from_row) * input_wide;
                for z in inside.clone() {
                    let column = (start + (z * geometry.stride[2]) as isize) as usize;
                    let x = &self.x.data[(from + column) * self.x.place..];
                    let x = if geometry.filters == 1 {
                        // SAFETY: the place has a channel for each filter.
                        unsafe { load(s, x.as_ptr().add(channel), lanes) }
                    } else {
                        gather(s, x, lanes, |lane| (channel + lane) / geometry.filters)
                    };
                    let dy = &self.dy.data[(row * wide + z) * self.dy.place + channel..];
                    // SAFETY: the window has these channels.
                    total = unsafe { load(s, dy.as_ptr(), lanes) }.mul_add(x, total);
                }
            }
            self.put(total, tap, channel, lanes);
        }
    }
}
