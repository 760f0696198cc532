//! Writing results that are too large for the caches past them.
//!
//! A store into a line that no cache holds reads the line first. Non-temporal stores do not, which saves a third of the traffic of
//! `a + b`; but the result is then in memory, so they only pay for what would not stay in a cache anyway.

/// Results of so many bytes are written past the caches.
pub(crate) const LARGE: usize = 32 << 20;

/// Elements that are computed at a time: half of a first-level cache at most, with the operands.
const BLOCK: usize = 1024;

/// Calls `f(elements before, piece)` for small pieces of a buffer that cover `out`, and moves each past the caches to its place.
pub(crate) fn through<T: Copy + Default>(out: &mut [T], f: impl Fn(usize, &mut [T])) {
    let mut block = [T::default(); BLOCK];
    let mut done = 0;
    for out in out.chunks_mut(BLOCK) {
        let block = &mut block[..out.len()];
        f(done, block);
        store(block, out);
        done += out.len();
    }
    fence();
}

/// Copies without leaving `to` in the caches, where the processor can.
#[cfg(target_arch = "x86_64")]
fn store<T: Copy>(from: &[T], to: &mut [T]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
    debug_assert_eq!(from.len(), to.len());
    let bytes = size_of_val(from);
    if !(to.as_ptr() as usize).is_multiple_of(16) || !bytes.is_multiple_of(64) {
        to.copy_from_slice(from);
        return;
    }
    let (from, to) = (from.as_ptr().cast::<__m128i>(), to.as_mut_ptr().cast::<__m128i>());
    for i in (0..bytes / 16).step_by(4) {
        // SAFETY: both slices have `bytes` bytes, a multiple of 64, and `to` is aligned to 16. The four stores fill a line.
        unsafe {
            _mm_stream_si128(to.add(i), _mm_loadu_si128(from.add(i)));
            _mm_stream_si128(to.add(i + 1), _mm_loadu_si128(from.add(i + 1)));
            _mm_stream_si128(to.add(i + 2), _mm_loadu_si128(from.add(i + 2)));
            _mm_stream_si128(to.add(i + 3), _mm_loadu_si128(from.add(i + 3)));
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn store<T: Copy>(from: &[T], to: &mut [T]) {
    to.copy_from_slice(from);
}

/// Puts the stores before all that this thread writes afterwards, such as word that the task is done.
fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has SSE.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}
