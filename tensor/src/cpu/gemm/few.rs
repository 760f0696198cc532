//! A few vectors times a matrix: each of its numbers is used too seldom for packing to pay, so they are read where they lie, once.
// Loops of constant length over several arrays at once unroll into registers; iterators over them would not read better.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use super::Size;
use super::factor::Factor;
use super::operand::{Operand, Strided};
use crate::Result;
use crate::cpu::parallel::{SharedMut, over_range};
use crate::cpu::simd::{Kernel, Lane, Level, Simd, Vector, dispatch_at, load};
use crate::element::Number;
use crate::memory::Buffer;
use crate::profile;

/// Vectors that are multiplied at once: each number that is loaded is used so often.
const GROUP: usize = 4;
/// Steps of the depth that are read side by side where lanes are neighbours.
const STEPS: usize = 8;
/// Sums that are kept between them: they stay in the first cache.
const SUMS: usize = 4096;
/// Most pieces of lanes that are read side by side.
const PIECES: usize = 16;
/// Lanes of a task are a multiple of this: whole cache lines.
const UNIT: usize = 64;

/// As [`super::gemm`] of plain matrices to a row-major result, without packing: the fewer of rows and columns are the few vectors that the other
/// factor is multiplied with, at most 64.
///
/// # Errors
/// [`crate::Error::OutOfMemory`] if there is none for a copy of the vectors, which is made unless their numbers are neighbours.
pub(crate) fn few_gemm<T: Factor>(
    level: Level,
    size: Size,
    left: Strided<'_, T>,
    right: Strided<'_, T>,
    out: &mut [T],
) -> Result<()> {
    let Size { m, n, k } = size;
    let _span = profile::span_of_work("matmul", size.bytes::<T>(), size.flops());
    assert!(out.len() >= m * n, "a product was given too small a target");
    assert!(m.min(n) <= 64, "these vectors are not few");
    let out = SharedMut::new(out);
    let (few, count, matrix, lanes, across, along) =
        if m <= n { (left, m, right, n, n, 1) } else { (right, n, left, m, 1, n) };
    let mut copy = Buffer::for_output::<T>(if few.depth.inner == 1 { 0 } else { count.saturating_mul(k) })?;
    let vectors = if few.depth.inner == 1 {
        few
    } else {
        let copy = copy.as_mut_slice::<T>();
        for (vector, copy) in copy.chunks_exact_mut(k.max(1)).enumerate() {
            few.pack(0..k, vector..vector + 1, 1, copy);
        }
        Strided::plain(copy, 0, k as isize, 1)
    };
    let few = Few { vectors, count, matrix, lanes: 0..lanes, depth: k, out, across, along };
    few.in_pieces(&|few| T::multiply_few(level, few));
    Ok(())
}

/// `out[v · across + lane · along] = Σ vectors[v] · matrix[lane]`, both seen as `lanes × depth`.
#[derive(Clone)]
pub(super) struct Few<'a, T> {
    /// Whose depth is contiguous.
    vectors: Strided<'a, T>,
    count: usize,
    /// A plain matrix.
    matrix: Strided<'a, T>,
    lanes: Range<usize>,
    depth: usize,
    out: SharedMut<T>,
    /// Distances of the results of neighbouring vectors and lanes.
    across: usize,
    along: usize,
}

