//! The transforms of Winograd's convolutions, in one dimension; a picture's are the same along both axes.
//!
//! `F(m, 3)` computes `m` results of a filter of three taps with `m + 2` multiplications: `Aᵀ[(G·g) ⊙ (Bᵀ·d)]` (A. Lavin and S. Gray,
//! "Fast algorithms for convolutional neural networks", 2016). Arrays have the places of the largest scheme; the others use the
//! first ones.

use std::marker::PhantomData;

use crate::cpu::simd::{Lane, Simd, Vector};

/// Places of the widest tile's input.
pub(super) const MOST: usize = 6;

/// Numbers along one axis of a tile, a vector each.
type Line<V> = [V; MOST];

/// The transforms of one scheme.
pub(super) trait Scheme: Copy + Send + Sync {
    /// Results along an axis.
    const OUTPUT: usize;
    /// Inputs along an axis, and multiplications.
    const INPUT: usize = Self::OUTPUT + 2;

    /// `Bᵀ·d`
    fn input<T: Lane, S: Simd>(s: S, d: Line<T::Of<S>>) -> Line<T::Of<S>>;
    /// `Aᵀ·m`
    fn output<T: Lane, S: Simd>(s: S, m: Line<T::Of<S>>) -> Line<T::Of<S>>;
    /// `A·y`, the transpose of [`Scheme::output`].
    fn output_back<T: Lane, S: Simd>(s: S, y: Line<T::Of<S>>) -> Line<T::Of<S>>;
    /// `G·g`
    fn weight<T: Lane, S: Simd>(s: S, g: Line<T::Of<S>>) -> Line<T::Of<S>>;
    /// `Gᵀ·u`, the transpose of [`Scheme::weight`].
    fn weight_back<T: Lane, S: Simd>(s: S, u: Line<T::Of<S>>) -> Line<T::Of<S>>;
}

/// `F(2, 3)`, at the points 0, 1, -1 and ∞.
#[derive(Clone, Copy)]
pub(super) struct Two;

/// `F(3, 3)`, at the points 0, 1, -1, 2 and ∞.
#[derive(Clone, Copy)]
pub(super) struct Three;

/// `F(4, 3)`, at the points 0, 1, -1, 2, -2 and ∞.
#[derive(Clone, Copy)]
pub(super) struct Four;

impl Scheme for Two {
    const OUTPUT: usize = 2;

    #[inline(always)]
    fn input<T: Lane, S: Simd>(s: S, d: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let zero = T::Of::<S>::zero(s);
        [d[0].sub(d[2]), d[1].add(d[2]), d[2].sub(d[1]), d[1].sub(d[3]), zero, zero]
    }

    #[inline(always)]
    fn output<T: Lane, S: Simd>(s: S, m: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let zero = T::Of::<S>::zero(s);
        [m[0].add(m[1].add(m[2])), m[1].sub(m[2]).sub(m[3]), zero, zero, zero, zero]
    }

    #[inline(always)]
    fn output_back<T: Lane, S: Simd>(s: S, y: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let zero = T::Of::<S>::zero(s);
        [y[0], y[0].add(y[1]), y[0].sub(y[1]), zero.sub(y[1]), zero, zero]
    }

    #[inline(always)]
    fn weight<T: Lane, S: Simd>(s: S, g: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let (even, odd) = (n.times(0.5, g[0].add(g[2])), n.times(0.5, g[1]));
        [g[0], even.add(odd), even.sub(odd), g[2], n.zero(), n.zero()]
    }

    #[inline(always)]
    fn weight_back<T: Lane, S: Simd>(s: S, u: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let (even, odd) = (n.times(0.5, u[1].add(u[2])), n.times(0.5, u[1].sub(u[2])));
        [u[0].add(even), odd, even.add(u[3]), n.zero(), n.zero(), n.zero()]
    }
}

impl Scheme for Three {
    const OUTPUT: usize = 3;

    #[inline(always)]
    fn input<T: Lane, S: Simd>(s: S, d: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let (near, far) = (d[3].sub(d[1]), d[4].sub(d[2]));
        [
            n.plus(near, 2.0, d[0].sub(d[2])),
            n.less(d[3].sub(d[2]), 2.0, d[1]),
            n.plus(n.less(d[3], 3.0, d[2]), 2.0, d[1]),
            near,
            n.less(far, 2.0, near),
            n.zero(),
        ]
    }

    #[inline(always)]
    fn output<T: Lane, S: Simd>(s: S, m: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let (sum, difference) = (m[1].add(m[2]), m[1].sub(m[2]));
        [
            m[0].add(sum).add(m[3]),
            n.plus(difference, 2.0, m[3]),
            n.plus(sum.add(m[4]), 4.0, m[3]),
            n.zero(),
            n.zero(),
            n.zero(),
        ]
    }

    #[inline(always)]
    fn output_back<T: Lane, S: Simd>(s: S, y: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let even = y[0].add(y[2]);
        let far = n.plus(n.plus(y[0], 2.0, y[1]), 4.0, y[2]);
        [y[0], even.add(y[1]), even.sub(y[1]), far, y[2], n.zero()]
    }

    #[inline(always)]
    fn weight<T: Lane, S: Simd>(s: S, g: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let even = g[0].add(g[2]);
        let far = n.plus(n.plus(g[0], 2.0, g[1]), 4.0, g[2]);
        [
            n.times(0.5, g[0]),
            n.times(-0.5, even.add(g[1])),
            n.times(-1.0 / 6.0, even.sub(g[1])),
            n.times(1.0 / 6.0, far),
            g[2],
            n.zero(),
        ]
    }

