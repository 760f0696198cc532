//! Cross-entropy of logits with the numbers of classes, and its gradient.

use super::math::{Float, exp};
use super::parallel::{SharedMut, over_chunks, over_range};
use super::reduce::{Block, COLUMNS};
use super::simd::{Kernel, Simd, Vector, dispatch, get, put};
use super::softmax::COST;
use super::softmax::columns::{self, Columns};
use super::softmax::rows;
use crate::profile;

/// How much each class counts as the target of a label: its weight times `own` if it is the label's, and times `share` in any case.
#[derive(Clone, Copy)]
pub(crate) struct Targets<'a, T> {
    /// The class of each position, below `n`; or a negative number if the position does not count.
    pub(crate) labels: &'a [i64],
    /// A weight for each class.
    pub(crate) weights: &'a [T],
    pub(crate) own: T,
    pub(crate) share: T,
    /// Sum of the weights.
    pub(crate) total: T,
}

impl<T: Float> Targets<'_, T> {
    /// The class of a position, if it counts.
    #[inline(always)]
    fn class(&self, position: usize) -> Option<usize> {
        usize::try_from(self.labels[position]).ok()
    }

    /// The sum of the targets of all classes at a position.
    pub(crate) fn mass_at(&self, position: usize) -> T {
        self.class(position).map_or(T::ZERO, |class| self.mass(class))
    }

    #[inline(always)]
    fn mass(&self, class: usize) -> T {
        self.own * self.weights[class] + self.share * self.total
    }
}

/// `−Σ target · log softmax(x)` along `n` for each position, and there the largest logit and the logarithm of the sum of the
/// exponentials of differences from it, for [`backward`].
pub(crate) fn forward<T: Float>(
    x: &[T],
    block: Block,
    targets: Targets<'_, T>,
    losses: &mut [T],
    statistics: &mut [T],
) {
    let _span = profile::span("cross-entropy", size_of_val(x));
    let Block { n, inner, .. } = block;
    let (most, ln) = statistics.split_at_mut(losses.len());
    let [losses, most, ln] = [losses, most, ln].map(SharedMut::new);
    let part = |range: std::ops::Range<usize>| {
        // SAFETY: every task has its own positions, and the slices are borrowed until all have returned.
        unsafe { [losses, most, ln].map(|all| all.slice(range.clone())) }
    };
    if inner == 1 {
        over_range(block.outer, COST * n, &|range| {
            let x = &x[range.start * n..range.end * n];
            let [losses, most, ln] = part(range.clone());
            dispatch(Forward { x, n, columns: None, first: range.start, targets, losses, most, ln });
        });
        return;
    }
    block.for_columns(COST, &|outer, column, width| {
        let first = outer * inner + column;
        let [losses, most, ln] = part(first..first + width);
        let columns = Some(block.columns(outer, column, width));
        dispatch(Forward { x, n, columns, first, targets, losses, most, ln });
    });
}

/// The gradient at the logits: `(softmax(x) · Σ target − target) · dy`.
pub(crate) fn backward<T: Float>([x, statistics, dy]: [&[T]; 3], block: Block, targets: Targets<'_, T>, dx: &mut [T]) {
    let _span = profile::span("cross-entropy backward", 2 * size_of_val(x));
    let Block { n, inner, .. } = block;
    if dx.is_empty() {
        return;
    }
    let (most, ln) = statistics.split_at(dy.len());
    if inner == 1 {
        over_chunks(dx, n, COST, |start, dx| {
            let x = &x[start..start + dx.len()];
            let dx = SharedMut::new(dx);
            dispatch(Backward { x, n, columns: None, first: start / n, targets, most, ln, dy, dx });
        });
        return;
    }
    let dx = SharedMut::new(dx);
    block.for_columns(COST, &|outer, column, width| {
        let columns = Some(block.columns(outer, column, width));
        dispatch(Backward { x, n, columns, first: outer * inner + column, targets, most, ln, dy, dx });
    });
}

struct Forward<'a, T> {
    x: &'a [T],
    n: usize,
    /// `None`: rows of `n` logits.
    columns: Option<Columns>,
    /// Number of the first position.
    first: usize,
    targets: Targets<'a, T>,
    losses: &'a mut [T],
    most: &'a mut [T],
    ln: &'a mut [T],
}

