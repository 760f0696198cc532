//! Steps of optimizers: parameter, gradient and all that is remembered change in one pass.

mod rules;

use super::math::Float;
use super::parallel::{SharedMut, over_range};
use super::simd::{Kernel, Simd, Vector, dispatch, get, put};
use crate::profile;
pub(crate) use rules::{Adadelta, Adagrad, Adam, Descent, Momentum, RmsProp, Rule};

/// What weight decay does before a step: `w ← kept · w` and `g ← g + coupled · w`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decay {
    pub(crate) kept: f64,
    pub(crate) coupled: f64,
}

/// Changes the parameter `w` and the states by a rule.
pub(crate) fn step<T: Float, const N: usize>(
    w: &mut [T],
    g: &[T],
    states: [&mut [T]; N],
    decay: Decay,
    rule: impl Rule<T, N>,
) {
    let _span = profile::span("update", (3 + 2 * N) * size_of_val(g));
    let len = w.len();
    assert!(g.len() == len && states.iter().all(|state| state.len() == len), "all of one step have one length");
    let (w, states) = (SharedMut::new(w), states.map(|state| SharedMut::new(state)));
    over_range(len, 1, &|range| {
        // SAFETY: the ranges are disjoint parts of slices that are borrowed until all calls have returned.
        let (w, states) = unsafe { (w.slice(range.clone()), states.map(|state| state.slice(range.clone()))) };
        dispatch(Step { w, g: &g[range.clone()], states, decay, rule });
    });
}

struct Step<'a, T, R, const N: usize> {
    w: &'a mut [T],
    g: &'a [T],
    states: [&'a mut [T]; N],
    decay: Decay,
    rule: R,
}

impl<T: Float, R: Rule<T, N>, const N: usize> Kernel for Step<'_, T, R, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Step { w: all_w, g: all_g, mut states, decay, rule } = self;
        let [kept, coupled] = [decay.kept, decay.coupled].map(|number| T::Of::<S>::splat(s, T::r(number)));
        for i in (0..all_w.len()).step_by(T::Of::<S>::LANES) {
            let (mut w, mut g) = (get(s, &all_w[i..]), get(s, &all_g[i..]));
            if decay.coupled != 0.0 {
                g = w.mul_add(coupled, g);
            }
            if decay.kept != 1.0 {
                w = w.mul(kept);
            }
            let mut vectors = [w; N];
            for (vector, state) in vectors.iter_mut().zip(&states) {
                *vector = get(s, &state[i..]);
            }
            w = rule.step(s, w, g, &mut vectors);
            for (&vector, state) in vectors.iter().zip(&mut states) {
                put::<S, T>(vector, &mut state[i..]);
            }
            put::<S, T>(w, &mut all_w[i..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::{Level, dispatch_at};

    /// Counts steps and adds the gradient.
    #[derive(Clone, Copy)]
    struct Count;

    impl<T: Float> Rule<T, 1> for Count {
        #[inline(always)]
        fn step<S: Simd>(self, s: S, w: T::Of<S>, g: T::Of<S>, [count]: &mut [T::Of<S>; 1]) -> T::Of<S> {
            *count = count.add(T::Of::<S>::splat(s, T::ONE));
            w.add(g)
        }
    }

    #[test]
    fn every_element_once_at_every_level() {
        for level in Level::all() {
            for len in [0, 1, 7, 8, 15, 16, 17, 33, 100] {
                let mut w: Vec<f32> = (0..len).map(|i| i as f32).collect();
                let (g, mut count) = (vec![0.5; len], vec![2.0; len]);
                let decay = Decay { kept: 0.5, coupled: 0.25 };
                dispatch_at(level, Step { w: &mut w, g: &g, states: [&mut count], decay, rule: Count });
                let expected: Vec<f32> = (0..len).map(|i| i as f32 * 0.75 + 0.5).collect();
                assert_eq!((w, count), (expected, vec![3.0; len]), "{level:?}");
            }
        }
        let mut w = vec![0.0f64; 100_001];
        let (g, mut count) = (vec![1.0; w.len()], vec![0.0; w.len()]);
        step(&mut w, &g, [&mut count], Decay { kept: 1.0, coupled: 0.0 }, Count);
        assert!(w.iter().chain(&count).all(|&x| x == 1.0));
    }
}
