//! The gradient with respect to the weight: the transposed transforms of the same tiles.
//!
//! `dw = Gᵀ·[Σ (Bᵀ·d·B) ⊙ (A·dy·Aᵀ)]·G` over the tiles: one matrix product for each number of a tile, its depth being the tiles.

use std::ops::Range;

use super::forward::transform;
use super::transforms::{MOST, Scheme, along_both};
use super::{For, Grid, Tiles, distance, run};
use crate::Result;
use crate::cpu::conv::{Geometry, Images};
use crate::cpu::gemm::tile::{self, End, Left, Line, MOST_ROWS, Start, Tile};
use crate::cpu::gemm::{Panel, panels, registers};
use crate::cpu::parallel::{SharedMut, over_range};
use crate::cpu::simd::{Kernel, Lane, Level, Simd, Vector, load, store};
use crate::cpu::threads;
use crate::memory::Buffer;

/// Bytes of a task's transformed tiles, about.
const SCRATCH: usize = 640 * 1024;
/// Tiles of a task at least: for fewer, the sums would be visited too often.
const LEAST: usize = 32;
/// Partial sums of a gradient at most.
const PARTS: usize = 8;
/// Bytes of partial sums that are worth having several of.
const SMALL: usize = 4 << 20;

/// The gradient `[9 taps, channels, filters]`.
///
/// Tiles are summed in an order that follows from the shape: one after the other within a part, then part by part.
///
/// # Errors
/// [`crate::Error::OutOfMemory`] if there is no room for the transformed tiles and sums.
pub(crate) fn weight<T: Lane>(
    level: Level,
    tiles: Tiles,
    geometry: &Geometry,
    (x, dy): (Images<'_, T>, Images<'_, T>),
    dw: &mut [T],
) -> Result<()> {
    let &Geometry { images, channels, filters, input, output, before, .. } = geometry;
    let (lanes, _) = registers::<T>(level);
    let wide = filters.next_multiple_of(lanes);
    let across = tiles.across(output);
    let zeros = Buffer::zeroed::<T>(channels.max(filters))?;
    let zeros = zeros.as_slice::<T>();
    let x = Grid { images: x, size: [input[1], input[2]], before: [before[1], before[2]], across, zeros };
    let dy = Grid { images: dy, size: [output[1], output[2]], before: [0; 2], across, zeros };
    let products = tiles.products();
    let count = images * across[0] * across[1];
    let size = products * channels * wide;
    let together = (SCRATCH / (products * (channels + wide) * size_of::<T>())).max(LEAST).min(count.max(1));
    let blocks = count.div_ceil(together);
    let parts = if size * size_of::<T>() <= SMALL { PARTS.min(blocks).max(1) } else { 1 };
    // Pieces of the channels, where that is what keeps the processor busy.
    let pieces = (PARTS / parts).clamp(1, channels.div_ceil(2 * MOST_ROWS));
    let mut sums = Buffer::for_output::<T>(parts.saturating_mul(size))?;
    let shared = SharedMut::new(sums.as_mut_slice::<T>());
    threads::try_each(parts * pieces, &|i| {
        let (part, piece) = (i / pieces, i % pieces);
        let channels = channels * piece / pieces..channels * (piece + 1) / pieces;
        let (left, right) = (distance::<T>(together * channels.len()), distance::<T>(together * wide));
        let mut scratch = Buffer::for_output::<T>(products.saturating_mul(left + right))?;
        let (read, given) = scratch.as_mut_slice::<T>().split_at_mut(products * left);
        run(
            level,
            tiles,
            Sum {
                x: Grid { images: x.images.starting_at(channels.start), ..x },
                dy,
                tiles: count * part / parts..count * (part + 1) / parts,
                together,
                channels,
                sizes: [geometry.channels, filters],
                sums: shared.from(part * size),
                read,
                given,
                distances: [left, right],
            },
        );
        Ok(())
    })?;
    let sums = sums.as_slice::<T>();
    assert!(dw.len() == 9 * channels * filters, "the result is not of its geometry");
    let dw = SharedMut::new(dw);
    over_range(channels, products * parts * wide, &|channels| {
        run(level, tiles, TransformBack { sums, parts, sizes: [geometry.channels, filters, wide], channels, dw });
    });
    Ok(())
}

/// The sums over some tiles, for some channels: `[product, channel, filter]`.
struct Sum<'a, T> {
    x: Grid<'a, T>,
    dy: Grid<'a, T>,
    tiles: Range<usize>,
    together: usize,
    channels: Range<usize>,
    /// All channels and filters.
    sizes: [usize; 2],
    sums: SharedMut<T>,
    /// Transformed inputs `[product, tile, channel]` and gradients `[product, tile, filter]`.
    read: &'a mut [T],
    given: &'a mut [T],
    distances: [usize; 2],
}

