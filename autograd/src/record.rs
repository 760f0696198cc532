//! Whether operations are being recorded on this thread.

use std::cell::Cell;

thread_local! {
    static RECORDING: Cell<bool> = const { Cell::new(true) };
}

/// Whether operations on this thread are recorded for `backward` (if an input needs a gradient).
pub fn is_recording() -> bool {
    RECORDING.get()
}

/// Runs `f` without recording on this thread: results need no gradient, and nothing is kept for `backward`.
///
/// ```
/// use ocelli_autograd::{Var, no_grad};
/// use ocelli_tensor::Tensor;
/// # fn main() -> ocelli_autograd::Result<()> {
/// let x = Var::leaf(Tensor::new([1.0f32, 2.0])?)?;
/// let y = no_grad(|| x.mul(2.0))?;
/// assert!(!y.requires_grad());
/// # Ok(())
/// # }
/// ```
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    with_recording(false, f)
}

/// Runs `f` with recording switched on or off on this thread, and restores what was before, even after a panic.
pub(crate) fn with_recording<R>(recording: bool, f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            RECORDING.set(self.0);
        }
    }
    let _restore = Restore(RECORDING.replace(recording));
    f()
}
