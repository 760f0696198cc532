//! Rows normalized each by itself (layer norm): a row is in the first-level cache from its statistics to its result.

use crate::cpu::parallel::{SharedMut, over_chunks, over_range};
use crate::cpu::simd::{Kernel, Lane, Simd, Vector, dispatch, load, store};
use crate::element::Real;

use super::BLOCK;
use super::moments::Moments;
use super::planes::{Runs, measure};
use crate::profile;

/// Elements of a task on gradients.
const TASK: usize = 1 << 16;
/// The most rows of such a task: so many terms are summed before the sums go into `f64`.
const ROWS: usize = 256;
/// Rows that are worked on side by side, so that additions need not wait for each other and factors are read once for all.
const TOGETHER: usize = 4;

/// Writes rows of `gamma.len()` elements normalized, `(x - mean) · gamma / √(var + eps) + beta`, and their statistics.
pub(crate) fn forward<T: Lane + Real>(
    x: &[T],
    y: &mut [T],
    (gamma, beta): (&[T], &[T]),
    eps: f64,
    mean: &mut [T],
    var: &mut [T],
) {
    let _span = profile::span("layer norm", 2 * size_of_val(x));
    let width = gamma.len();
    if width == 0 {
        mean.fill(T::r(f64::NAN));
        var.fill(T::r(f64::NAN));
        return;
    }
    let (y, means, vars) = (SharedMut::new(y), SharedMut::new(mean), SharedMut::new(var));
    over_range(mean.len(), width, &|rows| {
        let elements = rows.start * width..rows.end * width;
        // SAFETY: each task has its own rows; the slices are borrowed until all have returned.
        let (y, mean, var) =
            unsafe { (y.slice(elements.clone()), means.slice(rows.clone()), vars.slice(rows.clone())) };
        dispatch(Normalize { x: &x[elements], y, gamma, beta, eps, mean, var });
    });
}

struct Normalize<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
    gamma: &'a [T],
    beta: &'a [T],
    eps: f64,
    mean: &'a mut [T],
    var: &'a mut [T],
}

impl<T: Lane + Real> Kernel for Normalize<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Normalize { x, y, gamma, beta, eps, mean, var } = self;
        let (width, rows) = (gamma.len(), mean.len());
        assert!(beta.len() == width && var.len() == rows && x.len() == rows * width && y.len() == x.len());
        for row in 0..rows {
            let start = row * width;
            let blocks = (0..width).step_by(BLOCK).map(|first| {
                let runs = Runs { start: start + first, count: 1, stride: 0, len: BLOCK.min(width - first) };
                measure(s, x, runs)
            });
            let moments = blocks.fold(Moments::default(), Moments::merge);
            (mean[row], var[row]) = (T::r(moments.mean), T::r(moments.variance()));
            let centre = T::Of::<S>::splat(s, mean[row]);
            let scale = T::Of::<S>::splat(s, T::r(inverse_std(var[row], eps)));
            let columns = Columns { start: 0, end: width };
            columns.each::<T::Of<S>, T>(|i, count| {
                // SAFETY: `x` and `y` have this row, `gamma` and `beta` its columns, as checked.
                unsafe {
                    let x = load::<S, T>(s, x.as_ptr().add(start + i), count);
                    let (gamma, beta) =
                        (load::<S, T>(s, gamma.as_ptr().add(i), count), load::<S, T>(s, beta.as_ptr().add(i), count));
                    let result = x.sub(centre).mul(scale).mul_add(gamma, beta);
                    store::<S, T>(result, y.as_mut_ptr().add(start + i), count);
                }
            });
        }
    }
}

/// Writes the gradients: of the rows, and of `gamma` and `beta`.
pub(crate) fn backward<T: Lane + Real>(
    (dy, x, dx): (&[T], &[T], &mut [T]),
    gamma: &[T],
    eps: f64,
    (mean, var): (&[T], &[T]),
    dgamma: &mut [T],
    dbeta: &mut [T],
) {
    let _span = profile::span("layer norm backward", 3 * size_of_val(x));
    let (width, rows) = (gamma.len(), mean.len());
    let task_rows = (TASK / width.max(1)).clamp(TOGETHER, ROWS);
    let tasks = rows.div_ceil(task_rows);
    let mut parts = vec![T::ZERO; tasks * 2 * width];
    let (shared, dx) = (SharedMut::new(&mut parts), SharedMut::new(dx));
    over_range(tasks, task_rows.min(rows) * width, &|range| {
        for task in range {
            let rows = task * task_rows..rows.min((task + 1) * task_rows);
            let elements = rows.start * width..rows.end * width;
            // SAFETY: each task has its own rows and its own sums; both slices are borrowed until all tasks have returned.
            let (dx, sums) =
                unsafe { (dx.slice(elements.clone()), shared.slice(task * 2 * width..(task + 1) * 2 * width)) };
            let (dy, x, mean, var) = (&dy[elements.clone()], &x[elements], &mean[rows.clone()], &var[rows]);
            dispatch(Gradient { dy, x, dx, gamma, eps, mean, var, sums });
        }
    });
    for (which, out) in [dgamma, dbeta].into_iter().enumerate() {
        over_chunks(out, 1, tasks, |first, out| {
            let mut sums = vec![0.0; out.len()];
            for part in parts.chunks_exact(2 * width) {
                let part = &part[which * width + first..][..sums.len()];
                sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part.to_f64());
            }
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out = T::r(sum));
        });
    }
}

struct Gradient<'a, T> {
    dy: &'a [T],
    x: &'a [T],
    dx: &'a mut [T],
    gamma: &'a [T],
    eps: f64,
    mean: &'a [T],
    var: &'a [T],
    /// The gradients of `gamma`, then those of `beta`, which are added to.
    sums: &'a mut [T],
}

