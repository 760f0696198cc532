//! The way through a sequence.

use super::product::Packed;
use super::{Cell, Size, Units};
use crate::Result;
use crate::cpu::gemm::registers;
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Kernel, Lane, Level, Simd, Vector, dispatch_at};
use crate::cpu::threads;
use crate::profile;

/// One vector of units of one row at one step. All slices but `products` hold the whole row: a gate's numbers lie `hidden` apart.
pub(crate) struct At<'a, T> {
    /// The products of the states before and the weight: a vector for each gate.
    pub(super) products: &'a [T],
    /// The products of the input; the gates afterwards, if they are kept.
    pub(super) gates: &'a mut [T],
    pub(super) bias: &'a [T],
    pub(super) candidate_bias: &'a [T],
    /// Where the product that [`Cell::CANDIDATE`] speaks of is kept, if it is.
    pub(super) candidate: &'a mut [T],
    pub(super) before: [&'a [T]; 2],
    pub(super) after: [&'a mut [T]; 2],
    pub(super) keep: bool,
    pub(super) units: Units,
}

/// What the steps read besides the states.
pub(crate) struct Weights<'a, T> {
    /// `[gates · hidden, hidden]`
    pub(crate) hidden: &'a [T],
    /// The sum of the biases, but for the gate with a candidate of its own: there the input's alone.
    pub(crate) bias: &'a [T],
    /// The hidden bias of the gate with a candidate of its own, else empty.
    pub(crate) candidate_bias: &'a [T],
    /// `[states, batch, hidden]`
    pub(crate) initial: &'a [T],
}

/// What the steps write.
pub(crate) struct Sequence<'a, T> {
    /// `[time, batch, gates · hidden]`: the products of the inputs; the gates afterwards, if they are kept.
    pub(crate) gates: &'a mut [T],
    /// `[time, batch, hidden]` if gates are kept and the cell has a candidate, else empty.
    pub(crate) candidate: &'a mut [T],
    /// `[states, time, batch, hidden]`
    pub(crate) states: &'a mut [T],
    pub(crate) keep: bool,
}

/// Computes the states of all steps.
///
/// # Errors
/// [`crate::Error::OutOfMemory`].
pub(crate) fn forward<C: Cell, T: Lane>(
    level: Level,
    size: Size,
    weights: &Weights<'_, T>,
    sequence: Sequence<'_, T>,
) -> Result<()> {
    let _span = profile::span_of_work("recurrent", 0, size.flops(C::GATES));
    let Size { hidden, .. } = size;
    if sequence.states.is_empty() {
        return Ok(());
    }
    let (lanes, _) = registers::<T>(level);
    let panels = C::GATES / C::TOGETHER;
    // A block of units has the panels of all its gates side by side.
    let column = |panel: usize, vector: usize| {
        let (first, gate) = (panel / panels * lanes, panel % panels * C::TOGETHER + vector);
        (gate * hidden + first, lanes.min(hidden - first))
    };
    let count = (hidden.div_ceil(lanes) * panels, C::TOGETHER, lanes);
    let packed = Packed::new(weights.hidden, (hidden, 1), hidden, count, column)?;
    let shared = Shared {
        gates: SharedMut::new(sequence.gates),
        candidate: SharedMut::new(sequence.candidate),
        with_candidate: !sequence.candidate.is_empty(),
        states: SharedMut::new(sequence.states),
        keep: sequence.keep,
    };
    let pieces: Vec<_> = size.pieces().collect();
    threads::each(pieces.len(), &|i| {
        let cell = std::marker::PhantomData::<C>;
        dispatch_at(
            level,
            Piece { cell, level, size, rows: pieces[i].clone(), packed: &packed, weights, shared: &shared },
        );
    });
    Ok(())
}

struct Shared<T> {
    gates: SharedMut<T>,
    candidate: SharedMut<T>,
    with_candidate: bool,
    states: SharedMut<T>,
    keep: bool,
}

/// Some rows' way through all steps.
struct Piece<'a, C, T> {
    cell: std::marker::PhantomData<C>,
    level: Level,
    size: Size,
    rows: std::ops::Range<usize>,
    packed: &'a Packed,
    weights: &'a Weights<'a, T>,
    shared: &'a Shared<T>,
}

impl<C: Cell, T: Lane> Kernel for Piece<'_, C, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Piece { level, size, rows, packed, weights, shared, .. } = self;
        let Size { time, batch, hidden } = size;
        let lanes = T::Of::<S>::LANES;
        let (wide, panels, high) = (C::GATES * lanes, C::GATES / C::TOGETHER, rows.len());
        let mut products = vec![T::ZERO; high * wide];
        let place = |state: usize, t: usize| {
            let start = (state * time + t) * size.step();
            start + rows.start * hidden..start + rows.end * hidden
        };
        for t in 0..time {
            let before: [&[T]; 2] = std::array::from_fn(|state| {
                if state >= C::STATES {
                    return &[][..];
                }
                if t == 0 {
                    let start = state * size.step();
                    return &weights.initial[start + rows.start * hidden..start + rows.end * hidden];
                }
                // SAFETY: these rows are this task's alone, and the step before is not written any more.
                unsafe { &*shared.states.slice(place(state, t - 1)) }
            });
            let mut after: [&mut [T]; 2] = std::array::from_fn(|state| {
                if state >= C::STATES {
                    return &mut [][..];
                }
                // SAFETY: these rows are this task's alone, and each state and step is asked for once.
                unsafe { shared.states.slice(place(state, t)) }
            });
            let (start, end) = (t * batch + rows.start, t * batch + rows.end);
            // SAFETY: these rows are this task's alone, and each step is asked for once.
            let gates = unsafe { shared.gates.slice(start * C::GATES * hidden..end * C::GATES * hidden) };
            let candidate: &mut [T] = if shared.with_candidate {
                // SAFETY: as above.
                unsafe { shared.candidate.slice(start * hidden..end * hidden) }
            } else {
                &mut []
            };
            for (block, first) in (0..hidden).step_by(lanes).enumerate() {
                for panel in 0..panels {
                    let out = &mut products[panel * C::TOGETHER * lanes..];
                    packed.product(level, before[0], block * panels + panel, out, wide);
                }
                let [states, cells] = &mut after;
                for row in 0..high {
                    let own = row * hidden..(row + 1) * hidden;
                    let two = |x: [bool; 2]| x.map(|there| if there { own.clone() } else { 0..0 });
                    let [main, second] = two([true, C::STATES == 2]);
                    let kept = if shared.with_candidate { own.clone() } else { 0..0 };
                    C::forward::<S, T>(
                        s,
                        At {
                            products: &products[row * wide..(row + 1) * wide],
                            gates: &mut gates[row * C::GATES * hidden..(row + 1) * C::GATES * hidden],
                            bias: weights.bias,
                            candidate_bias: weights.candidate_bias,
                            candidate: &mut candidate[kept],
                            before: [&before[0][main.clone()], &before[1][second.clone()]],
                            after: [&mut states[main], &mut cells[second]],
                            keep: shared.keep,
                            units: Units { hidden, first, end: (first + lanes).min(hidden) },
                        },
                    );
                }
            }
        }
    }
}
