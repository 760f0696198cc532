//! Convolution as a matrix product whose right factor is read from the image window by window.

pub(crate) mod backward;
pub(crate) mod depthwise;
pub(crate) mod direct;
pub(crate) mod forward;
pub(crate) mod places;
#[cfg(test)]
mod reference;
mod rows;
mod windows;

/// The sizes of a convolution, with three spatial axes (the missing ones being 1) and input and output dense.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) images: usize,
    /// Input channels of one group.
    pub(crate) channels: usize,
    /// Output channels of one group.
    pub(crate) filters: usize,
    pub(crate) groups: usize,
    pub(crate) input: [usize; 3],
    pub(crate) output: [usize; 3],
    pub(crate) kernel: [usize; 3],
    pub(crate) stride: [usize; 3],
    pub(crate) dilation: [usize; 3],
    /// Zeros before the input; negative where the input's first places are left out.
    pub(crate) before: [isize; 3],
}

impl Geometry {
    /// Places of the input.
    pub(crate) fn places(&self) -> usize {
        self.input.iter().product()
    }

    /// Places of the output: windows.
    pub(crate) fn windows(&self) -> usize {
        self.output.iter().product()
    }

    /// Places of a window.
    pub(crate) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Numbers that one output is summed from.
    pub(crate) fn depth(&self) -> usize {
        self.channels * self.taps()
    }

    /// The three places of a tap in its window.
    pub(crate) fn tap(&self, tap: usize) -> [usize; 3] {
        let [_, high, wide] = self.kernel;
        [tap / (high * wide), tap / wide % high, tap % wide]
    }

    /// Where along an axis the tap of the window at `at` reads, which may be outside the input.
    pub(crate) fn reads(&self, axis: usize, at: usize, tap: usize) -> isize {
        (at * self.stride[axis] + tap * self.dilation[axis]) as isize - self.before[axis]
    }

    /// As [`Geometry::reads`], if that is inside the input.
    pub(crate) fn reads_inside(&self, axis: usize, at: usize, tap: usize) -> Option<usize> {
        let place = usize::try_from(self.reads(axis, at, tap)).ok()?;
        (place < self.input[axis]).then_some(place)
    }

    /// Of `count` windows along the last axis, the first of which reads at `start`: the range of those that read inside the
    /// input.
    pub(crate) fn inside(&self, start: isize, count: usize) -> std::ops::Range<usize> {
        let (stride, size) = (self.stride[2], self.input[2] as isize);
        let first = if start < 0 { start.unsigned_abs().div_ceil(stride) } else { 0 };
        let end = if start < size { ((size - start) as usize).div_ceil(stride) } else { 0 };
        let end = end.min(count);
        first.min(end)..end
    }

    /// Whether every filter sees one channel alone.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.channels == 1 && self.groups > 1
    }
}
