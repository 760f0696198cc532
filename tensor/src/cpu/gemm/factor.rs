//! The numbers that products are made of, and how each kind computes its tiles.

use super::Tiles;
use super::few::{self, Few};
use super::tile::{self, End, Left, Line, MOST_ROWS, MOST_VECTORS, Start, Tile};
use crate::cpu::simd::{Kernel, Lane, Level, Simd, Vector, dispatch_at};
use crate::element::Number;

/// The size of the tiles: rows, vectors, and lanes of a vector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) rows: usize,
    vectors: usize,
    lanes: usize,
}

impl Shape {
    /// Columns of a tile.
    pub(super) fn width(&self) -> usize {
        self.vectors * self.lanes
    }
}

/// Elements of the largest tile.
pub(super) const LARGEST_TILE: usize = MOST_ROWS * MOST_VECTORS * 16;

/// A number that matrix products are made of.
#[allow(private_interfaces)]
pub(crate) trait Factor: Number {
    /// The tiles for a product with so many columns.
    fn shape(level: Level, columns: usize) -> Shape;

    /// Computes all tiles of a block.
    fn multiply(level: Level, tiles: &Tiles<'_, Self>);

    /// Computes the products of a few vectors with some lanes of a matrix.
    fn multiply_few(level: Level, few: Few<'_, Self>);
}

struct Choose<T>(usize, std::marker::PhantomData<T>);

impl<T: Lane> Kernel for Choose<T> {
    type Output = Shape;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Shape {
        let lanes = T::Of::<S>::LANES;
        // Two vectors wide, tiles need the fewest loads for their multiplications.
        let vectors = self.0.div_ceil(lanes).clamp(1, 2);
        Shape { rows: tile::rows(S::REGISTERS, vectors), vectors, lanes }
    }
}

struct Multiply<'a, T>(&'a Tiles<'a, T>);

impl<T: Lane + Factor> Kernel for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Shape { rows, vectors, .. } = self.0.shape;
        let nr = vectors * T::Of::<S>::LANES;
        let steps = self.0.depth.len();
        // Not inlined, the tiles would be compiled without the level's instructions.
        self.0.each(
            #[inline(always)]
            |left, right, high, wide, out, stride, add| {
                let outs: [*mut T; MOST_ROWS] = std::array::from_fn(|i| out.wrapping_add(i * stride));
                let lines = [Line { left: left.as_ptr(), right: right.as_ptr(), steps }];
                let tile = Tile {
                    left: Left::Columns { lines: &lines, step: rows, from: (0, 0) },
                    right_step: nr,
                    out: &outs,
                    columns: wide,
                    start: if add { Start::Output } else { Start::Zero },
                    end: End { residual: None, range: None },
                };
                // SAFETY: the panels hold `steps` steps of the tile's rows and columns, and `out` has `high` rows of `wide` columns that
                // this task alone touches.
                unsafe {
                    if vectors == 1 {
                        tile::compute_wide::<S, T, 1>(s, high, &tile);
                    } else {
                        tile::compute_wide::<S, T, 2>(s, high, &tile);
                    }
                }
            },
        );
    }
}

#[allow(private_interfaces)]
impl Factor for f32 {
    fn shape(level: Level, columns: usize) -> Shape {
        dispatch_at(level, Choose::<f32>(columns, std::marker::PhantomData))
    }
    fn multiply(level: Level, tiles: &Tiles<'_, f32>) {
        dispatch_at(level, Multiply(tiles));
    }
    fn multiply_few(level: Level, few: Few<'_, f32>) {
        few::multiply(level, few);
    }
}

#[allow(private_interfaces)]
impl Factor for f64 {
    fn shape(level: Level, columns: usize) -> Shape {
        dispatch_at(level, Choose::<f64>(columns, std::marker::PhantomData))
    }
    fn multiply(level: Level, tiles: &Tiles<'_, f64>) {
        dispatch_at(level, Multiply(tiles));
    }
    fn multiply_few(level: Level, few: Few<'_, f64>) {
        few::multiply(level, few);
    }
}

/// Whole numbers, which wrap: there are no vectors of these.
fn multiply_whole<T: Factor>(tiles: &Tiles<'_, T>) {
    const N: usize = 4;
    tiles.each(|left, right, high, wide, out, stride, add| {
        let mut sums = [[T::ZERO; N]; N];
        for (a, b) in left.chunks_exact(N).zip(right.chunks_exact(N)) {
            for i in 0..N {
                for j in 0..N {
                    sums[i][j] = sums[i][j].plus(a[i].times(b[j]));
                }
            }
        }
        for (i, sums) in sums.iter().enumerate().take(high) {
            for (j, &sum) in sums.iter().enumerate().take(wide) {
                // SAFETY: `out` has `high` rows of `wide` columns that this task alone touches.
                unsafe {
                    let out = out.add(i * stride + j);
                    *out = if add { (*out).plus(sum) } else { sum };
                }
            }
        }
    });
}

#[allow(private_interfaces)]
impl Factor for i32 {
    fn shape(_: Level, _: usize) -> Shape {
        Shape { rows: 4, vectors: 1, lanes: 4 }
    }
    fn multiply(_: Level, tiles: &Tiles<'_, i32>) {
        multiply_whole(tiles);
    }
    fn multiply_few(_: Level, few: Few<'_, i32>) {
        few.plain();
    }
}

#[allow(private_interfaces)]
impl Factor for i64 {
    fn shape(_: Level, _: usize) -> Shape {
        Shape { rows: 4, vectors: 1, lanes: 4 }
    }
    fn multiply(_: Level, tiles: &Tiles<'_, i64>) {
        multiply_whole(tiles);
    }
    fn multiply_few(_: Level, few: Few<'_, i64>) {
        few.plain();
    }
}
