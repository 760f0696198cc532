//! Rows of an image with the zeros that windows see around them, written down so that the loops over them need no tests.

use super::Geometry;

/// Most elements that rows written down may take: such a kernel is for what stays in the caches.
const MOST: usize = 1 << 20;

/// Whether the rows that a few rows of windows read, with the zeros around and all that lies between their taps, are worth writing down.
/// They are not where taps or windows lie far apart.
pub(crate) fn are_short(geometry: &Geometry) -> bool {
    let Geometry { kernel, stride, dilation, .. } = geometry;
    let span = |axis: usize| kernel[axis].saturating_sub(1).saturating_mul(dilation[axis]).saturating_add(1);
    let windows = stride[2].saturating_mul(geometry.output[2].saturating_add(16));
    let length = windows.max(geometry.input[2]).saturating_add(span(2));
    let rows = stride[1].saturating_mul(4).saturating_add(span(1));
    let planes = geometry.channels.saturating_mul(kernel[0]);
    planes.saturating_mul(rows).saturating_mul(length) <= MOST
}

/// How one padded row lies. Its columns are dealt out by `stride` into phases that follow each other, so that windows which are
/// neighbours read neighbours, whatever the stride: column `c` is number `c / stride` of phase `c % stride`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// Distance of windows.
    pub(crate) stride: usize,
    /// Distance of taps.
    pub(crate) dilation: usize,
    /// Zeros before the first place; negative where places are left out.
    pub(crate) before: isize,
    /// Places of the image.
    pub(crate) places: usize,
    /// Distance of the image's places in the padded row: more than 1 puts zeros between them. Then `stride` is 1.
    pub(crate) spread: usize,
    /// Columns of a phase.
    pub(crate) phase: usize,
}

impl Row {
    /// Rows long enough for so many windows.
    pub(crate) fn new(geometry: &Geometry, windows: usize) -> Self {
        let (stride, dilation) = (geometry.stride[2], geometry.dilation[2]);
        Row {
            stride,
            dilation,
            before: geometry.before[2],
            places: geometry.input[2],
            spread: 1,
            phase: windows + geometry.kernel[2].saturating_sub(1) * dilation / stride,
        }
    }

    /// Elements of a padded row.
    pub(crate) fn len(&self) -> usize {
        self.stride * self.phase
    }

    /// Where the first window reads for a tap; the next windows read behind it.
    pub(crate) fn offset(&self, tap: usize) -> usize {
        let column = tap * self.dilation;
        column % self.stride * self.phase + column / self.stride
    }

    /// Writes the row of places `source[start + i · step]`.
    #[inline(always)]
    pub(crate) fn fill<T: Copy + Default>(&self, source: &[T], start: isize, step: isize, out: &mut [T]) {
        if self.spread > 1 {
            return self.fill_spread(source, start, step, out);
        }
        let stride = self.stride as isize;
        for (phase, out) in out.chunks_exact_mut(self.phase.max(1)).take(self.stride).enumerate() {
            // Number i is place i · stride + skip of the image.
            let skip = phase as isize - self.before;
            let first = (-skip).max(0).unsigned_abs().div_ceil(self.stride).min(out.len());
            let end = (self.places as isize - skip).max(0).unsigned_abs().div_ceil(self.stride);
            let end = end.clamp(first, out.len());
            out[..first].fill(T::default());
            out[end..].fill(T::default());
            let out = &mut out[first..end];
            if out.is_empty() {
                continue;
            }
            let place = (first as isize * stride + skip) as usize;
            let start = start + place as isize * step;
            match step * stride {
                1 => out.copy_from_slice(&source[start as usize..][..out.len()]),
                2 => gather(source, start, 2, out),
                3 => gather(source, start, 3, out),
                step => gather(source, start, step, out),
            }
        }
    }

    #[inline(always)]
    fn fill_spread<T: Copy + Default>(&self, source: &[T], start: isize, step: isize, out: &mut [T]) {
        let out = &mut out[..self.phase];
        out.fill(T::default());
        for place in 0..self.places {
            let column = (place * self.spread) as isize + self.before;
            if let Some(out) = usize::try_from(column).ok().and_then(|column| out.get_mut(column)) {
                *out = source[(start + place as isize * step) as usize];
            }
        }
    }
}

/// `out[i] = source[start + i · step]`.
#[inline(always)]
fn gather<T: Copy>(source: &[T], start: isize, step: isize, out: &mut [T]) {
    let end = start + (out.len() - 1) as isize * step;
    assert!(start.min(end) >= 0 && (start.max(end) as usize) < source.len(), "a row beyond its image");
    for (i, out) in out.iter_mut().enumerate() {
        // SAFETY: the first and the last of these are inside.
        *out = unsafe { *source.as_ptr().offset(start + i as isize * step) };
    }
}
