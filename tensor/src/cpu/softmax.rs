//! Softmax, its logarithm, the logarithm of its divisor, and their gradients.

pub(crate) mod columns;
pub(crate) mod rows;

use columns::Columns;

use super::math::Float;
use super::parallel::{SharedMut, over_chunks};
use super::reduce::{Block, COLUMNS};
use super::simd::{Kernel, Simd, dispatch};
use crate::Result;
use crate::memory::Buffer;
use crate::profile;

/// What an exponential costs, in units of simple work.
pub(crate) const COST: usize = 4;

/// Elements of a row whose logarithm of a sum is worth a task of its own.
const SEGMENT: usize = 1 << 16;

/// Softmax, or its logarithm, along `n`.
pub(crate) fn forward<T: Float>(x: &[T], out: &mut [T], block: Block, log: bool) {
    let _span = profile::span("softmax", 2 * size_of_val(x));
    if out.is_empty() {
        return;
    }
    if block.inner == 1 {
        over_chunks(out, block.n, COST, |start, out| {
            let x = &x[start..start + out.len()];
            dispatch(Forward { x, out: SharedMut::new(out), place: Place::Rows(out.len(), block.n), log });
        });
        return;
    }
    let out = SharedMut::new(out);
    block.for_columns(COST, &|outer, first, width| {
        dispatch(Forward { x, out, place: Place::Columns(block.columns(outer, first, width)), log });
    });
}

/// The gradient at the input of [`forward`], from its result `y` and the gradient `dy` there.
pub(crate) fn backward<T: Float>([y, dy]: [&[T]; 2], dx: &mut [T], block: Block, log: bool) {
    let _span = profile::span("softmax backward", 3 * size_of_val(y));
    if dx.is_empty() {
        return;
    }
    if block.inner == 1 {
        over_chunks(dx, block.n, 2, |start, dx| {
            let [y, dy] = [y, dy].map(|all| &all[start..start + dx.len()]);
            dispatch(Backward { y, dy, dx: SharedMut::new(dx), place: Place::Rows(dx.len(), block.n), log });
        });
        return;
    }
    let dx = SharedMut::new(dx);
    block.for_columns(2, &|outer, first, width| {
        dispatch(Backward { y, dy, dx, place: Place::Columns(block.columns(outer, first, width)), log });
    });
}

/// `ln Σ exp(x)` along `n`.
pub(crate) fn log_sum_exp<T: Float>(x: &[T], block: Block) -> Result<Buffer> {
    let _span = profile::span("logsumexp", size_of_val(x));
    let Block { outer, n, inner } = block;
    if inner != 1 || n == 0 {
        let mut buffer = Buffer::for_output::<T>(outer * inner)?;
        buffer.as_mut_slice::<T>().fill(T::LOWEST);
        let out = SharedMut::new(buffer.as_mut_slice::<T>());
        block.for_columns(COST, &|outer, first, width| {
            let start = outer * inner + first;
            // SAFETY: every call has its own columns, and the buffer is not touched otherwise until all have returned.
            let out = unsafe { out.slice(start..start + width) };
            dispatch(LogSumExp { x, out, place: Place::Columns(block.columns(outer, first, width)) });
        });
        return Ok(buffer);
    }
    // Long rows are cut, and the logarithms of the parts' sums joined the same way.
    let parts = n.div_ceil(SEGMENT);
    let mut buffer = Buffer::for_output::<T>(outer * parts)?;
    over_chunks(buffer.as_mut_slice::<T>(), 1, COST * n.min(SEGMENT), |start, out| {
        for (i, out) in out.iter_mut().enumerate() {
            let (row, part) = ((start + i) / parts, (start + i) % parts);
            let x = &x[row * n + part * SEGMENT..][..SEGMENT.min(n - part * SEGMENT)];
            dispatch(LogSumExp { x, out: std::slice::from_mut(out), place: Place::Rows(x.len(), x.len()) });
        }
    });
    if parts == 1 {
        return Ok(buffer);
    }
    log_sum_exp(buffer.as_slice::<T>(), Block { outer, n: parts, inner })
}

