//! Folding one axis of dense memory: sums, products, extremes, and the positions of extremes.
//!
//! Long folds are cut in halves down to short runs (pairwise summation, Higham 1993), so the rounding error of a sum grows with
//! the logarithm of its length. Where they are cut follows from the shape alone.

mod vectors;

use super::parallel::{SharedMut, over_range};
use crate::Result;
use crate::element::Number;
use crate::memory::Buffer;
use crate::profile;

pub(crate) use vectors::{Max, Min, Squares, Sum, Vectors};

/// Columns that are folded together: a few vector registers of accumulators.
pub(crate) const COLUMNS: usize = 64;
/// Accumulators of a row, so that additions need not wait for each other.
const LANES: usize = 16;
/// The longest run of a row that is folded without being halved.
const LEAF: usize = 512;
/// The most rows that columns are folded over without being halved.
const LEAF_ROWS: usize = 32;
/// Elements of one fold that are worth a task of their own.
const SEGMENT: usize = 1 << 16;

/// Dense memory seen as `[outer, n, inner]`, worked on along `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) outer: usize,
    pub(crate) n: usize,
    pub(crate) inner: usize,
}

impl Block {
    /// A row-major shape with the work along one axis.
    pub(crate) fn around(shape: &[usize], axis: usize) -> Block {
        Block { outer: shape[..axis].iter().product(), n: shape[axis], inner: shape[axis + 1..].iter().product() }
    }

    /// Calls `f(outer, first column, columns)` for pieces that cover all columns, in parallel.
    pub(crate) fn for_columns(&self, cost: usize, f: &(dyn Fn(usize, usize, usize) + Sync)) {
        if self.n == 0 {
            // No elements, in columns that may be too many to count through.
            return;
        }
        let pieces = self.inner.div_ceil(COLUMNS);
        let cost = cost * self.n * self.inner.min(COLUMNS);
        over_range(self.outer * pieces, cost, &|range| {
            for task in range {
                let first = task % pieces * COLUMNS;
                f(task / pieces, first, COLUMNS.min(self.inner - first));
            }
        });
    }
}

/// The map of a fold that takes elements as they are.
pub(crate) fn keep<T>(x: T, _centre: T) -> T {
    x
}

/// The larger, NaN if either is.
pub(crate) fn larger<T: Number>(a: T, b: T) -> T {
    if a > b || a.nan() { a } else { b }
}

/// The smaller, NaN if either is.
pub(crate) fn smaller<T: Number>(a: T, b: T) -> T {
    if a < b || a.nan() { a } else { b }
}

/// How elements are folded: what becomes of one, given a centre, and how results are joined.
pub(crate) trait Fold<T>: Sync {
    /// Joins results.
    type Join: Fold<T>;

    fn joining(&self) -> Self::Join;

    /// Folds a row.
    fn row(&self, x: &[T], centre: T) -> T;

    /// Folds rows of `n` elements, one for each of `out`.
    fn rows(&self, x: &[T], n: usize, centre: &dyn Fn(usize) -> T, out: &mut [T]) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = self.row(&x[i * n..][..n], centre(i));
        }
    }

    /// Folds `out.len()` columns, at most [`COLUMNS`], over `rows` that lie `stride` apart.
    fn columns(&self, x: &[T], rows: (usize, usize), out: &mut [T], centre: &[T]);
}

/// A fold by plain functions: `join` of what `map` makes of element and centre; `start` is neutral to `join`.
pub(crate) struct By<T, M, J> {
    pub(crate) start: T,
    pub(crate) map: M,
    pub(crate) join: J,
}

impl<T: Number, M: Fn(T, T) -> T + Sync, J: Fn(T, T) -> T + Sync + Copy> Fold<T> for By<T, M, J> {
    type Join = By<T, fn(T, T) -> T, J>;

    fn joining(&self) -> Self::Join {
        By { start: self.start, map: keep, join: self.join }
    }

    fn row(&self, x: &[T], centre: T) -> T {
        fold_row(x, self.start, &|x| (self.map)(x, centre), &self.join)
    }

    fn columns(&self, x: &[T], rows: (usize, usize), out: &mut [T], centre: &[T]) {
        fold_columns(x, rows, out, self.start, centre, &self.map, &self.join);
    }
}

