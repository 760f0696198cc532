//! Recurrent layers over whole sequences: LSTM, GRU and the plain recurrence.
//!
//! The products of all steps' inputs come in as one matrix. What is left to a step is the product of the states before it and
//! a weight that is packed once, and the gates, which are computed while that product is still in the first-level cache. Rows of the
//! batch never meet, so each task takes some of them through all steps without waiting for another.
//!
//! Sequences lie with time outermost: a step's states are one piece of memory.

mod activation;
pub(crate) mod backward;
pub(crate) mod forward;
mod gru;
mod lstm;
mod plain;
mod product;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(crate) use gru::Gru;
pub(crate) use lstm::Lstm;
pub(crate) use plain::Plain;

use super::simd::{Lane, Simd};

/// The sizes of a recurrence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) time: usize,
    pub(crate) batch: usize,
    pub(crate) hidden: usize,
}

impl Size {
    /// Additions and multiplications of the states' products, with so many gates.
    fn flops(&self, gates: usize) -> usize {
        2 * self.time * self.step() * gates * self.hidden
    }

    /// Elements of one state at one step.
    fn step(&self) -> usize {
        self.batch * self.hidden
    }

    /// The rows that each task takes: enough to use a packed number several times, but two tasks if there are rows for two.
    fn pieces(&self) -> impl Iterator<Item = Range<usize>> {
        let (batch, rows) = (self.batch, self.batch.div_ceil(2).next_multiple_of(8).clamp(8, 16));
        (0..batch).step_by(rows).map(move |first| first..(first + rows).min(batch))
    }
}

/// Units of a row that a vector holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Units {
    /// How many units a row has.
    hidden: usize,
    first: usize,
    /// The one behind the last.
    end: usize,
}

impl Units {
    /// Where they stand in a row.
    #[inline(always)]
    fn range(self) -> Range<usize> {
        self.first..self.end
    }

    /// Where a gate's numbers for them stand in a row of all gates.
    #[inline(always)]
    fn of(self, gate: usize) -> Range<usize> {
        gate * self.hidden + self.first..gate * self.hidden + self.end
    }
}

/// What happens at a step, for one vector of units of one row.
pub(crate) trait Cell: Copy + Send + Sync + 'static {
    const GATES: usize;
    /// Gates whose products are computed together; divides `GATES`.
    const TOGETHER: usize;
    /// States that go from step to step: the output, and the cell of an LSTM.
    const STATES: usize;
    /// Whether one gate's product with the states is used apart from that with the input.
    const CANDIDATE: bool;

    fn forward<S: Simd, T: Lane>(s: S, at: forward::At<'_, T>);
    fn backward<S: Simd, T: Lane>(s: S, at: backward::At<'_, T>);
}
