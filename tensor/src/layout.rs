//! How logical positions map to places in memory.

use smallvec::SmallVec;

use crate::Shape;

/// Steps between neighbours along each axis, in elements.
pub(crate) type Strides = SmallVec<[isize; 4]>;

/// Shape, strides and offset, all in elements. Strides may be negative (flipped) or zero (broadcast).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) shape: Shape,
    pub(crate) strides: Strides,
    pub(crate) offset: usize,
}

impl Layout {
    /// Row-major, the last axis fastest.
    pub(crate) fn contiguous(shape: Shape) -> Self {
        let strides = row_major(&shape);
        Layout { shape, strides, offset: 0 }
    }

    /// Images `[N, C, spatial…]` whose channels lie side by side: memory is `[N, spatial…, C]`.
    pub(crate) fn channels_last(shape: Shape) -> Self {
        if shape.rank() < 3 {
            return Layout::contiguous(shape);
        }
        let memory: SmallVec<[usize; 6]> = channels_last_order(shape.rank()).map(|axis| shape[axis]).collect();
        let mut strides: Strides = SmallVec::from_elem(1, shape.rank());
        for (axis, stride) in channels_last_order(shape.rank()).zip(row_major(&memory)) {
            strides[axis] = stride;
        }
        Layout { shape, strides, offset: 0 }
    }

    /// Whether this is [`Layout::channels_last`] (whatever the offset). Images of one channel or of one place are row-major too.
    pub(crate) fn is_channels_last(&self) -> bool {
        let rank = self.shape.rank();
        rank >= 3 && self.permute(&channels_last_order(rank).collect::<SmallVec<[usize; 6]>>()).is_contiguous()
    }

    pub(crate) fn numel(&self) -> usize {
        self.shape.numel()
    }

    /// Whether logical order is memory order without gaps (whatever the offset).
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut expected = 1isize;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size == 0 {
                return true;
            }
            if size != 1 {
                if stride != expected {
                    return false;
                }
                expected *= size as isize;
            }
        }
        true
    }

    /// The axes from slowest to fastest in memory.
    pub(crate) fn memory_order(&self) -> SmallVec<[usize; 4]> {
        let mut order: SmallVec<[usize; 4]> = (0..self.shape.rank()).collect();
        order.sort_by_key(|&axis| std::cmp::Reverse(self.strides[axis].unsigned_abs()));
        order
    }

    /// Whether both have one shape and neighbours lie equally far apart (whatever the offsets).
    pub(crate) fn lies_like(&self, other: &Layout) -> bool {
        let mut strides = self.shape.iter().zip(self.strides.iter().zip(&other.strides));
        self.shape == other.shape
            && (self.shape.contains(&0) || strides.all(|(&size, (one, other))| size == 1 || one == other))
    }

    /// Whether the axes of several elements lie in memory in this order, from the slowest to the fastest, forwards and without repetitions.
    pub(crate) fn follows(&self, order: &[usize]) -> bool {
        let strides = order.iter().filter(|&&axis| self.shape[axis] != 1).map(|&axis| self.strides[axis]);
        strides.clone().is_sorted_by(|outer, inner| outer >= inner) && strides.into_iter().all(|stride| stride > 0)
    }

    /// Whether the elements fill a piece of memory without gaps and repetitions, in whatever order of axes.
    pub(crate) fn is_dense(&self) -> bool {
        self.permute(&self.memory_order()).is_contiguous()
    }

    /// A layout of the same shape that fills its memory from 0: in this layout's memory order if it is dense, else row-major.
    pub(crate) fn dense_like(&self) -> Layout {
        if self.is_contiguous() || !self.is_dense() {
            return Layout::contiguous(self.shape.clone());
        }
        Layout { offset: 0, ..self.clone() }
    }

    pub(crate) fn permute(&self, order: &[usize]) -> Layout {
        Layout {
            shape: order.iter().map(|&axis| self.shape[axis]).collect(),
            strides: order.iter().map(|&axis| self.strides[axis]).collect(),
            offset: self.offset,
        }
    }

    /// This layout seen as `shape`, which it broadcasts to (checked by the caller).
    pub(crate) fn broadcast_to(&self, shape: &Shape) -> Layout {
        let lead = shape.rank() - self.shape.rank();
        let strides = (0..shape.rank())
            .map(|i| match i.checked_sub(lead) {
                Some(j) if self.shape[j] == shape[i] => self.strides[j],
                _ => 0,
            })
            .collect();
        Layout { shape: shape.clone(), strides, offset: self.offset }
    }

    /// This layout seen as `shape` (of the same size), or `None` if no strides can say that.
    pub(crate) fn reshape(&self, shape: &Shape) -> Option<Layout> {
        if self.numel() == 0 {
            return Some(Layout { offset: self.offset, ..Layout::contiguous(shape.clone()) });
        }
        // Walk both shapes from the back. A run of old axes that lie as one block of memory can be cut anew in any way.
        let mut strides: Strides = SmallVec::from_elem(0, shape.rank());
        let mut new = shape.rank();
        let mut block_size = 1usize;
        let mut block_stride = 1isize;
        let mut used = 1usize;
        for old in (0..self.shape.rank()).rev() {
            let (size, stride) = (self.shape[old], self.strides[old]);
            if size == 1 {
                continue;
            }
            if block_size == used {
                // The block before is used up: begin a new one with this axis.
                (block_size, block_stride, used) = (size, stride, 1);
            } else if stride == block_stride * (block_size as isize) {
                block_size *= size;
            } else {
                return None;
            }
            while new > 0 && used < block_size && block_size.is_multiple_of(used * shape[new - 1]) {
                new -= 1;
                strides[new] = block_stride * used as isize;
                used *= shape[new];
            }
        }
        if used != block_size {
            return None;
        }
        // What remains can only be axes of size 1.
        while new > 0 {
            new -= 1;
            if shape[new] != 1 {
                return None;
            }
            strides[new] = block_stride * used as isize;
        }
        Some(Layout { shape: shape.clone(), strides, offset: self.offset })
    }
}

