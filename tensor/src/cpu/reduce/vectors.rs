//! The common folds of floats in vectors.

use super::{COLUMNS, Fold, LEAF_ROWS, larger, smaller};
use crate::cpu::simd::{Kernel, Lane, Simd, Vector, dispatch, load, store};
use crate::element::Real;

/// The most lanes that a vector has.
const MOST_LANES: usize = 16;
/// Vectors that are folded side by side, so that one operation need not wait for another.
const CHAINS: usize = 4;
/// The longest run of a row that is folded without being halved.
const LEAF: usize = 1024;

/// How results of vectors are joined.
pub(crate) trait Join: Copy + Default + Sync + 'static {
    /// Whether joining an element twice changes nothing. If it does, 0 changes nothing.
    const IDEMPOTENT: bool;

    /// Changes nothing.
    fn start<T: Real>() -> T;
    fn join<T, V: Vector<T>>(a: V, b: V) -> V;
    fn join_numbers<T: Real>(a: T, b: T) -> T;
}

/// What becomes of an element before it is joined with others.
pub(crate) trait Function: Copy + Default + Sync + 'static {
    /// 0 with the centre 0 stays 0, if the join is not idempotent.
    fn map<T, V: Vector<T>>(x: V, centre: V) -> V;
    type Join: Join;
}

/// The sum of the elements.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum;

impl Join for Sum {
    const IDEMPOTENT: bool = false;

    fn start<T: Real>() -> T {
        T::ZERO
    }
    #[inline(always)]
    fn join<T, V: Vector<T>>(a: V, b: V) -> V {
        a.add(b)
    }
    #[inline(always)]
    fn join_numbers<T: Real>(a: T, b: T) -> T {
        a + b
    }
}

/// The largest element, NaN if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Max;

impl Join for Max {
    const IDEMPOTENT: bool = true;

    fn start<T: Real>() -> T {
        T::LOWEST
    }
    #[inline(always)]
    fn join<T, V: Vector<T>>(a: V, b: V) -> V {
        // A NaN in `a` stays by the order of the operands.
        V::select(b.equal(b), b.max(a), b)
    }
    #[inline(always)]
    fn join_numbers<T: Real>(a: T, b: T) -> T {
        larger(a, b)
    }
}

/// The smallest element, NaN if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Min;

impl Join for Min {
    const IDEMPOTENT: bool = true;

    fn start<T: Real>() -> T {
        T::HIGHEST
    }
    #[inline(always)]
    fn join<T, V: Vector<T>>(a: V, b: V) -> V {
        V::select(b.equal(b), b.min(a), b)
    }
    #[inline(always)]
    fn join_numbers<T: Real>(a: T, b: T) -> T {
        smaller(a, b)
    }
}

/// The elements themselves.
impl<J: Join> Function for J {
    type Join = J;

    #[inline(always)]
    fn map<T, V: Vector<T>>(x: V, _centre: V) -> V {
        x
    }
}

/// The sum of squared distances from the centre.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Squares;

impl Function for Squares {
    type Join = Sum;

    #[inline(always)]
    fn map<T, V: Vector<T>>(x: V, centre: V) -> V {
        let apart = x.sub(centre);
        apart.mul(apart)
    }
}

/// A fold by vectors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vectors<F>(pub(crate) F);

impl<T: Lane + Real, F: Function> Fold<T> for Vectors<F> {
    type Join = Vectors<F::Join>;

    fn joining(&self) -> Self::Join {
        Vectors(F::Join::default())
    }

    fn row(&self, x: &[T], centre: T) -> T {
        if x.len() > LEAF {
            let (left, right) = x.split_at((x.len() / 2).next_multiple_of(LEAF));
            return F::Join::join_numbers(self.row(left, centre), self.row(right, centre));
        }
        let mut out = [T::ZERO];
        dispatch(Rows { by: self.0, x, n: x.len(), centre: &|_| centre, out: &mut out });
        out[0]
    }

    fn rows(&self, x: &[T], n: usize, centre: &dyn Fn(usize) -> T, out: &mut [T]) {
        if n <= LEAF {
            dispatch(Rows { by: self.0, x, n, centre, out });
            return;
        }
        for (i, out) in out.iter_mut().enumerate() {
            *out = self.row(&x[i * n..][..n], centre(i));
        }
    }