impl<T: Lane + Real> Kernel for Gradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (width, rows) = (self.gamma.len(), self.mean.len());
        assert!(self.sums.len() == 2 * width && self.var.len() == rows && self.x.len() == rows * width);
        assert!(self.dy.len() == self.x.len() && self.dx.len() == self.x.len());
        let mut row = 0;
        while row + TOGETHER <= rows {
            self.rows::<S, TOGETHER>(s, row);
            row += TOGETHER;
        }
        while row < rows {
            self.rows::<S, 1>(s, row);
            row += 1;
        }
    }
}

impl<T: Lane + Real> Gradient<'_, T> {
    /// Works on `R` rows from `first` on, which exist; the lengths were checked.
    #[inline(always)]
    fn rows<S: Simd, const R: usize>(&mut self, s: S, first: usize) {
        let width = self.gamma.len();
        let zero = T::Of::<S>::zero(s);
        let (mut inverse, mut centre, mut scale) = ([0.0; R], [zero; R], [zero; R]);
        for r in 0..R {
            inverse[r] = inverse_std(self.var[first + r], self.eps);
            centre[r] = T::Of::<S>::splat(s, self.mean[first + r]);
            scale[r] = T::Of::<S>::splat(s, T::r(inverse[r]));
        }
        // Of the gradient `u = dy · gamma` at the normalized elements, and of `u · (x - mean)`.
        let mut totals = [[0.0; 2]; R];
        for start in (0..width).step_by(BLOCK) {
            let columns = Columns { start, end: width.min(start + BLOCK) };
            let sums = self.sums::<S, R>(s, first, columns, &centre, &scale);
            for (total, sums) in totals.iter_mut().zip(sums) {
                *total = [total[0] + sums[0].to_f64(), total[1] + sums[1].to_f64()];
            }
        }
        let (mut slope, mut offset) = ([zero; R], [zero; R]);
        for r in 0..R {
            let share = -inverse[r] / width as f64;
            slope[r] = T::Of::<S>::splat(s, T::r(share * inverse[r] * inverse[r] * totals[r][1]));
            offset[r] = T::Of::<S>::splat(s, T::r(share * totals[r][0]));
        }
        let (dy, x, dx) = (self.dy.as_ptr(), self.x.as_ptr(), self.dx.as_mut_ptr());
        Columns { start: 0, end: width }.each::<T::Of<S>, T>(|i, count| {
            // SAFETY: the rows and columns exist in all three, as checked.
            unsafe {
                let gamma = load::<S, T>(s, self.gamma.as_ptr().add(i), count);
                for r in 0..R {
                    let place = (first + r) * width + i;
                    let apart = load::<S, T>(s, x.add(place), count).sub(centre[r]);
                    let u = load::<S, T>(s, dy.add(place), count).mul(gamma);
                    let result = u.mul_add(scale[r], apart.mul_add(slope[r], offset[r]));
                    store::<S, T>(result, dx.add(place), count);
                }
            }
        });
    }

    /// The sums of `R` rows over some columns: of `u` and of `u · (x - mean)`. Adds to the gradients of these columns' factors.
    #[inline(always)]
    fn sums<S: Simd, const R: usize>(
        &mut self,
        s: S,
        first: usize,
        columns: Columns,
        centre: &[T::Of<S>; R],
        scale: &[T::Of<S>; R],
    ) -> [[T; 2]; R] {
        let width = self.gamma.len();
        let (dy, x, sums) = (self.dy.as_ptr(), self.x.as_ptr(), self.sums.as_mut_ptr());
        let mut totals = [[T::Of::<S>::zero(s); 2]; R];
        columns.each::<T::Of<S>, T>(|i, count| {
            // SAFETY: the rows and columns exist in all slices, as checked; lanes behind the last column have no gradient.
            unsafe {
                let gamma = load::<S, T>(s, self.gamma.as_ptr().add(i), count);
                let mut dgamma = load::<S, T>(s, sums.add(i), count);
                let mut dbeta = load::<S, T>(s, sums.add(width + i), count);
                for r in 0..R {
                    let place = (first + r) * width + i;
                    let apart = load::<S, T>(s, x.add(place), count).sub(centre[r]);
                    let dy = load::<S, T>(s, dy.add(place), count);
                    let u = dy.mul(gamma);
                    dgamma = dy.mul_add(apart.mul(scale[r]), dgamma);
                    dbeta = dbeta.add(dy);
                    totals[r] = [totals[r][0].add(u), u.mul_add(apart, totals[r][1])];
                }
                store::<S, T>(dgamma, sums.add(i), count);
                store::<S, T>(dbeta, sums.add(width + i), count);
            }
        });
        totals.map(|totals| totals.map(|total| total.sum()))
    }
}

/// `1 / √(var + eps)`
fn inverse_std<T: Real>(var: T, eps: f64) -> f64 {
    1.0 / (var.to_f64() + eps).sqrt()
}

/// Columns of a row.
#[derive(Clone, Copy)]
struct Columns {
    start: usize,
    end: usize,
}

impl Columns {
    /// Calls `f(first, count)` for vectors of columns, the last of which may not be full.
    #[inline(always)]
    fn each<V: Vector<T>, T>(self, mut f: impl FnMut(usize, usize)) {
        let mut i = self.start;
        // One call, so that it is inlined whatever its length: elsewhere there are no vector instructions.
        while i < self.end {
            f(i, V::LANES.min(self.end - i));
            i += V::LANES;
        }
    }
}