/// `out[o, i]` is the fold of `x[o, n, i]` over `n` with the centre `centre[o, i]`, or 0 without centres.
pub(crate) fn fold<T: Number>(x: &[T], block: Block, centre: Option<&[T]>, by: &impl Fold<T>) -> Result<Buffer> {
    let _span = profile::span("reduce", size_of_val(x));
    let Block { outer, n, inner } = block;
    let width = inner.clamp(1, COLUMNS);
    let rows = SEGMENT / width;
    let (segments, pieces) = (n.div_ceil(rows).max(1), inner.div_ceil(COLUMNS));
    let mut buffer = Buffer::for_output::<T>(outer.saturating_mul(segments).saturating_mul(inner))?;
    let out = SharedMut::new(buffer.as_mut_slice::<T>());
    let zeros = [T::ZERO; COLUMNS];
    over_range(outer * segments * pieces, n.min(rows) * width, &|range| {
        if inner == 1 && segments == 1 {
            // SAFETY: every range is a task's own; `buffer` outlives the loop and is not touched meanwhile.
            let out = unsafe { out.slice(range.clone()) };
            let first = range.start;
            by.rows(&x[first * n..], n, &|i| centre.map_or(T::ZERO, |centre| centre[first + i]), out);
            return;
        }
        for task in range {
            let (rest, column) = (task / pieces, task % pieces * COLUMNS);
            let (o, first) = (rest / segments, rest % segments * rows);
            let rows = rows.min(n - first);
            let width = COLUMNS.min(inner - column);
            let place = rest * inner + column;
            // SAFETY: every task has its own outer index, segment and columns, so these ranges are disjoint; `buffer` outlives
            // the loop and is not touched meanwhile.
            let out = unsafe { out.slice(place..place + width) };
            let centre = centre.map_or(&zeros[..width], |centre| &centre[o * inner + column..][..width]);
            let x = &x[((o * n + first) * inner + column).min(x.len())..];
            if inner == 1 {
                out[0] = by.row(&x[..rows], centre[0]);
            } else {
                by.columns(x, (rows, inner), out, centre);
            }
        }
    });
    if segments == 1 {
        return Ok(buffer);
    }
    fold(buffer.as_slice::<T>(), Block { n: segments, ..block }, None, &by.joining())
}

/// `join over map(x)`.
pub(crate) fn fold_row<T: Number>(x: &[T], start: T, map: &impl Fn(T) -> T, join: &impl Fn(T, T) -> T) -> T {
    if x.len() < LANES {
        return x.iter().fold(start, |sum, &x| join(sum, map(x)));
    }
    if x.len() > LEAF {
        let (left, right) = x.split_at((x.len() / 2).next_multiple_of(LEAF));
        return join(fold_row(left, start, map, join), fold_row(right, start, map, join));
    }
    let mut lanes = [start; LANES];
    let mut runs = x.chunks_exact(LANES);
    for run in &mut runs {
        for (lane, &x) in lanes.iter_mut().zip(run) {
            *lane = join(*lane, map(x));
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(runs.remainder()) {
        *lane = join(*lane, map(x));
    }
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = join(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// Each of `out`'s columns folded over `rows`, which lie `stride` apart.
fn fold_columns<T: Number>(
    x: &[T],
    (rows, stride): (usize, usize),
    out: &mut [T],
    start: T,
    centre: &[T],
    map: &impl Fn(T, T) -> T,
    join: &impl Fn(T, T) -> T,
) {
    if rows <= LEAF_ROWS {
        out.fill(start);
        for row in 0..rows {
            let row = &x[row * stride..][..out.len()];
            for ((out, &x), &centre) in out.iter_mut().zip(row).zip(centre) {
                *out = join(*out, map(x, centre));
            }
        }
        return;
    }
    let left = (rows / 2).next_multiple_of(LEAF_ROWS);
    fold_columns(x, (left, stride), out, start, centre, map, join);
    let mut right = [start; COLUMNS];
    let right = &mut right[..out.len()];
    fold_columns(&x[left * stride..], (rows - left, stride), right, start, centre, map, join);
    for (out, &right) in out.iter_mut().zip(&*right) {
        *out = join(*out, right);
    }
}

/// Positions along `n` (which is not 0) of the largest or smallest elements: the first of equals, the first NaN if there is one.
pub(crate) fn arg<T: Number>(x: &[T], block: Block, largest: bool, out: &mut [i64]) {
    let _span = profile::span("arg", size_of_val(x));
    // `replaces(a, b)`: the later `a` takes the place of the best so far.
    let replaces = |a: T, b: T| {
        let better = if largest { a > b } else { a < b };
        better || (a.nan() && !b.nan())
    };
    let Block { n, inner, .. } = block;
    let shared = SharedMut::new(out);
    block.for_columns(1, &|o, first, width| {
        let place = o * inner + first;
        // SAFETY: every call has its own columns; `out` is borrowed until all calls have returned.
        let out = unsafe { shared.slice(place..place + width) };
        let x = &x[o * n * inner + first..];
        out.fill(0);
        if inner == 1 {
            out[0] = position(&x[..n], largest) as i64;
            return;
        }
        let mut best = [T::ZERO; COLUMNS];
        best[..width].copy_from_slice(&x[..width]);
        for i in 1..n {
            for ((out, best), &x) in out.iter_mut().zip(&mut best).zip(&x[i * inner..]) {
                if replaces(x, *best) {
                    *best = x;
                    *out = i as i64;
                }
            }
        }
    });
}

/// The first place of the largest or smallest of a row that is not empty, or of its first NaN.
fn position<T: Number>(x: &[T], largest: bool) -> usize {
    let best = match largest {
        true => fold_row(x, T::LOWEST, &|x| x, &larger),
        false => fold_row(x, T::HIGHEST, &|x| x, &smaller),
    };
    let found = |x: &T| *x == best || (x.nan() && best.nan());
    // Whole runs are looked through first: that takes no branch for each element.
    let run = x.chunks(LEAF).position(|run| run.iter().fold(false, |any, x| any | found(x))).unwrap_or_default();
    x[run * LEAF..].iter().position(found).map_or(0, |i| run * LEAF + i)
}
