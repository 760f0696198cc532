//! The innermost loop: one tile of a product, held in registers while the depth passes by.
//!
//! The tile's columns are up to four vectors of the right factor; each of its rows multiplies them by one number of the left factor,
//! broadcast. How many rows there are follows from how many registers the processor has.

use std::mem::MaybeUninit;

use crate::cpu::simd::{Lane, Simd, Vector};

/// Rows of the largest tile.
pub(crate) const MOST_ROWS: usize = 12;
/// Elements of the largest tile: 24 vectors of the widest registers.
const MOST_SUMS: usize = 24 * 16;
/// Vectors of the widest tile.
pub(crate) const MOST_VECTORS: usize = 4;

/// Rows of a tile of so many vectors: the sums, one row of the right factor and a broadcast number fill the registers.
pub(crate) const fn rows(registers: usize, vectors: usize) -> usize {
    match (registers >= 32, vectors) {
        (true, 1 | 2) => 12,
        (true, 3) => 8,
        (true, _) => 6,
        (false, 1) => 8,
        (false, 2) => 6,
        (false, _) => 3,
    }
}

/// Vectors of a panel of the right factor at most: beyond, tiles get too flat.
pub(crate) const fn most_vectors(registers: usize) -> usize {
    if registers >= 32 { 4 } else { 2 }
}

/// The left factor of a tile.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a, T> {
    /// A step's rows are neighbours and the steps of a line lie `step` apart: a packed panel (one line), or a matrix that lies
    /// transposed. The right factor's rows are found by the lines too. The tile begins `from` rows and columns behind the lines.
    Columns { lines: &'a [Line<T>], step: usize, from: (usize, usize) },
    /// The depth is a sequence of segments (the taps of a window) of `steps` each. For every segment a pointer to each row's numbers,
    /// which are neighbours. The right factor begins at `right` and goes on from segment to segment.
    Rows { segments: &'a [[*const T; MOST_ROWS]], steps: usize, right: *const T },
}

/// Some steps of the depth whose numbers lie at regular distances.
#[derive(Clone, Copy)]
pub(crate) struct Line<T> {
    /// The first step's first row in the left factor.
    pub(crate) left: *const T,
    /// The first step's first column in the right factor.
    pub(crate) right: *const T,
    pub(crate) steps: usize,
}

/// What a tile's sums begin with.
#[derive(Clone, Copy)]
pub(crate) enum Start<T> {
    Zero,
    /// One number for each column.
    Bias(*const T),
    /// What is in the output already.
    Output,
}

/// What happens to finished sums before they are written.
#[derive(Clone, Copy)]
pub(crate) struct End<'a, T> {
    /// Numbers to add, by rows as the output.
    pub(crate) residual: Option<&'a [*const T; MOST_ROWS]>,
    /// The range to which they are clamped.
    pub(crate) range: Option<(T, T)>,
}

/// One tile to compute.
pub(crate) struct Tile<'a, T> {
    pub(crate) left: Left<'a, T>,
    /// The distance of the right factor's rows.
    pub(crate) right_step: usize,
    pub(crate) out: &'a [*mut T; MOST_ROWS],
    /// Columns in use; those of the last vector that are behind are computed and not written.
    pub(crate) columns: usize,
    pub(crate) start: Start<T>,
    pub(crate) end: End<'a, T>,
}

/// Computes `rows` rows of the tile `vectors` wide, in pieces of heights that there are loops for.
///
/// # Safety
/// What the tile points to is there: `rows` rows (at most [`rows`] of this width), each with `columns` elements in the output and the
/// residual; whole vectors in the right factor; and nobody else touches the output.
#[inline(always)]
pub(crate) unsafe fn compute<S: Simd, T: Lane>(s: S, rows: usize, vectors: usize, tile: &Tile<'_, T>) {
    // SAFETY: the caller's promise.
    unsafe {
        match vectors {
            1 => compute_wide::<S, T, 1>(s, rows, tile),
            2 => compute_wide::<S, T, 2>(s, rows, tile),
            3 => compute_wide::<S, T, 3>(s, rows, tile),
            _ => compute_wide::<S, T, 4>(s, rows, tile),
        }
    }
}

/// # Safety
/// As [`compute`].
#[inline(always)]
pub(crate) unsafe fn compute_wide<S: Simd, T: Lane, const V: usize>(s: S, rows: usize, tile: &Tile<'_, T>) {
    let mut first = 0;
    while first < rows {
        // SAFETY: the caller's promise; the pieces are parts of the tile.
        first += unsafe {
            match rows - first {
                12.. => height::<S, T, 12, V>(s, first, tile),
                8.. => height::<S, T, 8, V>(s, first, tile),
                6.. => height::<S, T, 6, V>(s, first, tile),
                4.. => height::<S, T, 4, V>(s, first, tile),
                2.. => height::<S, T, 2, V>(s, first, tile),
                _ => height::<S, T, 1, V>(s, first, tile),
            }
        };
    }
}

/// Computes `R` rows from `first` on, and returns how many these are. Heights that the registers do not hold are never asked for, and
/// get no code.
///
/// # Safety
/// As [`compute`].
#[inline(always)]
unsafe fn height<S: Simd, T: Lane, const R: usize, const V: usize>(s: S, first: usize, tile: &Tile<'_, T>) -> usize {
    if R <= const { self::rows(S::REGISTERS, V) } {
        // SAFETY: the caller's promise.
        unsafe { piece::<S, T, R, V>(s, first, tile) };
        return R;
    }
    unreachable!("a tile of {R} rows and {V} vectors was asked for")
}