    fn columns(&self, x: &[T], (rows, stride): (usize, usize), out: &mut [T], centre: &[T]) {
        let width = out.len();
        let together = COLUMNS / width;
        if width == stride && together > 1 && rows > together {
            // Several short rows make a long one.
            let (wide_rows, wide) = (rows / together, together * width);
            let (mut sums, mut centres) = ([T::ZERO; COLUMNS], [T::ZERO; COLUMNS]);
            centres[..wide].chunks_exact_mut(width).for_each(|centres| centres.copy_from_slice(centre));
            self.long_columns(x, (wide_rows, wide), &mut sums[..wide], &centres[..wide]);
            self.long_columns(&x[wide_rows * wide..], (rows % together, stride), out, centre);
            for sums in sums[..wide].chunks_exact(width) {
                out.iter_mut().zip(sums).for_each(|(out, &sum)| *out = F::Join::join_numbers(*out, sum));
            }
            return;
        }
        self.long_columns(x, (rows, stride), out, centre);
    }
}

impl<F: Function> Vectors<F> {
    fn long_columns<T: Lane + Real>(&self, x: &[T], (rows, stride): (usize, usize), out: &mut [T], centre: &[T]) {
        if rows <= LEAF_ROWS {
            dispatch(Columns { _by: self.0, x, rows, stride, out, centre });
            return;
        }
        let left = (rows / 2).next_multiple_of(LEAF_ROWS);
        self.long_columns(x, (left, stride), out, centre);
        let mut right = [T::ZERO; COLUMNS];
        let right = &mut right[..out.len()];
        self.long_columns(&x[left * stride..], (rows - left, stride), right, centre);
        out.iter_mut().zip(&*right).for_each(|(out, &right)| *out = F::Join::join_numbers(*out, right));
    }
}

/// Folds rows of `n` elements.
struct Rows<'a, T, F> {
    by: F,
    x: &'a [T],
    n: usize,
    centre: &'a dyn Fn(usize) -> T,
    out: &'a mut [T],
}

impl<T: Lane + Real, F: Function> Kernel for Rows<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Rows { by, x, n, centre, out } = self;
        for (i, out) in out.iter_mut().enumerate() {
            *out = row(s, by, &x[i * n..][..n], centre(i));
        }
    }
}

#[inline(always)]
fn row<S: Simd, T: Lane + Real, F: Function>(s: S, _by: F, x: &[T], centre: T) -> T {
    let lanes = T::Of::<S>::LANES;
    let mut sums = [T::Of::<S>::splat(s, F::Join::start()); CHAINS];
    if F::Join::IDEMPOTENT && x.len() < lanes {
        return x.iter().fold(F::Join::start(), |sum, &x| F::Join::join_numbers(sum, x));
    }
    let centres = [centre; MOST_LANES];
    let centre = T::Of::<S>::splat(s, centre);
    let from = x.as_ptr();
    let mut i = 0;
    // SAFETY: `i` and the vectors from it on stay within `x`; `centres` has as many elements as a vector.
    unsafe {
        while i + CHAINS * lanes <= x.len() {
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = F::Join::join(*sum, F::map(T::Of::<S>::load(s, from.add(i + j * lanes)), centre));
            }
            i += CHAINS * lanes;
        }
        while i + lanes <= x.len() {
            sums[0] = F::Join::join(sums[0], F::map(T::Of::<S>::load(s, from.add(i)), centre));
            i += lanes;
        }
        if i < x.len() {
            let last = if F::Join::IDEMPOTENT {
                F::map(T::Of::<S>::load(s, from.add(x.len() - lanes)), centre)
            } else {
                let count = x.len() - i;
                let centre = T::Of::<S>::load_first(s, centres.as_ptr(), count);
                F::map(T::Of::<S>::load_first(s, from.add(i), count), centre)
            };
            sums[1] = F::Join::join(sums[1], last);
        }
    }
    let [a, b, c, d] = sums;
    let all = F::Join::join(F::Join::join(a, b), F::Join::join(c, d));
    let mut numbers = [F::Join::start(); MOST_LANES];
    // SAFETY: `numbers` has as many elements as a vector.
    unsafe { all.store(numbers.as_mut_ptr()) };
    let mut half = lanes / 2;
    while half > 0 {
        for i in 0..half {
            numbers[i] = F::Join::join_numbers(numbers[i], numbers[i + half]);
        }
        half /= 2;
    }
    numbers[0]
}

/// Folds columns over rows that lie `stride` apart.
struct Columns<'a, T, F> {
    _by: F,
    x: &'a [T],
    rows: usize,
    stride: usize,
    out: &'a mut [T],
    centre: &'a [T],
}

impl<T: Lane + Real, F: Function> Kernel for Columns<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (lanes, width) = (T::Of::<S>::LANES, self.out.len());
        assert!(width <= self.centre.len());
        assert!(self.rows == 0 || (self.rows - 1) * self.stride + width <= self.x.len());
        let mut column = 0;
        // SAFETY: the columns exist in `out`, `centre` and all rows, as checked.
        unsafe {
            while column + CHAINS * lanes <= width {
                self.tile::<S, CHAINS>(s, column, lanes);
                column += CHAINS * lanes;
            }
            while column < width {
                self.tile::<S, 1>(s, column, lanes.min(width - column));
                column += lanes;
            }
        }
    }
}

