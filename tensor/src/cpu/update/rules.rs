//! The formulas of the methods, for vectors of elements.

use crate::cpu::math::Float;
use crate::cpu::simd::{Lane, Simd, Vector};

/// What a method makes of a parameter `w`, its gradient `g` and `N` states. `step` carries `#[inline(always)]`.
pub(crate) trait Rule<T: Float, const N: usize>: Copy + Sync {
    /// The new parameter; the states are changed.
    fn step<S: Simd>(self, s: S, w: T::Of<S>, g: T::Of<S>, states: &mut [T::Of<S>; N]) -> T::Of<S>;
}

#[inline(always)]
fn splat<T: Float, S: Simd>(s: S, number: f64) -> T::Of<S> {
    T::Of::<S>::splat(s, T::r(number))
}

/// `share · mean + (1 − share) · x`.
#[inline(always)]
fn running<T: Float, S: Simd>(s: S, mean: T::Of<S>, share: f64, x: T::Of<S>) -> T::Of<S> {
    mean.mul_add(splat::<T, S>(s, share), x.mul(splat::<T, S>(s, 1.0 - share)))
}

/// The root of a mean of squares, kept from 0: `√(x + ε)` if `inside`, else `√x + ε`.
#[inline(always)]
fn root<T: Float, S: Simd>(s: S, square: T::Of<S>, epsilon: f64, inside: bool) -> T::Of<S> {
    let epsilon = splat::<T, S>(s, epsilon);
    if inside { square.add(epsilon).sqrt() } else { square.sqrt().add(epsilon) }
}

/// `w − rate · direction`.
#[inline(always)]
fn descend<T: Float, S: Simd>(s: S, w: T::Of<S>, rate: f64, direction: T::Of<S>) -> T::Of<S> {
    direction.mul_add(splat::<T, S>(s, -rate), w)
}

/// `w ← w − rate · g`.
#[derive(Clone, Copy)]
pub(crate) struct Descent {
    pub(crate) rate: f64,
}

impl<T: Float> Rule<T, 0> for Descent {
    #[inline(always)]
    fn step<S: Simd>(self, s: S, w: T::Of<S>, g: T::Of<S>, _: &mut [T::Of<S>; 0]) -> T::Of<S> {
        descend::<T, S>(s, w, self.rate, g)
    }
}

/// `v ← momentum · v + taken · g`, `w ← w − rate · v`, or with `ahead` instead of `v` there: `momentum · v + ahead · g`.
#[derive(Clone, Copy)]
pub(crate) struct Momentum {
    pub(crate) momentum: f64,
    pub(crate) taken: f64,
    pub(crate) ahead: Option<f64>,
    pub(crate) rate: f64,
}

impl<T: Float> Rule<T, 1> for Momentum {
    #[inline(always)]
    fn step<S: Simd>(self, s: S, w: T::Of<S>, g: T::Of<S>, [v]: &mut [T::Of<S>; 1]) -> T::Of<S> {
        let momentum = splat::<T, S>(s, self.momentum);
        *v = v.mul_add(momentum, g.mul(splat::<T, S>(s, self.taken)));
        let direction = match self.ahead {
            Some(ahead) => v.mul_add(momentum, g.mul(splat::<T, S>(s, ahead))),
            None => *v,
        };
        descend::<T, S>(s, w, self.rate, direction)
    }
}

/// `v ← ρ·v + (1 − ρ)·g²`, `w ← w − rate · g / root(v)`; the states beside `v` are the running mean `a` if `CENTERED` (then the root
/// is that of `v − a²`) and behind it the velocity `m ← momentum · m + taken · g / root` if there is `momentum`.
#[derive(Clone, Copy)]
pub(crate) struct RmsProp<const CENTERED: bool> {
    pub(crate) rho: f64,
    pub(crate) epsilon: f64,
    pub(crate) inside: bool,
    /// The share that the velocity keeps, and what of the direction goes into it.
    pub(crate) momentum: Option<[f64; 2]>,
    pub(crate) rate: f64,
}

