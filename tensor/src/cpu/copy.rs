//! Copies from one layout to another.

use smallvec::SmallVec;

use super::parallel::{GRAIN, SharedMut, over_chunks, over_range};
use super::simd::{Kernel, Simd, dispatch, transpose_plain};
use super::walk::Walk;
use crate::layout::Layout;
use crate::profile;
use crate::tensor::View;

/// Writes the elements of `x` into `out` in logical order.
pub(crate) fn to_contiguous<W: Copy + Send + Sync>(x: View<'_, W>, out: &mut [W]) {
    let _span = profile::span("copy", 2 * size_of_val(out));
    if let Some(source) = x.as_contiguous() {
        over_chunks(out, 1, 1, |start, piece| piece.copy_from_slice(&source[start..start + piece.len()]));
        return;
    }
    into_layout(x, out, &Layout::contiguous(x.layout.shape.clone()));
}

/// Writes the elements of `x` to the places of `out` that `target` names; both have one shape, and no two places of `target` coincide.
pub(crate) fn into_layout<W: Copy + Send + Sync>(x: View<'_, W>, out: &mut [W], target: &Layout) {
    let _span = profile::span("copy", profile::bytes(target.numel(), 2 * size_of::<W>()));
    if target.numel() == 0 {
        return;
    }
    assert!(last_place(target) < out.len(), "the target's places lie inside the output");
    assert!(last_place(x.layout) < x.data.len(), "a tensor's places lie inside its storage");
    let walk = Walk::along_first([target, x.layout]);
    match Transposes::of(&walk) {
        Some(plan) => plan.run(x.data, SharedMut::new(out)),
        None => copy_rows(x.data, SharedMut::new(out), &walk),
    }
}

/// The greatest place of a layout that is not empty.
pub(crate) fn last_place(layout: &Layout) -> usize {
    let steps = layout.shape.iter().zip(&layout.strides);
    let furthest: usize = steps.map(|(&size, &stride)| (size - 1) * stride.max(0) as usize).sum();
    layout.offset + furthest
}

/// [`into_layout`] row by row.
fn copy_rows<W: Copy + Send + Sync>(x: &[W], out: SharedMut<W>, walk: &Walk<2>) {
    let (row_len, [out_step, step]) = (walk.row_len(), walk.row_strides());
    // One long row (an axis that is outermost) is cut, so that it too is shared among threads.
    let pieces = if walk.rows() == 1 { row_len.div_ceil(GRAIN) } else { 1 };
    let piece_len = row_len.div_ceil(pieces);
    over_range(walk.rows() * pieces, piece_len, &|range| {
        let copy = |out_start: usize, start: usize, from: usize, len: usize| {
            let out_start = (out_start as isize + from as isize * out_step) as usize;
            let start = start as isize + from as isize * step;
            if out_step != 1 {
                for i in 0..len as isize {
                    let place = (out_start as isize + i * out_step) as usize;
                    // SAFETY: the places of the target lie inside the output (asserted above), and no other task has this one.
                    let out = unsafe { out.slice(place..place + 1) };
                    out[0] = x[(start + i * step) as usize];
                }
                return;
            }
            // SAFETY: as above, for a row.
            let row = unsafe { out.slice(out_start..out_start + len) };
            match step {
                1 => row.copy_from_slice(&x[start as usize..start as usize + len]),
                0 => row.fill(x[start as usize]),
                -1 => {
                    let last = start as usize + 1;
                    row.iter_mut().zip(x[last - len..last].iter().rev()).for_each(|(out, &x)| *out = x);
                }
                _ => {
                    for (i, out) in row.iter_mut().enumerate() {
                        *out = x[(start + i as isize * step) as usize];
                    }
                }
            }
        };
        if pieces > 1 {
            walk.for_rows(0..1, &mut |[out_start, start]| {
                for piece in range.clone() {
                    let from = piece * piece_len;
                    copy(out_start, start, from, piece_len.min(row_len.saturating_sub(from)));
                }
            });
        } else {
            walk.for_rows(range, &mut |[out_start, start]| copy(out_start, start, 0, row_len));
        }
    });
}

