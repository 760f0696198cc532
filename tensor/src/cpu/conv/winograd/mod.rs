//! 3×3 convolutions of stride 1 with fewer multiplications, by Winograd's method.
//!
//! The result is cut into tiles of 2×2, 3×3 or 4×4 places. What a tile reads is transformed, multiplied with the transformed weight number
//! by number (over all channels and tiles: 16, 25 or 36 matrix products), and transformed back: 4 to 2.25 multiplications for each result
//! instead of 9, for a rounding error some ten times as large, which stays below 1e-5 of the largest result.

mod backward_weight;
mod forward;
#[cfg(test)]
mod tests;
mod transforms;
mod weights;

pub(crate) use weights::Weights;

use super::{Geometry, Images};
use crate::Result;
use crate::cpu::gemm::{Finish, Output};
use crate::cpu::math::Float;
use crate::cpu::simd::{Kernel, Level, dispatch_at, level};
use crate::memory::Buffer;
use crate::profile;
use transforms::{Four, MOST, Scheme, Three, Two};

/// The size of a tile of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tiles {
    Two,
    Three,
    Four,
}

impl Tiles {
    /// Results along an axis of a tile.
    fn side(self) -> usize {
        match self {
            Tiles::Two => Two::OUTPUT,
            Tiles::Three => Three::OUTPUT,
            Tiles::Four => Four::OUTPUT,
        }
    }

    /// Multiplications of a tile, for each channel and filter.
    fn products(self) -> usize {
        (self.side() + 2).pow(2)
    }

    /// The tiles that suit this convolution, if any do: `f32`, and enough channels and places that the transforms pay.
    pub(crate) fn suit<T>(geometry: &Geometry) -> Option<Self> {
        let &Geometry { channels, filters, kernel, stride, dilation, input, output, before, .. } = geometry;
        let three = kernel == [1, 3, 3] && stride == [1; 3] && dilation == [1; 3];
        let flat = input[0] == 1 && output[0] == 1 && before[0] == 0;
        if size_of::<T>() != 4 || !three || !flat || channels.min(filters) < 16 {
            return None;
        }
        [Tiles::Four, Tiles::Three, Tiles::Two]
            .into_iter()
            .map(|tiles| (tiles, tiles.cost(geometry)))
            .filter(|&(_, cost)| cost < 0.9)
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(tiles, _)| tiles)
    }

    /// The time that this takes, as a share of the plain convolution's: multiplications, and numbers of the weight, the tiles' inputs and
    /// results that are moved, each as dear as so many multiplications.
    fn cost(self, geometry: &Geometry) -> f64 {
        const WEIGHT: f64 = 12.0;
        const TRANSFORM: f64 = 6.0;
        let count = |n: usize| n as f64;
        let (channels, filters) = (count(geometry.channels), count(geometry.filters));
        // As floats: a convolution that is too large for memory is refused later, where its result is allocated.
        let images = count(geometry.images);
        let tiles = images * self.across(geometry.output).into_iter().map(count).product::<f64>();
        let windows = images * geometry.output.into_iter().map(count).product::<f64>();
        let products = count(self.products());
        let weight = channels * filters;
        let own = products * (tiles * weight + WEIGHT * weight + TRANSFORM * tiles * (channels + filters));
        let plain = 9.0 * (windows * weight + WEIGHT * weight);
        own / plain
    }

    /// Tiles along the two axes of a result.
    fn across(self, [_, high, wide]: [usize; 3]) -> [usize; 2] {
        [high.div_ceil(self.side()), wide.div_ceil(self.side())]
    }
}

/// The transformed weights of every group. `weight` lies as `[groups, 9 taps, channels, filters]`.
pub(crate) fn pack<T: Float>(tiles: Tiles, geometry: &Geometry, weight: &[T]) -> Result<Vec<Weights<T>>> {
    let &Geometry { channels, filters, groups, .. } = geometry;
    let size = 9 * channels * filters;
    (0..groups)
        .map(|group| Weights::new(level(), tiles, [channels, filters], &weight[group * size..][..size], false))
        .collect()
}

/// `out = activation(conv(x) + bias + residual)`. `zeros` are as many zeros as a group has channels.
pub(crate) fn forward<T: Float>(
    geometry: &Geometry,
    x: Images<'_, T>,
    weights: &[Weights<T>],
    zeros: &[T],
    out: &Output<'_, T>,
) -> Result<()> {
    let _span = profile::span_of_work("conv winograd", geometry.bytes::<T>(), geometry.flops());
    let &Geometry { images, channels, filters, input: [_, high, wide], output, before, .. } = geometry;
    if out.len == 0 {
        return Ok(());
    }
    for (group, weights) in weights.iter().enumerate() {
        let first = group * filters;
        let out = out.channels(first..first + filters);
        let source = (x.starting_at(group * channels), [high, wide], [before[1], before[2]]);
        // SAFETY: `out` is borrowed for the whole call, and groups are written one after the other.
        unsafe { forward::forward(images, source, weights, zeros, (&out, [output[1], output[2]]))? };
    }
    Ok(())
}

