//! What the taps of windows see, as rows of a product's left factor.

use std::ops::Range;

use smallvec::SmallVec;

use super::Images;
use crate::cpu::gemm::Rows;
use crate::cpu::gemm::tile::MOST_ROWS;

/// A grid of windows over images: the window at `p` has its tap `t` at `p · step + shift[t]` of the input. The windows of all images, one
/// behind the other, are the rows of the product, its taps the segments of the depth.
pub(super) struct Windows<'a, T> {
    pub(super) images: Images<'a, T>,
    pub(super) input: [usize; 3],
    pub(super) grid: [usize; 3],
    pub(super) step: [usize; 3],
    pub(super) shifts: SmallVec<[[isize; 3]; 9]>,
    /// What is seen outside of the input: as many zeros as there are channels.
    pub(super) zeros: &'a [T],
    pub(super) result: Result,
}

/// Where the windows' results go: the window at `p` to the place `p · step + first` of an image of this size.
#[derive(Clone, Copy)]
pub(super) struct Result {
    pub(super) size: [usize; 3],
    pub(super) step: [usize; 3],
    pub(super) first: [usize; 3],
}

impl Result {
    /// A result with a place for each window.
    pub(super) fn whole(size: [usize; 3]) -> Self {
        Result { size, step: [1; 3], first: [0; 3] }
    }
}

impl<T> Windows<'_, T> {
    /// Calls `f(row of the tile, image, place in the grid)` for `count` windows from `first` on.
    #[inline(always)]
    fn each(&self, first: usize, count: usize, mut f: impl FnMut(usize, usize, [usize; 3])) {
        let [deep, high, wide] = self.grid;
        let (line, mut x) = (first / wide, first % wide);
        let (mut y, mut z, mut image) = (line % high, line / high % deep, line / high / deep);
        for i in 0..count {
            f(i, image, [z, y, x]);
            x += 1;
            if x == wide {
                (x, y) = (0, y + 1);
                if y == high {
                    (y, z) = (0, z + 1);
                    if z == deep {
                        (z, image) = (0, image + 1);
                    }
                }
            }
        }
    }
}

impl<T: Sync> Rows<T> for Windows<'_, T> {
    fn point(&self, first: usize, count: usize, segments: Range<usize>, out: &mut [[*const T; MOST_ROWS]]) {
        let Images { data, offset, image: of_image, places } = self.images;
        let shifts = &self.shifts[segments];
        self.each(first, count, |i, image, at| {
            let start = offset as isize + image as isize * of_image;
            let at: [isize; 3] = std::array::from_fn(|axis| (at[axis] * self.step[axis]) as isize);
            for (shift, out) in shifts.iter().zip(out.iter_mut()) {
                let (z, y, x) = (at[0] + shift[0], at[1] + shift[1], at[2] + shift[2]);
                // A negative place is a huge one as an unsigned number.
                let inside = (z as usize) < self.input[0]
                    && (y as usize) < self.input[1]
                    && (x as usize) < self.input[2]
                    && !self.zeros.is_empty();
                out[i] = if inside {
                    let place = start + z * places[0] + y * places[1] + x * places[2];
                    data[place as usize..].as_ptr()
                } else {
                    self.zeros.as_ptr()
                };
            }
        });
    }

    fn places(&self, first: usize, count: usize, out: &mut [usize; MOST_ROWS]) {
        let Result { size, step, first: start } = self.result;
        if step == [1; 3] && size == self.grid {
            for (i, out) in out.iter_mut().enumerate().take(count) {
                *out = first + i;
            }
            return;
        }
        self.each(first, count, |i, image, at| {
            let [z, y, x] = std::array::from_fn(|axis| at[axis] * step[axis] + start[axis]);
            out[i] = ((image * size[0] + z) * size[1] + y) * size[2] + x;
        });
    }
}
