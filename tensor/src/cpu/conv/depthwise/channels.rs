//! Channels-last images: vectors lie across the channels of a place, and the weight is read as `[taps, filters]`.
//!
//! A tile of windows of a row is summed at once, for as many channels as a vector has: each number of the input is loaded once for
//! all windows of the tile and all taps of its row. The next channels of the same tile follow, so memory is read in order, and the
//! rows that several rows of windows read come from the second cache.
// Loops of constant length over several arrays at once unroll into registers; iterators over them would not read better.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use crate::cpu::conv::Geometry;
use crate::cpu::gemm::{Output, Places};
use crate::cpu::math::Float;
use crate::cpu::simd::{Kernel, Lane, Simd, Vector, load};

/// Windows of a row that are summed at once: the widths of common images are multiples of it.
pub(super) const TILE: usize = 7;
/// Places that the windows of a tile read in a row, for the widest kernel and stride that are written out.
pub(super) const READ: usize = (TILE - 1) * 2 + 7;

/// Whether the tiles below serve a convolution.
pub(super) fn is_fixed(geometry: &Geometry) -> bool {
    let flat = geometry.kernel[0] == 1 && geometry.input[0] == 1 && geometry.output[0] == 1 && geometry.before[0] == 0;
    let kernel = geometry.kernel[1] == geometry.kernel[2] && [3, 5, 7].contains(&geometry.kernel[2]);
    let stride = geometry.stride[1] == geometry.stride[2] && geometry.stride[2] <= 2;
    flat && kernel && stride && geometry.dilation == [1; 3] && geometry.filters == 1
}

/// Runs `$body` with constants for the kernel's and stride's sizes.
macro_rules! with_fixed {
    ($geometry:expr, $K:ident, $STRIDE:ident => $body:expr) => {
        match ($geometry.kernel[2], $geometry.stride[2]) {
            (3, 1) => {
                const $K: usize = 3;
                const $STRIDE: usize = 1;
                $body
            }
            (3, _) => {
                const $K: usize = 3;
                const $STRIDE: usize = 2;
                $body
            }
            (5, 1) => {
                const $K: usize = 5;
                const $STRIDE: usize = 1;
                $body
            }
            (5, _) => {
                const $K: usize = 5;
                const $STRIDE: usize = 2;
                $body
            }
            (_, 1) => {
                const $K: usize = 7;
                const $STRIDE: usize = 1;
                $body
            }
            _ => {
                const $K: usize = 7;
                const $STRIDE: usize = 2;
                $body
            }
        }
    };
}
pub(super) use with_fixed;

/// Blocks of at most `lanes` channels: the first channel and their number. If there are `lanes` at all, the last block begins
/// early enough to be whole: some channels are then computed twice.
#[inline(always)]
pub(super) fn blocks(channels: usize, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
    let size = channels.min(lanes);
    (0..channels.div_ceil(lanes)).map(move |i| ((i * lanes).min(channels - size), size))
}

/// The numbers that `index` finds for each lane.
#[inline(always)]
pub(super) fn gather<S: Simd, T: Lane>(s: S, data: &[T], lanes: usize, index: impl Fn(usize) -> usize) -> T::Of<S> {
    let mut numbers = [T::ZERO; 16];
    for (lane, number) in numbers.iter_mut().enumerate() {
        if lane < lanes {
            *number = data[index(lane)];
        }
    }
    // SAFETY: no vector is wider than the array.
    unsafe { T::Of::<S>::load(s, numbers.as_ptr()) }
}

/// Rows of the result, counted over all images: `out[n, p, f] = Σ x · weight`.
pub(super) struct Forward<'a, T> {
    pub(super) geometry: &'a Geometry,
    pub(super) x: Places<'a, T>,
    pub(super) weight: &'a [T],
    pub(super) rows: Range<usize>,
    /// The whole result, of which this writes its own rows.
    pub(super) out: &'a Output<'a, T>,
}

impl<T: Float> Kernel for Forward<'_, T> {
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
            let (wide, filters) = (self.geometry.output[2], self.geometry.groups * self.geometry.filters);
            // SAFETY: these are the windows of a row that this kernel writes alone.
            unsafe { self.out.curve(s, row * wide..(row + 1) * wide, 0..filters) };
        }
    }
}