impl<T: Float> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { x, n, columns, first, targets, losses, most, ln } = self;
        match columns {
            None => {
                for (i, x) in x.chunks_exact(n).enumerate() {
                    most[i] = rows::largest(s, x);
                    ln[i] = rows::exponentials::<T, S, false>(s, x, most[i], &mut []).ln();
                }
            }
            Some(columns) => {
                let largest = columns::largest(s, x, columns);
                // SAFETY: nothing is written.
                let mut sum = unsafe { columns::exponentials(s, x, columns, &largest, None) };
                columns::logarithms(s, &mut sum, columns.width);
                most.copy_from_slice(&largest[..columns.width]);
                ln.copy_from_slice(&sum[..columns.width]);
            }
        }
        for (i, loss) in losses.iter_mut().enumerate() {
            *loss = T::ZERO;
            let Some(class) = targets.class(first + i) else { continue };
            let at = |class: usize| match columns {
                None => x[i * n + class],
                Some(columns) => columns.row(x, class)[i],
            };
            // Where the target is 0 the term is 0, also for a logit of −∞.
            let term = |class: usize, target: T| match target == T::ZERO {
                true => T::ZERO,
                false => target * ((most[i] - at(class)) + ln[i]),
            };
            if targets.share != T::ZERO {
                *loss = (0..n).fold(T::ZERO, |sum, class| sum + term(class, targets.share * targets.weights[class]));
            }
            *loss += term(class, targets.own * targets.weights[class]);
        }
    }
}

struct Backward<'a, T> {
    x: &'a [T],
    n: usize,
    /// `None`: rows of `n` logits.
    columns: Option<Columns>,
    /// Number of the first position.
    first: usize,
    targets: Targets<'a, T>,
    most: &'a [T],
    ln: &'a [T],
    dy: &'a [T],
    /// Borrowed for this task, which alone touches its rows or columns.
    dx: SharedMut<T>,
}

