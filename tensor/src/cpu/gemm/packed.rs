//! Products with a factor that was packed before: rows that lie anywhere in memory times the columns of a weight.
//!
//! This is the loop around the tiles for linear layers and convolutions in channels-last memory: a row is a place of the output, a
//! segment of its depth is what one tap of the window sees there, and the right factor is the packed weight.

use std::ops::Range;

use smallvec::SmallVec;

use super::finish::{Output, Places};
use super::tile::{self, End, Left, MOST_ROWS, Start, Tile};
use crate::Result;
use crate::cpu::math::Float;
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Kernel, Lane, Level, Simd, Vector, dispatch_at, prefetch};
use crate::cpu::threads;
use crate::memory::Buffer;

/// Steps of the depth between two visits of the output: a panel's part of so many steps stays in the second-level cache.
const DEPTH: usize = 384;
/// Segments that are visited together at most.
const SEGMENTS: usize = 25;
/// Bytes of the left factor that a task goes through for every panel.
const LEFT: usize = 384 * 1024;
/// Rows that are not cut among threads where there are columns to cut: an image of 14×14 places.
const FEW_ROWS: usize = 200;
/// Multiplications that are worth a task of their own.
const TASK: usize = 256 * 1024;

/// Steps of a panel that are packed together from columns: so many lines of the panel stay in the first-level cache.
const PACKED_STEPS: usize = 64;

/// A factor of `segments · depth` rows and `columns` columns, in panels of up to four vectors' width.
pub(crate) struct Packed<T> {
    level: Level,
    segments: usize,
    depth: usize,
    columns: usize,
    lanes: usize,
    panels: SmallVec<[Panel; 8]>,
    data: Buffer,
    element: std::marker::PhantomData<T>,
}

/// Columns of a factor that a tile multiplies at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel {
    /// The first one.
    pub(crate) column: usize,
    /// How many vectors they fill.
    pub(crate) vectors: usize,
}

/// Lanes of a vector and the number of registers at a level.
pub(crate) fn registers<T: Lane>(level: Level) -> (usize, usize) {
    dispatch_at(level, Registers::<T>(std::marker::PhantomData))
}

struct Registers<T>(std::marker::PhantomData<T>);

impl<T: Lane> Kernel for Registers<T> {
    type Output = (usize, usize);
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> (usize, usize) {
        (T::Of::<S>::LANES, S::REGISTERS)
    }
}

/// Columns in panels of `most` vectors at most, all about alike.
pub(crate) fn panels(columns: usize, lanes: usize, most: usize) -> impl Iterator<Item = Panel> {
    let vectors = columns.div_ceil(lanes);
    let count = vectors.div_ceil(most);
    (0..count).map(move |i| {
        let (from, to) = (vectors * i / count, vectors * (i + 1) / count);
        Panel { column: from * lanes, vectors: to - from }
    })
}