impl<T: Number> Few<'_, T> {
    /// Calls `f` on pieces of the lanes, which have results of their own.
    fn in_pieces(self, f: &(dyn Fn(Self) + Sync)) {
        let count = self.lanes.len();
        // Rows that are read side by side are long, each being in a page of its own.
        let unit = if self.matrix.depth.inner == 1 { UNIT } else { count.div_ceil(PIECES).next_multiple_of(UNIT) };
        let cost = self.depth.saturating_mul(self.count).saturating_mul(unit);
        over_range(count.div_ceil(unit), cost, &|units| {
            f(Few { lanes: units.start * unit..(units.end * unit).min(count), ..self.clone() });
        });
    }

    /// Where a number of the matrix is.
    #[inline(always)]
    fn place(&self, lane: usize, step: usize) -> usize {
        let Strided { offset, lanes, depth, .. } = self.matrix;
        (offset as isize + lane as isize * lanes.inner + step as isize * depth.inner) as usize
    }

    /// A vector.
    #[inline(always)]
    fn vector(&self, vector: usize) -> &[T] {
        let start = (self.vectors.offset as isize + vector as isize * self.vectors.lanes.inner) as usize;
        &self.vectors.data[start..start + self.depth]
    }

    /// # Safety
    /// The lane is of this task, and the result has a place for it.
    #[inline(always)]
    unsafe fn write(&self, vector: usize, lane: usize, sum: T) {
        // SAFETY: the caller's promise.
        unsafe { *self.out.pointer().add(vector * self.across + lane * self.along) = sum };
    }

    /// A matrix that lies in any way, and numbers that there are no vectors of.
    pub(super) fn plain(&self) {
        for vector in 0..self.count {
            let numbers = self.vector(vector);
            for lane in self.lanes.clone() {
                let products = numbers.iter().enumerate().map(|(p, &x)| x.times(self.matrix.data[self.place(lane, p)]));
                // SAFETY: the lane is of this task.
                unsafe { self.write(vector, lane, products.fold(T::ZERO, T::plus)) };
            }
        }
    }
}

/// Computes a piece with the vectors of a level.
pub(super) fn multiply<T: Lane>(level: Level, few: Few<'_, T>) {
    dispatch_at(level, Multiply(few));
}

struct Multiply<'a, T>(Few<'a, T>);

impl<T: Lane> Kernel for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let few = self.0;
        if few.lanes.is_empty() || few.depth == 0 || !(few.matrix.lanes.inner == 1 || few.matrix.depth.inner == 1) {
            return few.plain();
        }
        let (first, last) = (few.place(few.lanes.start, 0), few.place(few.lanes.end - 1, few.depth - 1));
        let corners = [few.place(few.lanes.start, few.depth - 1), few.place(few.lanes.end - 1, 0)];
        let inside = |place: usize| place < few.matrix.data.len();
        assert!(inside(first) && inside(last) && corners.into_iter().all(inside), "a matrix beyond its memory");
        if few.matrix.depth.inner == 1 {
            few.dots(s);
        } else {
            few.streams(s);
        }
    }
}