/// # Safety
/// As [`compute`].
// Indices say which register is meant, alike in all loops; the compiler unrolls them.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn piece<S: Simd, T: Lane, const R: usize, const V: usize>(s: S, first: usize, tile: &Tile<'_, T>) {
    let lanes = T::Of::<S>::LANES;
    // What is not whole vectors is finished in memory: the loops here have no branches, so that they unroll and the sums stay in
    // registers.
    let whole = tile.columns >= V * lanes;
    let mut sums = [[T::Of::<S>::zero(s); V]; R];
    // SAFETY: the caller's promise; pointers stay inside what it vouches for.
    unsafe {
        match tile.start {
            Start::Bias(bias) if whole => {
                for i in 0..R {
                    for j in 0..V {
                        sums[i][j] = T::Of::<S>::load(s, bias.wrapping_add(j * lanes));
                    }
                }
            }
            Start::Output if whole => {
                for i in 0..R {
                    for j in 0..V {
                        sums[i][j] = T::Of::<S>::load(s, tile.out[first + i].wrapping_add(j * lanes));
                    }
                }
            }
            _ => {}
        }
        match tile.left {
            Left::Columns { lines, step, from } => {
                for line in lines {
                    let mut left = line.left.wrapping_add(from.0 + first);
                    let mut right = line.right.wrapping_add(from.1);
                    for _ in 0..line.steps {
                        let mut row = [T::Of::<S>::zero(s); V];
                        for j in 0..V {
                            row[j] = T::Of::<S>::load(s, right.wrapping_add(j * lanes));
                        }
                        for i in 0..R {
                            let factor = T::Of::<S>::splat(s, *left.wrapping_add(i));
                            for j in 0..V {
                                sums[i][j] = factor.mul_add(row[j], sums[i][j]);
                            }
                        }
                        left = left.wrapping_add(step);
                        right = right.wrapping_add(tile.right_step);
                    }
                }
            }
            Left::Rows { segments, steps, mut right } => {
                for segment in segments {
                    let mut rows = [std::ptr::null::<T>(); R];
                    rows.copy_from_slice(&segment[first..first + R]);
                    for p in 0..steps {
                        let mut row = [T::Of::<S>::zero(s); V];
                        for j in 0..V {
                            row[j] = T::Of::<S>::load(s, right.wrapping_add(j * lanes));
                        }
                        for i in 0..R {
                            let factor = T::Of::<S>::splat(s, *rows[i].wrapping_add(p));
                            for j in 0..V {
                                sums[i][j] = factor.mul_add(row[j], sums[i][j]);
                            }
                        }
                        right = right.wrapping_add(tile.right_step);
                    }
                }
            }
        }
        if !whole {
            let mut memory = [MaybeUninit::<T>::uninit(); MOST_SUMS];
            let to = memory.as_mut_ptr().cast::<T>();
            for i in 0..R {
                for j in 0..V {
                    sums[i][j].store(to.wrapping_add((i * V + j) * lanes));
                }
            }
            return finish(s, first, R, to, V, tile);
        }
        if let Some(residual) = tile.end.residual {
            for i in 0..R {
                for j in 0..V {
                    let more = T::Of::<S>::load(s, residual[first + i].wrapping_add(j * lanes));
                    sums[i][j] = sums[i][j].add(more);
                }
            }
        }
        if let Some((low, high)) = tile.end.range {
            let (low, high) = (T::Of::<S>::splat(s, low), T::Of::<S>::splat(s, high));
            for i in 0..R {
                for j in 0..V {
                    // In this order NaN stays NaN.
                    sums[i][j] = high.min(low.max(sums[i][j]));
                }
            }
        }
        for i in 0..R {
            for j in 0..V {
                sums[i][j].store(tile.out[first + i].wrapping_add(j * lanes));
            }
        }
    }
}

/// Writes rows of sums of products, `vectors` each, of which the last ones are not all in use.
///
/// # Safety
/// As [`compute`]; `sums` points to as many whole vectors.
#[inline(always)]
unsafe fn finish<S: Simd, T: Lane>(
    s: S,
    first: usize,
    rows: usize,
    sums: *const T,
    vectors: usize,
    tile: &Tile<'_, T>,
) {
    let lanes = T::Of::<S>::LANES;
    for i in 0..rows {
        for at in (0..tile.columns).step_by(lanes) {
            let used = lanes.min(tile.columns - at);
            let out = tile.out[first + i].wrapping_add(at);
            // SAFETY: the caller's promise.
            unsafe {
                let mut sum = T::Of::<S>::load(s, sums.wrapping_add(i * vectors * lanes + at));
                match tile.start {
                    Start::Zero => {}
                    Start::Bias(bias) => sum = sum.add(T::Of::<S>::load_first(s, bias.wrapping_add(at), used)),
                    Start::Output => sum = sum.add(T::Of::<S>::load_first(s, out, used)),
                }
                if let Some(residual) = tile.end.residual {
                    sum = sum.add(T::Of::<S>::load_first(s, residual[first + i].wrapping_add(at), used));
                }
                if let Some((low, high)) = tile.end.range {
                    sum = T::Of::<S>::splat(s, high).min(T::Of::<S>::splat(s, low).max(sum));
                }
                sum.store_first(out, used);
            }
        }
    }
}
