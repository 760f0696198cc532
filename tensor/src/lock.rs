//! Locks whose guarded state changes in single steps, so that what a panic elsewhere has left is whole.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by this crate's own tests of the context that a program shares, of which one has it fail.
#[cfg(all(test, feature = "wgpu"))]
pub(crate) static SHARED_CONTEXT: Mutex<()> = Mutex::new(());

/// Waits for the lock; one that a panic has poisoned is as good as any.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
