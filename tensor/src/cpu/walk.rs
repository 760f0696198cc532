//! Visiting the elements of several tensors of one shape together, whatever their strides.

use std::ops::Range;

use smallvec::SmallVec;

use crate::layout::Layout;

/// A plan for walking over `N` operands of one shape, row by row. Axes of size 1 are dropped and neighbouring axes that lie
/// as one block of memory in every operand are merged, so that rows are as long as the strides allow.
///
/// The walk is in logical order: the first operand's first axis is outermost.
#[derive(Debug, Clone)]
pub(crate) struct Walk<const N: usize> {
    sizes: SmallVec<[usize; 4]>,
    strides: SmallVec<[[isize; N]; 4]>,
    start: [usize; N],
}

impl<const N: usize> Walk<N> {
    pub(crate) fn new(operands: [&Layout; N]) -> Self {
        let shape = &operands[0].shape;
        debug_assert!(operands.iter().all(|layout| layout.shape == *shape));
        let mut walk =
            Walk { sizes: SmallVec::new(), strides: SmallVec::new(), start: operands.map(|layout| layout.offset) };
        for (axis, &size) in shape.iter().enumerate() {
            if size == 1 {
                continue;
            }
            let strides = operands.map(|layout| layout.strides[axis]);
            match walk.strides.last_mut() {
                Some(outer) if (0..N).all(|i| outer[i] == strides[i] * size as isize) => {
                    *outer = strides;
                    *walk.sizes.last_mut().expect("sizes and strides grow together") *= size;
                }
                _ => {
                    walk.sizes.push(size);
                    walk.strides.push(strides);
                }
            }
        }
        walk
    }

    /// A walk that follows the memory order of the first operand instead of the logical order, so that rows of an output
    /// come one after the other in its memory.
    pub(crate) fn along_first(operands: [&Layout; N]) -> Self {
        if operands[0].is_contiguous() {
            return Walk::new(operands);
        }
        let order = operands[0].memory_order();
        let permuted = operands.map(|layout| layout.permute(&order));
        Walk::new(std::array::from_fn(|i| &permuted[i]))
    }

    /// Elements in a row.
    pub(crate) fn row_len(&self) -> usize {
        self.sizes.last().copied().unwrap_or(1)
    }

    /// Distance of neighbours in a row, for each operand.
    pub(crate) fn row_strides(&self) -> [isize; N] {
        self.strides.last().copied().unwrap_or([1; N])
    }

    /// Sizes and strides of the axes that are left, the outermost first.
    pub(crate) fn axes(&self) -> impl ExactSizeIterator<Item = (usize, [isize; N])> + DoubleEndedIterator {
        self.sizes.iter().copied().zip(self.strides.iter().copied())
    }

    /// Where the walk starts in each operand.
    pub(crate) fn start(&self) -> [usize; N] {
        self.start
    }

    /// Sizes and strides of the last two axes, if there are two.
    fn last_matrix(&self) -> Option<([usize; 2], [[isize; N]; 2])> {
        let lead = self.sizes.len().checked_sub(2)?;
        Some(([self.sizes[lead], self.sizes[lead + 1]], [self.strides[lead], self.strides[lead + 1]]))
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        // Rows without elements are no rows: there may be 2⁴⁰ of them.
        if self.sizes.contains(&0) { 0 } else { self.sizes.iter().rev().skip(1).product() }
    }

    /// Cuts `piece`, which begins `start` elements into an output that is written row by row, into its rows, and calls `f` with each
    /// and the place where it starts in each operand.
    pub(crate) fn rows_of<R>(&self, start: usize, piece: &mut [R], mut f: impl FnMut(&mut [R], [usize; N])) {
        let row_len = self.row_len().max(1);
        let first = start / row_len;
        let mut rows = piece.chunks_mut(row_len);
        self.for_rows(first..first + rows.len(), &mut |starts| {
            f(rows.next().expect("as many rows as the piece"), starts)
        });
    }