/// The axes of images from slowest to fastest if channels lie side by side.
fn channels_last_order(rank: usize) -> impl Iterator<Item = usize> {
    std::iter::once(0).chain(2..rank).chain(std::iter::once(1))
}

/// Row-major strides.
pub(crate) fn row_major(shape: &[usize]) -> Strides {
    let mut strides: Strides = SmallVec::from_elem(1, shape.len());
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i].max(1) as isize;
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_without_copy_where_strides_allow() {
        let base = Layout::contiguous([2, 3, 4].into());
        let r = |layout: &Layout, shape: &[usize]| layout.reshape(&shape.into()).map(|l| l.strides.to_vec());
        assert_eq!(r(&base, &[6, 4]), Some(vec![4, 1]));
        assert_eq!(r(&base, &[24]), Some(vec![1]));
        assert_eq!(r(&base, &[2, 1, 12]), Some(vec![12, 12, 1]));
        assert_eq!(r(&base, &[3, 2, 2, 2]), Some(vec![8, 4, 2, 1]));
        let transposed = base.permute(&[1, 0, 2]);
        assert_eq!(r(&transposed, &[6, 4]), None);
        assert_eq!(r(&transposed, &[3, 2, 2, 2]), Some(vec![4, 12, 2, 1]));
        assert_eq!(r(&transposed, &[3, 8]), None);
        let flipped = Layout { strides: SmallVec::from_slice(&[-1]), offset: 5, ..Layout::contiguous([6].into()) };
        assert_eq!(r(&flipped, &[2, 3]), Some(vec![-3, -1]));
        let column = Layout { strides: SmallVec::from_slice(&[1, 0]), ..Layout::contiguous([3, 2].into()) };
        assert_eq!(r(&column, &[6]), None);
        let ones = Layout::contiguous([1, 1].into());
        assert_eq!(r(&ones, &[]), Some(vec![]));
        assert_eq!(r(&Layout::contiguous(().into()), &[1, 1]).map(|s| s.len()), Some(2));
    }

    #[test]
    fn channels_last_is_told_by_places_not_strides() {
        let layout = Layout::channels_last([2, 3, 4, 5].into());
        assert_eq!(layout.strides.to_vec(), [60, 1, 15, 3]);
        assert!(layout.is_channels_last() && !layout.is_contiguous() && layout.is_dense());
        assert!(!Layout::contiguous([2, 3, 4, 5].into()).is_channels_last());
        for coincide in [[2, 1, 4, 5], [2, 3, 1, 1], [2, 0, 4, 5]] {
            assert!(Layout::contiguous(coincide.into()).is_channels_last());
            assert!(Layout::channels_last(coincide.into()).is_contiguous());
        }
        assert!(!Layout::contiguous([2, 3].into()).is_channels_last());
    }

    #[test]
    fn dense_means_no_gaps_in_any_order() {
        let base = Layout::contiguous([2, 3, 4].into());
        assert!(base.permute(&[0, 2, 1]).is_dense());
        assert!(!base.permute(&[0, 2, 1]).is_contiguous());
        assert_eq!(base.permute(&[0, 2, 1]).dense_like().strides.to_vec(), [12, 1, 4]);
        let gaps = Layout { strides: SmallVec::from_slice(&[2]), ..Layout::contiguous([3].into()) };
        assert!(!gaps.is_dense());
    }
}
