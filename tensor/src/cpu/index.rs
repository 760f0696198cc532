//! Kernels that read from or write to places that an index tensor names.

use super::parallel::over_chunks;
use super::walk::Walk;
use crate::layout::Layout;
use crate::profile;
use crate::tensor::View;

/// `out[…, j, …] = x[…, index[…, j, …], …]`. `origin` is the layout of `x` in the shape of the index with stride 0 along the axis;
/// `stride` is the one that `x` has there. Indices are in range.
pub(crate) fn gather<W: Copy + Send + Sync>(
    x: &[W],
    (origin, stride): (&Layout, isize),
    index: View<'_, i64>,
    out: &mut [W],
) {
    let _span = profile::span("gather", 2 * size_of_val(out) + size_of::<i64>() * out.len());
    let target = Layout::contiguous(origin.shape.clone());
    let walk = Walk::new([&target, index.layout, origin]);
    let (row_len, [_, step, x_step]) = (walk.row_len(), walk.row_strides());
    over_chunks(out, row_len, 2, |start, piece| {
        walk.rows_of(start, piece, |row, [_, at, place]| {
            if step == 0 {
                // One index for the whole row, as in index_select.
                let place = place as isize + index.data[at] as isize * stride;
                if x_step == 1 {
                    row.copy_from_slice(&x[place as usize..][..row.len()]);
                } else {
                    for (i, out) in row.iter_mut().enumerate() {
                        *out = x[(place + i as isize * x_step) as usize];
                    }
                }
                return;
            }
            for (i, out) in row.iter_mut().enumerate() {
                let i = i as isize;
                let index = index.data[(at as isize + i * step) as usize] as isize;
                *out = x[(place as isize + i * x_step + index * stride) as usize];
            }
        });
    });
}

/// `out[…, index[…, j, …], …] = join(that, src[…, j, …])` one after the other in logical order, so that of several writes to one
/// place the last wins and sums do not depend on chance. `origin` and `stride` are as in [`gather`], for `out`.
pub(crate) fn scatter<T: Copy>(
    out: &mut [T],
    (origin, stride): (&Layout, isize),
    index: View<'_, i64>,
    src: View<'_, T>,
    join: impl Fn(T, T) -> T,
) {
    let _span = profile::span("scatter", profile::bytes(index.layout.numel(), 2 * size_of::<T>() + size_of::<i64>()));
    if index.layout.numel() == 0 {
        return;
    }
    let walk = Walk::new([index.layout, src.layout, origin]);
    let (row_len, [step, src_step, out_step]) = (walk.row_len(), walk.row_strides());
    walk.for_rows(0..walk.rows(), &mut |[at, from, place]| {
        if [step, src_step, out_step] == [0, 1, 1] {
            // One index for the whole row, as in index_add.
            let place = (place as isize + index.data[at] as isize * stride) as usize;
            let row = out[place..place + row_len].iter_mut();
            row.zip(&src.data[from..]).for_each(|(out, &value)| *out = join(*out, value));
            return;
        }
        for i in 0..row_len as isize {
            let index = index.data[(at as isize + i * step) as usize] as isize;
            let value = src.data[(from as isize + i * src_step) as usize];
            let out = &mut out[(place as isize + i * out_step + index * stride) as usize];
            *out = join(*out, value);
        }
    });
}