impl<T: Float, const CENTERED: bool, const N: usize> Rule<T, N> for RmsProp<CENTERED> {
    #[inline(always)]
    fn step<S: Simd>(self, s: S, w: T::Of<S>, g: T::Of<S>, states: &mut [T::Of<S>; N]) -> T::Of<S> {
        states[0] = running::<T, S>(s, states[0], self.rho, g.mul(g));
        let mut square = states[0];
        if CENTERED {
            states[1] = running::<T, S>(s, states[1], self.rho, g);
            // Rounding must not make a variance negative.
            square = T::Of::<S>::zero(s).max(square.sub(states[1].mul(states[1])));
        }
        let mut direction = g.div(root::<T, S>(s, square, self.epsilon, self.inside));
        if let (Some([momentum, taken]), Some(velocity)) = (self.momentum, states.get_mut(1 + usize::from(CENTERED))) {
            direction = velocity.mul_add(splat::<T, S>(s, momentum), direction.mul(splat::<T, S>(s, taken)));
            *velocity = direction;
        }
        descend::<T, S>(s, w, self.rate, direction)
    }
}

/// `m ← β₁·m + (1 − β₁)·g`, `v ← β₂·v + (1 − β₂)·g²`, `w ← w − rate · m / (√v / correction + ε)`; with a third state, the largest `v` so
/// far stands there for `v`.
#[derive(Clone, Copy)]
pub(crate) struct Adam {
    pub(crate) betas: [f64; 2],
    pub(crate) epsilon: f64,
    pub(crate) correction: f64,
    pub(crate) rate: f64,
}

impl<T: Float, const N: usize> Rule<T, N> for Adam {
    #[inline(always)]
    fn step<S: Simd>(self, s: S, w: T::Of<S>, g: T::Of<S>, states: &mut [T::Of<S>; N]) -> T::Of<S> {
        states[0] = running::<T, S>(s, states[0], self.betas[0], g);
        states[1] = running::<T, S>(s, states[1], self.betas[1], g.mul(g));
        let (mean, mut square) = (states[0], states[1]);
        if let Some(largest) = states.get_mut(2) {
            square = largest.max(square);
            *largest = square;
        }
        let root = square.sqrt().mul_add(splat::<T, S>(s, 1.0 / self.correction), splat::<T, S>(s, self.epsilon));
        descend::<T, S>(s, w, self.rate, mean.div(root))
    }
}

/// `a ← a + g²`, `w ← w − rate · g / root(a)`.
#[derive(Clone, Copy)]
pub(crate) struct Adagrad {
    pub(crate) epsilon: f64,
    pub(crate) inside: bool,
    pub(crate) rate: f64,
}

impl<T: Float> Rule<T, 1> for Adagrad {
    #[inline(always)]
    fn step<S: Simd>(self, s: S, w: T::Of<S>, g: T::Of<S>, [sum]: &mut [T::Of<S>; 1]) -> T::Of<S> {
        *sum = g.mul_add(g, *sum);
        descend::<T, S>(s, w, self.rate, g.div(root::<T, S>(s, *sum, self.epsilon, self.inside)))
    }
}

/// `v ← ρ·v + (1 − ρ)·g²`, `δ = √(d + ε) / √(v + ε) · g`, `d ← ρ·d + (1 − ρ)·δ²`, `w ← w − rate · δ`.
#[derive(Clone, Copy)]
pub(crate) struct Adadelta {
    pub(crate) rho: f64,
    pub(crate) epsilon: f64,
    pub(crate) rate: f64,
}

impl<T: Float> Rule<T, 2> for Adadelta {
    #[inline(always)]
    fn step<S: Simd>(self, s: S, w: T::Of<S>, g: T::Of<S>, [square, deltas]: &mut [T::Of<S>; 2]) -> T::Of<S> {
        *square = running::<T, S>(s, *square, self.rho, g.mul(g));
        let ratio = |above: T::Of<S>, below: T::Of<S>| -> <T as Lane>::Of<S> {
            root::<T, S>(s, above, self.epsilon, true).div(root::<T, S>(s, below, self.epsilon, true))
        };
        let delta = ratio(*deltas, *square).mul(g);
        *deltas = running::<T, S>(s, *deltas, self.rho, delta.mul(delta));
        descend::<T, S>(s, w, self.rate, delta)
    }
}
