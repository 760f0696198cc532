//! The mean over each bin, and its gradient.
//!
//! A row of bins is done in two steps: the rows that it reads are summed, place by place, and then each bin sums its places of that one
//! row. So no row is read again for a bin's neighbour.

use std::ops::Range;

use super::{Maps, Region};
use crate::cpu::math::Float;
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Kernel, Simd, Vector, get, put};
use crate::cpu::{simd::dispatch, threads};
use crate::profile;

/// Channels of a task: of usual maps so many fit into the second-level cache.
const CHANNELS: usize = 64;
/// As [`CHANNELS`], where the whole map is written.
const CHANNELS_BACK: usize = 64;
/// Regions of a task.
const REGIONS: usize = 16;
/// Vectors that are summed side by side.
const WIDE: usize = 4;

/// `out[r, i, j, :]`: the means over the bins of each region, for `out` of shape `[regions, bins…, channels]`.
pub(crate) fn mean<T: Float>(x: &[T], maps: &Maps, regions: &[Region<T>], bins: [usize; 2], out: &mut [T]) {
    let _span = profile::span("roi mean", size_of_val(x) + size_of_val(out));
    let blocks = maps.channels.div_ceil(CHANNELS);
    let pieces = regions.len().div_ceil(REGIONS);
    let out = SharedMut::new(out);
    // The same channels of all regions one after the other.
    threads::each(blocks * pieces, &|task| {
        let (block, piece) = (task / pieces, task % pieces);
        dispatch(Forward {
            x,
            maps,
            regions,
            bins,
            which: piece * REGIONS..((piece + 1) * REGIONS).min(regions.len()),
            channels: block * CHANNELS..((block + 1) * CHANNELS).min(maps.channels),
            out,
        });
    });
}

/// Adds the gradient at the maps to `dx`, from that at the means. Regions are added in order, whatever the threads.
pub(crate) fn mean_backward<T: Float>(dy: &[T], maps: &Maps, regions: &[Region<T>], bins: [usize; 2], dx: &mut [T]) {
    let _span = profile::span("roi mean backward", size_of_val(dy) + size_of_val(dx));
    let blocks = maps.channels.div_ceil(CHANNELS_BACK);
    let plane = maps.size[0] * maps.size[1] * maps.channels;
    let planes = dx.len().checked_div(plane).unwrap_or(0);
    let dx = SharedMut::new(dx);
    threads::each(planes * blocks, &|task| {
        let (block, plane) = (task % blocks, task / blocks);
        dispatch(Backward {
            dy,
            maps,
            regions,
            bins,
            image: plane / maps.planes,
            plane: plane % maps.planes,
            channels: block * CHANNELS_BACK..((block + 1) * CHANNELS_BACK).min(maps.channels),
            dx,
        });
    });
}

/// Some channels of some regions.
pub(super) struct Forward<'a, T> {
    pub(super) x: &'a [T],
    pub(super) maps: &'a Maps,
    pub(super) regions: &'a [Region<T>],
    pub(super) bins: [usize; 2],
    pub(super) which: Range<usize>,
    pub(super) channels: Range<usize>,
    /// The whole result, of which this writes its own channels of its own regions.
    pub(super) out: SharedMut<T>,
}

impl<T: Float> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { maps, bins: [high, wide], ref channels, out, .. } = self;
        let count = channels.len();
        let mut folded = Vec::new();
        for number in self.which.clone() {
            let region = &self.regions[number];
            let slots = 0..region.columns.places().len();
            folded.resize(slots.len() * count, T::ZERO);
            for row in 0..high {
                if maps.planes == 1 {
                    self.fold(s, region, row, 0, slots.clone(), &mut folded);
                }
                for column in 0..wide {
                    let bin = row * wide + column;
                    let (slots, weights) = region.columns.bin(column);
                    if maps.planes > 1 {
                        self.fold(s, region, row, bin, slots.clone(), &mut folded);
                    }
                    let start = (number * high * wide + bin) * maps.channels;
                    // SAFETY: these channels of this region are this kernel's own.
                    let out = unsafe { out.slice(start + channels.start..start + channels.end) };
                    sum(s, &folded, slots.map(|slot| slot * count).zip(weights), out);
                }
            }
        }
    }
}

impl<T: Float> Forward<'_, T> {
    /// Sums the rows that a row of bins reads, at some of the region's columns.
    #[inline(always)]
    fn fold<S: Simd>(&self, s: S, region: &Region<T>, row: usize, plane: usize, slots: Range<usize>, folded: &mut [T]) {
        let (maps, count) = (self.maps, self.channels.len());
        let (rows, weights) = region.rows.bin(row);
        let pitch = maps.size[1] * maps.channels;
        let folded = folded[slots.start * count..slots.end * count].chunks_exact_mut(count);
        for (&column, out) in region.columns.places()[slots].iter().zip(folded) {
            let places = region.rows.places()[rows.clone()].iter();
            let from = maps.place(region.image, plane, 0, column) + self.channels.start;
            sum(s, self.x, places.map(|row| from + row * pitch).zip(weights), out);
        }
    }
}

