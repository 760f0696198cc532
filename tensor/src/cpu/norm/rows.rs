//! Channels that lie side by side, as in channels-last images: vectors reach across channels, and each kernel works on some rows of
//! all of them.
//!
//! Where a row is shorter than a few vectors, several rows are taken for one that has so many times the channels ([`fold`]).

use crate::cpu::simd::{Kernel, Lane, Simd, Vector};
use crate::element::Real;

use super::moments::Moments;

/// Columns that a row should have for its vectors to be full.
const WIDE: usize = 64;
/// Rows that are summed before the sums go into `f64`. Those of a tile should fit the first-level cache: they are read twice.
pub(crate) const BLOCK: usize = 64;
/// Vectors that lie side by side in a tile.
const TILE: usize = 4;
/// The most columns of a tile.
const MOST_COLUMNS: usize = 16 * TILE;

/// How many rows of so many channels are taken for one.
pub(crate) fn fold(channels: usize) -> usize {
    (WIDE / channels.max(1)).max(1)
}

/// What turns elements into normalized ones, for each column of a (folded) row; see [`super::planes::Affine`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct AffineRow<'a, T> {
    pub(crate) centre: &'a [T],
    pub(crate) scale: &'a [T],
    pub(crate) shift: &'a [T],
    pub(crate) relu: bool,
}

impl<T> AffineRow<'_, T> {
    fn check(&self, columns: usize) {
        let len = self.centre.len().min(self.scale.len()).min(self.shift.len());
        assert!(columns <= len, "{columns} columns with factors for {len}");
    }

    /// The vectors of a tile.
    ///
    /// # Safety
    /// The tile's columns exist in all three slices.
    #[inline(always)]
    unsafe fn tile<S: Simd, const W: usize, const PART: bool>(&self, s: S, tile: Tile) -> [[T::Of<S>; W]; 3]
    where
        T: Lane,
    {
        // SAFETY: the caller's promise.
        unsafe {
            [
                tile.load::<S, T, W, PART>(s, self.centre.as_ptr()),
                tile.load::<S, T, W, PART>(s, self.scale.as_ptr()),
                tile.load::<S, T, W, PART>(s, self.shift.as_ptr()),
            ]
        }
    }
}

/// Some columns: `W` whole vectors, or the first `count` lanes of one.
#[derive(Clone, Copy)]
struct Tile {
    column: usize,
    count: usize,
}

impl Tile {
    /// The tile's elements of the row at `row`.
    ///
    /// # Safety
    /// They can be read.
    #[inline(always)]
    unsafe fn load<S: Simd, T: Lane, const W: usize, const PART: bool>(self, s: S, row: *const T) -> [T::Of<S>; W] {
        let mut values = [T::Of::<S>::zero(s); W];
        for (i, value) in values.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *value = unsafe {
                let from = row.add(self.column + i * T::Of::<S>::LANES);
                if PART { T::Of::<S>::load_first(s, from, self.count) } else { T::Of::<S>::load(s, from) }
            };
        }
        values
    }

    /// # Safety
    /// The tile's elements of the row at `row` can be written.
    #[inline(always)]
    unsafe fn store<V: Vector<T>, T, const W: usize, const PART: bool>(self, values: [V; W], row: *mut T) {
        for (i, value) in values.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe {
                let to = row.add(self.column + i * V::LANES);
                if PART { value.store_first(to, self.count) } else { value.store(to) }
            }
        }
    }
}

/// What is done with each tile of some rows.
trait Work<S: Simd> {
    fn tile<const W: usize, const PART: bool>(&mut self, s: S, tile: Tile);
}

/// Cuts rows of so many columns into tiles of `W` vectors, of one, and of a part of one.
#[inline(always)]
fn for_tiles<S: Simd, T: Lane, const W: usize>(s: S, columns: usize, work: &mut impl Work<S>) {
    let count = T::Of::<S>::LANES;
    let mut column = 0;
    while column + W * count <= columns {
        work.tile::<W, false>(s, Tile { column, count });
        column += W * count;
    }
    while column + count <= columns {
        work.tile::<1, false>(s, Tile { column, count });
        column += count;
    }
    if column < columns {
        work.tile::<1, true>(s, Tile { column, count: columns - column });
    }
}

/// Some rows of so many columns that follow each other.
#[derive(Clone, Copy)]
struct Rows {
    count: usize,
    columns: usize,
}

