//! The LSTM's gates. (S. Hochreiter and J. Schmidhuber, "Long short-term memory", 1997, with the forget gate of F. Gers et al., 2000.)

use super::activation::{sigmoid, tanh};
use super::{Cell, backward, forward};
use crate::cpu::simd::{Lane, Simd, Vector, get, put};

/// Gates in the order of PyTorch's files: input, forget, cell, output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lstm;

impl Cell for Lstm {
    const GATES: usize = 4;
    const TOGETHER: usize = 2;
    const STATES: usize = 2;
    const CANDIDATE: bool = false;

    /// `c = f·c₀ + i·g` and `h = o·tanh c`.
    #[inline(always)]
    fn forward<S: Simd, T: Lane>(s: S, at: forward::At<'_, T>) {
        let lanes = T::Of::<S>::LANES;
        let units = at.units.range();
        let mut sums = [T::Of::<S>::zero(s); 4];
        for (gate, sum) in sums.iter_mut().enumerate() {
            let (input, bias) = (get::<S, T>(s, &at.gates[at.units.of(gate)]), get(s, &at.bias[at.units.of(gate)]));
            *sum = get::<S, T>(s, &at.products[gate * lanes..]).add(input.add(bias));
        }
        let (i, f, o) = (sigmoid::<S, T>(s, sums[0]), sigmoid::<S, T>(s, sums[1]), sigmoid::<S, T>(s, sums[3]));
        let g = tanh::<S, T>(s, sums[2]);
        let c = f.mul_add(get(s, &at.before[1][units.clone()]), i.mul(g));
        let [h_out, c_out] = at.after;
        put::<S, T>(c, &mut c_out[units.clone()]);
        put::<S, T>(o.mul(tanh::<S, T>(s, c)), &mut h_out[units]);
        if at.keep {
            for (gate, value) in [i, f, g, o].into_iter().enumerate() {
                let place = at.units.of(gate);
                put::<S, T>(value, &mut at.gates[place]);
            }
        }
    }

    #[inline(always)]
    fn backward<S: Simd, T: Lane>(s: S, at: backward::At<'_, T>) {
        let one = T::Of::<S>::splat(s, T::ONE);
        let units = at.units.range();
        let mut gates = [one; 4];
        for (gate, value) in gates.iter_mut().enumerate() {
            *value = get::<S, T>(s, &at.gates[at.units.of(gate)]);
        }
        let [i, f, g, o] = gates;
        let (before, c) = (get::<S, T>(s, &at.before[1][units.clone()]), get::<S, T>(s, &at.after[1][units.clone()]));
        let tanh = tanh::<S, T>(s, c);
        let dh = get::<S, T>(s, &at.dy[0][units.clone()]).add(get(s, &at.product[units.clone()]));
        // From the step after, from outside, and through the output.
        let dc = get::<S, T>(s, &at.carry[units.clone()]).add(get(s, &at.dy[1][units.clone()]));
        let dc = dh.mul(o).mul_add(one.sub(tanh.mul(tanh)), dc);
        let slope = |gate: T::Of<S>| gate.mul(one.sub(gate));
        let gradients = [
            dc.mul(g).mul(slope(i)),
            dc.mul(before).mul(slope(f)),
            dc.mul(i).mul(one.sub(g.mul(g))),
            dh.mul(tanh).mul(slope(o)),
        ];
        for (gate, gradient) in gradients.into_iter().enumerate() {
            let place = at.units.of(gate);
            put::<S, T>(gradient, &mut at.input[place]);
        }
        put::<S, T>(dc.mul(f), &mut at.carry[units]);
    }
}
