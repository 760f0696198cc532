//! The gradient of the weight for row-major images: for each tap the dot product of two planes.

use super::planes::WIDEST;
use crate::cpu::conv::Geometry;
use crate::cpu::conv::rows::Row;
use crate::cpu::simd::{Kernel, Lane, Simd, Vector};

/// Taps that are summed at once: a number of sums that fits the registers of every instruction set.
const TAPS: usize = 9;
/// Bytes of a band (see [`super::planes`]).
const BAND: usize = 16 * 1024;

fn padded(geometry: &Geometry) -> Row {
    Row::new(geometry, geometry.output[2])
}

/// Padded rows that so many rows of windows read.
fn rows_read(geometry: &Geometry, rows: usize) -> usize {
    (rows - 1) * geometry.stride[1] + (geometry.kernel[1] - 1) * geometry.dilation[1] + 1
}

/// Rows of windows that a band serves.
fn band<T>(geometry: &Geometry) -> usize {
    let read = BAND / (padded(geometry).len() * size_of::<T>()).max(1);
    let extra = rows_read(geometry, 1) - 1;
    (read.saturating_sub(extra) / geometry.stride[1]).clamp(1, geometry.output[1].max(1))
}

/// Elements of memory for a band, and for the sums of all taps.
pub(super) fn scratch<T>(geometry: &Geometry) -> usize {
    let rows = rows_read(geometry, band::<T>(geometry)).saturating_mul(padded(geometry).len());
    rows.saturating_add(geometry.taps().next_multiple_of(TAPS).saturating_mul(WIDEST))
}

/// The gradients of the filters that follow each other from `first`. Images are summed one after the other.
pub(super) struct Dots<'a, T> {
    pub(super) geometry: &'a Geometry,
    pub(super) x: &'a [T],
    pub(super) dy: &'a [T],
    pub(super) first: usize,
    pub(super) dw: &'a mut [T],
    pub(super) scratch: &'a mut [T],
}

impl<T: Lane> Kernel for Dots<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Dots { geometry, x, dy, first, dw, scratch } = self;
        let (places, windows, taps) = (geometry.places(), geometry.windows(), geometry.taps());
        let [kernel_deep, kernel_high, kernel_wide] = geometry.kernel;
        let [deep, high, wide] = geometry.output;
        let (row, band) = (padded(geometry), band::<T>(geometry));
        let length = row.len();
        let filters = geometry.groups * geometry.filters;
        let (sums, scratch) = scratch.split_at_mut(taps.next_multiple_of(TAPS) * WIDEST);
        for (i, dw) in dw.chunks_exact_mut(taps).enumerate() {
            let filter = first + i;
            sums.fill(T::ZERO);
            for (image, x_at) in (0..geometry.images).flat_map(|image| (0..deep).map(move |x| (image, x))) {
                let channel = image * geometry.groups + filter / geometry.filters;
                let x = &x[channel * places..(channel + 1) * places];
                let dy = &dy[(image * filters + filter) * windows..][..windows];
                for (top, tap) in (0..high).step_by(band).flat_map(|top| (0..kernel_deep).map(move |tap| (top, tap))) {
                    let Some(depth) = geometry.reads_inside(0, x_at, tap) else { continue };
                    let rows = band.min(high - top);
                    let count = rows_read(geometry, rows);
                    for (r, padded) in scratch[..count * length].chunks_exact_mut(length).enumerate() {
                        let y = (top * geometry.stride[1] + r) as isize - geometry.before[1];
                        match usize::try_from(y) {
                            Ok(y) if y < geometry.input[1] => {
                                let start = (depth * geometry.input[1] + y) * geometry.input[2];
                                row.fill(x, start as isize, 1, padded);
                            }
                            _ => padded.fill(T::ZERO),
                        }
                    }
                    let dy = &dy[(x_at * high + top) * wide..][..rows * wide];
                    let area = kernel_high * kernel_wide;
                    for some in (0..area).step_by(TAPS) {
                        let mut offsets = [0; TAPS];
                        for (i, offset) in offsets.iter_mut().enumerate() {
                            // What is beyond the last tap is summed in vain.
                            let at = (some + i).min(area - 1);
                            *offset = at / kernel_wide * geometry.dilation[1] * length + row.offset(at % kernel_wide);
                        }
                        let own = &mut sums[(tap * area + some) * WIDEST..];
                        let own = &mut own[..(area - some).min(TAPS) * WIDEST];
                        add_band::<S, T>(s, scratch, geometry.stride[1] * length, offsets, dy, wide, own);
                    }
                }
            }
            for (dw, sum) in dw.iter_mut().zip(sums.chunks_exact(WIDEST)) {
                // SAFETY: each tap has `WIDEST` sums, and no vector is wider.
                *dw = unsafe { T::Of::<S>::load(s, sum.as_ptr()) }.sum();
            }
        }
    }
}

/// Adds to each tap's sums what a band gives: `rows` of it are `step` elements apart.
#[inline(always)]
fn add_band<S: Simd, T: Lane>(
    s: S,
    rows: &[T],
    step: usize,
    offsets: [usize; TAPS],
    dy: &[T],
    wide: usize,
    totals: &mut [T],
) {
    let lanes = T::Of::<S>::LANES;
    let mut sums = [T::Of::<S>::zero(s); TAPS];
    for (r, dy) in dy.chunks_exact(wide).enumerate() {
        debug_assert!(rows.len() >= r * step + offsets[TAPS - 1] + wide);
        let x = rows[r * step..].as_ptr();
        for left in (0..wide / lanes * lanes).step_by(lanes) {
            // SAFETY: a row of `dy` has `wide` elements, and so has a padded row behind each tap's offset.
            unsafe {
                let dy = T::Of::<S>::load(s, dy.as_ptr().add(left));
                for tap in 0..TAPS {
                    sums[tap] = T::Of::<S>::load(s, x.add(left + offsets[tap])).mul_add(dy, sums[tap]);
                }
            }
        }
        let (left, count) = (wide / lanes * lanes, wide % lanes);
        if count > 0 {
            // SAFETY: as above.
            unsafe {
                let dy = T::Of::<S>::load_first(s, dy.as_ptr().add(left), count);
                for tap in 0..TAPS {
                    let x = T::Of::<S>::load_first(s, x.add(left + offsets[tap]), count);
                    sums[tap] = x.mul_add(dy, sums[tap]);
                }
            }
        }
    }
    for (tap, sum) in sums.into_iter().enumerate() {
        if let Some(total) = totals.get_mut(tap * WIDEST..(tap + 1) * WIDEST) {
            // SAFETY: no vector is wider than these.
            unsafe { T::Of::<S>::load(s, total.as_ptr()).add(sum).store(total.as_mut_ptr()) };
        }
    }
}
