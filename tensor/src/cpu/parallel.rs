//! Splitting work over threads, without splitting what is too small to gain.
//!
//! Where the work is cut follows from its size alone, never from the number of threads. The loops are behind `dyn` closures:
//! one call for thousands of elements costs nothing, and kernels of many types do not each bring a copy of the machinery.

use std::ops::Range;

use super::threads;

/// Elements of simple work that are worth a task of their own.
pub(crate) const GRAIN: usize = 16 * 1024;

/// Calls `f` on ranges that cover `0..count`, each of about [`GRAIN`] units of work; `cost` is the work of one index.
pub(crate) fn over_range(count: usize, cost: usize, f: &(dyn Fn(Range<usize>) + Sync)) {
    over_units(count, 1, cost, f);
}

/// Calls `f(start, piece)` on consecutive pieces of `out`, each a multiple of `unit` elements; `cost` is the work of one element.
pub(crate) fn over_chunks<T: Send>(out: &mut [T], unit: usize, cost: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    let shared = SharedMut::new(out);
    over_units(out.len(), unit, cost, &|range| {
        // SAFETY: the ranges are disjoint parts of `out`, which is borrowed until all calls have returned.
        f(range.start, unsafe { shared.slice(range) });
    });
}

fn over_units(count: usize, unit: usize, cost: usize, f: &(dyn Fn(Range<usize>) + Sync)) {
    let piece = (GRAIN / cost.max(1)).next_multiple_of(unit.max(1)).max(unit).max(1);
    if count <= piece {
        if count > 0 {
            f(0..count);
        }
        return;
    }
    let range = |i: usize| i * piece..((i + 1) * piece).min(count);
    threads::each(count.div_ceil(piece), &|i| f(range(i)));
}

/// A pointer that tasks write through, each to places of its own.
pub(crate) struct SharedMut<T>(*mut T);

impl<T> Clone for SharedMut<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for SharedMut<T> {}

// SAFETY: whoever dereferences answers for disjoint writes (see `SharedMut::slice`).
unsafe impl<T: Send> Send for SharedMut<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedMut<T> {}

impl<T> SharedMut<T> {
    pub(crate) fn new(slice: &mut [T]) -> Self {
        SharedMut(slice.as_mut_ptr())
    }

    /// The same memory from a later element on.
    pub(crate) fn from(&self, first: usize) -> Self {
        SharedMut(self.0.wrapping_add(first))
    }

    /// The start of the slice, for kernels that write to places which are no one range. What they may touch is as in
    /// [`SharedMut::slice`].
    pub(crate) fn pointer(&self) -> *mut T {
        self.0
    }

    /// # Safety
    /// The range lies inside the slice that this was made from, that slice is still borrowed for it, and no other task
    /// touches the range meanwhile.
    pub(crate) unsafe fn slice<'a>(&self, range: Range<usize>) -> &'a mut [T] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(range.start), range.len()) }
    }
}
