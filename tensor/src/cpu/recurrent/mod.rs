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

use super::simd::{Kernel, Lane, Level, Simd, Vector, dispatch_at};

/// The sizes of a recurrence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) time: usize,
    pub(crate) batch: usize,
    pub(crate) hidden: usize,
}

impl Size {
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

/// All of `x` in a vector, zeros behind; the first numbers of it if there are more.
#[inline(always)]
fn get<S: Simd, T: Lane>(s: S, x: &[T]) -> T::Of<S> {
    let lanes = T::Of::<S>::LANES;
    // SAFETY: `x` has that many elements.
    unsafe {
        if x.len() >= lanes { T::Of::<S>::load(s, x.as_ptr()) } else { T::Of::<S>::load_first(s, x.as_ptr(), x.len()) }
    }
}

/// Writes as much of a vector as there is room for.
#[inline(always)]
fn put<S: Simd, T: Lane>(x: T::Of<S>, out: &mut [T]) {
    let lanes = T::Of::<S>::LANES;
    // SAFETY: `out` has room for that many elements.
    unsafe { if out.len() >= lanes { x.store(out.as_mut_ptr()) } else { x.store_first(out.as_mut_ptr(), out.len()) } }
}

/// Numbers in a vector at a level.
fn lanes<T: Lane>(level: Level) -> usize {
    struct Count<T>(std::marker::PhantomData<T>);
    impl<T: Lane> Kernel for Count<T> {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            T::Of::<S>::LANES
        }
    }
    dispatch_at(level, Count::<T>(std::marker::PhantomData))
}