/// A copy whose source has neighbours along another axis than its output: transposes of matrices, one for each index of the other
/// axes.
struct Transposes {
    /// The axis along which the output has neighbours, and the distance of rows in the source.
    rows: usize,
    down: isize,
    /// The axis along which the source has neighbours, and the distance of rows in the output.
    columns: usize,
    out_down: isize,
    outer: SmallVec<[(usize, [isize; 2]); 4]>,
    start: [usize; 2],
}

/// Elements of a row that are read or written before the next row: a few cache lines, so that memory is read in stretches.
const STRETCH: usize = 64;

impl Transposes {
    fn of(walk: &Walk<2>) -> Option<Transposes> {
        let mut outer: SmallVec<[(usize, [isize; 2]); 4]> = walk.axes().collect();
        let (rows, [out_step, down]) = outer.pop()?;
        if out_step != 1 || matches!(down, -1..=1) {
            return None;
        }
        let place = outer.iter().rposition(|(_, [_, step])| *step == 1)?;
        let (columns, [out_down, _]) = outer.remove(place);
        Some(Transposes { rows, down, columns, out_down, outer, start: walk.start() })
    }

    fn run<W: Copy + Send + Sync>(&self, x: &[W], out: SharedMut<W>) {
        let columns = self.columns.min(STRETCH);
        let high = even_pieces(self.rows, (GRAIN / columns).max(4 * STRETCH));
        let wide = even_pieces(self.columns, (GRAIN / high).max(STRETCH));
        let (down, across) = (self.rows.div_ceil(high), self.columns.div_ceil(wide));
        let matrices: usize = self.outer.iter().map(|(size, _)| size).product();
        over_range(matrices * down * across, high * wide, &|range| {
            for task in range {
                let (matrix, part) = (task / (down * across), task % (down * across));
                let (top, left) = (part / across * high, part % across * wide);
                let mut starts = self.start.map(|start| start as isize);
                let mut rest = matrix;
                for (size, strides) in self.outer.iter().rev() {
                    let index = (rest % size) as isize;
                    rest /= size;
                    starts[0] += index * strides[0];
                    starts[1] += index * strides[1];
                }
                let to = starts[0] + left as isize * self.out_down + top as isize;
                let from = starts[1] + top as isize * self.down + left as isize;
                dispatch(Block {
                    // SAFETY: a place of the source, which `into_layout` has checked.
                    from: unsafe { x.as_ptr().offset(from) },
                    down: self.down,
                    rows: high.min(self.rows - top),
                    columns: wide.min(self.columns - left),
                    // SAFETY: a place of the target, which `into_layout` has checked; the parts are disjoint.
                    to: unsafe { out.pointer().offset(to) },
                    to_down: self.out_down,
                });
            }
        });
    }
}

/// The length of pieces of at most about `longest`, all equal but for the last, and none shorter than a block.
fn even_pieces(count: usize, longest: usize) -> usize {
    count.div_ceil(count.div_ceil(longest)).next_multiple_of(16).min(count)
}

/// Writes the transpose of a matrix: `out[j · out_row_stride + i] = source[i · source_row_stride + j]` for `i < rows` and
/// `j < columns`, on the calling thread.
pub(crate) fn transpose<W: Copy>(
    source: &[W],
    source_row_stride: usize,
    rows: usize,
    columns: usize,
    out: &mut [W],
    out_row_stride: usize,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!((rows - 1) * source_row_stride + columns <= source.len(), "the matrix lies inside the source");
    assert!((columns - 1) * out_row_stride + rows <= out.len(), "the transpose lies inside the output");
    dispatch(Block {
        from: source.as_ptr(),
        down: source_row_stride as isize,
        rows,
        columns,
        to: out.as_mut_ptr(),
        to_down: out_row_stride as isize,
    });
}

/// The transpose of a matrix by one thread. Whoever makes one answers for its places: all rows can be read, and all rows of the
/// transpose be written.
struct Block<W> {
    from: *const W,
    down: isize,
    rows: usize,
    columns: usize,
    to: *mut W,
    to_down: isize,
}