impl Rows {
    /// Checks that a tile of these rows lies in memory of this length.
    #[inline(always)]
    fn check<T, V: Vector<T>>(self, tile: Tile, vectors: usize, len: usize) {
        let width = (vectors - 1) * V::LANES + tile.count;
        assert!(self.count > 0 && tile.count <= V::LANES && tile.column + width <= self.columns);
        assert!((self.count - 1) * self.columns + tile.column + width <= len);
    }
}

/// Calls `f(first element, rows, width)` for blocks of rows of `len` elements; rows that are not enough to be folded come last, as one
/// short row.
#[inline(always)]
fn blocks(len: usize, columns: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let (rows, rest) = (len / columns, len % columns);
    let whole = (0..rows).step_by(BLOCK).map(move |first| (first * columns, BLOCK.min(rows - first), columns));
    whole.chain((rest > 0).then_some((rows * columns, 1, rest)))
}

/// Merges the [`Moments`] of each channel over the rows `x` into `out`.
pub(crate) struct Measure<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) out: &'a mut [Moments],
}

impl<T: Lane + Real> Kernel for Measure<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Measure { x, out } = self;
        let channels = out.len();
        let columns = channels * fold(channels);
        let (whole, rest) = x.split_at(x.len() / columns * columns);
        for (x, columns) in [(whole, columns), (rest, channels)] {
            let count = x.len() / columns;
            let (mut means, mut squares) = (vec![0.0; columns], vec![0.0; columns]);
            for first in (0..count).step_by(BLOCK) {
                let rows = Rows { count: BLOCK.min(count - first), columns };
                let x = &x[first * columns..];
                let mut work = MeasureTile { x, rows, before: first, means: &mut means, squares: &mut squares };
                for_tiles::<S, T, TILE>(s, columns, &mut work);
            }
            for (i, (&mean, &squares)) in means.iter().zip(&squares).enumerate() {
                let out = &mut out[i % channels];
                *out = out.merge(Moments { count: count as f64, mean, squares });
            }
        }
    }
}

/// Merges some rows into the means and sums of squared deviations of the rows before.
struct MeasureTile<'a, T> {
    x: &'a [T],
    rows: Rows,
    before: usize,
    means: &'a mut [f64],
    squares: &'a mut [f64],
}

impl<S: Simd, T: Lane + Real> Work<S> for MeasureTile<'_, T> {
    #[inline(always)]
    fn tile<const W: usize, const PART: bool>(&mut self, s: S, tile: Tile) {
        let (x, Rows { count, columns }) = (self.x, self.rows);
        self.rows.check::<T, T::Of<S>>(tile, W, x.len());
        let mut values = [[T::ZERO; MOST_COLUMNS]; 3];
        // SAFETY: the tile of these rows lies in `x`, as checked; it has at most `MOST_COLUMNS` columns.
        unsafe {
            let mut sums = [T::Of::<S>::zero(s); W];
            for row in 0..count {
                let x = tile.load::<S, T, W, PART>(s, x.as_ptr().add(row * columns));
                for j in 0..W {
                    sums[j] = sums[j].add(x[j]);
                }
            }
            let share = T::Of::<S>::splat(s, T::r(1.0 / count as f64));
            let mut centre = [share; W];
            for j in 0..W {
                centre[j] = sums[j].mul(share);
            }
            let (mut sums, mut squares) = ([T::Of::<S>::zero(s); W], [T::Of::<S>::zero(s); W]);
            for row in 0..count {
                let x = tile.load::<S, T, W, PART>(s, x.as_ptr().add(row * columns));
                for j in 0..W {
                    let apart = x[j].sub(centre[j]);
                    sums[j] = sums[j].add(apart);
                    squares[j] = apart.mul_add(apart, squares[j]);
                }
            }
            let first = Tile { column: 0, count: tile.count };
            for (vectors, values) in [centre, sums, squares].into_iter().zip(&mut values) {
                first.store::<T::Of<S>, T, W, PART>(vectors, values.as_mut_ptr());
            }
        }
        let width = (W - 1) * T::Of::<S>::LANES + tile.count;
        let (count, before) = (count as f64, self.before as f64);
        let (share, inverse) = (count / (count + before), 1.0 / count);
        let means = &mut self.means[tile.column..][..width];
        let squares = &mut self.squares[tile.column..][..width];
        let [centres, sums, within] = &values;
        for i in 0..width {
            // The block's mean was rounded to be subtracted; what is left of the deviations' sum says how far off that was.
            let rest = sums[i].to_f64() * inverse;
            let apart = centres[i].to_f64() + rest - means[i];
            let within = (within[i].to_f64() - rest * rest * count).max(0.0);
            means[i] += apart * share;
            squares[i] += within + apart * apart * before * share;
        }
    }
}

