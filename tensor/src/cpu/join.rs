//! Copying whole tensors into parts of a larger one.

use super::parallel::{GRAIN, SharedMut, over_range};
use super::walk::Walk;
use crate::layout::Layout;
use crate::tensor::View;

/// Writes `x` into the places of `out` that `target` names; both have one shape, and no two places of `target` coincide.
pub(crate) fn copy_into<W: Copy + Send + Sync>(out: &mut [W], target: &Layout, x: View<'_, W>) {
    if target.numel() == 0 {
        return;
    }
    let last = last_place(target);
    assert!(last < out.len(), "the target's places lie inside the output");
    let walk = Walk::new([target, x.layout]);
    let (row_len, [out_step, step]) = (walk.row_len(), walk.row_strides());
    let shared = SharedMut::new(out);
    // One long row (an axis that is outermost) is cut, so that it too is shared among threads.
    let pieces = if walk.rows() == 1 { row_len.div_ceil(GRAIN) } else { 1 };
    let piece_len = row_len.div_ceil(pieces);
    over_range(walk.rows() * pieces, piece_len, &|range| {
        let copy = |out_start: usize, start: usize, from: usize, len: usize| {
            let out_start = (out_start as isize + from as isize * out_step) as usize;
            let start = (start as isize + from as isize * step) as usize;
            if out_step == 1 && step == 1 {
                // SAFETY: the places of `target` lie inside `out` (asserted above), and no other task has these.
                let row = unsafe { shared.slice(out_start..out_start + len) };
                row.copy_from_slice(&x.data[start..start + len]);
            } else {
                for i in 0..len as isize {
                    let place = (out_start as isize + i * out_step) as usize;
                    // SAFETY: as above, for one element.
                    let out = unsafe { shared.slice(place..place + 1) };
                    out[0] = x.data[(start as isize + i * step) as usize];
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

/// The greatest place of a layout that is not empty.
pub(crate) fn last_place(layout: &Layout) -> usize {
    let steps = layout.shape.iter().zip(&layout.strides);
    let furthest: usize = steps.map(|(&size, &stride)| (size - 1) * stride.max(0) as usize).sum();
    layout.offset + furthest
}
