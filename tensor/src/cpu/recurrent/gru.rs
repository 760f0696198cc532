//! The GRU's gates, the reset gate standing behind the product, as in PyTorch, cuDNN and Keras' default. (K. Cho et al., "Learning phrase
//! representations using RNN encoder-decoder", 2014, version 1.)

use super::activation::{sigmoid, tanh};
use super::{Cell, backward, forward};
use crate::cpu::simd::{Lane, Simd, Vector, get, put};

/// Gates in the order of PyTorch's files: reset, update, new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gru;

impl Cell for Gru {
    const GATES: usize = 3;
    const TOGETHER: usize = 3;
    const STATES: usize = 1;
    const CANDIDATE: bool = true;

    /// `n = tanh(x + r·u)` with `u = W·h₀ + b`, and `h = n + z·(h₀ - n)`.
    #[inline(always)]
    fn forward<S: Simd, T: Lane>(s: S, at: forward::At<'_, T>) {
        let lanes = T::Of::<S>::LANES;
        let units = at.units.range();
        let zero = T::Of::<S>::zero(s);
        let (mut sums, mut products) = ([zero; 3], [zero; 3]);
        for (gate, (sum, product)) in sums.iter_mut().zip(&mut products).enumerate() {
            *sum = get::<S, T>(s, &at.gates[at.units.of(gate)]).add(get(s, &at.bias[at.units.of(gate)]));
            *product = get::<S, T>(s, &at.products[gate * lanes..]);
        }
        let r = sigmoid::<S, T>(s, products[0].add(sums[0]));
        let z = sigmoid::<S, T>(s, products[1].add(sums[1]));
        let u = products[2].add(get(s, &at.candidate_bias[units.clone()]));
        let n = tanh::<S, T>(s, r.mul_add(u, sums[2]));
        let [h_out, _] = at.after;
        put::<S, T>(z.mul_add(get::<S, T>(s, &at.before[0][units.clone()]).sub(n), n), &mut h_out[units.clone()]);
        if at.keep {
            for (gate, value) in [r, z, n].into_iter().enumerate() {
                let place = at.units.of(gate);
                put::<S, T>(value, &mut at.gates[place]);
            }
            put::<S, T>(u, &mut at.candidate[units]);
        }
    }

    #[inline(always)]
    fn backward<S: Simd, T: Lane>(s: S, at: backward::At<'_, T>) {
        let one = T::Of::<S>::splat(s, T::ONE);
        let units = at.units.range();
        let mut gates = [one; 3];
        for (gate, value) in gates.iter_mut().enumerate() {
            *value = get::<S, T>(s, &at.gates[at.units.of(gate)]);
        }
        let [r, z, n] = gates;
        let (u, before) = (get::<S, T>(s, &at.candidate[units.clone()]), get::<S, T>(s, &at.before[0][units.clone()]));
        let dh = get::<S, T>(s, &at.dy[0][units.clone()]).add(get(s, &at.product[units.clone()]));
        let dh = dh.add(get(s, &at.carry[units.clone()]));
        let slope = |gate: T::Of<S>| gate.mul(one.sub(gate));
        let dn = dh.mul(one.sub(z)).mul(one.sub(n.mul(n)));
        let dz = dh.mul(before.sub(n)).mul(slope(z));
        let dr = dn.mul(u).mul(slope(r));
        for (gate, (input, hidden)) in [(dr, dr), (dz, dz), (dn, dn.mul(r))].into_iter().enumerate() {
            let place = at.units.of(gate);
            put::<S, T>(input, &mut at.input[place.clone()]);
            put::<S, T>(hidden, &mut at.hidden_gradient[place]);
        }
        put::<S, T>(dh.mul(z), &mut at.carry[units]);
    }
}
