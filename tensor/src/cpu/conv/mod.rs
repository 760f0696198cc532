//! Convolution, near the hardware's limit: each shape goes to the algorithm that suits it.
//!
//! Images lie channels-last here: what a tap of a window sees is a run of neighbouring channels, so a convolution is a product of rows
//! found by pointers ([`windows`]) with the packed weight, and nothing is unfolded in memory. Depthwise convolutions and 1×1
//! convolutions of row-major images have kernels of their own.

pub(crate) mod backward_input;
pub(crate) mod backward_weight;
pub(crate) mod depthwise;
pub(crate) mod direct;
pub(crate) mod forward;
pub(crate) mod pointwise;
#[cfg(test)]
mod reference;
mod rows;
mod windows;
pub(crate) mod winograd;

/// The sizes of a convolution, with three spatial axes (the missing ones being 1).
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

    /// Additions and multiplications of the convolution, and of each of its gradients.
    pub(crate) fn flops(&self) -> usize {
        2 * self.images * self.windows() * self.groups * self.filters * self.depth()
    }

    /// Bytes of input, weight and result.
    pub(crate) fn bytes<T>(&self) -> usize {
        let (seen, made) = (self.places() * self.channels, self.windows() * self.filters);
        self.groups * (self.images * (seen + made) + self.filters * self.depth()) * size_of::<T>()
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

    /// Whether a window is one place of the input, and every place has one.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.taps() == 1 && self.stride == [1; 3] && self.before == [0; 3] && self.input == self.output
    }
}

/// A batch of images whose channels are neighbours in memory.
#[derive(Clone, Copy)]
pub(crate) struct Images<'a, T> {
    pub(crate) data: &'a [T],
    /// Where the first channel of the first image's first place is.
    pub(crate) offset: usize,
    /// Distances of images, and of places along the spatial axes.
    pub(crate) image: isize,
    pub(crate) places: [isize; 3],
}

impl<'a, T> Images<'a, T> {
    /// Images that fill their memory, `stride` elements from place to place.
    pub(crate) fn dense(data: &'a [T], [deep, high, wide]: [usize; 3], stride: usize) -> Self {
        Images {
            data,
            offset: 0,
            image: (deep * high * wide * stride) as isize,
            places: [(high * wide * stride) as isize, (wide * stride) as isize, stride as isize],
        }
    }

    /// The distance of places, if it is the same from each to the next, across rows and images too.
    pub(crate) fn even_places(&self, size: [usize; 3]) -> Option<usize> {
        let stride = usize::try_from(self.places[2]).ok()?;
        let dense = Images::dense(self.data, size, stride);
        let same = |axis: usize| size[axis] <= 1 || self.places[axis] == dense.places[axis];
        (same(0) && same(1) && self.image == dense.image).then_some(stride)
    }

    /// The same from a later channel on.
    pub(crate) fn starting_at(&self, channel: usize) -> Self {
        Images { offset: self.offset + channel, ..*self }
    }
}

/// Where a batch of images lies: distances of images, channels and places along the spatial axes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lie {
    pub(crate) offset: usize,
    pub(crate) image: isize,
    pub(crate) channel: isize,
    pub(crate) places: [isize; 3],
}

impl Lie {
    /// The distance of places, if it is the same from each to the next, across rows and images too, and the channels of each lie side by
    /// side.
    pub(crate) fn place(&self, images: usize, channels: usize, size: [usize; 3]) -> Option<usize> {
        let ([deep, high, wide], [of_deep, of_high, of_wide]) = (size, self.places);
        let axes = [(wide, of_wide), (high, of_high), (deep, of_deep), (images, self.image)];
        let place = axes.iter().find(|&&(size, _)| size > 1).map_or(channels as isize, |&(_, stride)| stride);
        let mut step = place;
        for (size, stride) in axes {
            if size == 0 || (size != 1 && stride != step) {
                return None;
            }
            step *= size as isize;
        }
        let side_by_side = channels == 1 || self.channel == 1;
        usize::try_from(place).ok().filter(|&place| side_by_side && place >= channels)
    }
}