impl<T: Lane> Packed<T> {
    /// Packs the factor whose row in segment `s` and step `p` is `row(s, p)`, as long as there are columns.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`].
    pub(crate) fn new<'a>(
        level: Level,
        segments: usize,
        depth: usize,
        columns: usize,
        row: impl Fn(usize, usize) -> &'a [T] + Sync,
    ) -> Result<Self> {
        Self::build(level, segments, depth, columns, |first, used, width, out| {
            for (at, out) in out.chunks_exact_mut(width).enumerate() {
                let (out, rest) = out.split_at_mut(used);
                out.copy_from_slice(&row(at / depth, at % depth)[first..][..used]);
                rest.fill(T::ZERO);
            }
        })
    }

    /// Packs a factor of one segment whose columns lie one behind the other.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`].
    pub(crate) fn transposed(level: Level, depth: usize, columns: usize, data: &[T]) -> Result<Self> {
        Self::build(level, 1, depth, columns, |first, used, width, out| {
            for (i, out) in out.chunks_mut(PACKED_STEPS * width).enumerate() {
                let (from, steps) = (i * PACKED_STEPS, out.len() / width);
                if used < width {
                    out.fill(T::ZERO);
                }
                for lane in 0..used {
                    let column = &data[(first + lane) * depth + from..][..steps];
                    out[lane..].iter_mut().step_by(width).zip(column).for_each(|(out, &number)| *out = number);
                }
            }
        })
    }

    /// Calls `fill(first column, columns, width, panel)` for every panel.
    fn build(
        level: Level,
        segments: usize,
        depth: usize,
        columns: usize,
        fill: impl Fn(usize, usize, usize, &mut [T]) + Sync,
    ) -> Result<Self> {
        let (lanes, registers) = registers::<T>(level);
        let vectors = columns.div_ceil(lanes);
        let panels: SmallVec<[Panel; 8]> = panels(columns, lanes, tile::most_vectors(registers)).collect();
        let rows = segments * depth;
        let mut data = Buffer::for_output::<T>(rows.saturating_mul(vectors * lanes))?;
        let shared = SharedMut::new(data.as_mut_slice::<T>());
        threads::each(panels.len(), &|i| {
            let panel = panels[i];
            let width = panel.vectors * lanes;
            // SAFETY: every panel has its own piece of the buffer.
            let out = unsafe { shared.slice(panel.column * rows..(panel.column + width) * rows) };
            fill(panel.column, width.min(columns - panel.column), width, out);
        });
        Ok(Packed { level, segments, depth, columns, lanes, panels, data, element: std::marker::PhantomData })
    }

    /// Steps of the whole depth.
    fn height(&self) -> usize {
        self.segments * self.depth
    }

    /// Into how many pieces `count` rows and the panels are cut for the threads. What an element is summed from does not depend on it.
    fn cut(&self, count: usize) -> (usize, usize) {
        let threads = threads::num_threads();
        let tasks = (count * self.columns * self.height().max(1) / TASK).clamp(1, 8 * threads);
        if count <= FEW_ROWS && self.panels.len() >= 2 * threads {
            // Few rows: what takes the time is to read the weights, so each is read by one task alone.
            return (1, self.panels.len().min(tasks));
        }
        // Many: all panels see the same rows, which should stay in the second-level cache.
        let row_bytes = self.depth * size_of::<T>() * if self.segments > 1 { 2 } else { 1 };
        let most = (LEFT / row_bytes.max(1)).clamp(2 * MOST_ROWS, 1024);
        let down = count.div_ceil(most).max(tasks.min(count.div_ceil(4 * MOST_ROWS)));
        let across = if down >= 2 * threads { 1 } else { tasks.div_ceil(down).min(self.panels.len()) };
        (if across == 1 { down.next_multiple_of(threads).min(count.div_ceil(MOST_ROWS)) } else { down }, across)
    }
}

/// Where the rows of a product's left factor and of its result lie.
pub(crate) trait Rows<T>: Sync {
    /// Writes for each segment of the range, and each of `count` rows from `first` on, the pointer to that row's numbers.
    fn point(&self, first: usize, count: usize, segments: Range<usize>, out: &mut [[*const T; MOST_ROWS]]);

    /// Writes the places of the rows in the result, in units of a row.
    fn places(&self, first: usize, count: usize, out: &mut [usize; MOST_ROWS]) {
        for (i, out) in out.iter_mut().enumerate().take(count) {
            *out = first + i;
        }
    }
}

/// Rows at regular distances, of one segment.
pub(crate) struct EvenRows<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) stride: usize,
    pub(crate) depth: usize,
}

impl<T: Sync> Rows<T> for EvenRows<'_, T> {
    fn point(&self, first: usize, count: usize, _: Range<usize>, out: &mut [[*const T; MOST_ROWS]]) {
        // Rows of nothing may lie behind the end of nothing.
        let (start, end) = (first * self.stride, (first + count - 1) * self.stride + self.depth);
        let data = if self.depth == 0 { self.data } else { &self.data[start..end] };
        for segment in out {
            for (i, pointer) in segment[..count].iter_mut().enumerate() {
                *pointer = data.as_ptr().wrapping_add(i * self.stride);
            }
        }
    }
}

/// `activation(rows · packed + bias + residual)`.
///
/// # Safety
/// `out.data` has `out.len` elements; nobody else touches the rows' columns meanwhile. The pointers of `source` point to `depth`
/// elements each.
pub(crate) unsafe fn product<T: Float>(count: usize, source: &dyn Rows<T>, packed: &Packed<T>, out: &Output<'_, T>) {
    if count == 0 || packed.columns == 0 {
        return;
    }
    let (down, across) = packed.cut(count);
    let run = |i: usize| {
        let (row, panel) = (i / across, i % across);
        let piece = |i: usize| (count * i / down).next_multiple_of(MOST_ROWS).min(count);
        let panels = packed.panels.len() * panel / across..packed.panels.len() * (panel + 1) / across;
        dispatch_at(packed.level, Task { rows: piece(row)..piece(row + 1), panels, source, packed, out });
    };
    if count * packed.columns * packed.height().max(1) < 2 * TASK {
        (0..down * across).for_each(run);
    } else {
        threads::each(down * across, &run);
    }
}

struct Task<'a, T> {
    rows: Range<usize>,
    panels: Range<usize>,
    source: &'a dyn Rows<T>,
    packed: &'a Packed<T>,
    out: &'a Output<'a, T>,
}

