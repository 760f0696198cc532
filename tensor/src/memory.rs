//! Aligned, recycled memory for tensors on the CPU.
//!
//! Asking the operating system for a fresh megabyte costs a page fault for each 4 KiB of it, more than most kernels take to
//! fill it. So freed buffers go back to a pool, sorted by size class, and the next request of that class gets one of them.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use crate::{Element, Error, Result};

/// A cache line, and the widest vector register.
const ALIGNMENT: usize = 64;
/// Smaller buffers are left to the allocator, which recycles them well itself.
const SMALLEST_POOLED: usize = 4096;
/// The pool keeps no more idle bytes than this.
const IDLE_LIMIT: usize = 1 << 30;

/// Bytes that are allocated, those of idle buffers included.
static RESERVED: AtomicUsize = AtomicUsize::new(0);

/// A piece of memory that belongs to one tensor's storage. All of it is always initialized.
pub(crate) struct Buffer {
    start: NonNull<u8>,
    /// Bytes in use.
    len: usize,
    /// Bytes allocated: the size class of `len`.
    capacity: usize,
}

// SAFETY: a Buffer owns its memory as a `Vec<u8>` does: there is no interior mutability and no thread affinity.
unsafe impl Send for Buffer {}
// SAFETY: as above; a shared reference only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// A buffer for `len` elements of `T` with arbitrary (but valid) content, to be overwritten.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the allocator refuses.
    pub(crate) fn for_output<T: Element>(len: usize) -> Result<Self> {
        let bytes = bytes_of::<T>(len)?;
        // A recycled byte may be 7, which is no bool.
        if T::DTYPE == crate::DType::Bool { Self::zeroed_bytes(bytes) } else { Self::recycled_bytes(bytes) }
    }

    /// A buffer of `len` zeros.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the allocator refuses.
    pub(crate) fn zeroed<T: Element>(len: usize) -> Result<Self> {
        Self::zeroed_bytes(bytes_of::<T>(len)?)
    }

    /// The content as elements. The caller has checked that the content was written as `T` (or as integers of its width).
    pub(crate) fn as_slice<T: Element>(&self) -> &[T] {
        // SAFETY: `start` is aligned to 64 bytes and `len` initialized bytes lie behind it. Every bit pattern is a valid
        // element except for bool, whose buffers are zeroed at first and only ever written as bools (see `for_output`).
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.len / size_of::<T>()) }
    }

    /// As [`Buffer::as_slice`], to be written.
    pub(crate) fn as_mut_slice<T: Element>(&mut self) -> &mut [T] {
        // SAFETY: as in `as_slice`; `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len / size_of::<T>()) }
    }

    /// The content as unsigned integers of a given width, for kernels that only move elements.
    pub(crate) fn as_bits<W: bytemuck::AnyBitPattern>(&self) -> &[W] {
        // SAFETY: aligned and initialized as above, and any bit pattern is a valid `W`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.len / size_of::<W>()) }
    }

    /// The content as bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.as_bits::<u8>()
    }

    /// The content as unsigned integers of a given width, to be written by kernels that only move elements: what is written
    /// must be elements of the dtype that the buffer stands for.
    pub(crate) fn as_mut_bits<W: bytemuck::Pod>(&mut self) -> &mut [W] {
        // SAFETY: as in `as_bits`; `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len / size_of::<W>()) }
    }

    pub(crate) fn zeroed_bytes(len: usize) -> Result<Self> {
        let mut buffer = Self::recycled_bytes(len)?;
        buffer.as_mut_bits::<u8>().fill(0);
        Ok(buffer)
    }

    pub(crate) fn recycled_bytes(len: usize) -> Result<Self> {
        let capacity = size_class(len);
        if capacity == 0 {
            return Ok(Buffer { start: NonNull::<Aligned>::dangling().cast(), len, capacity });
        }
        if let Some(start) = pool().take(capacity) {
            return Ok(Buffer { start, len, capacity });
        }
        let layout = Layout::from_size_align(capacity, ALIGNMENT).map_err(|_| Error::OutOfMemory { bytes: len })?;
        // SAFETY: the layout's size is not 0.
        let mut start = NonNull::new(unsafe { alloc_zeroed(layout) });
        if start.is_none() {
            // What lies idle in other size classes may be what is missing.
            pool().release_all();
            // SAFETY: the layout's size is not 0.
            start = NonNull::new(unsafe { alloc_zeroed(layout) });
        }
        let start = start.ok_or(Error::OutOfMemory { bytes: len })?;
        RESERVED.fetch_add(capacity, Ordering::Relaxed);
        Ok(Buffer { start, len, capacity })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.capacity > 0 && !pool().give(self.start, self.capacity) {
            // SAFETY: this buffer owns the memory, which `recycled_bytes` allocated with this capacity.
            unsafe { free(self.start, self.capacity) };
        }
    }
}