impl<T: Lane> Few<'_, T> {
    /// The depth is contiguous: vectors lie along it.
    #[inline(always)]
    fn dots<S: Simd>(&self, s: S) {
        // As many sums as registers hold beside the factors.
        if S::REGISTERS >= 32 {
            self.dots_of::<S, 4>(s);
        } else {
            self.dots_of::<S, 2>(s);
        }
    }

    #[inline(always)]
    fn dots_of<S: Simd, const LANES: usize>(&self, s: S) {
        let whole = self.lanes.len() / LANES * LANES;
        let split = self.lanes.start + whole;
        for lane in (self.lanes.start..split).step_by(LANES) {
            self.dots_of_lanes::<S, LANES>(s, lane);
        }
        for lane in split..self.lanes.end {
            self.dots_of_lanes::<S, 1>(s, lane);
        }
    }

    #[inline(always)]
    fn dots_of_lanes<S: Simd, const LANES: usize>(&self, s: S, lane: usize) {
        for vector in (0..self.count).step_by(GROUP) {
            match self.count - vector {
                1 => self.dot::<S, LANES, 1>(s, lane, vector),
                2 => self.dot::<S, LANES, 2>(s, lane, vector),
                3 => self.dot::<S, LANES, 3>(s, lane, vector),
                _ => self.dot::<S, LANES, GROUP>(s, lane, vector),
            }
        }
    }

    #[inline(always)]
    fn dot<S: Simd, const LANES: usize, const VECTORS: usize>(&self, s: S, lane: usize, vector: usize) {
        let zero = T::Of::<S>::zero(s);
        let mut sums = [[zero; VECTORS]; LANES];
        let mut rows = [self.matrix.data.as_ptr(); LANES];
        for l in 0..LANES {
            rows[l] = self.matrix.data[self.place(lane + l, 0)..].as_ptr();
        }
        let mut vectors = [self.vectors.data.as_ptr(); VECTORS];
        for v in 0..VECTORS {
            vectors[v] = self.vector(vector + v).as_ptr();
        }
        for step in (0..self.depth).step_by(T::Of::<S>::LANES) {
            let count = (self.depth - step).min(T::Of::<S>::LANES);
            let mut x = [zero; VECTORS];
            for v in 0..VECTORS {
                // SAFETY: a vector has `depth` numbers.
                x[v] = unsafe { load::<S, T>(s, vectors[v].add(step), count) };
            }
            for l in 0..LANES {
                // SAFETY: each lane has `depth` neighbours in memory (checked by `run`).
                let row = unsafe { load::<S, T>(s, rows[l].add(step), count) };
                for v in 0..VECTORS {
                    sums[l][v] = row.mul_add(x[v], sums[l][v]);
                }
            }
        }
        for l in 0..LANES {
            for v in 0..VECTORS {
                // SAFETY: the lane is of this task.
                unsafe { self.write(vector + v, lane + l, sums[l][v].sum()) };
            }
        }
    }

    /// Lanes are neighbours: some steps' rows are read side by side, and added to sums in the first cache.
    #[inline(always)]
    fn streams<S: Simd>(&self, s: S) {
        let lanes = T::Of::<S>::LANES;
        let mut sums = [T::ZERO; SUMS];
        let widest = SUMS / self.count / UNIT * UNIT;
        for first in self.lanes.clone().step_by(widest) {
            let width = widest.min(self.lanes.end - first);
            // Sums of one vector and the next ones: whole registers.
            let stride = width.next_multiple_of(lanes);
            let sums = &mut sums[..stride * self.count];
            sums.fill(T::ZERO);
            for step in (0..self.depth).step_by(STEPS) {
                let steps = step..(step + STEPS).min(self.depth);
                for vector in (0..self.count).step_by(GROUP) {
                    let (steps, sums) = (steps.clone(), &mut sums[vector * stride..]);
                    match self.count - vector {
                        1 => self.stream::<S, 1>(s, vector, steps, first..first + width, stride, sums),
                        2 => self.stream::<S, 2>(s, vector, steps, first..first + width, stride, sums),
                        3 => self.stream::<S, 3>(s, vector, steps, first..first + width, stride, sums),
                        _ => self.stream::<S, GROUP>(s, vector, steps, first..first + width, stride, sums),
                    }
                }
            }
            for (vector, sums) in sums.chunks_exact(stride).enumerate() {
                for (i, &sum) in sums[..width].iter().enumerate() {
                    // SAFETY: the lane is of this task.
                    unsafe { self.write(vector, first + i, sum) };
                }
            }
        }
    }

    /// Adds the products of some steps and lanes to the sums of `VECTORS` vectors, which are `stride` apart.
    #[inline(always)]
    fn stream<S: Simd, const VECTORS: usize>(
        &self,
        s: S,
        vector: usize,
        steps: Range<usize>,
        lanes: Range<usize>,
        stride: usize,
        sums: &mut [T],
    ) {
        assert!(sums.len() >= VECTORS * stride && stride >= lanes.len());
        let mut factors = [[T::ZERO; STEPS]; VECTORS];
        for v in 0..VECTORS {
            factors[v][..steps.len()].copy_from_slice(&self.vector(vector + v)[steps.clone()]);
        }
        let rows = self.matrix.data[self.place(lanes.start, steps.start)..].as_ptr();
        let (step, steps) = (self.matrix.depth.inner, steps.len());
        for left in (0..lanes.len()).step_by(T::Of::<S>::LANES) {
            let count = (lanes.len() - left).min(T::Of::<S>::LANES);
            let mut registers = [T::Of::<S>::zero(s); VECTORS];
            for v in 0..VECTORS {
                // SAFETY: each vector has `stride` sums, which is a multiple of a register's.
                registers[v] = unsafe { T::Of::<S>::load(s, sums.as_ptr().add(v * stride + left)) };
            }
            for p in 0..steps {
                // SAFETY: each step has these lanes side by side (checked by `run`).
                let row = unsafe { load::<S, T>(s, rows.offset(p as isize * step).add(left), count) };
                for v in 0..VECTORS {
                    registers[v] = row.mul_add(T::Of::<S>::splat(s, factors[v][p]), registers[v]);
                }
            }
            for v in 0..VECTORS {
                // SAFETY: as above.
                unsafe { registers[v].store(sums.as_mut_ptr().add(v * stride + left)) };
            }
        }
    }
}
