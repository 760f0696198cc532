//! Where the factors of a product come from: anything that can write itself into panels.

use std::ops::Range;

use crate::cpu::copy::transpose;

/// A factor of a matrix product, seen as `lanes × depth`: a lane is a row of the left factor or a column of the right one, and
/// the product sums over the depth.
pub(crate) trait Operand<T>: Sync {
    /// Writes the lanes `lanes` over the steps `depth` into `out`: `width` elements for each step, of which those behind
    /// `lanes.len()` are zeros.
    fn pack(&self, depth: Range<usize>, lanes: Range<usize>, width: usize, out: &mut [T]);
}

/// Positions that lie in memory in blocks: position `i` is at `(i / block) · outer + (i % block) · inner`. A plain matrix has
/// one block; a batch of images has one for each image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocked {
    pub(crate) block: usize,
    pub(crate) outer: isize,
    pub(crate) inner: isize,
}

impl Blocked {
    /// One block with this distance between neighbours.
    pub(crate) fn plain(inner: isize) -> Self {
        Blocked { block: usize::MAX, outer: 0, inner }
    }

    pub(crate) fn place(&self, i: usize) -> isize {
        if i < self.block {
            return i as isize * self.inner;
        }
        (i / self.block) as isize * self.outer + (i % self.block) as isize * self.inner
    }

    /// Calls `f(start of a run in the range, its length, its place)` for the runs of neighbours that the range falls into.
    pub(crate) fn runs(&self, range: Range<usize>, mut f: impl FnMut(usize, usize, isize)) {
        let mut start = range.start;
        while start < range.end {
            let len = (self.block - start % self.block).min(range.end - start);
            f(start - range.start, len, self.place(start));
            start += len;
        }
    }
}

/// A matrix in memory, by its strides.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) offset: usize,
    pub(crate) lanes: Blocked,
    pub(crate) depth: Blocked,
}

impl<'a, T> Strided<'a, T> {
    /// A plain matrix.
    pub(crate) fn plain(data: &'a [T], offset: usize, lane: isize, depth: isize) -> Self {
        Strided { data, offset, lanes: Blocked::plain(lane), depth: Blocked::plain(depth) }
    }
}

impl<T: Sync> Strided<'_, T> {
    /// Calls `fill(elements, place of the first lane, distance of lanes)` for the lanes at every step of a plain matrix's panel, and puts
    /// zeros behind them.
    pub(super) fn each_step<R: Copy + Default>(
        &self,
        depth: Range<usize>,
        lanes: Range<usize>,
        width: usize,
        out: &mut [R],
        mut fill: impl FnMut(&mut [R], isize, isize),
    ) {
        for (step, out) in depth.zip(out.chunks_exact_mut(width)) {
            let (out, rest) = out.split_at_mut(lanes.len());
            rest.fill(R::default());
            let place = self.lanes.place(lanes.start) + self.depth.place(step);
            fill(out, self.offset as isize + place, self.lanes.inner);
        }
    }
}

impl<T: Copy + Default + Sync> Operand<T> for Strided<'_, T> {
    fn pack(&self, depth: Range<usize>, lanes: Range<usize>, width: usize, out: &mut [T]) {
        let (data, offset) = (self.data, self.offset as isize);
        let count = lanes.len();
        if count < width {
            for step in out.chunks_exact_mut(width) {
                step[count..].fill(T::default());
            }
        }
        let (across, along) = (self.lanes.inner, self.depth.inner);
        self.lanes.runs(lanes, |lane, lane_count, lane_place| {
            self.depth.runs(depth.clone(), |step, steps, place| {
                let start = offset + lane_place + place;
                let out = &mut out[step * width..(step + steps) * width];
                if across == 1 {
                    for (p, out) in out.chunks_exact_mut(width).enumerate() {
                        let from = (start + p as isize * along) as usize;
                        out[lane..lane + lane_count].copy_from_slice(&data[from..from + lane_count]);
                    }
                } else if let (1, Ok(across)) = (along, usize::try_from(across)) {
                    transpose(&data[start as usize..], across, lane_count, steps, &mut out[lane..], width);
                } else {
                    for (p, out) in out.chunks_exact_mut(width).enumerate() {
                        let from = start + p as isize * along;
                        for (i, out) in out[lane..lane + lane_count].iter_mut().enumerate() {
                            *out = data[(from + i as isize * across) as usize];
                        }
                    }
                }
            });
        });
    }
}
