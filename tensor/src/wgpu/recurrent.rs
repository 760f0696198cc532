//! Recurrent layers over whole sequences: step by step a product of matrices and a kernel for the gates.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::elementwise::{F32, ROUNDING};
use super::kernel::codes;
use super::{Grid, Kernel, Memory, Program, matmul};
use crate::cpu::recurrent::Size;
use crate::ops::recurrent::{RecurrentCell, RecurrentGradients, RecurrentWeights};
use crate::{DType, Result, Shape, Tensor};

const CELLS: &str = include_str!("shaders/recurrent_cells.wgsl");
static FORWARD: Kernel =
    Kernel { name: "recurrent", files: &[ROUNDING, F32, CELLS, include_str!("shaders/recurrent.wgsl")] };
static BACKWARD: Kernel = Kernel {
    name: "recurrent backward",
    files: &[ROUNDING, F32, CELLS, include_str!("shaders/recurrent_backward.wgsl")],
};
/// The cells, as the file numbers them.
static CODES: LazyLock<HashMap<String, u32>> = LazyLock::new(|| codes(CELLS));
/// Invocations of a workgroup.
const GROUP: usize = 64;

fn code(cell: RecurrentCell) -> u32 {
    CODES[match cell {
        RecurrentCell::Lstm => "lstm",
        RecurrentCell::Gru => "gru",
        RecurrentCell::Plain => "plain",
    }]
}

fn offset(x: &Tensor) -> u32 {
    x.layout().offset as u32
}

/// The states after all steps, `[states, time, batch, hidden]`; the gates of all steps, `[time, batch, gates · hidden]`, if they are kept
/// (else the products of the inputs); and a GRU's products of the new gate, `[time, batch, hidden]`, if they are. All is of `f32`; `x` is
/// `[batch, time, features]`, and all but it and the weights is row-major.
pub(crate) fn forward(
    cell: RecurrentCell,
    size: Size,
    x: &Tensor,
    weights: &RecurrentWeights<'_>,
    initial: &Tensor,
    keep: bool,
) -> Result<[Tensor; 3]> {
    let Size { time, batch, hidden } = size;
    let (width, features) = (cell.gates() * hidden, x.shape()[2]);
    let rows = x.permute([1, 0, 2])?.reshape([time * batch, features])?;
    let gates = matmul::product(&rows, &weights.input.t()?, &Shape::from(()))?.reshape([time, batch, width])?;
    let states = Tensor::empty_on_wgpu(x, [cell.states(), time, batch, hidden], DType::F32)?;
    let kept = if keep && cell == RecurrentCell::Gru { [time, batch, hidden] } else { [0; 3] };
    let candidate = Tensor::empty_on_wgpu(x, kept, DType::F32)?;
    let count = batch * hidden;
    if count == 0 {
        return Ok([states, gates, candidate]);
    }
    let of_states = weights.hidden.t()?;
    let constants = [("CELL", code(cell)), ("KEEP", u32::from(keep))];
    let mut before = initial.select(0, 0)?;
    for t in 0..time {
        let products = matmul::product(&before, &of_states, &Shape::from(()))?;
        let sizes = [count, 0, hidden, t, time * count].map(|x| x as u32);
        let offsets = [initial, weights.input_bias, weights.hidden_bias].map(offset);
        let params = [&sizes[..], &offsets].concat();
        let program = Program { kernel: &FORWARD, types: &[], sizes: &[], constants: &constants };
        let writes: [&Memory; 3] = [gates.memory(), candidate.memory(), states.memory()];
        let reads = [&products, initial, weights.input_bias, weights.hidden_bias].map(Tensor::memory);
        x.memory().context().run(program, &params, &writes, &reads, Grid::of(count, GROUP))?;
        before = states.select(0, 0)?.select(0, t as isize)?;
    }
    Ok([states, gates, candidate])
}

/// What the way forward has left, and the gradient that comes in: all of `f32`, and row-major.
pub(crate) struct Saved<'a> {
    /// `[gates · hidden, hidden]`
    pub(crate) weight: &'a Tensor,
    /// `[states, batch, hidden]`
    pub(crate) initial: &'a Tensor,
    /// `[time, batch, gates · hidden]`
    pub(crate) gates: &'a Tensor,
    /// `[time, batch, hidden]` of a GRU.
    pub(crate) candidate: &'a Tensor,
    /// `[states, time, batch, hidden]`
    pub(crate) states: &'a Tensor,
    /// `[states, time, batch, hidden]`
    pub(crate) dy: &'a Tensor,
}

/// The gradients of the gates' sums at all steps and of the initial states.
pub(crate) fn backward(cell: RecurrentCell, size: Size, saved: &Saved<'_>) -> Result<RecurrentGradients> {
    let Size { time, batch, hidden } = size;
    let &Saved { weight, initial, gates, candidate, states, dy } = saved;
    let count = batch * hidden;
    let empty = |shape: &[usize]| Tensor::empty_on_wgpu(dy, shape, DType::F32);
    let input = empty(&gates.shape()[..])?;
    let is_gru = cell == RecurrentCell::Gru;
    let of_hidden = if is_gru { empty(&gates.shape()[..])? } else { input.clone() };
    if count == 0 || time == 0 {
        return Ok(RecurrentGradients { input, hidden: of_hidden, initial: initial.zeros_like()? });
    }
    let carry = empty(&[batch, hidden])?;
    let constants = [("CELL", code(cell))];
    // The gradient of the output before a step, by way of the gates.
    let mut product: Option<Tensor> = None;
    for t in (0..time).rev() {
        // The last state's number: an LSTM looks at its cell.
        let state = cell.states() - 1;
        let after = offset(states) as usize + (state * time + t) * count;
        let (before, before_offset) = match t {
            0 => (initial, offset(initial) as usize + state * count),
            _ => (states, after - count),
        };
        let (other, other_offset) = match cell {
            RecurrentCell::Gru => (candidate, offset(candidate) as usize + t * count),
            RecurrentCell::Lstm | RecurrentCell::Plain => (states, after),
        };
        let sizes = [count, 0, hidden, t, time * count].map(|x| x as u32);
        let offsets = [offset(gates), other_offset as u32, before_offset as u32, offset(dy)];
        let params = [&sizes[..], &[u32::from(product.is_none())], &offsets].concat();
        let program = Program { kernel: &BACKWARD, types: &[], sizes: &[], constants: &constants };
        // What a cell does not have is something else, and not looked at.
        let own_hidden = if is_gru { &of_hidden } else { &carry };
        let writes: [&Memory; 3] = [input.memory(), own_hidden.memory(), carry.memory()];
        let reads = [gates, other, before, dy, product.as_ref().unwrap_or(dy)].map(Tensor::memory);
        dy.memory().context().run(program, &params, &writes, &reads, Grid::of(count, GROUP))?;
        product = Some(matmul::product(&of_hidden.select(0, t as isize)?, weight, &Shape::from(()))?);
    }
    let through = product.unwrap_or(carry.clone());
    let first = match cell {
        RecurrentCell::Lstm => Tensor::stack(&[through, carry], 0)?,
        RecurrentCell::Gru => through.add(&carry)?.unsqueeze(0)?,
        RecurrentCell::Plain => through.unsqueeze(0)?,
    };
    Ok(RecurrentGradients { input, hidden: of_hidden, initial: first })
}
