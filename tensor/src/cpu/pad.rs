//! Adding a tensor to a part of another.

use super::copy::last_place;
use super::parallel::{SharedMut, over_range};
use super::walk::Walk;
use crate::element::Real;
use crate::layout::Layout;
use crate::profile;
use crate::tensor::View;

/// Adds `x` to the places of `out` that `target` names; both have one shape, and no two places of `target` coincide.
pub(crate) fn add_into<T: Real>(out: &mut [T], target: &Layout, x: View<'_, T>) {
    let _span = profile::span("pad backward", profile::bytes(target.numel(), 3 * size_of::<T>()));
    if target.numel() == 0 {
        return;
    }
    assert!(last_place(target) < out.len(), "the target's places lie inside the output");
    let walk = Walk::new([target, x.layout]);
    let (row_len, [out_step, step]) = (walk.row_len(), walk.row_strides());
    let shared = SharedMut::new(out);
    over_range(walk.rows(), row_len, &|range| {
        walk.for_rows(range, &mut |[out_start, start]| {
            for i in 0..row_len as isize {
                let place = (out_start as isize + i * out_step) as usize;
                // SAFETY: the places of `target` lie inside `out` (asserted above), and no other task has this one.
                let out = unsafe { shared.slice(place..place + 1) };
                out[0] += x.data[(start as isize + i * step) as usize];
            }
        });
    });
}