impl<T: Float> Forward<'_, T> {
    /// One row of windows.
    #[inline(always)]
    fn row<S: Simd, const K: usize, const STRIDE: usize>(&self, s: S, row: usize) {
        let geometry = self.geometry;
        let ([_, high, wide], [_, input_high, input_wide]) = (geometry.output, geometry.input);
        let (image, y) = (row / high, row % high);
        let top = geometry.reads(1, y, 0);
        let taps = (-top).max(0)..(input_high as isize - top).min(K as isize);
        for left in (0..wide).step_by(TILE) {
            let column = geometry.reads(2, left, 0);
            let end = column + ((TILE - 1) * STRIDE + K) as isize;
            let inside = column >= 0 && end <= input_wide as isize && left + TILE <= wide;
            for (channel, lanes) in blocks(geometry.groups, T::Of::<S>::LANES) {
                let tile = Tile {
                    x: self.x.data.as_ptr(),
                    row: (image * input_high) as isize + top,
                    taps: taps.clone(),
                    column,
                    window: row * wide + left,
                    count: TILE.min(wide - left),
                    channel,
                    lanes,
                };
                // SAFETY: rows and columns are checked against the image, or all known to be inside it.
                unsafe {
                    if inside && lanes == T::Of::<S>::LANES {
                        self.tile::<S, K, STRIDE, false>(s, &tile);
                    } else {
                        self.tile::<S, K, STRIDE, true>(s, &tile);
                    }
                }
            }
        }
    }

    /// # Safety
    /// The tile's taps read rows of the image. Unless `EDGE`, its columns are inside the image, all its windows exist, and its lanes
    /// are a whole vector.
    #[inline(always)]
    unsafe fn tile<S: Simd, const K: usize, const STRIDE: usize, const EDGE: bool>(&self, s: S, tile: &Tile<T>) {
        let geometry = self.geometry;
        let (filters, place, input_wide) = (geometry.groups, self.x.place, geometry.input[2]);
        let lanes = if EDGE { tile.lanes } else { T::Of::<S>::LANES };
        let begin = self.out.finish.begin(s, tile.channel, lanes);
        let mut sums = [begin; TILE];
        for tap in tile.taps.clone() {
            let places = (tile.row + tap) * input_wide as isize + tile.column;
            let from = tile.x.wrapping_offset(places * place as isize + tile.channel as isize);
            let mut x = [T::Of::<S>::zero(s); READ];
            for j in 0..(TILE - 1) * STRIDE + K {
                if !EDGE || ((tile.column + j as isize) as usize) < input_wide {
                    // SAFETY: the place is inside the image, and its channels are.
                    x[j] = unsafe { load(s, from.wrapping_add(j * place), lanes) };
                }
            }
            let weight = self.weight[tap as usize * K * filters + tile.channel..].as_ptr();
            for t in 0..K {
                // SAFETY: each tap has a weight for every filter.
                let weight = unsafe { load(s, weight.add(t * filters), lanes) };
                for o in 0..TILE {
                    sums[o] = x[o * STRIDE + t].mul_add(weight, sums[o]);
                }
            }
        }
        for o in 0..TILE {
            if !EDGE || o < tile.count {
                // SAFETY: the caller's promise.
                unsafe { self.out.write(s, sums[o], tile.window + o, tile.channel, lanes) };
            }
        }
    }

    /// As [`Forward::row`] for any kernel, stride, dilation and depth multiplier.
    #[inline(always)]
    fn any_row<S: Simd>(&self, s: S, row: usize) {
        let geometry = self.geometry;
        let ([deep, high, wide], [input_deep, input_high, input_wide]) = (geometry.output, geometry.input);
        let [kernel_deep, kernel_high, kernel_wide] = geometry.kernel;
        let filters = geometry.groups * geometry.filters;
        let (image, depth, y) = (row / (deep * high), row / high % deep, row % high);
        for (z, (channel, lanes)) in
            (0..wide).flat_map(|z| blocks(filters, T::Of::<S>::LANES).map(move |block| (z, block)))
        {
            let begin = self.out.finish.begin(s, channel, lanes);
            let mut sum = begin;
            for a in 0..kernel_deep {
                let Some(from_depth) = geometry.reads_inside(0, depth, a) else { continue };
                for b in 0..kernel_high {
                    let Some(from_row) = geometry.reads_inside(1, y, b) else { continue };
                    let from = ((image * input_deep + from_depth) * input_high + from_row) * input_wide;
                    for c in 0..kernel_wide {
                        let Some(column) = geometry.reads_inside(2, z, c) else { continue };
                        let tap = (a * kernel_high + b) * kernel_wide + c;
                        let x = &self.x.data[(from + column) * self.x.place..];
                        let x = if geometry.filters == 1 {
                            // SAFETY: the place has a channel for each filter.
                            unsafe { load(s, x.as_ptr().add(channel), lanes) }
                        } else {
                            gather(s, x, lanes, |lane| (channel + lane) / geometry.filters)
                        };
                        // SAFETY: each tap has a weight for every filter.
                        let weight = unsafe { load(s, self.weight[tap * filters + channel..].as_ptr(), lanes) };
                        sum = x.mul_add(weight, sum);
                    }
                }
            }
            // SAFETY: the window is in this row.
            unsafe { self.out.write(s, sum, row * wide + z, channel, lanes) };
        }
    }
}

/// Some windows of a row, and what they read.
struct Tile<T> {
    x: *const T,
    /// The row that the first tap reads, counted over all images; it may be outside the image.
    row: isize,
    /// Rows of taps that read inside the image.
    taps: Range<isize>,
    /// The column that the first tap of the first window reads.
    column: isize,
    /// The first window, counted over all images.
    window: usize,
    count: usize,
    channel: usize,
    lanes: usize,
}
