//! The convolution itself.
// Loops of constant length over several arrays at once unroll into registers; iterators over them would not read better.
#![allow(clippy::needless_range_loop)]

use std::mem::MaybeUninit;

use super::{Bands, WIDEST};
use crate::cpu::conv::Lie;
use crate::cpu::gemm::Output;
use crate::cpu::math::Float;
use crate::cpu::simd::{Kernel, Simd, Vector};

/// Elements of the largest tile: 28 vectors of the widest registers.
const MOST_SUMS: usize = 28 * WIDEST;

/// One band of rows of windows.
pub(super) struct Forward<'a, T> {
    pub(super) bands: &'a Bands<'a>,
    pub(super) band: usize,
    pub(super) x: &'a [T],
    pub(super) lie: Lie,
    pub(super) weight: &'a [T],
    /// The whole result, of which this writes its own rows.
    pub(super) out: &'a Output<'a, T>,
    pub(super) scratch: &'a mut [T],
}

impl<T: Float> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (first, rows) = self.bands.fill(self.band, self.x, &self.lie, self.scratch);
        let (filters, wide) = (self.bands.geometry.filters, self.bands.geometry.output[2]);
        let lanes = T::Of::<S>::LANES;
        let most = if S::REGISTERS >= 32 { 4 } else { 2 };
        for row in rows {
            let mut filter = 0;
            while filter < filters {
                let vectors = (filters - filter).div_ceil(lanes).min(most);
                let panel = Row {
                    x: self.scratch[row * self.bands.geometry.stride[1] * self.bands.row.len()..].as_ptr(),
                    offsets: &self.bands.offsets,
                    weight: &self.weight[filter..],
                    filters: filters.next_multiple_of(WIDEST),
                    filter,
                    last: (filters - filter).min(vectors * lanes) - (vectors - 1) * lanes,
                    window: (first + row) * wide,
                    wide,
                    out: self.out,
                };
                // SAFETY: the scratch holds the rows that this row of windows reads, with room for a tile behind the last window;
                // the row is one of those that this kernel writes alone.
                unsafe {
                    match (vectors, S::REGISTERS >= 32) {
                        (4, true) => panel.run::<S, 4, 6>(s),
                        (3, true) => panel.run::<S, 3, 8>(s),
                        (2, true) => panel.run::<S, 2, 14>(s),
                        (2, false) => panel.run::<S, 2, 6>(s),
                        (_, true) => panel.run::<S, 1, 14>(s),
                        (_, false) => panel.run::<S, 1, 12>(s),
                    }
                }
                filter += vectors * lanes;
            }
            let windows = (first + row) * wide..(first + row + 1) * wide;
            // SAFETY: as above.
            unsafe { self.out.curve(s, windows, 0..filters) };
        }
    }
}

/// A row of windows and a panel of filters.
struct Row<'a, T> {
    x: *const T,
    offsets: &'a [usize],
    /// From the panel's first filter on.
    weight: &'a [T],
    /// Distance of the weights of channels and taps.
    filters: usize,
    filter: usize,
    /// Filters in the panel's last vector.
    last: usize,
    window: usize,
    wide: usize,
    out: &'a Output<'a, T>,
}

impl<T: Float> Row<'_, T> {
    /// In tiles of `WINDOWS` windows and `VECTORS` vectors of filters.
    ///
    /// # Safety
    /// `x` leads, behind each offset, to as many numbers as there are windows in whole tiles; nobody else touches the row's windows.
    #[inline(always)]
    unsafe fn run<S: Simd, const VECTORS: usize, const WINDOWS: usize>(&self, s: S) {
        let lanes = T::Of::<S>::LANES;
        let of = |v: usize| if v + 1 == VECTORS { self.last } else { lanes };
        let mut begin = [T::Of::<S>::zero(s); VECTORS];
        for v in 0..VECTORS {
            begin[v] = self.out.finish.begin(s, self.filter + v * lanes, of(v));
        }
        for left in (0..self.wide).step_by(WINDOWS) {
            let mut sums = [begin; WINDOWS];
            let mut weight = self.weight.as_ptr();
            for &offset in self.offsets {
                // SAFETY: each channel and tap has weights for whole vectors; the rest is the caller's promise.
                unsafe {
                    let x = self.x.add(offset + left);
                    let mut weights = [T::Of::<S>::zero(s); VECTORS];
                    for v in 0..VECTORS {
                        weights[v] = T::Of::<S>::load(s, weight.add(v * lanes));
                    }
                    for o in 0..WINDOWS {
                        let x = T::Of::<S>::splat(s, *x.add(o));
                        for v in 0..VECTORS {
                            sums[o][v] = x.mul_add(weights[v], sums[o][v]);
                        }
                    }
                }
                weight = weight.wrapping_add(self.filters);
            }
            // What follows has branches, so it takes the sums from memory: they would not stay in registers before otherwise.
            let mut memory = [MaybeUninit::<T>::uninit(); MOST_SUMS];
            let finished = memory.as_mut_ptr().cast::<T>();
            for o in 0..WINDOWS {
                for v in 0..VECTORS {
                    // SAFETY: there is room for the largest tile.
                    unsafe { sums[o][v].store(finished.add((o * VECTORS + v) * lanes)) };
                }
            }
            for o in 0..WINDOWS.min(self.wide - left) {
                let window = self.window + left + o;
                for v in 0..VECTORS {
                    let filter = self.filter + v * lanes;
                    // SAFETY: the sums were just written there; the rest is the caller's promise.
                    unsafe {
                        let sum = T::Of::<S>::load(s, finished.add((o * VECTORS + v) * lanes));
                        self.out.write(s, sum, window, filter, of(v));
                    }
                }
            }
        }
    }
}