impl<T: Float> Kernel for Task<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Task { rows, panels, source, packed, out } = self;
        let finish = &out.finish;
        let range = finish.activation.range().map(|(low, high)| (T::from_f64(low), T::from_f64(high)));
        let data = packed.data.as_slice::<T>();
        let height = packed.height();
        let mut table = [[std::ptr::null(); MOST_ROWS]; SEGMENTS];
        let (mut places, mut outs, mut residuals) =
            ([0; MOST_ROWS], [std::ptr::null_mut(); MOST_ROWS], [std::ptr::null(); MOST_ROWS]);
        for panel in &packed.panels[panels] {
            let width = panel.vectors * packed.lanes;
            let used = width.min(packed.columns - panel.column);
            let weights = &data[panel.column * height..(panel.column + width) * height];
            let tall = tile::rows(S::REGISTERS, panel.vectors);
            for part in Parts::new(packed.segments, packed.depth) {
                let first_step = part.segments.start * packed.depth + part.steps.start;
                let (is_first, is_last) = (first_step == 0, part.last);
                let table = &mut table[..part.segments.len()];
                let right = &weights[first_step * width..];
                // The next part's weights, a piece of which is fetched for every tile: they may come from far.
                let part_len = part.segments.len() * part.steps.len() * width;
                let mut fetched = panel.column * height + first_step * width + part_len;
                let tiles = rows.len().div_ceil(tall);
                let each = if (2..FEW_ROWS / 4).contains(&tiles) { part_len.div_ceil(tiles) } else { 0 };
                let mut row = rows.start;
                while row < rows.end {
                    let next = (fetched + each).min(data.len());
                    prefetch(&data[fetched.min(next)..next]);
                    fetched = next;
                    let count = tall.min(rows.end - row);
                    source.point(row, count, part.segments.clone(), table);
                    source.places(row, count, &mut places);
                    for segment in table.iter_mut() {
                        for pointer in &mut segment[..count] {
                            *pointer = pointer.wrapping_add(part.steps.start);
                        }
                    }
                    for i in 0..count {
                        let at = places[i] * out.place + panel.column;
                        assert!(at + used <= out.len, "a product was given too small a target");
                        outs[i] = out.data.pointer().wrapping_add(at);
                        if let Some(Places { data, place }) = finish.residual {
                            residuals[i] = data[places[i] * place + panel.column..][..used].as_ptr();
                        }
                    }
                    let start = match finish.bias {
                        _ if !is_first => Start::Output,
                        Some(bias) => Start::Bias(bias[panel.column..][..used].as_ptr()),
                        None => Start::Zero,
                    };
                    let end = End {
                        residual: (is_last && finish.residual.is_some()).then_some(&residuals),
                        range: range.filter(|_| is_last),
                    };
                    let tile = Tile {
                        left: Left::Rows { segments: table, steps: part.steps.len(), right: right.as_ptr() },
                        right_step: width,
                        out: &outs,
                        columns: used,
                        start,
                        end,
                    };
                    // SAFETY: the rows of the left factor are what `source` vouches for; those of the result and the residual were
                    // checked above, and the weights hold the steps of all segments.
                    unsafe { tile::compute(s, count, panel.vectors, &tile) };
                    if is_last && finish.activation.is_curved() {
                        for &row in &outs[..count] {
                            // SAFETY: the columns of this row were just written by this task, which alone touches them.
                            let row = unsafe { std::slice::from_raw_parts_mut(row, used) };
                            finish.activation.apply(s, row);
                        }
                    }
                    row += count;
                }
            }
        }
    }
}

/// What is summed between two visits of the output.
struct Part {
    segments: Range<usize>,
    steps: Range<usize>,
    last: bool,
}

/// The depth in parts: whole segments together where they are short, pieces of one segment where they are long.
struct Parts {
    segments: usize,
    depth: usize,
    together: usize,
    pieces: usize,
    next: usize,
}

impl Parts {
    fn new(segments: usize, depth: usize) -> Self {
        // Without segments there is one part without depth, however long segments would be.
        let depth = if segments == 0 { 0 } else { depth };
        let most = (DEPTH / depth.max(1)).clamp(1, SEGMENTS);
        let together = segments.div_ceil(segments.div_ceil(most).max(1)).max(1);
        Parts { segments, depth, together, pieces: depth.div_ceil(2 * DEPTH).max(1), next: 0 }
    }
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let (group, piece) = (self.next / self.pieces, self.next % self.pieces);
        let start = group * self.together;
        // A product without depth is still written once.
        if start >= self.segments.max(1) {
            return None;
        }
        self.next += 1;
        let segments = start..(start + self.together).min(self.segments);
        let steps = self.depth * piece / self.pieces..self.depth * (piece + 1) / self.pieces;
        let last = segments.end == self.segments && piece + 1 == self.pieces;
        Some(Part { segments, steps, last })
    }
}