impl<T: Lane + Real, F: Function> Columns<'_, T, F> {
    /// Folds `W` vectors of columns, or the first `count` lanes of one.
    ///
    /// # Safety
    /// The columns exist in `out`, `centre` and all rows.
    #[inline(always)]
    unsafe fn tile<S: Simd, const W: usize>(&mut self, s: S, column: usize, count: usize) {
        // SAFETY: the caller's promise, here and below.
        unsafe {
            let centre = several::<S, T, W>(s, self.centre.as_ptr().add(column), count);
            let mut sums = [T::Of::<S>::splat(s, F::Join::start()); W];
            for row in 0..self.rows {
                let x = several::<S, T, W>(s, self.x.as_ptr().add(row * self.stride + column), count);
                for j in 0..W {
                    sums[j] = F::Join::join(sums[j], F::map(x[j], centre[j]));
                }
            }
            for (j, sum) in sums.into_iter().enumerate() {
                let lanes = T::Of::<S>::LANES;
                let to = self.out.as_mut_ptr().add(column + j * lanes);
                store::<S, T>(sum, to, count);
            }
        }
    }
}

/// `W` vectors, or the first `count` lanes of one.
///
/// # Safety
/// They can be read.
#[inline(always)]
unsafe fn several<S: Simd, T: Lane, const W: usize>(s: S, from: *const T, count: usize) -> [T::Of<S>; W] {
    let mut out = [T::Of::<S>::zero(s); W];
    for (j, out) in out.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *out = unsafe { load::<S, T>(s, from.add(j * T::Of::<S>::LANES), count) };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::{Level, dispatch_at};

    /// Compares rows and columns of all lengths around those of vectors with `of(elements, centre)`, in whole numbers, so exactly.
    fn check<T: Lane + Real, F: Function>(by: F, of: impl Fn(&mut dyn Iterator<Item = f64>, f64) -> f64) {
        let x: Vec<T> = (0..40 * 80).map(|i| T::r(f64::from(i * 31 % 47 - 20))).collect();
        let number = |i: usize| x[i].to_f64();
        for level in Level::all() {
            for n in (0..=70).chain([127, 128, 129, 500]) {
                let mut out = vec![T::ZERO; 3];
                dispatch_at(level, Rows { by, x: &x, n, centre: &|i| T::r(i as f64), out: &mut out });
                for (i, out) in out.into_iter().enumerate() {
                    let expected = of(&mut (0..n).map(|j| number(i * n + j)), i as f64);
                    assert_eq!(out.to_f64(), expected, "row {i} of {n}, {level:?}");
                }
            }
            let centre: Vec<T> = (0..COLUMNS).map(|i| T::r(i as f64)).collect();
            for width in 1..=COLUMNS {
                let (mut out, rows, stride) = (vec![T::ZERO; width], width % 33, width + 3);
                dispatch_at(level, Columns { _by: by, x: &x, rows, stride, out: &mut out, centre: &centre });
                for (i, out) in out.into_iter().enumerate() {
                    let expected = of(&mut (0..rows).map(|row| number(row * stride + i)), i as f64);
                    assert_eq!(out.to_f64(), expected, "column {i} of {width}, {rows} rows, {level:?}");
                }
            }
        }
    }

    #[test]
    fn every_level_of_this_processor() {
        fn both<T: Lane + Real>() {
            check::<T, _>(Sum, |x, _| x.sum());
            check::<T, _>(Squares, |x, centre| x.map(|x| (x - centre).powi(2)).sum());
            check::<T, _>(Max, |x, _| x.fold(f64::NEG_INFINITY, f64::max));
            check::<T, _>(Min, |x, _| x.fold(f64::INFINITY, f64::min));
        }
        both::<f32>();
        both::<f64>();
    }

    #[test]
    fn a_nan_wins_wherever_it_is() {
        fn wins<F: Function>(by: F) {
            for level in Level::all() {
                for place in 0..70 {
                    let mut x = [1.0f32; 70];
                    x[place] = f32::NAN;
                    let mut out = [0.0];
                    dispatch_at(level, Rows { by, x: &x, n: 70, centre: &|_| 0.0, out: &mut out });
                    assert!(out[0].is_nan(), "place {place}, {level:?}");
                    let mut out = [0.0; 7];
                    dispatch_at(
                        level,
                        Columns { _by: by, x: &x, rows: 10, stride: 7, out: &mut out, centre: &[0.0; 7] },
                    );
                    let nan: Vec<usize> = (0..7).filter(|&i| out[i].is_nan()).collect();
                    assert_eq!(nan, [place % 7], "{level:?}");
                }
            }
        }
        wins(Max);
        wins(Min);
        wins(Sum);
    }
}