    /// Distance of neighbouring rows, for each operand, and the number of rows that lie so one after the other.
    pub(crate) fn blocks(&self) -> (usize, [isize; N]) {
        self.last_matrix().map_or((1, [0; N]), |([rows, _], [strides, _])| (rows, strides))
    }

    /// Calls `f` with the places where blocks of rows start that cover these, and their numbers of rows (see [`Walk::blocks`]).
    pub(crate) fn for_blocks(&self, rows: Range<usize>, f: &mut dyn FnMut([usize; N], usize)) {
        let (most, _) = self.blocks();
        let mut row = rows.start;
        while row < rows.end {
            let count = (most - row % most).min(rows.end - row);
            self.for_rows(row..row + 1, &mut |starts| f(starts, count));
            row += count;
        }
    }

    /// Calls `f` with the place where each of these rows starts in each operand.
    pub(crate) fn for_rows(&self, rows: Range<usize>, f: &mut dyn FnMut([usize; N])) {
        if rows.is_empty() {
            return;
        }
        let outer = self.sizes.len().saturating_sub(1);
        let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer);
        let mut place = self.start.map(|start| start as isize);
        let mut rest = rows.start;
        for axis in (0..outer).rev() {
            index[axis] = rest % self.sizes[axis];
            rest /= self.sizes[axis];
            step(&mut place, &self.strides[axis], index[axis] as isize);
        }
        for _ in rows {
            f(place.map(|place| place as usize));
            for axis in (0..outer).rev() {
                index[axis] += 1;
                step(&mut place, &self.strides[axis], 1);
                if index[axis] < self.sizes[axis] {
                    break;
                }
                step(&mut place, &self.strides[axis], -(self.sizes[axis] as isize));
                index[axis] = 0;
            }
        }
    }
}

fn step<const N: usize>(place: &mut [isize; N], strides: &[isize; N], count: isize) {
    for (place, stride) in place.iter_mut().zip(strides) {
        *place += count * stride;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All places of the second operand, in the order in which the walk meets them.
    fn places(walk: &Walk<2>) -> Vec<usize> {
        let mut places = Vec::new();
        let stride = walk.row_strides()[1];
        walk.for_rows(0..walk.rows(), &mut |[_, start]| {
            places.extend((0..walk.row_len() as isize).map(|i| (start as isize + i * stride) as usize));
        });
        places
    }

    #[test]
    fn walks_in_logical_order_and_merges_axes() {
        let a = Layout::contiguous([2, 3, 4].into());
        let walk = Walk::new([&a, &a]);
        assert_eq!((walk.rows(), walk.row_len()), (1, 24));
        let t = Layout::contiguous([4, 2, 3].into()).permute(&[1, 2, 0]);
        let walk = Walk::new([&a, &t]);
        assert_eq!((walk.rows(), walk.row_len()), (6, 4));
        assert_eq!(places(&walk)[..5], [0, 6, 12, 18, 1]);
        // A part of the rows starts in the middle.
        let mut starts = Vec::new();
        walk.for_rows(4..6, &mut |[_, start]| starts.push(start));
        assert_eq!(starts, [4, 5]);
    }

    #[test]
    fn follows_the_memory_of_the_first() {
        let t = Layout::contiguous([4, 6].into()).permute(&[1, 0]);
        let walk = Walk::along_first([&t, &t]);
        assert_eq!((walk.rows(), walk.row_len()), (1, 24));
        assert_eq!(walk.row_strides(), [1, 1]);
    }

    #[test]
    fn rank_zero_and_empty() {
        let scalar = Layout::contiguous(().into());
        assert_eq!(places(&Walk::new([&scalar, &scalar])), [0]);
        let empty = Layout::contiguous([3, 0].into());
        assert_eq!(places(&Walk::new([&empty, &empty])), [0usize; 0]);
        let empty = Layout::contiguous([0, 3].into());
        assert_eq!(places(&Walk::new([&empty, &empty])), [0usize; 0]);
    }
}