impl<T: Lane, C: Scheme> Kernel for For<Sum<'_, T>, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Sum { x, dy, tiles, together, channels, sizes, sums, read, given, distances } = self.task;
        let lanes = T::Of::<S>::LANES;
        let wide = sizes[1].next_multiple_of(lanes);
        let mut start = tiles.start;
        let mut first = true;
        // A part without tiles is still written: as zeros.
        while first || start < tiles.end {
            let some = start..(start + together).min(tiles.end);
            transform::<S, T, C>(s, &x, some.clone(), channels.len(), channels.len(), distances[0], read);
            transform_gradient::<S, T, C>(s, &dy, some.clone(), sizes[1], distances[1], given);
            for product in 0..C::INPUT * C::INPUT {
                let line = Line {
                    left: read[product * distances[0]..][..some.len() * channels.len()].as_ptr(),
                    right: given[product * distances[1]..][..some.len() * wide].as_ptr(),
                    steps: some.len(),
                };
                for Panel { column, vectors } in panels(sizes[1], lanes, tile::most_vectors(S::REGISTERS)) {
                    let tall = tile::rows(S::REGISTERS, vectors);
                    let mut channel = 0;
                    while channel < channels.len() {
                        let rows = tall.min(channels.len() - channel);
                        let mut outs = [std::ptr::null_mut(); MOST_ROWS];
                        for (i, out) in outs.iter_mut().enumerate().take(rows) {
                            let row = product * sizes[0] + channels.start + channel + i;
                            *out = sums.pointer().wrapping_add(row * wide + column);
                        }
                        let tile = Tile {
                            left: Left::Columns { lines: &[line], step: channels.len(), from: (channel, column) },
                            right_step: wide,
                            out: &outs,
                            columns: vectors * lanes,
                            start: if first { Start::Zero } else { Start::Output },
                            end: End { residual: None, range: None },
                        };
                        // SAFETY: both factors have a row for each tile, the right one of whole vectors; the sums of these
                        // channels are this task's alone.
                        unsafe { tile::compute(s, rows, vectors, &tile) };
                        channel += rows;
                    }
                }
            }
            first = false;
            start += together;
        }
    }
}

/// `A·dy·Aᵀ` of tiles, with zeros behind the filters to whole vectors.
#[inline(always)]
fn transform_gradient<S: Simd, T: Lane, C: Scheme>(
    s: S,
    grid: &Grid<'_, T>,
    tiles: Range<usize>,
    filters: usize,
    product: usize,
    out: &mut [T],
) {
    let lanes = T::Of::<S>::LANES;
    let wide = filters.next_multiple_of(lanes);
    let mut found = [[std::ptr::null(); MOST]; MOST];
    for (t, tile) in tiles.enumerate() {
        grid.find(tile, C::OUTPUT, C::OUTPUT, &mut found);
        let mut filter = 0;
        while filter < filters {
            let used = lanes.min(filters - filter);
            let place = t * wide + filter;
            assert!(
                (C::INPUT * C::INPUT - 1) * product + place + lanes <= out.len(),
                "the tiles do not fit their scratch"
            );
            let out = out.as_mut_ptr();
            along_both::<T, S>(
                s,
                C::OUTPUT,
                C::INPUT,
                #[inline(always)]
                |line| C::output_back::<T, S>(s, line),
                // SAFETY: every pointer is to as many numbers as there are filters (see `Grid::find`).
                #[inline(always)]
                |i, j| unsafe { load(s, found[i][j].wrapping_add(filter), used) },
                // SAFETY: the farthest place was checked above.
                #[inline(always)]
                |i, j, value| unsafe { value.store(out.wrapping_add((i * C::INPUT + j) * product + place)) },
            );
            filter += lanes;
        }
    }
}

/// Transforms the sums of some channels back.
struct TransformBack<'a, T> {
    sums: &'a [T],
    parts: usize,
    /// Channels, filters, and filters with those that fill vectors.
    sizes: [usize; 3],
    channels: Range<usize>,
    dw: SharedMut<T>,
}

impl<T: Lane, C: Scheme> Kernel for For<TransformBack<'_, T>, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let TransformBack { sums, parts, sizes: [all, filters, wide], channels, dw } = self.task;
        let lanes = T::Of::<S>::LANES;
        let size = C::INPUT * C::INPUT * all * wide;
        assert!(parts * size <= sums.len(), "the sums are not of their geometry");
        for channel in channels {
            let mut filter = 0;
            while filter < filters {
                let used = lanes.min(filters - filter);
                along_both::<T, S>(
                    s,
                    C::INPUT,
                    3,
                    #[inline(always)]
                    |line| C::weight_back::<T, S>(s, line),
                    #[inline(always)]
                    |i, j| {
                        let at = ((i * C::INPUT + j) * all + channel) * wide + filter;
                        let mut sum = T::Of::<S>::zero(s);
                        for part in 0..parts {
                            // SAFETY: every part has whole vectors for each product and channel, as checked above.
                            sum = sum.add(unsafe { T::Of::<S>::load(s, sums.as_ptr().wrapping_add(part * size + at)) });
                        }
                        sum
                    },
                    #[inline(always)]
                    |i, j, value| {
                        let at = ((3 * i + j) * all + channel) * filters + filter;
                        // SAFETY: `dw` is `[9, channels, filters]`, and this channel is this task's alone.
                        unsafe { store::<S, T>(value, dw.pointer().wrapping_add(at), used) };
                    },
                );
                filter += lanes;
            }
        }
    }
}