impl<W: Copy> Kernel for Block<W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: the block functions stay inside the matrix, which can be read and written (see `Block`).
        unsafe {
            match (self.rows, self.columns) {
                (2, _) if self.to_down == 2 => self.interleave::<2>(),
                (3, _) if self.to_down == 3 => self.interleave::<3>(),
                (4, _) if self.to_down == 4 => self.interleave::<4>(),
                (_, 2) if self.down == 2 => self.separate::<2>(),
                (_, 3) if self.down == 3 => self.separate::<3>(),
                (_, 4) if self.down == 4 => self.separate::<4>(),
                _ => match size_of::<W>() {
                    4 if S::HAS_FEWER32 && (5..S::BLOCK32).contains(&self.rows) && self.columns >= S::BLOCK32 => {
                        self.by_blocks([self.rows, S::BLOCK32], |from, down, to, to_down| {
                            s.transpose32_of(self.rows, from.cast(), down, to.cast(), to_down);
                        });
                    }
                    4 => self.blocks(S::BLOCK32, |from, down, to, to_down| {
                        s.transpose32(from.cast(), down, to.cast(), to_down);
                    }),
                    8 => self.blocks(S::BLOCK64, |from, down, to, to_down| {
                        s.transpose64(from.cast(), down, to.cast(), to_down);
                    }),
                    _ => self.blocks(8, |from, down, to, to_down| transpose_plain::<W, 8>(from, down, to, to_down)),
                },
            }
        }
    }
}

