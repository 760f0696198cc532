//! Backward through time.
//!
//! A step back gives the gradients of its gates before their functions; the gradient of the state before is their product with the
//! weight, which is packed once. The gradients of weights and inputs are products over all steps, which the caller computes from the
//! gates' gradients.

use super::product::Packed;
use super::{Cell, Size, Units};
use crate::Result;
use crate::cpu::gemm::registers;
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Kernel, Lane, Level, Simd, Vector, dispatch_at};
use crate::cpu::threads;
use crate::profile;

/// One vector of units of one row at one step. The slices hold the whole row: a gate's numbers lie `hidden` apart.
pub(crate) struct At<'a, T> {
    pub(super) gates: &'a [T],
    pub(super) candidate: &'a [T],
    pub(super) before: [&'a [T]; 2],
    pub(super) after: [&'a [T]; 2],
    /// The gradients of the states from outside.
    pub(super) dy: [&'a [T]; 2],
    /// The gradient of the state from the step after, through the product.
    pub(super) product: &'a [T],
    /// What else goes from step to step: the gradient of the cell, or that part of the state's which goes past the product.
    pub(super) carry: &'a mut [T],
    /// The gradients of the gates' sums, as the products of the inputs take part in them.
    pub(super) input: &'a mut [T],
    /// As the products of the states take part in them, where that is another.
    pub(super) hidden_gradient: &'a mut [T],
    pub(super) units: Units,
}

/// What the way forward has left, and the gradient that comes in.
pub(crate) struct Saved<'a, T> {
    /// `[gates · hidden, hidden]`
    pub(crate) weight: &'a [T],
    /// `[states, batch, hidden]`
    pub(crate) initial: &'a [T],
    /// `[time, batch, gates · hidden]`
    pub(crate) gates: &'a [T],
    /// `[time, batch, hidden]` if the cell has a candidate.
    pub(crate) candidate: &'a [T],
    /// `[states, time, batch, hidden]`
    pub(crate) states: &'a [T],
    /// `[states, time, batch, hidden]`
    pub(crate) dy: &'a [T],
}

/// What the steps back write.
pub(crate) struct Gradients<'a, T> {
    /// `[time, batch, gates · hidden]`
    pub(crate) input: &'a mut [T],
    /// As `input` if the cell has a candidate, else empty.
    pub(crate) hidden: &'a mut [T],
    /// `[states, batch, hidden]`
    pub(crate) initial: &'a mut [T],
}

/// Computes the gradients of the gates' sums at all steps and of the initial states.
///
/// # Errors
/// [`crate::Error::OutOfMemory`].
pub(crate) fn backward<C: Cell, T: Lane>(
    level: Level,
    size: Size,
    saved: &Saved<'_, T>,
    gradients: Gradients<'_, T>,
) -> Result<()> {
    let _span = profile::span_of_work("recurrent backward", 0, size.flops(C::GATES));
    let Size { hidden, .. } = size;
    if size.time == 0 {
        gradients.initial.fill(T::ZERO);
        return Ok(());
    }
    let (lanes, _) = registers::<T>(level);
    let column = |panel: usize, vector: usize| {
        let first = ((panel * TOGETHER + vector) * lanes).min(hidden);
        (first, lanes.min(hidden - first))
    };
    let count = (hidden.div_ceil(TOGETHER * lanes), TOGETHER, lanes);
    let packed = Packed::new(saved.weight, (C::GATES * hidden, hidden), 1, count, column)?;
    let shared = [gradients.input, gradients.hidden, gradients.initial].map(SharedMut::new);
    let pieces: Vec<_> = size.pieces().collect();
    threads::each(pieces.len(), &|i| {
        let cell = std::marker::PhantomData::<C>;
        dispatch_at(level, Piece { cell, level, size, rows: pieces[i].clone(), packed: &packed, saved, shared });
    });
    Ok(())
}

/// Vectors in a panel.
const TOGETHER: usize = 2;

/// Some rows' way back through all steps.
struct Piece<'a, C, T> {
    cell: std::marker::PhantomData<C>,
    level: Level,
    size: Size,
    rows: std::ops::Range<usize>,
    packed: &'a Packed,
    saved: &'a Saved<'a, T>,
    /// Of input, hidden and initial gradients.
    shared: [SharedMut<T>; 3],
}