/// What a task works on.
#[derive(Clone, Copy)]
enum Place {
    /// So many elements, in rows of so many.
    Rows(usize, usize),
    Columns(Columns),
}

struct Forward<'a, T> {
    x: &'a [T],
    /// Borrowed for this task, which alone touches its place.
    out: SharedMut<T>,
    place: Place,
    log: bool,
}

impl<T: Float> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.place {
            Place::Rows(len, n) => {
                // SAFETY: see `out`.
                let out = unsafe { self.out.slice(0..len) };
                for (x, out) in self.x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
                    rows::forward(s, x, out, self.log);
                }
            }
            // SAFETY: see `out`.
            Place::Columns(columns) => unsafe { columns::forward(s, self.x, columns, &self.out, self.log) },
        }
    }
}

struct Backward<'a, T> {
    y: &'a [T],
    dy: &'a [T],
    /// Borrowed for this task, which alone touches its place.
    dx: SharedMut<T>,
    place: Place,
    log: bool,
}

impl<T: Float> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.place {
            Place::Rows(len, n) => {
                // SAFETY: see `dx`.
                let dx = unsafe { self.dx.slice(0..len) };
                let inputs = self.y.chunks_exact(n).zip(self.dy.chunks_exact(n));
                for ((y, dy), dx) in inputs.zip(dx.chunks_exact_mut(n)) {
                    rows::backward(s, y, dy, dx, self.log);
                }
            }
            // SAFETY: see `dx`.
            Place::Columns(columns) => unsafe {
                columns::backward(s, [self.y, self.dy], columns, &self.dx, self.log);
            },
        }
    }
}

struct LogSumExp<'a, T> {
    x: &'a [T],
    out: &'a mut [T],
    place: Place,
}

impl<T: Float> Kernel for LogSumExp<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.place {
            Place::Rows(..) => {
                // ∞ − ∞ would be NaN where the answer is the infinity itself.
                let most = finite(rows::largest(s, self.x));
                self.out[0] = rows::exponentials::<T, S, false>(s, self.x, most, &mut []).ln() + most;
            }
            Place::Columns(columns) => {
                let most = columns::largest(s, self.x, columns).map(finite);
                // SAFETY: nothing is written.
                let mut sum = unsafe { columns::exponentials(s, self.x, columns, &most, None) };
                columns::logarithms(s, &mut sum, columns.width);
                for (out, (sum, most)) in self.out.iter_mut().zip(sum.into_iter().zip(most)) {
                    *out = sum + most;
                }
            }
        }
    }
}

/// 0 instead of an infinity.
#[inline(always)]
fn finite<T: Float>(x: T) -> T {
    if x == T::LOWEST || x == T::HIGHEST { T::ZERO } else { x }
}

