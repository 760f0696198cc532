//! The gradient of the weight.
// Loops of constant length over several arrays at once unroll into registers; iterators over them would not read better.
#![allow(clippy::needless_range_loop)]

use super::{Bands, WIDEST};
use crate::cpu::conv::Lie;
use crate::cpu::gemm::Places;
use crate::cpu::simd::{Kernel, Lane, Simd, Vector, load};

/// What one band of rows of windows adds to `sums[channel · taps, filter] = Σ x · dy`.
pub(super) struct Weight<'a, T> {
    pub(super) bands: &'a Bands<'a>,
    pub(super) band: usize,
    pub(super) x: &'a [T],
    pub(super) lie: Lie,
    pub(super) dy: Places<'a, T>,
    pub(super) sums: &'a mut [T],
    pub(super) scratch: &'a mut [T],
}

impl<T: Lane> Kernel for Weight<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (first, rows) = self.bands.fill(self.band, self.x, &self.lie, self.scratch);
        let filters = self.bands.geometry.filters;
        let lanes = T::Of::<S>::LANES;
        let most = if S::REGISTERS >= 32 { 4 } else { 2 };
        let mut filter = 0;
        while filter < filters {
            let vectors = (filters - filter).div_ceil(lanes).min(most);
            let whole = filters - filter >= vectors * lanes;
            // SAFETY: the scratch holds the band's rows, and `dy` the windows.
            unsafe {
                match (vectors, S::REGISTERS >= 32) {
                    (4, true) => self.panel::<S, 4, 6>(s, first, rows.len(), filter, whole),
                    (3, true) => self.panel::<S, 3, 8>(s, first, rows.len(), filter, whole),
                    (2, true) => self.panel::<S, 2, 9>(s, first, rows.len(), filter, whole),
                    (2, false) => self.panel::<S, 2, 5>(s, first, rows.len(), filter, whole),
                    _ => self.panel::<S, 1, 9>(s, first, rows.len(), filter, whole),
                }
            }
            filter += vectors * lanes;
        }
    }
}

impl<T: Lane> Weight<'_, T> {
    /// A panel of `VECTORS` vectors of filters, `TAPS` channels and taps at a time.
    ///
    /// # Safety
    /// The scratch holds the rows that so many rows of windows read, and `dy` the windows from row `first` on.
    #[inline(always)]
    unsafe fn panel<S: Simd, const VECTORS: usize, const TAPS: usize>(
        &mut self,
        s: S,
        first: usize,
        rows: usize,
        filter: usize,
        whole: bool,
    ) {
        for k in (0..self.bands.offsets.len()).step_by(TAPS) {
            // SAFETY: the caller's promise.
            unsafe {
                match whole {
                    true => self.tile::<S, VECTORS, TAPS, true>(s, first, rows, filter, k),
                    false => self.tile::<S, VECTORS, TAPS, false>(s, first, rows, filter, k),
                }
            }
        }
    }

    /// # Safety
    /// As for [`Weight::panel`]; if `WHOLE`, all filters of the panel exist.
    #[inline(always)]
    unsafe fn tile<S: Simd, const VECTORS: usize, const TAPS: usize, const WHOLE: bool>(
        &mut self,
        s: S,
        first: usize,
        rows: usize,
        filter: usize,
        k: usize,
    ) {
        let geometry = self.bands.geometry;
        let (lanes, wide) = (T::Of::<S>::LANES, geometry.output[2]);
        let last = if WHOLE { lanes } else { geometry.filters - filter - (VECTORS - 1) * lanes };
        let of = |v: usize| if v + 1 == VECTORS { last } else { lanes };
        let mut sums = [[T::Of::<S>::zero(s); VECTORS]; TAPS];
        let offsets = &self.bands.offsets[k..];
        for row in 0..rows {
            let start = row * geometry.stride[1] * self.bands.row.len();
            let mut x = [self.scratch.as_ptr(); TAPS];
            for (i, x) in x.iter_mut().enumerate() {
                // What is beyond the last tap is summed in vain.
                *x = self.scratch[start + offsets[i.min(offsets.len() - 1)]..].as_ptr();
            }
            let mut dy = self.dy.data[(first + row) * wide * self.dy.place + filter..].as_ptr();
            for window in 0..wide {
                // SAFETY: the caller's promise.
                unsafe {
                    let mut of_window = [T::Of::<S>::zero(s); VECTORS];
                    for v in 0..VECTORS {
                        of_window[v] = load(s, dy.add(v * lanes), of(v));
                    }
                    for tap in 0..TAPS {
                        let x = T::Of::<S>::splat(s, *x[tap].add(window));
                        for v in 0..VECTORS {
                            sums[tap][v] = x.mul_add(of_window[v], sums[tap][v]);
                        }
                    }
                }
                dy = dy.wrapping_add(self.dy.place);
            }
        }
        let stride = geometry.filters.next_multiple_of(WIDEST);
        for (tap, sums) in sums.into_iter().enumerate() {
            if tap < offsets.len() {
                let totals = &mut self.sums[(k + tap) * stride + filter..][..VECTORS * lanes];
                for (v, sum) in sums.into_iter().enumerate() {
                    // SAFETY: there are totals for whole vectors.
                    unsafe {
                        let total = totals.as_mut_ptr().add(v * lanes);
                        T::Of::<S>::load(s, total).add(sum).store(total);
                    }
                }
            }
        }
    }
}
