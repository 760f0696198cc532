//! The gradient of a convolution with respect to its weight, channels-last.
//!
//! It is a product whose depth runs over the windows: both factors have their numbers of one window as neighbours, which is how tiles
//! read them, so nothing is packed.

use std::ops::Range;

use smallvec::SmallVec;

use super::{Geometry, Images};
use crate::Result;
use crate::cpu::gemm::tile::{self, End, Left, Line, MOST_ROWS, Start, Tile};
use crate::cpu::gemm::{Panel, panels, registers};
use crate::cpu::parallel::{SharedMut, over_chunks};
use crate::cpu::simd::{Kernel, Lane, Simd, Vector, dispatch, level};
use crate::cpu::threads;
use crate::memory::Buffer;
use crate::profile;

/// Windows whose part of both images stays in the cache while all taps and channels are visited.
const WINDOWS: usize = 256;
/// Partial sums of a gradient at most.
const PARTS: usize = 8;
/// Bytes of a gradient that is worth having several of.
const SMALL: usize = 1 << 20;

/// `dw[o, c, tap] = Σ dy · x` over images and windows, as `[groups, taps, channels, filters]` with the filters of a group filled up
/// to the number that is given.
///
/// Lines of windows are summed in an order that follows from the shape: one after the other within a part, then part by part.
pub(crate) fn weight<T: Lane>(geometry: &Geometry, x: Images<'_, T>, dy: Images<'_, T>) -> Result<(Buffer, usize)> {
    let _span = profile::span_of_work("conv to weight", geometry.bytes::<T>(), geometry.flops());
    let &Geometry { images, channels, filters, groups, .. } = geometry;
    let (lanes, _) = registers::<T>(level());
    if !filters.is_multiple_of(lanes) {
        let wide = filters.next_multiple_of(lanes);
        let dy = widened(geometry, dy, wide)?;
        let dy = Images::dense(dy.as_slice::<T>(), geometry.output, groups * wide);
        return weight(&Geometry { filters: wide, ..*geometry }, x, dy);
    }
    let taps = geometry.taps();
    let size = taps * channels * filters;
    let lines = images * geometry.output[0] * geometry.output[1];
    let bytes = groups * size * size_of::<T>();
    let parts = if bytes <= SMALL { PARTS.min(lines.max(1)) } else { 1 };
    // Pieces of the channels, where that is what keeps the processor busy.
    let pieces = (PARTS / (parts * groups)).clamp(1, channels.div_ceil(MOST_ROWS).max(1));
    let part_sums = || Buffer::for_output::<T>(groups.saturating_mul(size));
    let mut sums: SmallVec<[Buffer; PARTS]> = (0..parts).map(|_| part_sums()).collect::<Result<_>>()?;
    let shared: SmallVec<[SharedMut<T>; PARTS]> =
        sums.iter_mut().map(|sums| SharedMut::new(sums.as_mut_slice::<T>())).collect();
    threads::each(parts * groups * pieces, &|i| {
        let (part, group, piece) = (i / pieces / groups, i / pieces % groups, i % pieces);
        dispatch(Sum {
            geometry,
            x: x.starting_at(group * channels),
            dy: dy.starting_at(group * filters),
            lines: lines * part / parts..lines * (part + 1) / parts,
            channels: channels * piece / pieces..channels * (piece + 1) / pieces,
            sums: shared[part].from(group * size),
        });
    });
    let mut all = sums.remove(0);
    over_chunks(all.as_mut_slice::<T>(), 1, parts, |start, piece| {
        for more in &sums {
            for (sum, &more) in piece.iter_mut().zip(&more.as_slice::<T>()[start..]) {
                *sum = sum.plus(more);
            }
        }
    });
    Ok((all, filters))
}

/// `dy` with zeros behind the filters of a group, so that they fill vectors.
fn widened<T: Lane>(geometry: &Geometry, dy: Images<'_, T>, wide: usize) -> Result<Buffer> {
    let &Geometry { images, filters, groups, .. } = geometry;
    let [deep, high, across] = geometry.output;
    let mut copy = Buffer::for_output::<T>((images * geometry.windows() * groups).saturating_mul(wide))?;
    over_chunks(copy.as_mut_slice::<T>(), groups * wide, 1, |start, piece| {
        for (i, out) in piece.chunks_exact_mut(groups * wide).enumerate() {
            let place = start / (groups * wide) + i;
            let (line, column) = (place / across, place % across);
            let (row, depth, image) = (line % high, line / high % deep, line / high / deep);
            let at = dy.offset as isize
                + image as isize * dy.image
                + depth as isize * dy.places[0]
                + row as isize * dy.places[1]
                + column as isize * dy.places[2];
            let from = &dy.data[at as usize..at as usize + groups * filters];
            for (out, from) in out.chunks_exact_mut(wide).zip(from.chunks_exact(filters)) {
                out[..filters].copy_from_slice(from);
                out[filters..].fill(T::ZERO);
            }
        }
    });
    Ok(copy)
}