    #[inline(always)]
    fn weight_back<T: Lane, S: Simd>(s: S, u: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let (one, other) = (n.times(0.5, u[1]), n.times(1.0 / 6.0, u[2]));
        [
            n.plus(n.times(0.5, u[0]).sub(one).sub(other), 1.0 / 6.0, u[3]),
            n.plus(other.sub(one), 1.0 / 3.0, u[3]),
            n.plus(u[4].sub(one).sub(other), 2.0 / 3.0, u[3]),
            n.zero(),
            n.zero(),
            n.zero(),
        ]
    }
}

impl Scheme for Four {
    const OUTPUT: usize = 4;

    #[inline(always)]
    fn input<T: Lane, S: Simd>(s: S, d: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let (even, odd) = (n.less(d[4], 4.0, d[2]), n.less(d[3], 4.0, d[1]));
        let (near, far) = (d[4].sub(d[2]), d[3].sub(d[1]));
        [
            n.plus(n.less(d[4], 5.0, d[2]), 4.0, d[0]),
            even.add(odd),
            even.sub(odd),
            n.plus(near, 2.0, far),
            n.less(near, 2.0, far),
            n.plus(n.less(d[5], 5.0, d[3]), 4.0, d[1]),
        ]
    }

    #[inline(always)]
    fn output<T: Lane, S: Simd>(s: S, m: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let (sum, difference) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (far_sum, far) = (m[3].add(m[4]), m[3].sub(m[4]));
        [
            m[0].add(sum).add(far_sum),
            n.plus(difference, 2.0, far),
            n.plus(sum, 4.0, far_sum),
            n.plus(difference.add(m[5]), 8.0, far),
            n.zero(),
            n.zero(),
        ]
    }

    #[inline(always)]
    fn output_back<T: Lane, S: Simd>(s: S, y: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let (even, odd) = (y[0].add(y[2]), y[1].add(y[3]));
        let (far_even, far_odd) = (n.plus(y[0], 4.0, y[2]), n.times(2.0, n.plus(y[1], 4.0, y[3])));
        [y[0], even.add(odd), even.sub(odd), far_even.add(far_odd), far_even.sub(far_odd), y[3]]
    }

    #[inline(always)]
    fn weight<T: Lane, S: Simd>(s: S, g: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let (even, odd) = (n.times(-1.0 / 6.0, g[0].add(g[2])), n.times(1.0 / 6.0, g[1]));
        let far_even = n.plus(n.times(1.0 / 24.0, g[0]), 1.0 / 6.0, g[2]);
        let far_odd = n.times(1.0 / 12.0, g[1]);
        [n.times(0.25, g[0]), even.sub(odd), even.add(odd), far_even.add(far_odd), far_even.sub(far_odd), g[2]]
    }

    #[inline(always)]
    fn weight_back<T: Lane, S: Simd>(s: S, u: Line<T::Of<S>>) -> Line<T::Of<S>> {
        let n = Numbers::<T, S>::of(s);
        let (sum, difference) = (n.times(1.0 / 6.0, u[1].add(u[2])), n.times(1.0 / 6.0, u[2].sub(u[1])));
        let (far_sum, far) = (u[3].add(u[4]), u[3].sub(u[4]));
        [
            n.plus(n.plus(n.times(0.25, u[0]), 1.0 / 24.0, far_sum), -1.0, sum),
            n.plus(difference, 1.0 / 12.0, far),
            n.plus(u[5].sub(sum), 1.0 / 6.0, far_sum),
            n.zero(),
            n.zero(),
            n.zero(),
        ]
    }
}

/// Arithmetic with constants.
#[derive(Clone, Copy)]
struct Numbers<T, S>(S, PhantomData<T>);

impl<T: Lane, S: Simd> Numbers<T, S> {
    #[inline(always)]
    fn of(s: S) -> Self {
        Numbers(s, PhantomData)
    }

    #[inline(always)]
    fn zero(self) -> T::Of<S> {
        T::Of::<S>::zero(self.0)
    }

    #[inline(always)]
    fn times(self, factor: f64, x: T::Of<S>) -> T::Of<S> {
        T::Of::<S>::splat(self.0, T::from_f64(factor)).mul(x)
    }

    /// `x + factor · y`
    #[inline(always)]
    fn plus(self, x: T::Of<S>, factor: f64, y: T::Of<S>) -> T::Of<S> {
        T::Of::<S>::splat(self.0, T::from_f64(factor)).mul_add(y, x)
    }

    /// `x - factor · y`
    #[inline(always)]
    fn less(self, x: T::Of<S>, factor: f64, y: T::Of<S>) -> T::Of<S> {
        self.plus(x, -factor, y)
    }
}

/// Applies `transform` along both axes of a tile: `from` numbers are `load`ed along each (of row and column), `to` are `store`d.
#[inline(always)]
pub(super) fn along_both<T: Lane, S: Simd>(
    s: S,
    from: usize,
    to: usize,
    transform: impl Fn(Line<T::Of<S>>) -> Line<T::Of<S>>,
    load: impl Fn(usize, usize) -> T::Of<S>,
    mut store: impl FnMut(usize, usize, T::Of<S>),
) {
    let zero = T::Of::<S>::zero(s);
    let mut half = [[zero; MOST]; MOST];
    for j in 0..from {
        let mut column = [zero; MOST];
        for (i, number) in column.iter_mut().enumerate().take(from) {
            *number = load(i, j);
        }
        let column = transform(column);
        for (row, number) in half.iter_mut().zip(column).take(to) {
            row[j] = number;
        }
    }
    for (i, row) in half.into_iter().enumerate().take(to) {
        let row = transform(row);
        for (j, number) in row.into_iter().enumerate().take(to) {
            store(i, j, number);
        }
    }
}