impl Block {
    /// Columns whose elements are worked on together.
    pub(crate) fn columns(&self, outer: usize, first: usize, width: usize) -> Columns {
        debug_assert!(width <= COLUMNS);
        Columns { first: outer * self.n * self.inner + first, n: self.n, inner: self.inner, width }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cpu::simd::{Level, dispatch_at};

    fn numbers(count: usize, seed: usize) -> Vec<f64> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729) % 997) as f64 / 50.0 - 10.0).collect()
    }

    fn close(actual: &[f64], expected: &[f64]) -> bool {
        actual.len() == expected.len()
            && actual.iter().zip(expected).all(|(a, e)| a == e || (a - e).abs() <= 1e-12 * (1.0 + e.abs()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn like_the_formulas(outer in 0..3usize, n in 0..70usize, inner in prop_oneof![Just(1usize), 1..150usize], seed in 0..50usize) {
            let block = Block { outer, n, inner };
            let (x, dy) = (numbers(outer * n * inner, seed), numbers(outer * n * inner, seed + 1));
            let at = |o: usize, i: usize, c: usize| (o * n + i) * inner + c;
            let (mut soft, mut log) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            let (mut soft_dx, mut log_dx) = (soft.clone(), log.clone());
            let mut sums = Vec::new();
            for o in 0..outer {
                for c in 0..inner {
                    let sum: f64 = (0..n).map(|i| x[at(o, i, c)].exp()).sum();
                    sums.push(sum.ln());
                    (0..n).for_each(|i| soft[at(o, i, c)] = x[at(o, i, c)].exp() / sum);
                    (0..n).for_each(|i| log[at(o, i, c)] = x[at(o, i, c)] - sum.ln());
                    let dot: f64 = (0..n).map(|i| soft[at(o, i, c)] * dy[at(o, i, c)]).sum();
                    let total: f64 = (0..n).map(|i| dy[at(o, i, c)]).sum();
                    (0..n).for_each(|i| soft_dx[at(o, i, c)] = soft[at(o, i, c)] * (dy[at(o, i, c)] - dot));
                    (0..n).for_each(|i| log_dx[at(o, i, c)] = dy[at(o, i, c)] - soft[at(o, i, c)] * total);
                }
            }
            prop_assert!(close(log_sum_exp(&x, block).unwrap().as_slice(), &sums));
            for level in Level::all() {
                for (is_log, y, dx) in [(false, &soft, &soft_dx), (true, &log, &log_dx)] {
                    let (mut out, mut gradient) = (vec![9.0; x.len()], vec![9.0; x.len()]);
                    let run = |place: Place, out: SharedMut<f64>, gradient: SharedMut<f64>| {
                        dispatch_at(level, Forward { x: &x, out, place, log: is_log });
                        dispatch_at(level, Backward { y, dy: &dy, dx: gradient, place, log: is_log });
                    };
                    let (shared, shared_gradient) = (SharedMut::new(&mut out), SharedMut::new(&mut gradient));
                    if inner == 1 && n > 0 {
                        run(Place::Rows(x.len(), n), shared, shared_gradient);
                    } else if n > 0 {
                        for (o, first) in (0..outer).flat_map(|o| (0..inner).step_by(COLUMNS).map(move |first| (o, first))) {
                            let columns = block.columns(o, first, COLUMNS.min(inner - first));
                            run(Place::Columns(columns), shared, shared_gradient);
                        }
                    }
                    prop_assert!(close(&out, y), "{level:?}: {out:?} for {y:?}");
                    prop_assert!(close(&gradient, dx), "{level:?}: {gradient:?} for {dx:?}");
                }
            }
        }
    }

    #[test]
    fn long_rows_and_infinities() {
        let n = 3 * SEGMENT + 5;
        let x = numbers(2 * n, 3);
        let direct = |x: &[f64]| x.iter().map(|x| x.exp()).sum::<f64>().ln();
        let sums = log_sum_exp(&x, Block { outer: 2, n, inner: 1 }).unwrap();
        assert!(close(sums.as_slice(), &[direct(&x[..n]), direct(&x[n..])]));
        let infinite = [f32::INFINITY, 0.0, f32::NEG_INFINITY, f32::NEG_INFINITY, f32::NAN, 1.0];
        for block in [Block { outer: 3, n: 2, inner: 1 }, Block { outer: 1, n: 2, inner: 3 }] {
            let mut x = infinite;
            if block.inner == 3 {
                x = [0, 2, 4, 1, 3, 5].map(|i| infinite[i]);
            }
            let sums = log_sum_exp(&x, block).unwrap();
            let sums = sums.as_slice::<f32>();
            assert_eq!(sums[..2], [f32::INFINITY, f32::NEG_INFINITY]);
            assert!(sums[2].is_nan());
        }
    }
}