impl<T: Float> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { x, n, columns, first, targets, most, ln, dy, dx: shared } = self;
        let lanes = T::Of::<S>::LANES;
        let Some(columns) = columns else {
            // SAFETY: see `dx`.
            let dx = unsafe { shared.slice(0..x.len()) };
            for (i, (x, dx)) in x.chunks_exact(n).zip(dx.chunks_exact_mut(n)).enumerate() {
                let position = first + i;
                let Some(class) = targets.class(position) else {
                    dx.fill(T::ZERO);
                    continue;
                };
                let dy = dy[position];
                let [most, ln] = [most[position], ln[position]].map(|number| T::Of::<S>::splat(s, number));
                let factor = T::Of::<S>::splat(s, targets.mass(class) * dy);
                let share = T::Of::<S>::splat(s, targets.share * dy);
                for j in (0..n).step_by(lanes) {
                    let mut slope = exp::<T, S>(s, get(s, &x[j..]).sub(most).sub(ln)).mul(factor);
                    if targets.share != T::ZERO {
                        slope = slope.sub(get(s, &targets.weights[j..]).mul(share));
                    }
                    put::<S, T>(slope, &mut dx[j..]);
                }
                dx[class] = dx[class] - targets.own * targets.weights[class] * dy;
            }
            return;
        };
        let (mut factor, mut share) = ([T::ZERO; COLUMNS], [T::ZERO; COLUMNS]);
        let mut classes = [None; COLUMNS];
        for j in 0..columns.width {
            classes[j] = targets.class(first + j);
            if let Some(class) = classes[j] {
                factor[j] = targets.mass(class) * dy[first + j];
                share[j] = targets.share * dy[first + j];
            }
        }
        let positions = first..first + columns.width;
        let (most, ln) = (&most[positions.clone()], &ln[positions.clone()]);
        for i in 0..n {
            // SAFETY: see `dx`; a row is given up before the next one is asked for.
            let (x, dx) = (columns.row(x, i), unsafe { columns.row_mut(&shared, i) });
            let weight = T::Of::<S>::splat(s, targets.weights[i]);
            for j in (0..x.len()).step_by(lanes) {
                let p = exp::<T, S>(s, get(s, &x[j..]).sub(get(s, &most[j..])).sub(get(s, &ln[j..])));
                let (factor, share) = (get(s, &factor[j..]), get(s, &share[j..]));
                put::<S, T>(p.mul(factor).sub(share.mul(weight)), &mut dx[j..]);
            }
        }
        for (j, class) in classes[..columns.width].iter().enumerate() {
            // SAFETY: see `dx`; an element is given up before the next one is asked for.
            let dx = |class: usize| unsafe { &mut columns.row_mut(&shared, class)[j] };
            match *class {
                Some(class) => *dx(class) = *dx(class) - targets.own * targets.weights[class] * dy[first + j],
                // Logits that do not count may be infinite; their gradient is 0 nevertheless.
                None => (0..n).for_each(|class| *dx(class) = T::ZERO),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cpu::simd::{Level, dispatch_at};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn like_the_formulas(
            outer in 0..4usize,
            n in 1..70usize,
            inner in prop_oneof![Just(1usize), 2..150usize],
            smoothing in prop_oneof![Just(0.0), 0.0..0.5f64],
            seed in 0..50usize,
        ) {
            let block = Block { outer, n, inner };
            let number = |i: usize| ((i * 7919 + seed * 104_729) % 997) as f64 / 100.0;
            let (positions, logits) = (outer * inner, outer * n * inner);
            let x: Vec<f64> = (0..logits).map(|i| number(i) - 5.0).collect();
            let dy: Vec<f64> = (0..positions).map(|i| number(i + 1) - 3.0).collect();
            let weights: Vec<f64> = (0..n).map(|i| number(i + 5)).collect();
            let labels: Vec<i64> = (0..positions).map(|i| ((i * 31 + seed) % (n + 1)) as i64 - 1).collect();
            let (own, share) = (1.0 - smoothing, smoothing / n as f64);
            let targets = Targets { labels: &labels, weights: &weights, own, share, total: weights.iter().sum() };
            let (mut expected, mut expected_dx) = (vec![0.0; positions], vec![0.0; logits]);
            for position in (0..positions).filter(|&position| labels[position] >= 0) {
                let (o, c) = (position / inner, position % inner);
                let at = |class: usize| (o * n + class) * inner + c;
                let sum: f64 = (0..n).map(|class| x[at(class)].exp()).sum();
                let target = |class: usize| {
                    weights[class] * (share + if labels[position] == class as i64 { own } else { 0.0 })
                };
                let mass: f64 = (0..n).map(target).sum();
                for class in 0..n {
                    expected[position] += target(class) * (sum.ln() - x[at(class)]);
                    expected_dx[at(class)] = (x[at(class)].exp() / sum * mass - target(class)) * dy[position];
                }
            }
            let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-11 * (1.0 + b.abs()));
            let (mut losses, mut statistics, mut dx) = (vec![9.0; positions], vec![9.0; 2 * positions], vec![9.0; logits]);
            forward(&x, block, targets, &mut losses, &mut statistics);
            prop_assert!(close(&losses, &expected), "{losses:?} for {expected:?}");
            backward([&x, &statistics, &dy], block, targets, &mut dx);
            prop_assert!(close(&dx, &expected_dx), "{dx:?} for {expected_dx:?}");
            // The same in one piece, at every level.
            let (most, ln) = statistics.split_at(positions);
            let pieces: Vec<_> = match inner {
                1 => vec![(None, 0..positions)],
                _ => (0..outer)
                    .flat_map(|o| (0..inner).step_by(COLUMNS).map(move |first| (o, first)))
                    .map(|(o, first)| (o, first, COLUMNS.min(inner - first)))
                    .map(|(o, first, width)| {
                        (Some(block.columns(o, first, width)), o * inner + first..o * inner + first + width)
                    })
                    .collect(),
            };
            for level in Level::all() {
                for (columns, range) in pieces.clone() {
                    let len = range.len();
                    let (mut losses, mut again) = (vec![9.0; len], [vec![9.0; len], vec![9.0; len]]);
                    let [most_again, ln_again] = &mut again;
                    let first = range.start;
                    dispatch_at(level, Forward {
                        x: &x, n, columns, first, targets, losses: &mut losses, most: most_again, ln: ln_again,
                    });
                    prop_assert!(close(&losses, &expected[range.clone()]), "{level:?}");
                    prop_assert!(close(&again[0], &most[range.clone()]) && close(&again[1], &ln[range]), "{level:?}");
                    let shared = SharedMut::new(&mut dx);
                    dispatch_at(level, Backward { x: &x, n, columns, first, targets, most, ln, dy: &dy, dx: shared });
                }
                prop_assert!(close(&dx, &expected_dx), "{level:?}");
                dx.fill(9.0);
            }
        }
    }
}