/// Gives dangling pointers of empty buffers their alignment.
#[repr(align(64))]
struct Aligned;

fn bytes_of<T>(len: usize) -> Result<usize> {
    let bytes = len.checked_mul(size_of::<T>()).filter(|&bytes| bytes <= isize::MAX as usize);
    bytes.ok_or(Error::OutOfMemory { bytes: usize::MAX })
}

/// An empty vector with room for so many values: for tables whose length follows from a user's sizes.
///
/// # Errors
/// [`Error::OutOfMemory`] if the allocator refuses.
pub(crate) fn reserved<T>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let refused = |_| Error::OutOfMemory { bytes: len.saturating_mul(size_of::<T>()) };
    values.try_reserve_exact(len).map_err(refused)?;
    Ok(values)
}

/// Bytes to allocate for `len`: eight classes to each doubling, so that at most an eighth is wasted.
pub(crate) fn size_class(len: usize) -> usize {
    if len <= SMALLEST_POOLED {
        return len.next_multiple_of(ALIGNMENT);
    }
    let step = (len.next_power_of_two() / 16).max(ALIGNMENT);
    len.checked_next_multiple_of(step).unwrap_or(len)
}

/// # Safety
/// `start` was allocated here with this capacity and nothing refers to it any more.
unsafe fn free(start: NonNull<u8>, capacity: usize) {
    RESERVED.fetch_sub(capacity, Ordering::Relaxed);
    // SAFETY: the same size and alignment made a valid layout when the memory was allocated; the caller owns the memory.
    unsafe { dealloc(start.as_ptr(), Layout::from_size_align_unchecked(capacity, ALIGNMENT)) };
}

#[derive(Default)]
struct Pool {
    idle: HashMap<usize, Vec<NonNull<u8>>>,
    idle_bytes: usize,
}

// SAFETY: the pointers in the pool are owned by it alone.
unsafe impl Send for Pool {}

impl Pool {
    fn take(&mut self, capacity: usize) -> Option<NonNull<u8>> {
        let start = self.idle.get_mut(&capacity)?.pop()?;
        self.idle_bytes -= capacity;
        Some(start)
    }

    /// Takes the memory over, or says no.
    fn give(&mut self, start: NonNull<u8>, capacity: usize) -> bool {
        if capacity <= SMALLEST_POOLED || self.idle_bytes + capacity > IDLE_LIMIT {
            return false;
        }
        self.idle_bytes += capacity;
        self.idle.entry(capacity).or_default().push(start);
        true
    }

    fn release_all(&mut self) {
        for (capacity, starts) in self.idle.drain() {
            for start in starts {
                // SAFETY: idle memory was given to the pool by the Buffer that owned it.
                unsafe { free(start, capacity) };
            }
        }
        self.idle_bytes = 0;
    }
}

fn pool() -> MutexGuard<'static, Pool> {
    static POOL: LazyLock<Mutex<Pool>> = LazyLock::new(Mutex::default);
    // The pool is consistent between any two statements, so a panic elsewhere cannot have spoilt it.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that are allocated, those of idle buffers included.
pub(crate) fn reserved_bytes() -> usize {
    RESERVED.load(Ordering::Relaxed)
}

/// Gives the memory that freed tensors have left behind back to the operating system, and to graphics adapters.
pub fn release_idle_memory() {
    pool().release_all();
    crate::wgpu::release_idle_memory();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_waste_little() {
        for len in [1, 64, 65, 4096, 4097, 100_000, 1 << 20, (1 << 20) + 1] {
            let class = size_class(len);
            assert!(class >= len && class.is_multiple_of(ALIGNMENT), "{len} -> {class}");
            assert!(len < 4096 || class - len <= len / 8 + ALIGNMENT, "{len} -> {class}");
        }
        assert_eq!(size_class(0), 0);
    }

    #[test]
    fn freed_memory_is_used_again() {
        // A size that no other test asks for.
        let first = Buffer::for_output::<f32>(7_654_321).unwrap();
        let start = first.start;
        drop(first);
        let second = Buffer::zeroed::<f32>(7_654_321).unwrap();
        assert_eq!(second.start, start);
        assert!(second.as_slice::<f32>().iter().all(|&x| x == 0.0));
    }

    #[test]
    fn absurd_sizes_are_an_error() {
        assert!(matches!(Buffer::zeroed::<f64>(usize::MAX / 4), Err(Error::OutOfMemory { .. })));
        assert!(matches!(Buffer::zeroed::<u8>(1 << 60), Err(Error::OutOfMemory { .. })));
    }
}
