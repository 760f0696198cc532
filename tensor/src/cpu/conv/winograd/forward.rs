//! The convolution, and the gradient with respect to its input, which is one too.

use std::ops::Range;

use super::transforms::{MOST, Scheme, along_both};
use super::weights::Weights;
use super::{For, Grid, distance, run};
use crate::Result;
use crate::cpu::conv::Images;
use crate::cpu::gemm::Output;
use crate::cpu::gemm::tile::{self, End, Left, MOST_ROWS, MOST_VECTORS, Start, Tile};
use crate::cpu::math::Float;
use crate::cpu::simd::{Kernel, Lane, Simd, Vector, load, store};
use crate::cpu::threads;
use crate::memory::Buffer;

/// Bytes of a task's transformed tiles, about: they and a panel's products stay in the second-level cache.
const SCRATCH: usize = 640 * 1024;
/// Tiles of a task at least: for fewer, fetching the weight takes longer than multiplying with it.
const LEAST: usize = 24;

/// `out = activation(conv(x) + bias + residual)` for pictures of `input` places that begin `before` places before the result's first
/// window, which has `output` places. `zeros` are as many zeros as there are channels.
///
/// # Errors
/// [`crate::Error::OutOfMemory`] if there is no room for the transformed tiles.
///
/// # Safety
/// `out.data` has `out.len` elements, and nobody else touches those of this group's filters meanwhile.
pub(crate) unsafe fn forward<T: Float>(
    pictures: usize,
    (x, input, before): (Images<'_, T>, [usize; 2], [isize; 2]),
    weights: &Weights<T>,
    zeros: &[T],
    (out, output): (&Output<'_, T>, [usize; 2]),
) -> Result<()> {
    let side = weights.tiles.side();
    let across = output.map(|size| size.div_ceil(side));
    let count = pictures * across[0] * across[1];
    if count * weights.filters == 0 {
        return Ok(());
    }
    assert!(zeros.len() >= weights.channels, "there are fewer zeros than channels");
    let grid = Grid { images: x, size: input, before, across, zeros };
    let products = weights.tiles.products();
    let width = MOST_VECTORS * weights.lanes;
    let threads = threads::num_threads();
    let fit = SCRATCH / (products * (weights.channels + width) * size_of::<T>());
    let most = fit.max(LEAST).min(count.div_ceil(2 * threads).max(LEAST)).next_multiple_of(MOST_ROWS);
    let mut down = count.div_ceil(most);
    if (threads..4 * threads).contains(&down) {
        // Few tasks are as many as keep all threads busy to the end.
        let fewer = down / threads * threads;
        down = if count.div_ceil(fewer) <= most * 3 / 2 { fewer } else { down.next_multiple_of(threads) };
    }
    // Short results are cut into panels too, each task transforming the tiles for itself.
    let wide = if down >= 2 * threads { 1 } else { threads.div_ceil(down).min(weights.panels.len()) };
    let tiles = count.div_ceil(down);
    let (left, result) = (distance::<T>(tiles * weights.channels), distance::<T>(tiles * width));
    threads::try_each(down * wide, &|i| {
        let (row, part) = (i / wide, i % wide);
        let piece = |i: usize| count * i / down;
        let panels = weights.panels.len() * part / wide..weights.panels.len() * (part + 1) / wide;
        let mut scratch = Buffer::for_output::<T>(products.saturating_mul(left + result))?;
        let (transformed, multiplied) = scratch.as_mut_slice::<T>().split_at_mut(products * left);
        run(
            weights.level,
            weights.tiles,
            Block {
                grid,
                tiles: piece(row)..piece(row + 1),
                panels,
                weights,
                out,
                output,
                transformed,
                multiplied,
                distances: [left, result],
            },
        );
        Ok(())
    })
}

/// Some tiles, and some panels of filters.
struct Block<'a, T> {
    grid: Grid<'a, T>,
    tiles: Range<usize>,
    panels: Range<usize>,
    weights: &'a Weights<T>,
    out: &'a Output<'a, T>,
    output: [usize; 2],
    /// `[product, tile, channel]`
    transformed: &'a mut [T],
    /// `[product, tile, filter of the panel]`
    multiplied: &'a mut [T],
    /// Distances of the products in both.
    distances: [usize; 2],
}

impl<T: Float, C: Scheme> Kernel for For<Block<'_, T>, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut block = self.task;
        let channels = block.weights.channels;
        transform::<S, T, C>(
            s,
            &block.grid,
            block.tiles.clone(),
            channels,
            channels,
            block.distances[0],
            block.transformed,
        );
        for panel in block.panels.clone() {
            multiply::<S, T, C>(s, &mut block, panel);
            write::<S, T, C>(s, &block, panel);
        }
    }
}

