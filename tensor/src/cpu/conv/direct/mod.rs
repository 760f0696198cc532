//! Convolution of images with few channels, as first layers have them: their rows are written down with the zeros around them
//! (see [`Row`]), and each number is multiplied with the weights of all filters, vectors lying across the filters.
//!
//! The result is channels-last, the input may lie as it likes.

mod forward;
#[cfg(test)]
mod tests;
mod weight;

use std::ops::Range;

use smallvec::SmallVec;

use super::rows::{self, Row};
use super::{Geometry, Lie};
use crate::Result;
use crate::cpu::gemm::{Output, Places};
use crate::cpu::math::Float;
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Lane, dispatch};
use crate::cpu::threads;
use crate::memory::Buffer;
use crate::profile;
use forward::Forward;
use weight::Weight;

/// Lanes of the widest vector.
const WIDEST: usize = 16;
/// Windows of the widest tile.
const WIDEST_TILE: usize = 14;
/// Bytes of a band: of the rows that a task writes down at once.
const BAND: usize = 64 * 1024;
/// Parts that a weight's gradient is summed in.
const PARTS: usize = 16;

/// Whether this is a convolution for these kernels.
pub(crate) fn serves(geometry: &Geometry) -> bool {
    geometry.groups == 1
        && (1..=4).contains(&geometry.channels)
        && !geometry.is_pointwise()
        && rows::are_short(geometry)
}

/// Elements of a packed weight.
pub(crate) fn packed_len(geometry: &Geometry) -> usize {
    geometry.depth() * geometry.filters.next_multiple_of(WIDEST)
}

/// The weight `[filters, channels · taps]` as the forward pass reads it: transposed, with zeros to whole vectors.
pub(crate) fn pack<T: Lane>(geometry: &Geometry, weight: &[T], out: &mut [T]) {
    let (depth, wide) = (geometry.depth(), geometry.filters.next_multiple_of(WIDEST));
    out.fill(T::ZERO);
    for (filter, weight) in weight.chunks_exact(depth.max(1)).enumerate() {
        for (k, &weight) in weight.iter().enumerate() {
            out[k * wide + filter] = weight;
        }
    }
}

/// The convolution by a packed weight, to windows that are `place` elements apart.
///
/// # Errors
/// [`crate::Error::OutOfMemory`] if there is no room for the padded rows.
pub(crate) fn forward<T: Float>(
    geometry: &Geometry,
    (x, lie): (&[T], Lie),
    weight: &[T],
    out: &Output<'_, T>,
) -> Result<()> {
    let _span = profile::span_of_work("conv direct", geometry.bytes::<T>(), geometry.flops());
    let windows = geometry.images * geometry.windows();
    if windows * geometry.filters == 0 {
        return Ok(());
    }
    assert!(out.holds(windows, geometry.filters), "the result is shorter than its geometry");
    assert!(weight.len() == packed_len(geometry), "the weight is not of its geometry");
    let bands = Bands::new::<T>(geometry);
    threads::try_each(bands.count(), &|band| {
        let mut scratch = Buffer::for_output::<T>(bands.scratch)?;
        let scratch = scratch.as_mut_slice();
        dispatch(Forward { bands: &bands, band, x, lie, weight, out, scratch });
        Ok(())
    })
}

/// The gradient with respect to the weight `[filters, channels · taps]`. Bands of rows are summed in parts that follow from the
/// shape, then the parts one after the other.
///
/// # Errors
/// [`crate::Error::OutOfMemory`] if there is no room for padded rows and partial sums.
pub(crate) fn weight<T: Lane>(
    geometry: &Geometry,
    (x, lie): (&[T], Lie),
    dy: Places<'_, T>,
    dw: &mut [T],
) -> Result<()> {
    let _span = profile::span_of_work("conv direct to weight", geometry.bytes::<T>(), geometry.flops());
    let (depth, filters) = (geometry.depth(), geometry.filters);
    if dw.is_empty() {
        return Ok(());
    }
    assert!(dy.holds(geometry.images * geometry.windows(), filters), "the gradient is shorter than its geometry");
    assert!(dw.len() == depth * filters, "the result is not of its geometry");
    let bands = Bands::new::<T>(geometry);
    let each = bands.count().div_ceil(PARTS).max(1);
    let len = packed_len(geometry);
    let parts = bands.count().div_ceil(each);
    let mut sums = Buffer::zeroed::<T>(parts.saturating_mul(len))?;
    let sums = sums.as_mut_slice::<T>();
    let shared = SharedMut::new(sums);
    threads::try_each(parts, &|part| {
        // SAFETY: every part has its own piece, and they are borrowed until all are done.
        let sums = unsafe { shared.slice(part * len..(part + 1) * len) };
        let mut scratch = Buffer::for_output::<T>(bands.scratch)?;
        for band in part * each..((part + 1) * each).min(bands.count()) {
            dispatch(Weight { bands: &bands, band, x, lie, dy, sums, scratch: scratch.as_mut_slice() });
        }
        Ok(())
    })?;
    let wide = filters.next_multiple_of(WIDEST);
    for (filter, dw) in dw.chunks_exact_mut(depth).enumerate() {
        for (k, dw) in dw.iter_mut().enumerate() {
            *dw = sums.iter().skip(k * wide + filter).step_by(len).fold(T::ZERO, |sum, &x| sum.plus(x));
        }
    }
    Ok(())
}