/// The gradient with respect to the input: the convolution of the result's gradient by the flipped filters. `weight` lies as
/// `[groups, 9 taps, filters, channels]`, `dx` is dense and channels-last.
pub(crate) fn input<T: Float>(
    tiles: Tiles,
    geometry: &Geometry,
    weight: &[T],
    dy: Images<'_, T>,
    dx: &mut [T],
) -> Result<()> {
    let _span = profile::span_of_work("conv winograd to input", geometry.bytes::<T>(), geometry.flops());
    let &Geometry { images, channels, filters, groups, input, output, before, .. } = geometry;
    if dx.is_empty() {
        return Ok(());
    }
    let size = 9 * channels * filters;
    let zeros = Buffer::zeroed::<T>(filters)?;
    let out = Output::new(dx, groups * channels, Finish::default());
    for group in 0..groups {
        let weights = Weights::new(level(), tiles, [filters, channels], &weight[group * size..][..size], true)?;
        let out = out.channels(group * channels..(group + 1) * channels);
        let before = [2 - before[1], 2 - before[2]];
        let source = (dy.starting_at(group * filters), [output[1], output[2]], before);
        // SAFETY: `dx` is borrowed for the whole call, and groups are written one after the other.
        unsafe { forward::forward(images, source, &weights, zeros.as_slice(), (&out, [input[1], input[2]]))? };
    }
    Ok(())
}

/// The gradient with respect to the weight, as `[groups, 9 taps, channels, filters]`, and the number of filters that it is laid out for.
pub(crate) fn weight<T: Float>(
    tiles: Tiles,
    geometry: &Geometry,
    x: Images<'_, T>,
    dy: Images<'_, T>,
) -> Result<(Buffer, usize)> {
    let _span = profile::span_of_work("conv winograd to weight", geometry.bytes::<T>(), geometry.flops());
    let &Geometry { channels, filters, groups, .. } = geometry;
    let size = 9 * channels * filters;
    let mut dw = Buffer::for_output::<T>(groups.saturating_mul(size))?;
    for (group, dw) in dw.as_mut_slice::<T>().chunks_exact_mut(size.max(1)).enumerate() {
        let (x, dy) = (x.starting_at(group * channels), dy.starting_at(group * filters));
        backward_weight::weight(level(), tiles, geometry, (x, dy), dw)?;
    }
    Ok((dw, filters))
}

/// A picture cut into tiles.
#[derive(Clone, Copy)]
struct Grid<'a, T> {
    images: Images<'a, T>,
    /// Height and width of a picture.
    size: [usize; 2],
    /// Places that the first tile begins before the picture.
    before: [isize; 2],
    /// Tiles along both axes.
    across: [usize; 2],
    /// As many zeros as there are channels.
    zeros: &'a [T],
}

impl<T> Grid<'_, T> {
    /// Where the numbers of a tile of `places` by `places` are, tiles beginning `step` places apart: the first channel of each place, or
    /// the zeros for places outside of the picture.
    #[inline(always)]
    fn find(&self, tile: usize, step: usize, places: usize, found: &mut [[*const T; MOST]; MOST]) {
        let [down, along] = self.across;
        let (image, row, column) = (tile / along / down, tile / along % down, tile % along);
        let Images { data, offset, image: of_image, places: distances } = self.images;
        let start = offset as isize + image as isize * of_image;
        let top = (row * step) as isize - self.before[0];
        let left = (column * step) as isize - self.before[1];
        for (i, found) in found.iter_mut().enumerate().take(places) {
            let y = top + i as isize;
            let inside = (y as usize) < self.size[0];
            for (j, found) in found.iter_mut().enumerate().take(places) {
                let x = left + j as isize;
                // A negative place is a huge one as an unsigned number.
                *found = if inside && (x as usize) < self.size[1] {
                    data[(start + y * distances[1] + x * distances[2]) as usize..].as_ptr()
                } else {
                    self.zeros.as_ptr()
                };
            }
        }
    }
}

/// Distance of the matrices of two products, for matrices of so many numbers: an odd number of cache lines, so that those of all products
/// do not fall into the same few places of the cache.
fn distance<T>(len: usize) -> usize {
    let line = 64 / size_of::<T>();
    (len.div_ceil(line) | 1) * line
}

/// A task with the scheme that it is compiled for.
struct For<K, C> {
    task: K,
    scheme: std::marker::PhantomData<C>,
}

/// Runs a task, compiled for these tiles and this level.
fn run<K>(level: Level, tiles: Tiles, task: K)
where
    For<K, Two>: Kernel<Output = ()>,
    For<K, Three>: Kernel<Output = ()>,
    For<K, Four>: Kernel<Output = ()>,
{
    match tiles {
        Tiles::Two => dispatch_at(level, For::<K, Two> { task, scheme: std::marker::PhantomData }),
        Tiles::Three => dispatch_at(level, For::<K, Three> { task, scheme: std::marker::PhantomData }),
        Tiles::Four => dispatch_at(level, For::<K, Four> { task, scheme: std::marker::PhantomData }),
    }
}