/// Transforms what tiles read to `[product, tile, channel]`, `row` elements from tile to tile.
#[inline(always)]
pub(super) fn transform<S: Simd, T: Lane, C: Scheme>(
    s: S,
    grid: &Grid<'_, T>,
    tiles: Range<usize>,
    channels: usize,
    row: usize,
    product: usize,
    out: &mut [T],
) {
    let lanes = T::Of::<S>::LANES;
    let mut found = [[std::ptr::null(); MOST]; MOST];
    for (t, tile) in tiles.enumerate() {
        grid.find(tile, C::OUTPUT, C::INPUT, &mut found);
        let mut channel = 0;
        while channel < channels {
            let used = lanes.min(channels - channel);
            let place = t * row + channel;
            assert!(
                (C::INPUT * C::INPUT - 1) * product + place + used <= out.len(),
                "the tiles do not fit their scratch"
            );
            let out = out.as_mut_ptr();
            along_both::<T, S>(
                s,
                C::INPUT,
                C::INPUT,
                #[inline(always)]
                |line| C::input::<T, S>(s, line),
                // SAFETY: every pointer is to as many numbers as there are channels (see `Grid::find`).
                #[inline(always)]
                |i, j| unsafe { load(s, found[i][j].wrapping_add(channel), used) },
                // SAFETY: the farthest place was checked above.
                #[inline(always)]
                |i, j, value| unsafe {
                    store::<S, T>(value, out.wrapping_add((i * C::INPUT + j) * product + place), used)
                },
            );
            channel += lanes;
        }
    }
}

/// Multiplies the transformed tiles with a panel of the weight.
#[inline(always)]
fn multiply<S: Simd, T: Float, C: Scheme>(s: S, block: &mut Block<'_, T>, panel: usize) {
    let weights = block.weights;
    let (channels, panel) = (weights.channels, weights.panels[panel]);
    let width = panel.vectors * weights.lanes;
    let matrices = weights.of_panel(panel);
    let count = block.tiles.len();
    let tall = tile::rows(S::REGISTERS, panel.vectors);
    let [left, result] = block.distances;
    let products = C::INPUT * C::INPUT;
    assert!((products - 1) * left + count * channels <= block.transformed.len(), "the tiles do not fit their scratch");
    assert!((products - 1) * result + count * width <= block.multiplied.len(), "the products do not fit their scratch");
    for product in 0..products {
        let right = matrices[product * channels * width..][..channels * width].as_ptr();
        let mut row = 0;
        while row < count {
            let rows = tall.min(count - row);
            let mut pointers = [std::ptr::null(); MOST_ROWS];
            let mut outs = [std::ptr::null_mut(); MOST_ROWS];
            for i in 0..rows {
                pointers[i] = block.transformed.as_ptr().wrapping_add(product * left + (row + i) * channels);
                outs[i] = block.multiplied.as_mut_ptr().wrapping_add(product * result + (row + i) * width);
            }
            let tile = Tile {
                left: Left::Rows { segments: &[pointers], steps: channels, right },
                right_step: width,
                out: &outs,
                columns: width,
                start: Start::Zero,
                end: End { residual: None, range: None },
            };
            // SAFETY: the rows of both were checked above, and the weight's matrix has `channels` rows of whole vectors.
            unsafe { tile::compute(s, rows, panel.vectors, &tile) };
            row += rows;
        }
    }
}

/// Transforms the products of a panel back and writes the results.
#[inline(always)]
fn write<S: Simd, T: Float, C: Scheme>(s: S, block: &Block<'_, T>, panel: usize) {
    let Block { grid, weights, out, output, multiplied, .. } = block;
    let lanes = T::Of::<S>::LANES;
    let panel = weights.panels[panel];
    let width = panel.vectors * lanes;
    let all = width.min(weights.filters - panel.column);
    let [down, along] = grid.across;
    for (t, tile) in block.tiles.clone().enumerate() {
        let (image, row, column) = (tile / along / down, tile / along % down, tile % along);
        let (top, left) = (row * C::OUTPUT, column * C::OUTPUT);
        let (high, wide) = (C::OUTPUT.min(output[0] - top), C::OUTPUT.min(output[1] - left));
        let first = (image * output[0] + top) * output[1] + left;
        let last = first + (high - 1) * output[1] + wide - 1;
        assert!(last * out.place + panel.column + all <= out.len, "a convolution was given too small a target");
        for vector in 0..panel.vectors {
            let filter = panel.column + vector * lanes;
            let used = lanes.min(weights.filters - filter);
            let begin = out.finish.begin(s, filter, used);
            along_both::<T, S>(
                s,
                C::INPUT,
                C::OUTPUT,
                #[inline(always)]
                |line| C::output::<T, S>(s, line),
                #[inline(always)]
                |i, j| {
                    let at = (i * C::INPUT + j) * block.distances[1] + t * width + vector * lanes;
                    // SAFETY: `multiply` wrote whole vectors there.
                    unsafe { T::Of::<S>::load(s, multiplied.as_ptr().wrapping_add(at)) }
                },
                #[inline(always)]
                |i, j, sum| {
                    if i >= high || j >= wide {
                        return;
                    }
                    let place = first + i * output[1] + j;
                    // SAFETY: the last place of the tile was checked above, and these filters are this task's.
                    unsafe { out.write(s, sum.add(begin), place, filter, used) };
                },
            );
        }
        for i in 0..high {
            let first = first + i * output[1];
            // SAFETY: as above.
            unsafe { out.curve(s, first..first + wide, panel.column..panel.column + all) };
        }
    }
}