/// The sum over some lines of windows, for some channels of a group: `[tap, channel, filter]`.
struct Sum<'a, T> {
    geometry: &'a Geometry,
    x: Images<'a, T>,
    dy: Images<'a, T>,
    lines: Range<usize>,
    channels: Range<usize>,
    sums: SharedMut<T>,
}

impl<T: Lane> Kernel for Sum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Sum { geometry, x, dy, lines, channels, sums } = self;
        let lanes = T::Of::<S>::LANES;
        let filters = geometry.filters;
        let together = WINDOWS.div_ceil(geometry.output[2].max(1));
        let mut found: Vec<Line<T>> = Vec::with_capacity(together);
        let step = geometry.stride[2] as isize * x.places[2];
        let mut first = true;
        let mut start = lines.start;
        // A part without lines is still written: as zeros.
        while first || start < lines.end {
            let some = start..(start + together).min(lines.end);
            for tap in 0..geometry.taps() {
                find(geometry, x, dy, some.clone(), geometry.tap(tap), &mut found);
                if found.is_empty() && !first {
                    continue;
                }
                for Panel { column, vectors } in panels(filters, lanes, tile::most_vectors(S::REGISTERS)) {
                    let tall = tile::rows(S::REGISTERS, vectors);
                    let mut channel = channels.start;
                    while channel < channels.end {
                        let count = tall.min(channels.end - channel);
                        let mut outs = [std::ptr::null_mut(); MOST_ROWS];
                        for (i, out) in outs.iter_mut().enumerate().take(count) {
                            let row = tap * geometry.channels + channel + i;
                            *out = sums.pointer().wrapping_add(row * filters + column);
                        }
                        // SAFETY: the lines' numbers lie in the images (see `find`), from the channel and the filter on that are
                        // asked for: filters fill whole vectors. The sums of these channels are this task's alone.
                        unsafe {
                            tile::compute(
                                s,
                                count,
                                vectors,
                                &Tile {
                                    left: Left::Columns { lines: &found, step: step as usize, from: (channel, column) },
                                    right_step: dy.places[2] as usize,
                                    out: &outs,
                                    columns: vectors * lanes,
                                    start: if first { Start::Zero } else { Start::Output },
                                    end: End { residual: None, range: None },
                                },
                            );
                        }
                        channel += count;
                    }
                }
            }
            first = false;
            start += together;
        }
    }
}

/// The lines of windows that a tap reads inside the image, with the first channel and filter.
fn find<T>(
    geometry: &Geometry,
    x: Images<'_, T>,
    dy: Images<'_, T>,
    lines: Range<usize>,
    tap: [usize; 3],
    found: &mut Vec<Line<T>>,
) {
    let [deep, high, wide] = geometry.output;
    found.clear();
    let column = geometry.reads(2, 0, tap[2]);
    let inside = geometry.inside(column, wide);
    if inside.is_empty() {
        return;
    }
    let column = column + (inside.start * geometry.stride[2]) as isize;
    for line in lines {
        let (row, depth, image) = (line % high, line / high % deep, line / high / deep);
        let (Some(z), Some(y)) = (geometry.reads_inside(0, depth, tap[0]), geometry.reads_inside(1, row, tap[1]))
        else {
            continue;
        };
        let left = x.offset as isize
            + image as isize * x.image
            + z as isize * x.places[0]
            + y as isize * x.places[1]
            + column * x.places[2];
        let right = dy.offset as isize
            + image as isize * dy.image
            + depth as isize * dy.places[0]
            + row as isize * dy.places[1]
            + inside.start as isize * dy.places[2];
        found.push(Line {
            left: x.data[left as usize..].as_ptr(),
            right: dy.data[right as usize..].as_ptr(),
            steps: inside.len(),
        });
    }
}
