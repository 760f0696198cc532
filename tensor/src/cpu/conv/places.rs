//! Channels-last images, and what is done to results before they are written to them.

use std::ops::Range;

use crate::cpu::gemm::Activation;
use crate::cpu::math::Float;
use crate::cpu::simd::{Lane, Simd, Vector};

/// A batch of images whose channels lie side by side, with places `place` apart: more than their channels if they are a slice of
/// wider ones.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) place: usize,
}

impl<T> Places<'_, T> {
    /// Whether so many places with so many channels are there.
    pub(crate) fn holds(&self, places: usize, channels: usize) -> bool {
        let Some(last) = places.checked_sub(1) else { return true };
        self.place >= channels && last * self.place + channels <= self.data.len()
    }
}

/// The first `lanes` numbers from a place on.
///
/// # Safety
/// So many numbers can be read.
#[inline(always)]
pub(super) unsafe fn load<S: Simd, T: Lane>(s: S, from: *const T, lanes: usize) -> T::Of<S> {
    // SAFETY: the caller's promise.
    unsafe {
        match lanes == T::Of::<S>::LANES {
            true => T::Of::<S>::load(s, from),
            false => T::Of::<S>::load_first(s, from, lanes),
        }
    }
}

/// # Safety
/// So many numbers can be written.
#[inline(always)]
pub(super) unsafe fn store<S: Simd, T: Lane>(value: T::Of<S>, to: *mut T, lanes: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match lanes == T::Of::<S>::LANES {
            true => value.store(to),
            false => value.store_first(to, lanes),
        }
    }
}

/// What is done to the sums of channels-last images before they leave the cache.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a, T> {
    /// Of each filter.
    pub(crate) bias: Option<&'a [T]>,
    /// Added to the results, window by window.
    pub(crate) residual: Option<Places<'a, T>>,
    /// Applied to the results at last.
    pub(crate) activation: Activation,
}

impl<T> Default for Finish<'_, T> {
    fn default() -> Self {
        Finish { bias: None, residual: None, activation: Activation::Identity }
    }
}

impl<T: Float> Finish<'_, T> {
    /// What the sums of a block of filters begin with.
    #[inline(always)]
    pub(super) fn begin<S: Simd>(&self, s: S, filter: usize, lanes: usize) -> T::Of<S> {
        match self.bias {
            // SAFETY: there are just so many.
            Some(bias) => unsafe { load(s, bias[filter..filter + lanes].as_ptr(), lanes) },
            None => T::Of::<S>::zero(s),
        }
    }

    /// What is written for a sum.
    #[inline(always)]
    pub(super) fn end<S: Simd>(&self, s: S, mut sum: T::Of<S>, window: usize, filter: usize, lanes: usize) -> T::Of<S> {
        if let Some(residual) = self.residual {
            let from = &residual.data[window * residual.place + filter..][..lanes];
            // SAFETY: there are just so many.
            sum = sum.add(unsafe { load(s, from.as_ptr(), lanes) });
        }
        if let Some((least, most)) = self.activation.range() {
            // In this order a NaN stays one.
            let splat = |value| T::Of::<S>::splat(s, T::from_f64(value));
            sum = splat(most).min(splat(least).max(sum));
        }
        sum
    }

    /// Applies a curved activation to windows that have just been written.
    ///
    /// # Safety
    /// Nobody else touches these windows of `out`, which are `place` elements apart and have so many filters.
    #[inline(always)]
    pub(super) unsafe fn curve<S: Simd>(&self, s: S, out: *mut T, windows: Range<usize>, place: usize, filters: usize) {
        if self.activation.is_curved() {
            for window in windows {
                // SAFETY: the caller's promise.
                let row = unsafe { std::slice::from_raw_parts_mut(out.add(window * place), filters) };
                self.activation.apply::<S, T>(s, row);
            }
        }
    }
}

/// Where a batch of images lies: distances of images, channels and places along the spatial axes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lie {
    pub(crate) offset: usize,
    pub(crate) image: isize,
    pub(crate) channel: isize,
    pub(crate) places: [isize; 3],
}
