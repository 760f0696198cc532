//! What the windows of a convolution see, as a factor of a matrix product: channels and taps × windows (im2col), of which
//! only the panel that is being packed is ever written down.

use std::ops::Range;

use smallvec::SmallVec;

use super::Geometry;
use crate::cpu::gemm::Operand;

/// One group's channels of a batch of images.
#[derive(Clone, Copy)]
pub(crate) struct Images<'a, T> {
    pub(crate) data: &'a [T],
    /// Where the group's first channel of the first image begins.
    pub(crate) offset: usize,
    /// Distances of images and channels, and of places along the spatial axes.
    pub(crate) image: isize,
    pub(crate) channel: isize,
    pub(crate) places: [isize; 3],
}

/// Lanes are windows of all images, the depth is channels × taps: the right factor of a forward pass.
pub(crate) struct Windows<'a, T> {
    pub(crate) images: Images<'a, T>,
    pub(crate) geometry: &'a Geometry,
}

/// The same the other way round: lanes are channels × taps, the depth is windows. The right factor of a weight gradient.
pub(crate) struct Taps<'a, T> {
    pub(crate) images: Images<'a, T>,
    pub(crate) geometry: &'a Geometry,
}

/// Windows that are neighbours along the last axis.
struct Run {
    /// The first one's place in the range that was asked for.
    first: usize,
    count: usize,
    image: usize,
    /// Where in the output they are.
    at: [usize; 3],
}

fn runs(geometry: &Geometry, windows: Range<usize>) -> SmallVec<[Run; 16]> {
    let [deep, high, wide] = geometry.output;
    let mut runs = SmallVec::new();
    let mut start = windows.start;
    while start < windows.end {
        let (row, column) = (start / wide, start % wide);
        let count = (wide - column).min(windows.end - start);
        runs.push(Run {
            first: start - windows.start,
            count,
            image: row / (deep * high),
            at: [row / high % deep, row % high, column],
        });
        start += count;
    }
    runs
}

impl<T: Copy> Images<'_, T> {
    /// For one channel and tap, and one run of windows: which of them read inside the image, and where the first of those
    /// reads.
    fn source(&self, geometry: &Geometry, run: &Run, channel: usize, tap: [usize; 3]) -> Option<(Range<usize>, isize)> {
        let depth = geometry.reads_inside(0, run.at[0], tap[0])?;
        let row = geometry.reads_inside(1, run.at[1], tap[1])?;
        let column = geometry.reads(2, run.at[2], tap[2]);
        let inside = geometry.inside(column, run.count);
        let column = column + (inside.start * geometry.stride[2]) as isize;
        let place = self.offset as isize
            + run.image as isize * self.image
            + channel as isize * self.channel
            + depth as isize * self.places[0]
            + row as isize * self.places[1]
            + column * self.places[2];
        Some((inside, place))
    }
}

/// Walks through channels and taps in order.
struct Position {
    channel: usize,
    tap: [usize; 3],
}

impl Position {
    fn new(geometry: &Geometry, depth: usize) -> Self {
        let taps = geometry.taps();
        Position { channel: depth / taps, tap: geometry.tap(depth % taps) }
    }

    fn advance(&mut self, geometry: &Geometry) {
        for axis in (0..3).rev() {
            self.tap[axis] += 1;
            if self.tap[axis] < geometry.kernel[axis] {
                return;
            }
            self.tap[axis] = 0;
        }
        self.channel += 1;
    }
}

impl<T: Copy + Default + Sync> Operand<T> for Windows<'_, T> {
    fn pack(&self, depth: Range<usize>, lanes: Range<usize>, width: usize, out: &mut [T]) {
        let (geometry, data) = (self.geometry, self.images.data);
        let used = lanes.len();
        let runs = runs(geometry, lanes);
        let step = geometry.stride[2] as isize * self.images.places[2];
        let mut position = Position::new(geometry, depth.start);
        for out in out.chunks_exact_mut(width) {
            out[used..].fill(T::default());
            for run in &runs {
                let out = &mut out[run.first..run.first + run.count];
                let source = self.images.source(geometry, run, position.channel, position.tap);
                let Some((inside, place)) = source else {
                    out.fill(T::default());
                    continue;
                };
                out[..inside.start].fill(T::default());
                out[inside.end..].fill(T::default());
                let out = &mut out[inside];
                if step == 1 && !out.is_empty() {
                    out.copy_from_slice(&data[place as usize..place as usize + out.len()]);
                } else {
                    for (i, out) in out.iter_mut().enumerate() {
                        *out = data[(place + i as isize * step) as usize];
                    }
                }
            }
            position.advance(geometry);
        }
    }
}

impl<T: Copy + Default + Sync> Operand<T> for Taps<'_, T> {
    fn pack(&self, depth: Range<usize>, lanes: Range<usize>, width: usize, out: &mut [T]) {
        let (geometry, data) = (self.geometry, self.images.data);
        out.fill(T::default());
        let runs = runs(geometry, depth);
        let step = geometry.stride[2] as isize * self.images.places[2];
        let mut position = Position::new(geometry, lanes.start);
        for lane in 0..lanes.len() {
            for run in &runs {
                let source = self.images.source(geometry, run, position.channel, position.tap);
                let Some((inside, place)) = source else {
                    continue;
                };
                if inside.is_empty() {
                    continue;
                }
                let places = out[(run.first + inside.start) * width + lane..].iter_mut();
                if step == 1 {
                    let source = &data[place as usize..place as usize + inside.len()];
                    for (out, &value) in places.step_by(width).zip(source) {
                        *out = value;
                    }
                } else {
                    for (i, out) in places.step_by(width).take(inside.len()).enumerate() {
                        *out = data[(place + i as isize * step) as usize];
                    }
                }
            }
            position.advance(geometry);
        }
    }
}