/// Some channels of one plane of one image, of all regions.
pub(super) struct Backward<'a, T> {
    pub(super) dy: &'a [T],
    pub(super) maps: &'a Maps,
    pub(super) regions: &'a [Region<T>],
    pub(super) bins: [usize; 2],
    pub(super) image: usize,
    pub(super) plane: usize,
    pub(super) channels: Range<usize>,
    /// The whole gradient, of which this changes its own channels of its plane.
    pub(super) dx: SharedMut<T>,
}

impl<T: Float> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { dy, maps, regions, bins: [high, wide], image, plane, channels, dx } = self;
        let count = channels.len();
        let mut folded = Vec::new();
        // A plane of its own has one bin.
        let (rows, columns) = match maps.planes {
            1 => (0..high, 0..wide),
            _ => (plane / wide..plane / wide + 1, plane % wide..plane % wide + 1),
        };
        for (number, region) in regions.iter().enumerate().filter(|(_, region)| region.image == image) {
            let places = region.columns.places();
            for row in rows.clone() {
                let (row_slots, row_weights) = region.rows.bin(row);
                if row_slots.is_empty() {
                    continue;
                }
                folded.clear();
                folded.resize(places.len() * count, T::ZERO);
                let mut touched = places.len()..0;
                for column in columns.clone() {
                    let start = ((number * high + row) * wide + column) * maps.channels + channels.start;
                    let dy = &dy[start..start + count];
                    let (slots, weights) = region.columns.bin(column);
                    if !slots.is_empty() {
                        touched = touched.start.min(slots.start)..touched.end.max(slots.end);
                    }
                    let sums = folded[slots.start * count..slots.end * count].chunks_exact_mut(count);
                    for (sums, &weight) in sums.zip(weights) {
                        add_scaled(s, weight, dy, sums);
                    }
                }
                for (&row, &weight) in region.rows.places()[row_slots].iter().zip(row_weights) {
                    for slot in touched.clone() {
                        let place = maps.place(image, plane, row, places[slot]) + channels.start;
                        // SAFETY: these channels of this plane are this kernel's own.
                        let dx = unsafe { dx.slice(place..place + count) };
                        add_scaled(s, weight, &folded[slot * count..(slot + 1) * count], dx);
                    }
                }
            }
        }
    }
}

/// `out = Σ weight · x`, of the numbers from each place on.
#[inline(always)]
fn sum<'a, S: Simd, T: Float>(s: S, x: &[T], terms: impl Iterator<Item = (usize, &'a T)> + Clone, out: &mut [T]) {
    let lanes = T::Of::<S>::LANES;
    let mut done = 0;
    while done + WIDE * lanes <= out.len() {
        let mut sums = [T::Of::<S>::zero(s); WIDE];
        for (place, &weight) in terms.clone() {
            let weight = T::Of::<S>::splat(s, weight);
            let x = &x[place + done..][..WIDE * lanes];
            for (i, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `x` has so many vectors.
                let x = unsafe { T::Of::<S>::load(s, x.as_ptr().add(i * lanes)) };
                *sum = x.mul_add(weight, *sum);
            }
        }
        let out = &mut out[done..done + WIDE * lanes];
        for (i, sum) in sums.into_iter().enumerate() {
            // SAFETY: `out` has so many vectors.
            unsafe { sum.store(out.as_mut_ptr().add(i * lanes)) };
        }
        done += WIDE * lanes;
    }
    while done < out.len() {
        let count = (out.len() - done).min(lanes);
        let mut sum = T::Of::<S>::zero(s);
        for (place, &weight) in terms.clone() {
            let x = get::<S, T>(s, &x[place + done..][..count]);
            sum = x.mul_add(T::Of::<S>::splat(s, weight), sum);
        }
        put::<S, T>(sum, &mut out[done..done + count]);
        done += count;
    }
}

/// `out += weight · x`, for both of one length.
#[inline(always)]
fn add_scaled<S: Simd, T: Float>(s: S, weight: T, x: &[T], out: &mut [T]) {
    let lanes = T::Of::<S>::LANES;
    let weight = T::Of::<S>::splat(s, weight);
    let whole = out.len() / lanes * lanes;
    let (x, x_rest) = x.split_at(whole);
    let (out, out_rest) = out.split_at_mut(whole);
    for (x, out) in x.chunks_exact(lanes).zip(out.chunks_exact_mut(lanes)) {
        // SAFETY: both are whole vectors.
        unsafe {
            let sum = T::Of::<S>::load(s, out.as_ptr());
            T::Of::<S>::load(s, x.as_ptr()).mul_add(weight, sum).store(out.as_mut_ptr());
        }
    }
    if !out_rest.is_empty() {
        let sum = get::<S, T>(s, out_rest);
        put::<S, T>(get::<S, T>(s, x_rest).mul_add(weight, sum), out_rest);
    }
}