/// Writes the normalized elements of some rows.
pub(crate) struct Normalize<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) y: &'a mut [T],
    pub(crate) channels: usize,
    pub(crate) affine: AffineRow<'a, T>,
}

impl<T: Lane + Real> Kernel for Normalize<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Normalize { x, y, channels, affine } = self;
        let columns = channels * fold(channels);
        affine.check(columns);
        for (start, count, width) in blocks(x.len(), columns) {
            let (x, y) = (&x[start..], &mut y[start..]);
            let mut work = NormalizeTile { x, y, rows: Rows { count, columns }, affine };
            for_tiles::<S, T, TILE>(s, width, &mut work);
        }
    }
}

struct NormalizeTile<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
    rows: Rows,
    affine: AffineRow<'a, T>,
}

impl<S: Simd, T: Lane + Real> Work<S> for NormalizeTile<'_, T> {
    #[inline(always)]
    fn tile<const W: usize, const PART: bool>(&mut self, s: S, tile: Tile) {
        let (Rows { count, columns }, relu) = (self.rows, self.affine.relu);
        self.rows.check::<T, T::Of<S>>(tile, W, self.x.len().min(self.y.len()));
        let (x, y) = (self.x.as_ptr(), self.y.as_mut_ptr());
        // SAFETY: the tile of these rows lies in `x` and `y`, as checked; its columns have factors, as the kernel checked.
        unsafe {
            let affine = self.affine.tile::<S, W, PART>(s, tile);
            for row in 0..count {
                let x = tile.load::<S, T, W, PART>(s, x.add(row * columns));
                let mut out = x;
                for j in 0..W {
                    out[j] = normalized::<S, T, W>(s, x[j], &affine, j, relu);
                }
                tile.store::<T::Of<S>, T, W, PART>(out, y.add(row * columns));
            }
        }
    }
}

#[inline(always)]
fn normalized<S: Simd, T: Lane, const W: usize>(
    s: S,
    x: T::Of<S>,
    [centre, scale, shift]: &[[T::Of<S>; W]; 3],
    j: usize,
    relu: bool,
) -> T::Of<S> {
    let y = x.sub(centre[j]).mul_add(scale[j], shift[j]);
    // In this order the maximum keeps a NaN.
    if relu { T::Of::<S>::zero(s).max(y) } else { y }
}

/// The gradient where the result was above 0, which is computed again as [`Normalize`] did, so to the same bits.
#[inline(always)]
fn passed<S: Simd, T: Lane, const W: usize>(
    s: S,
    dy: T::Of<S>,
    x: T::Of<S>,
    affine: &[[T::Of<S>; W]; 3],
    j: usize,
    relu: bool,
) -> T::Of<S> {
    let zero = T::Of::<S>::zero(s);
    let above = || zero.less(normalized::<S, T, W>(s, x, affine, j, false));
    if relu { T::Of::<S>::select(above(), dy, zero) } else { dy }
}

/// Adds the sums of the gradient `dy` and of `dy · (x - centre)` over some rows to those of each channel.
pub(crate) struct GradientSums<'a, T> {
    pub(crate) dy: &'a [T],
    pub(crate) x: &'a [T],
    pub(crate) affine: AffineRow<'a, T>,
    pub(crate) out: &'a mut [[f64; 2]],
}

impl<T: Lane + Real> Kernel for GradientSums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let GradientSums { dy, x, affine, out } = self;
        let channels = out.len();
        let columns = channels * fold(channels);
        affine.check(columns);
        let mut sums = [vec![0.0; columns], vec![0.0; columns]];
        for (start, count, width) in blocks(x.len(), columns) {
            let rows = Rows { count, columns };
            let mut work = GradientSumsTile { dy: &dy[start..], x: &x[start..], rows, affine, sums: &mut sums };
            for_tiles::<S, T, TILE>(s, width, &mut work);
        }
        for i in 0..columns {
            let out = &mut out[i % channels];
            *out = [out[0] + sums[0][i], out[1] + sums[1][i]];
        }
    }
}

struct GradientSumsTile<'a, T> {
    dy: &'a [T],
    x: &'a [T],
    rows: Rows,
    affine: AffineRow<'a, T>,
    sums: &'a mut [Vec<f64>; 2],
}

