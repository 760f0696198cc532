//! Columns whose elements lie `inner` apart: vectors across neighbouring columns.

use crate::cpu::math::{Float, exp, ln};
use crate::cpu::parallel::SharedMut;
use crate::cpu::reduce::COLUMNS;
use crate::cpu::simd::{Simd, Vector, get, put};

/// Some columns next to each other, at most [`COLUMNS`], as places in tensors of one shape.
#[derive(Clone, Copy)]
pub(crate) struct Columns {
    /// Of the first element of the first column.
    pub(crate) first: usize,
    /// Elements of a column.
    pub(crate) n: usize,
    /// Distance between them.
    pub(crate) inner: usize,
    /// Columns.
    pub(crate) width: usize,
}

impl Columns {
    /// The elements of a row of the columns.
    #[inline(always)]
    pub(crate) fn row<'a, T>(&self, x: &'a [T], i: usize) -> &'a [T] {
        &x[self.first + i * self.inner..][..self.width]
    }

    /// The elements of a row of the columns, to be written.
    ///
    /// # Safety
    /// What `out` was made from is still borrowed for it and has these columns, which no other task touches; and no other row of
    /// them is in use.
    #[inline(always)]
    pub(crate) unsafe fn row_mut<'a, T>(&self, out: &SharedMut<T>, i: usize) -> &'a mut [T] {
        let start = self.first + i * self.inner;
        // SAFETY: the caller's promise.
        unsafe { out.slice(start..start + self.width) }
    }
}

/// The largest element of each column, any number if one is NaN.
#[inline(always)]
pub(crate) fn largest<T: Float, S: Simd>(s: S, x: &[T], columns: Columns) -> [T; COLUMNS] {
    let mut most = [T::LOWEST; COLUMNS];
    for i in 0..columns.n {
        let x = columns.row(x, i);
        for j in (0..x.len()).step_by(T::Of::<S>::LANES) {
            let larger = get(s, &most[j..]).max(get(s, &x[j..]));
            put::<S, T>(larger, &mut most[j..]);
        }
    }
    most
}

/// `Σ exp(x − most)` of each column, whose terms are written to `out` if there is one.
///
/// # Safety
/// As [`Columns::row_mut`] for `out`.
#[inline(always)]
pub(crate) unsafe fn exponentials<T: Float, S: Simd>(
    s: S,
    x: &[T],
    columns: Columns,
    most: &[T; COLUMNS],
    out: Option<&SharedMut<T>>,
) -> [T; COLUMNS] {
    let mut sum = [T::ZERO; COLUMNS];
    for i in 0..columns.n {
        let x = columns.row(x, i);
        // SAFETY: the caller's promise; a row is given up before the next one is asked for.
        let mut out = out.map(|out| unsafe { columns.row_mut(out, i) });
        for j in (0..x.len()).step_by(T::Of::<S>::LANES) {
            let term = exp::<T, S>(s, get(s, &x[j..]).sub(get(s, &most[j..])));
            let next = get(s, &sum[j..]).add(term);
            put::<S, T>(next, &mut sum[j..]);
            if let Some(out) = &mut out {
                put::<S, T>(term, &mut out[j..]);
            }
        }
    }
    sum
}

/// The logarithms.
#[inline(always)]
pub(crate) fn logarithms<T: Float, S: Simd>(s: S, x: &mut [T; COLUMNS], width: usize) {
    for j in (0..width).step_by(T::Of::<S>::LANES) {
        let y = ln::<T, S>(s, get(s, &x[j..]));
        put::<S, T>(y, &mut x[j..]);
    }
}

/// Softmax of columns, or its logarithm.
///
/// # Safety
/// As [`Columns::row_mut`] for `out`.
#[inline(always)]
pub(super) unsafe fn forward<T: Float, S: Simd>(s: S, x: &[T], columns: Columns, out: &SharedMut<T>, log: bool) {
    let most = largest(s, x, columns);
    // SAFETY: the caller's promise.
    let mut sum = unsafe { exponentials(s, x, columns, &most, (!log).then_some(out)) };
    if log {
        logarithms::<T, S>(s, &mut sum, columns.width);
    }
    for i in 0..columns.n {
        // SAFETY: the caller's promise; a row is given up before the next one is asked for.
        let (x, out) = (columns.row(x, i), unsafe { columns.row_mut(out, i) });
        for j in (0..x.len()).step_by(T::Of::<S>::LANES) {
            let sum = get(s, &sum[j..]);
            let y = if log { get(s, &x[j..]).sub(get(s, &most[j..])).sub(sum) } else { get(s, &out[j..]).div(sum) };
            put::<S, T>(y, &mut out[j..]);
        }
    }
}

/// The gradient of columns' softmax `y`, or of its logarithm, as in [`super::rows::backward`].
///
/// # Safety
/// As [`Columns::row_mut`] for `dx`.
#[inline(always)]
pub(super) unsafe fn backward<T: Float, S: Simd>(
    s: S,
    [y, dy]: [&[T]; 2],
    columns: Columns,
    dx: &SharedMut<T>,
    log: bool,
) {
    let lanes = T::Of::<S>::LANES;
    let mut sum = [T::ZERO; COLUMNS];
    for i in 0..columns.n {
        let (y, dy) = (columns.row(y, i), columns.row(dy, i));
        for j in (0..y.len()).step_by(lanes) {
            let (dy, before) = (get(s, &dy[j..]), get(s, &sum[j..]));
            let next = if log { before.add(dy) } else { get(s, &y[j..]).mul_add(dy, before) };
            put::<S, T>(next, &mut sum[j..]);
        }
    }
    for i in 0..columns.n {
        let (y, dy) = (columns.row(y, i), columns.row(dy, i));
        // SAFETY: the caller's promise; a row is given up before the next one is asked for.
        let dx = unsafe { columns.row_mut(dx, i) };
        for j in (0..y.len()).step_by(lanes) {
            let (y, dy, sum) = (get(s, &y[j..]), get(s, &dy[j..]), get(s, &sum[j..]));
            let slope = if log { dy.sub(exp::<T, S>(s, y).mul(sum)) } else { y.mul(dy.sub(sum)) };
            put::<S, T>(slope, &mut dx[j..]);
        }
    }
}
