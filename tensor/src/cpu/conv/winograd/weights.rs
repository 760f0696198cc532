//! Weights of 3×3 filters, transformed once.

use smallvec::SmallVec;

use super::transforms::{Scheme, along_both};
use super::{For, Tiles, run};
use crate::Result;
use crate::cpu::gemm::{Panel, panels, registers, tile};
use crate::cpu::math::Float;
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Kernel, Lane, Level, Simd, Vector, load};
use crate::cpu::threads;
use crate::memory::Buffer;

/// Channels that a task transforms.
const CHANNELS: usize = 32;

/// The transformed weight of one group: for each panel of filters a matrix `[channels, filters of the panel]` per multiplication of a
/// tile.
pub(crate) struct Weights<T> {
    pub(super) level: Level,
    pub(super) tiles: Tiles,
    pub(super) channels: usize,
    pub(super) filters: usize,
    pub(super) lanes: usize,
    pub(super) panels: SmallVec<[Panel; 8]>,
    data: Buffer,
    element: std::marker::PhantomData<T>,
}

impl<T: Float> Weights<T> {
    /// Transforms a weight that lies as `[9 taps, channels, filters]`; `flipped` takes the taps from the last to the first, as the
    /// gradient with respect to the input needs them.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`].
    pub(crate) fn new(
        level: Level,
        tiles: Tiles,
        [channels, filters]: [usize; 2],
        weight: &[T],
        flipped: bool,
    ) -> Result<Self> {
        assert!(weight.len() == 9 * channels * filters, "the weight is not of its geometry");
        let (lanes, registers) = registers::<T>(level);
        let panels: SmallVec<[Panel; 8]> = panels(filters, lanes, tile::most_vectors(registers)).collect();
        let wide = filters.next_multiple_of(lanes);
        let mut data = Buffer::for_output::<T>((tiles.products() * channels).saturating_mul(wide))?;
        let out = SharedMut::new(data.as_mut_slice::<T>());
        let pieces = channels.div_ceil(CHANNELS);
        threads::each(panels.len() * pieces, &|i| {
            let (panel, first) = (panels[i / pieces], i % pieces * CHANNELS);
            let out = out.from(panel.column * tiles.products() * channels);
            run(level, tiles, Transform { weight, flipped, sizes: [channels, filters], panel, first, out });
        });
        Ok(Weights { level, tiles, channels, filters, lanes, panels, data, element: std::marker::PhantomData })
    }

    /// The matrices of a panel, one behind the other.
    pub(super) fn of_panel(&self, panel: Panel) -> &[T] {
        let height = self.tiles.products() * self.channels;
        &self.data.as_slice::<T>()[panel.column * height..(panel.column + panel.vectors * self.lanes) * height]
    }
}

struct Transform<'a, T> {
    weight: &'a [T],
    flipped: bool,
    /// Channels and filters.
    sizes: [usize; 2],
    panel: Panel,
    /// The first channel.
    first: usize,
    /// The panel's matrices.
    out: SharedMut<T>,
}

impl<T: Lane, C: Scheme> Kernel for For<Transform<'_, T>, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Transform { weight, flipped, sizes: [channels, filters], panel, first, out } = self.task;
        let lanes = T::Of::<S>::LANES;
        let width = panel.vectors * lanes;
        for channel in first..(first + CHANNELS).min(channels) {
            for vector in 0..panel.vectors {
                let column = panel.column + vector * lanes;
                let used = lanes.min(filters - column);
                let number = |i: usize, j: usize| {
                    let tap = if flipped { 8 - (3 * i + j) } else { 3 * i + j };
                    let from = &weight[(tap * channels + channel) * filters + column..][..used];
                    // SAFETY: there are just so many.
                    unsafe { load(s, from.as_ptr(), used) }
                };
                let write = |i: usize, j: usize, value: T::Of<S>| {
                    let at = ((i * C::INPUT + j) * channels + channel) * width + vector * lanes;
                    // SAFETY: the panel has a matrix `[channels, width]` for each product; this channel's row is this task's.
                    unsafe { value.store(out.pointer().wrapping_add(at)) };
                };
                along_both::<T, S>(
                    s,
                    3,
                    C::INPUT,
                    #[inline(always)]
                    |line| C::weight::<T, S>(s, line),
                    number,
                    write,
                );
            }
        }
    }
}