impl<S: Simd, T: Lane + Real> Work<S> for GradientSumsTile<'_, T> {
    #[inline(always)]
    fn tile<const W: usize, const PART: bool>(&mut self, s: S, tile: Tile) {
        let (Rows { count, columns }, relu) = (self.rows, self.affine.relu);
        self.rows.check::<T, T::Of<S>>(tile, W, self.x.len().min(self.dy.len()));
        let (dy, x) = (self.dy.as_ptr(), self.x.as_ptr());
        let (mut sums, mut products) = ([T::Of::<S>::zero(s); W], [T::Of::<S>::zero(s); W]);
        let mut values = [[T::ZERO; MOST_COLUMNS]; 2];
        // SAFETY: the tile of these rows lies in `x` and `dy`, as checked; its columns have factors, as the kernel checked, and are
        // at most `MOST_COLUMNS`.
        unsafe {
            let affine = self.affine.tile::<S, W, PART>(s, tile);
            for row in 0..count {
                let x = tile.load::<S, T, W, PART>(s, x.add(row * columns));
                let dy = tile.load::<S, T, W, PART>(s, dy.add(row * columns));
                for j in 0..W {
                    let dy = passed::<S, T, W>(s, dy[j], x[j], &affine, j, relu);
                    sums[j] = sums[j].add(dy);
                    products[j] = dy.mul_add(x[j].sub(affine[0][j]), products[j]);
                }
            }
            let first = Tile { column: 0, count: tile.count };
            first.store::<T::Of<S>, T, W, PART>(sums, values[0].as_mut_ptr());
            first.store::<T::Of<S>, T, W, PART>(products, values[1].as_mut_ptr());
        }
        let width = (W - 1) * T::Of::<S>::LANES + tile.count;
        for (sums, values) in self.sums.iter_mut().zip(&values) {
            for (sum, &value) in sums[tile.column..][..width].iter_mut().zip(values) {
                *sum += value.to_f64();
            }
        }
    }
}

/// Writes the input's gradient `scale · dy + slope · (x - centre) + offset` for some rows.
pub(crate) struct Gradient<'a, T> {
    pub(crate) dy: &'a [T],
    pub(crate) x: &'a [T],
    pub(crate) dx: &'a mut [T],
    pub(crate) channels: usize,
    pub(crate) affine: AffineRow<'a, T>,
    pub(crate) slope: &'a [T],
    pub(crate) offset: &'a [T],
}

impl<T: Lane + Real> Kernel for Gradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Gradient { dy, x, dx, channels, affine, slope, offset } = self;
        let columns = channels * fold(channels);
        affine.check(columns);
        assert!(columns <= slope.len().min(offset.len()));
        for (start, count, width) in blocks(x.len(), columns) {
            let (dy, x, dx) = (&dy[start..], &x[start..], &mut dx[start..]);
            let mut work = GradientTile { dy, x, dx, rows: Rows { count, columns }, affine, slope, offset };
            for_tiles::<S, T, TILE>(s, width, &mut work);
        }
    }
}

struct GradientTile<'a, T> {
    dy: &'a [T],
    x: &'a [T],
    dx: &'a mut [T],
    rows: Rows,
    affine: AffineRow<'a, T>,
    slope: &'a [T],
    offset: &'a [T],
}

impl<S: Simd, T: Lane + Real> Work<S> for GradientTile<'_, T> {
    #[inline(always)]
    fn tile<const W: usize, const PART: bool>(&mut self, s: S, tile: Tile) {
        let (Rows { count, columns }, relu) = (self.rows, self.affine.relu);
        self.rows.check::<T, T::Of<S>>(tile, W, self.x.len().min(self.dy.len()).min(self.dx.len()));
        let (dy, x, dx) = (self.dy.as_ptr(), self.x.as_ptr(), self.dx.as_mut_ptr());
        // SAFETY: the tile of these rows lies in all three, as checked; its columns have factors, as the kernel checked.
        unsafe {
            let affine = self.affine.tile::<S, W, PART>(s, tile);
            let slope = tile.load::<S, T, W, PART>(s, self.slope.as_ptr());
            let offset = tile.load::<S, T, W, PART>(s, self.offset.as_ptr());
            for row in 0..count {
                let x = tile.load::<S, T, W, PART>(s, x.add(row * columns));
                let mut out = tile.load::<S, T, W, PART>(s, dy.add(row * columns));
                for j in 0..W {
                    let dy = passed::<S, T, W>(s, out[j], x[j], &affine, j, relu);
                    let rest = x[j].sub(affine[0][j]).mul_add(slope[j], offset[j]);
                    out[j] = dy.mul_add(affine[1][j], rest);
                }
                tile.store::<T::Of<S>, T, W, PART>(out, dx.add(row * columns));
            }
        }
    }
}
