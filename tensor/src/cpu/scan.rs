//! Running sums and products.

use super::parallel::SharedMut;
use super::reduce::{Block, COLUMNS};
use crate::Element;
use crate::profile;

/// `out[o, n, i] = x[o, 0, i] ∘ … ∘ x[o, n, i]`. What runs is of type `A`, which `read` and `write` convert from and to.
pub(crate) fn scan<T: Element, A: Copy + Sync>(
    x: &[T],
    out: &mut [T],
    block: Block,
    start: A,
    (read, write): (impl Fn(T) -> A + Sync, impl Fn(A) -> T + Sync),
    join: impl Fn(A, A) -> A + Sync,
) {
    let _span = profile::span("scan", 2 * size_of_val(x));
    let Block { n, inner, .. } = block;
    let out = SharedMut::new(out);
    block.for_columns(1, &|o, first, width| {
        let mut running = [start; COLUMNS];
        for i in 0..n {
            let place = (o * n + i) * inner + first;
            // SAFETY: every call has its own columns; `out` is borrowed until all calls have returned.
            let out = unsafe { out.slice(place..place + width) };
            for ((out, running), &x) in out.iter_mut().zip(&mut running).zip(&x[place..]) {
                *running = join(*running, read(x));
                *out = write(*running);
            }
        }
    });
}
