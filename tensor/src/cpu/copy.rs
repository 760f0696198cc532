//! Copies from one layout to another, and casts.

use super::parallel::over_chunks;
use super::walk::Walk;
use crate::layout::Layout;
use crate::tensor::View;

/// Writes the elements of `x` into `out` in logical order.
pub(crate) fn to_contiguous<W: Copy + Send + Sync>(x: View<'_, W>, out: &mut [W]) {
    if let Some(source) = x.as_contiguous() {
        over_chunks(out, 1, 1, |start, piece| piece.copy_from_slice(&source[start..start + piece.len()]));
        return;
    }
    let target = Layout::contiguous(x.layout.shape.clone());
    let walk = Walk::new([&target, x.layout]);
    let (row_len, [_, step]) = (walk.row_len(), walk.row_strides());
    over_chunks(out, row_len, 1, |start, piece| {
        let first = start / row_len;
        let mut rows = piece.chunks_mut(row_len);
        walk.for_rows(first..first + rows.len(), &mut |[_, start]| {
            let row = rows.next().expect("as many rows as the chunk holds");
            if step == 1 {
                row.copy_from_slice(&x.data[start..start + row.len()]);
            } else {
                for (i, out) in row.iter_mut().enumerate() {
                    *out = x.data[(start as isize + i as isize * step) as usize];
                }
            }
        });
    });
}

/// Writes the elements of `x` to the places that `target` (of the same shape) names in `out`.
pub(crate) fn into_layout<W: Copy>(x: View<'_, W>, out: &mut [W], target: &Layout) {
    let walk = Walk::new([target, x.layout]);
    let [step_out, step_x] = walk.row_strides();
    let row_len = walk.row_len() as isize;
    walk.for_rows(0..walk.rows(), &mut |[to, from]| {
        for i in 0..row_len {
            out[(to as isize + i * step_out) as usize] = x.data[(from as isize + i * step_x) as usize];
        }
    });
}
