//! Vectors of which only the first numbers may be there.

use super::{Lane, Simd, Vector};

/// The first `count` numbers, zeros behind.
///
/// # Safety
/// So many numbers, at most a vector's, can be read at `from`.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd, T: Lane>(s: S, from: *const T, count: usize) -> T::Of<S> {
    // SAFETY: the caller's promise.
    unsafe {
        if count == T::Of::<S>::LANES { T::Of::<S>::load(s, from) } else { T::Of::<S>::load_first(s, from, count) }
    }
}

/// Writes the first `count` numbers.
///
/// # Safety
/// So many numbers, at most a vector's, can be written at `to`.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd, T: Lane>(value: T::Of<S>, to: *mut T, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { if count == T::Of::<S>::LANES { value.store(to) } else { value.store_first(to, count) } }
}

/// As many of the numbers as a vector holds, zeros behind.
#[inline(always)]
pub(crate) fn get<S: Simd, T: Lane>(s: S, x: &[T]) -> T::Of<S> {
    // SAFETY: `x` has that many.
    unsafe { load::<S, T>(s, x.as_ptr(), x.len().min(T::Of::<S>::LANES)) }
}

/// Writes as much of a vector as there is room for.
#[inline(always)]
pub(crate) fn put<S: Simd, T: Lane>(value: T::Of<S>, out: &mut [T]) {
    // SAFETY: `out` has room for that many.
    unsafe { store::<S, T>(value, out.as_mut_ptr(), out.len().min(T::Of::<S>::LANES)) }
}
