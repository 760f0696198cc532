//! The recurrence without gates. (J. Elman, "Finding structure in time", 1990.)

use super::activation::tanh;
use super::{Cell, backward, forward};
use crate::cpu::simd::{Lane, Simd, Vector, get, put};

/// `h = tanh(x + W·h₀ + b)`
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain;

impl Cell for Plain {
    const GATES: usize = 1;
    const TOGETHER: usize = 1;
    const STATES: usize = 1;
    const CANDIDATE: bool = false;

    #[inline(always)]
    fn forward<S: Simd, T: Lane>(s: S, at: forward::At<'_, T>) {
        let units = at.units.range();
        let input = get::<S, T>(s, &at.gates[units.clone()]).add(get(s, &at.bias[units.clone()]));
        let [h_out, _] = at.after;
        put::<S, T>(tanh::<S, T>(s, get::<S, T>(s, at.products).add(input)), &mut h_out[units]);
    }

    #[inline(always)]
    fn backward<S: Simd, T: Lane>(s: S, at: backward::At<'_, T>) {
        let one = T::Of::<S>::splat(s, T::ONE);
        let units = at.units.range();
        let dh = get::<S, T>(s, &at.dy[0][units.clone()]).add(get(s, &at.product[units.clone()]));
        let h = get::<S, T>(s, &at.after[0][units.clone()]);
        put::<S, T>(dh.mul(one.sub(h.mul(h))), &mut at.input[units]);
    }
}