/// How the rows of windows are cut into bands, and how the padded rows that a band reads lie: those of a channel and a depth of the
/// kernel follow each other.
struct Bands<'a> {
    geometry: &'a Geometry,
    row: Row,
    /// Rows of windows in a band.
    rows: usize,
    /// Padded rows of a channel and a depth of the kernel.
    padded: usize,
    /// Elements of all padded rows.
    scratch: usize,
    /// Where the first window of the first row reads, for each channel and tap.
    offsets: SmallVec<[usize; 256]>,
}

impl<'a> Bands<'a> {
    fn new<T>(geometry: &'a Geometry) -> Self {
        let row = Row::new(geometry, geometry.output[2].saturating_add(WIDEST_TILE - 1));
        let planes = geometry.channels * geometry.kernel[0];
        let span = (geometry.kernel[1] - 1) * geometry.dilation[1] + 1;
        let fit = BAND / (row.len() * planes * size_of::<T>()).max(1);
        let rows = (fit.saturating_sub(span) / geometry.stride[1] + 1).min(geometry.output[1]).max(1);
        let padded = (rows - 1) * geometry.stride[1] + span;
        let offset = |k: usize| {
            let (channel, [a, b, c]) = (k / geometry.taps(), geometry.tap(k % geometry.taps()));
            let plane = channel * geometry.kernel[0] + a;
            (plane * padded + b * geometry.dilation[1]) * row.len() + row.offset(c)
        };
        let offsets = (0..geometry.depth()).map(offset).collect();
        let scratch = planes.saturating_mul(padded).saturating_mul(row.len());
        Bands { geometry, row, rows, padded, scratch, offsets }
    }

    /// Bands of one depth of one image.
    fn per_depth(&self) -> usize {
        self.geometry.output[1].div_ceil(self.rows)
    }

    fn count(&self) -> usize {
        self.geometry.images * self.geometry.output[0] * self.per_depth()
    }

    /// Writes a band's padded rows down. Gives the number of its first row of windows, counted over all images, and how many rows
    /// it has.
    #[inline(always)]
    fn fill<T: Lane>(&self, band: usize, x: &[T], lie: &Lie, scratch: &mut [T]) -> (usize, Range<usize>) {
        let geometry = self.geometry;
        let [deep, high, _] = geometry.output;
        let (image, depth) = (band / self.per_depth() / deep, band / self.per_depth() % deep);
        let top = band % self.per_depth() * self.rows;
        let rows = self.rows.min(high - top);
        let length = self.row.len();
        for (i, padded) in scratch[..self.scratch].chunks_exact_mut(length.max(1)).enumerate() {
            let (plane, r) = (i / self.padded, i % self.padded);
            let (channel, a) = (plane / geometry.kernel[0], plane % geometry.kernel[0]);
            let row = (top * geometry.stride[1] + r) as isize - geometry.before[1];
            let inside = (row as usize) < geometry.input[1];
            match geometry.reads_inside(0, depth, a).filter(|_| inside) {
                None => padded.fill(T::ZERO),
                Some(from) => {
                    let start = lie.offset as isize
                        + image as isize * lie.image
                        + channel as isize * lie.channel
                        + from as isize * lie.places[0]
                        + row * lie.places[1];
                    self.row.fill(x, start, lie.places[2], padded);
                }
            }
        }
        ((image * deep + depth) * high + top, 0..rows)
    }
}