impl<C: Cell, T: Lane> Kernel for Piece<'_, C, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Piece { level, size, rows, packed, saved, shared, .. } = self;
        let Size { time, batch, hidden } = size;
        let lanes = T::Of::<S>::LANES;
        let (high, all) = (rows.len(), C::GATES * hidden);
        let wide = hidden.next_multiple_of(TOGETHER * lanes);
        let mut product = vec![T::ZERO; high * wide];
        let mut carry = vec![T::ZERO; high * hidden];
        // A state's rows at one step of a sequence of `steps`.
        let rows_at = |state: usize, steps: usize, t: usize| {
            let start = (state * steps + t) * size.step();
            start + rows.start * hidden..start + rows.end * hidden
        };
        let multiply = |of: &[T], product: &mut [T]| {
            for panel in 0..hidden.div_ceil(TOGETHER * lanes) {
                packed.product(level, of, panel, &mut product[panel * TOGETHER * lanes..], wide);
            }
        };
        for t in (0..time).rev() {
            let two = |x: &'_ dyn Fn(usize) -> std::ops::Range<usize>| [x(0), if C::STATES == 2 { x(1) } else { 0..0 }];
            let places = two(&|state| rows_at(state, time, t));
            let before = match t {
                0 => two(&|state| rows_at(state, 1, 0)).map(|place| &saved.initial[place]),
                _ => two(&|state| rows_at(state, time, t - 1)).map(|place| &saved.states[place]),
            };
            let after = places.clone().map(|place| &saved.states[place]);
            let dy = places.map(|place| &saved.dy[place]);
            let step = t * batch + rows.start..t * batch + rows.end;
            let of_gates = step.start * all..step.end * all;
            // SAFETY: these rows are this task's alone, and each step is asked for once.
            let input = unsafe { shared[0].slice(of_gates.clone()) };
            let hidden_gradient: &mut [T] = if C::CANDIDATE {
                // SAFETY: as above.
                unsafe { shared[1].slice(of_gates.clone()) }
            } else {
                &mut []
            };
            let (gates, candidate): (&[T], &[T]) = (
                &saved.gates[of_gates],
                if C::CANDIDATE { &saved.candidate[step.start * hidden..step.end * hidden] } else { &[] },
            );
            for row in 0..high {
                let own = row * hidden..(row + 1) * hidden;
                let second = if C::STATES == 2 { own.clone() } else { 0..0 };
                let extra = if C::CANDIDATE { own.clone() } else { 0..0 };
                let gate_row = row * all..(row + 1) * all;
                let of_hidden = if C::CANDIDATE { gate_row.clone() } else { 0..0 };
                for first in (0..hidden).step_by(lanes) {
                    C::backward::<S, T>(
                        s,
                        At {
                            gates: &gates[gate_row.clone()],
                            candidate: &candidate[extra.clone()],
                            before: [&before[0][own.clone()], &before[1][second.clone()]],
                            after: [&after[0][own.clone()], &after[1][second.clone()]],
                            dy: [&dy[0][own.clone()], &dy[1][second.clone()]],
                            product: &product[row * wide..(row + 1) * wide],
                            carry: &mut carry[own.clone()],
                            input: &mut input[gate_row.clone()],
                            hidden_gradient: &mut hidden_gradient[of_hidden.clone()],
                            units: Units { hidden, first, end: (first + lanes).min(hidden) },
                        },
                    );
                }
            }
            multiply(if C::CANDIDATE { hidden_gradient } else { input }, &mut product);
        }
        for state in 0..C::STATES {
            // SAFETY: these rows are this task's alone, and each state is asked for once.
            let out = unsafe { shared[2].slice(rows_at(state, 1, 0)) };
            for row in 0..high {
                let own = row * hidden..(row + 1) * hidden;
                for unit in 0..hidden {
                    let through = if state == 0 { product[row * wide + unit] } else { T::ZERO };
                    // The carry belongs to the last state: the only one, or the cell.
                    let past = if state + 1 == C::STATES { carry[own.start + unit] } else { T::ZERO };
                    out[own.start + unit] = through.plus(past);
                }
            }
        }
    }
}