impl<W: Copy> Block<W> {
    /// The transpose by blocks of `size` rows and columns, for which `f` is called with `(from, down, to, to_down)`. The last blocks
    /// overlap those before them, which writes some elements twice; what is smaller than a block goes by blocks of 4, then one by one.
    #[inline(always)]
    unsafe fn blocks(&self, size: usize, f: impl Fn(*const W, isize, *mut W, isize)) {
        // SAFETY: blocks lie inside the matrix.
        unsafe {
            if self.rows >= size && self.columns >= size {
                self.by_blocks([size; 2], f);
            } else if self.rows >= 4 && self.columns >= 4 {
                self.by_blocks([4; 2], |from, down, to, to_down| transpose_plain::<W, 4>(from, down, to, to_down));
            } else {
                for i in 0..self.rows as isize {
                    for j in 0..self.columns as isize {
                        *self.to.offset(j * self.to_down + i) = *self.from.offset(i * self.down + j);
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn by_blocks(&self, [high, wide]: [usize; 2], f: impl Fn(*const W, isize, *mut W, isize)) {
        for left in (0..self.columns).step_by(STRETCH) {
            let right = (left + STRETCH).min(self.columns);
            for i in (0..self.rows).step_by(high) {
                let i = i.min(self.rows - high) as isize;
                for j in (left..right).step_by(wide) {
                    let j = j.min(self.columns - wide) as isize;
                    // SAFETY: a block of this size begins there and ends inside the matrix.
                    let (from, to) =
                        unsafe { (self.from.offset(i * self.down + j), self.to.offset(j * self.to_down + i)) };
                    f(from, self.down, to, self.to_down);
                }
            }
        }
    }

    /// A few rows, whose transpose has no gaps.
    #[inline(always)]
    unsafe fn interleave<const N: usize>(&self) {
        // SAFETY: the rows of the matrix, and its transpose as one piece.
        unsafe {
            let rows: [&[W]; N] = std::array::from_fn(|i| {
                std::slice::from_raw_parts(self.from.offset(i as isize * self.down), self.columns)
            });
            let out = std::slice::from_raw_parts_mut(self.to.cast::<[W; N]>(), self.columns);
            for (j, out) in out.iter_mut().enumerate() {
                *out = std::array::from_fn(|i| rows[i][j]);
            }
        }
    }

    /// A few columns, which lie without gaps.
    #[inline(always)]
    unsafe fn separate<const N: usize>(&self) {
        // SAFETY: the matrix as one piece, and the rows of its transpose, which do not overlap.
        unsafe {
            let source = std::slice::from_raw_parts(self.from.cast::<[W; N]>(), self.rows);
            let out: [*mut W; N] = std::array::from_fn(|j| self.to.offset(j as isize * self.to_down));
            for (i, elements) in source.iter().enumerate() {
                for j in 0..N {
                    *out[j].add(i) = elements[j];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cpu::simd::{Level, dispatch_at};

    /// Every element one by one.
    fn plain<W: Copy>(x: View<'_, W>, out: &mut [W], target: &Layout) {
        let walk = Walk::new([target, x.layout]);
        let [out_step, step] = walk.row_strides();
        walk.for_rows(0..walk.rows(), &mut |[to, from]| {
            for i in 0..walk.row_len() as isize {
                out[(to as isize + i * out_step) as usize] = x.data[(from as isize + i * step) as usize];
            }
        });
    }

    fn transposes<W: Copy + PartialEq + std::fmt::Debug>(
        number: impl Fn(usize) -> W,
        [rows, columns]: [usize; 2],
        [more, out_more]: [usize; 2],
    ) {
        let (down, to_down) = (columns + more, rows + out_more);
        let source: Vec<W> = (0..rows * down).map(number).collect();
        let mut expected = vec![source[0]; columns * to_down];
        for i in 0..rows {
            for j in 0..columns {
                expected[j * to_down + i] = source[i * down + j];
            }
        }
        for level in Level::all() {
            let mut out = vec![source[0]; columns * to_down];
            dispatch_at(
                level,
                Block {
                    from: source.as_ptr(),
                    down: down as isize,
                    rows,
                    columns,
                    to: out.as_mut_ptr(),
                    to_down: to_down as isize,
                },
            );
            assert_eq!(out, expected, "{level:?}, {rows} x {columns}");
        }
    }

    /// Shape, order of axes in memory, and for each axis whether it runs backwards.
    fn layouts() -> impl Strategy<Value = (Vec<usize>, Vec<usize>, Vec<usize>, Vec<bool>)> {
        (1..5usize).prop_flat_map(|rank| {
            let sizes = prop_oneof![0..6usize, 15..18usize, 60..70usize];
            let order = Just((0..rank).collect::<Vec<_>>());
            let flips = prop::collection::vec(prop::bool::weighted(0.2), rank);
            (prop::collection::vec(sizes, rank), order.clone().prop_shuffle(), order.prop_shuffle(), flips)
        })
    }

    /// A dense layout whose axes lie in this order, some of them backwards.
    fn dense(shape: &[usize], order: &[usize], flips: &[bool]) -> Layout {
        let memory: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
        let mut layout = Layout::contiguous(shape.into());
        for (&axis, stride) in order.iter().zip(crate::layout::row_major(&memory)) {
            layout.strides[axis] = stride;
        }
        for (axis, _) in flips.iter().enumerate().filter(|(_, flip)| **flip) {
            layout.offset += shape[axis].saturating_sub(1) * layout.strides[axis] as usize;
            layout.strides[axis] = -layout.strides[axis];
        }
        layout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn blocks_at_every_level(
            rows in prop_oneof![1..20usize, 30..70usize], columns in prop_oneof![1..20usize, 30..140usize],
            more in 0..3usize, out_more in 0..3usize,
        ) {
            transposes(|i| i as u8, [rows, columns], [more, out_more]);
            transposes(|i| i as u16, [rows, columns], [more, out_more]);
            transposes(|i| i as u32, [rows, columns], [more, out_more]);
            transposes(|i| i as u64, [rows, columns], [more, out_more]);
            let source: Vec<u32> = (0..(rows * (columns + more)) as u32).collect();
            let mut out = vec![0; columns * (rows + out_more)];
            transpose(&source, columns + more, rows, columns, &mut out, rows + out_more);
            prop_assert_eq!(out[(columns - 1) * (rows + out_more) + rows - 1] as usize, (rows - 1) * (columns + more) + columns - 1);
        }

        #[test]
        fn any_layout_to_any_other((shape, from, to, flips) in layouts()) {
            prop_assume!(shape.iter().product::<usize>() < 300_000);
            let backwards: Vec<bool> = flips.iter().rev().copied().collect();
            let (x, target) = (dense(&shape, &from, &flips), dense(&shape, &to, &backwards));
            let data: Vec<u32> = (0..x.numel() as u32).collect();
            let (mut out, mut expected) = (vec![0; data.len()], vec![0; data.len()]);
            let x = View { data: &data, layout: &x };
            plain(x, &mut expected, &target);
            into_layout(x, &mut out, &target);
            prop_assert_eq!(&out, &expected);
            plain(x, &mut expected, &Layout::contiguous(target.shape.clone()));
            to_contiguous(x, &mut out);
            prop_assert_eq!(&out, &expected);
        }
    }
}
