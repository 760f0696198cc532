//! Where values lie.

use crate::kernels::extent;

/// Some places with some channels each, `stride` elements apart. While a program is built `start` counts in the memory of one
/// value or concat (`root`), afterwards in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct View {
    pub(super) root: usize,
    pub(super) start: usize,
    pub(super) places: usize,
    pub(super) channels: usize,
    pub(super) stride: usize,
}

impl View {
    /// All of a root that holds a value of this shape.
    pub(super) fn dense(root: usize, shape: &[usize]) -> Self {
        let (places, channels) = places_and_channels(shape);
        View { root, start: 0, places, channels, stride: channels }
    }

    pub(super) fn is_dense(&self) -> bool {
        self.stride == self.channels || self.places <= 1
    }

    /// Some of the channels.
    pub(super) fn narrow(self, first: usize, channels: usize) -> Self {
        View { start: self.start + first, channels, ..self }
    }

    /// Where it ends in memory.
    pub(super) fn end(&self) -> usize {
        self.start + extent(self.places, self.channels, self.stride)
    }

    pub(super) fn numel(&self) -> usize {
        self.places * self.channels
    }

    /// The elements from one position to the next along each axis of a value of this shape that lies here.
    pub(super) fn strides(&self, shape: &[usize]) -> Vec<isize> {
        let s = self.stride as isize;
        if let &[_, _, h, w] = shape {
            let (h, w) = (h as isize, w as isize);
            return vec![h * w * s, 1, w * s, s];
        }
        let Some(last) = shape.len().checked_sub(1) else { return Vec::new() };
        let mut strides = vec![1; shape.len()];
        let mut distance = s;
        for axis in (0..last).rev() {
            strides[axis] = distance;
            distance *= shape[axis] as isize;
        }
        strides
    }
}

/// The sizes in the order of memory: images channels-last, all others as they are.
pub(super) fn physical(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [n, c, h, w] => vec![n, h, w, c],
        _ => shape.to_vec(),
    }
}

pub(super) fn places_and_channels(shape: &[usize]) -> (usize, usize) {
    let physical = physical(shape);
    let channels = physical.last().copied().unwrap_or(1);
    (physical[..physical.len().saturating_sub(1)].iter().product(), channels)
}

/// Whether the order of memory is also the logical one.
pub(super) fn is_row_major(shape: &[usize]) -> bool {
    match *shape {
        [_, c, h, w] => c == 1 || h * w == 1,
        _ => true,
    }
}

/// Row-major strides.
pub(super) fn row_major(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as isize;
    }
    strides
}

/// Height and width as the sizes that the tensor crate's kernels take.
pub(super) fn three([height, width]: [usize; 2]) -> [usize; 3] {
    [1, height, width]
}
