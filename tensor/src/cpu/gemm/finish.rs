//! Rows of numbers side by side, and what is done to sums before they are written to such rows.

use std::ops::Range;

use super::epilogue::Activation;
use crate::cpu::math::Float;
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Simd, Vector, load, store};

/// Places of channels-last images, or rows of a matrix, `place` elements apart: more than they have channels if they are a slice of wider
/// ones.
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

/// What is done to sums before they leave the cache: `activation(sum + bias + residual)`.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a, T> {
    /// Of each channel.
    pub(crate) bias: Option<&'a [T]>,
    /// Added to the results, place by place.
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
    pub(crate) fn begin<S: Simd>(&self, s: S, filter: usize, lanes: usize) -> T::Of<S> {
        match self.bias {
            // SAFETY: there are just so many.
            Some(bias) => unsafe { load(s, bias[filter..filter + lanes].as_ptr(), lanes) },
            None => T::Of::<S>::zero(s),
        }
    }

    /// What is written for a sum.
    #[inline(always)]
    fn end<S: Simd>(&self, s: S, mut sum: T::Of<S>, window: usize, filter: usize, lanes: usize) -> T::Of<S> {
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
}

/// Where results are written, and what is done to them before.
#[derive(Clone, Copy)]
pub(crate) struct Output<'a, T> {
    /// Elements from the first place's first channel to the end of the last place.
    pub(crate) data: SharedMut<T>,
    pub(crate) len: usize,
    /// Elements from place to place.
    pub(crate) place: usize,
    pub(crate) finish: Finish<'a, T>,
}

impl<'a, T: Copy> Output<'a, T> {
    pub(crate) fn new(out: &'a mut [T], place: usize, finish: Finish<'a, T>) -> Self {
        Output { len: out.len(), data: SharedMut::new(out), place, finish }
    }

    /// Some of the channels.
    pub(crate) fn channels(&self, range: Range<usize>) -> Self {
        let Finish { bias, residual, activation } = self.finish;
        let from =
            |places: Places<'a, T>| Places { data: places.data.get(range.start..).unwrap_or_default(), ..places };
        let finish = Finish { bias: bias.map(|bias| &bias[range.clone()]), residual: residual.map(from), activation };
        Output {
            data: self.data.from(range.start),
            len: self.len.saturating_sub(range.start),
            place: self.place,
            finish,
        }
    }

    /// Whether so many places with so many channels can be written.
    pub(crate) fn holds(&self, places: usize, channels: usize) -> bool {
        let Some(last) = places.checked_sub(1) else { return true };
        self.place >= channels && last * self.place + channels <= self.len
    }
}

impl<T: Float> Output<'_, T> {
    /// Finishes the sums of some channels of a place, but for a curved activation, and writes them.
    ///
    /// # Safety
    /// The place has these channels, and nobody else touches them meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn write<S: Simd>(&self, s: S, sum: T::Of<S>, place: usize, channel: usize, lanes: usize) {
        let sum = self.finish.end(s, sum, place, channel, lanes);
        // SAFETY: the caller's promise.
        unsafe { store::<S, T>(sum, self.data.pointer().add(place * self.place + channel), lanes) };
    }

    /// Applies a curved activation to some channels of places that have just been written.
    ///
    /// # Safety
    /// The places have these channels, and nobody else touches them meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn curve<S: Simd>(&self, s: S, places: Range<usize>, channels: Range<usize>) {
        if self.finish.activation.is_curved() {
            for place in places {
                // SAFETY: the caller's promise.
                let row = unsafe {
                    let first = self.data.pointer().add(place * self.place + channels.start);
                    std::slice::from_raw_parts_mut(first, channels.len())
                };
                self.finish.activation.apply::<S, T>(s, row);
            }
        }
    }
}
