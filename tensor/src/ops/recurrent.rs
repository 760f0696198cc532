//! Recurrent layers over whole sequences.

use crate::cpu::gemm::{self, Blocked, Factor, Operand, Size as ProductSize, Strided, Target};
use crate::cpu::recurrent::backward::{Gradients, Saved, backward};
use crate::cpu::recurrent::forward::{Sequence, Weights, forward};
use crate::cpu::recurrent::{Cell, Gru, Lstm, Plain, Size};
use crate::cpu::simd::{Lane, level};
use crate::dtype::with_float;
use crate::layout::Layout;
use crate::memory::Buffer;
use crate::ops::on_cpu::or_on_cpu;
use crate::{DType, Error, Result, Shape, Tensor, wgpu};

/// What a recurrent layer computes at each step, from the input `x`, its state `h₀` and the weights `W` (of the input) and `U` (of the
/// state), each with a bias. Gates stand in the weights one below the other, in the order of PyTorch's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecurrentCell {
    /// Four gates `i f g o` and two states: `c = σ(f)·c₀ + σ(i)·tanh(g)`, `h = σ(o)·tanh(c)`. (S. Hochreiter and J. Schmidhuber, 1997;
    /// F. Gers et al., 2000.)
    Lstm,
    /// Three gates `r z n`: `h = (1 - σ(z))·n + σ(z)·h₀` with `n = tanh(W·x + b + σ(r)·(U·h₀ + b'))`. (K. Cho et al., 2014, with the reset
    /// gate behind the product: Keras' `reset_after=True`.)
    Gru,
    /// No gates: `h = tanh(W·x + b + U·h₀ + b')`: Keras' `SimpleRNN`, PyTorch's `RNN`.
    Plain,
}

impl RecurrentCell {
    /// How many gates stand below each other in a weight.
    pub fn gates(self) -> usize {
        match self {
            RecurrentCell::Lstm => Lstm::GATES,
            RecurrentCell::Gru => Gru::GATES,
            RecurrentCell::Plain => Plain::GATES,
        }
    }

    /// How many states go from step to step: the output `h`, and an LSTM's cell `c`.
    pub fn states(self) -> usize {
        if self == RecurrentCell::Lstm { 2 } else { 1 }
    }

    fn candidate(self) -> bool {
        self == RecurrentCell::Gru
    }
}

/// Binds `$C` to the kernel of a cell.
macro_rules! with_cell {
    ($cell:expr, $C:ident => $body:expr) => {
        match $cell {
            RecurrentCell::Lstm => {
                type $C = Lstm;
                $body
            }
            RecurrentCell::Gru => {
                type $C = Gru;
                $body
            }
            RecurrentCell::Plain => {
                type $C = Plain;
                $body
            }
        }
    };
}

/// The weights of a recurrent layer, as PyTorch's files hold them.
#[derive(Debug, Clone, Copy)]
pub struct RecurrentWeights<'a> {
    /// Of the input, `[gates · hidden, features]`: `weight_ih`.
    pub input: &'a Tensor,
    /// Of the state, `[gates · hidden, hidden]`: `weight_hh`.
    pub hidden: &'a Tensor,
    /// Of the input, `[gates · hidden]`: `bias_ih`.
    pub input_bias: &'a Tensor,
    /// Of the state, `[gates · hidden]`: `bias_hh`.
    pub hidden_bias: &'a Tensor,
}

/// What [`Tensor::recurrent_backward`] gives: the gradients of the gates' sums, from which those of inputs and weights are
/// matrix products over all steps.
#[derive(Debug, Clone)]
pub struct RecurrentGradients {
    /// `[time, batch, gates · hidden]`: how the products with the inputs take part.
    pub input: Tensor,
    /// As `input`, how the products with the states take part; another tensor for a GRU alone.
    pub hidden: Tensor,
    /// Of the initial states, `[states, batch, hidden]`.
    pub initial: Tensor,
}

impl Tensor {
    /// Runs a recurrent layer over sequences `[batch, time, features]`, from initial states `[states, batch, hidden]`. The result is
    /// `[states, batch, time, hidden]`: every state after every step; the outputs are `select(0, 0)` of it, and an LSTM's cells
    /// `select(0, 1)`. In memory, time is outermost within a state.
    ///
    /// ```
    /// use ocelli_tensor::{DType, RecurrentCell, RecurrentWeights, Tensor};
    ///
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// // h = tanh(x + h₀)
    /// let (one, bias) = (Tensor::ones([1, 1], DType::F32)?, Tensor::zeros([1], DType::F32)?);
    /// let weights = RecurrentWeights { input: &one, hidden: &one, input_bias: &bias, hidden_bias: &bias };
    /// let x = Tensor::new([[[0.5f32], [1.0]]])?;
    /// let h = x.recurrent(RecurrentCell::Plain, &weights, &Tensor::zeros([1, 1, 1], DType::F32)?)?;
    /// assert_eq!(h.shape()[..], [1, 1, 2, 1]);
    /// let h = h.to_vec::<f32>()?;
    /// assert!((h[0] - 0.5f32.tanh()).abs() < 1e-6 && (h[1] - (1.0 + h[0]).tanh()).abs() < 1e-6);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] for shapes other than these, [`Error::DType`] unless all are of one float type, [`Error::Device`].
    pub fn recurrent(&self, cell: RecurrentCell, weights: &RecurrentWeights<'_>, initial: &Tensor) -> Result<Tensor> {
        Ok(run(self, cell, weights, initial, false)?.0)
    }

    /// As [`Tensor::recurrent`], and what [`Tensor::recurrent_backward`] reads besides: the gates of all steps, and for a GRU the products
    /// that its reset gate multiplies.
    ///
    /// # Errors
    /// As there.
    pub fn recurrent_saving(
        &self,
        cell: RecurrentCell,
        weights: &RecurrentWeights<'_>,
        initial: &Tensor,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        run(self, cell, weights, initial, true)
    }

    /// The gradients of [`Tensor::recurrent`], backward through time. This is the result of it, `saved` what
    /// [`Tensor::recurrent_saving`] gave, `hidden` the weight of the states, and `dy` the gradient of the result.
    ///
    /// # Errors
    /// [`Error::Shape`] unless all have the shapes that the forward pass gives, [`Error::DType`], [`Error::Device`].
    pub fn recurrent_backward(
        &self,
        cell: RecurrentCell,
        hidden: &Tensor,
        initial: &Tensor,
        saved: &[Tensor],
        dy: &Tensor,
    ) -> Result<RecurrentGradients> {
        const OP: &str = "recurrent_backward";
        let &[states, batch, time, units] = &self.shape()[..] else {
            return Err(Error::shape(OP, "states [states, batch, time, hidden]", self.shape()));
        };
        let width = cell.gates() * units;
        let wide = self.dtype().wide();
        for (x, expected) in
            [(hidden, &[width, units][..]), (initial, &[states, batch, units]), (dy, &[states, batch, time, units])]
        {
            require(OP, self, x, expected)?;
        }
        if states != cell.states() {
            return Err(Error::shape(OP, format!("states of shape [{}, …]", cell.states()), self.shape()));
        }
        let none = Tensor::full_on(self.device(), [0], 0, wide)?;
        let (gates, candidate) = match saved {
            [gates] if !cell.candidate() => (gates, &none),
            [gates, candidate] if cell.candidate() => (gates, candidate),
            _ => {
                let message = format!("expected what the forward pass saved, received {} tensors", saved.len());
                return Err(Error::argument(OP, message));
            }
        };
        let empty = none.clone();
        let shapes = [(gates, vec![time, batch, width]), (candidate, vec![time, batch, units])];
        for (x, expected) in &shapes[..saved.len()] {
            require(OP, &empty, x, expected)?;
        }
        let dense = |x: &Tensor| x.to_dtype(wide)?.contiguous();
        let time_outside = |x: &Tensor| dense(&x.permute([0, 2, 1, 3])?);
        let all = [self, hidden, initial, gates, candidate, dy];
        let (after, dy) = (time_outside(self)?, time_outside(dy)?);
        let (weight, start) = (dense(hidden)?, dense(initial)?);
        let (gates, candidate) = (gates.contiguous()?, candidate.contiguous()?);
        let size = Size { time, batch, hidden: units };
        let shape = Shape::from([time, batch, width]);
        let gradients = if self.is_on_wgpu() {
            // Two of the gradients are one tensor, unless there is a candidate.
            let apart =
                |RecurrentGradients { input, hidden, initial }| (input, cell.candidate().then_some(hidden), initial);
            let there = || {
                let (weight, initial, gates, candidate) = (&weight, &start, &gates, &candidate);
                let saved = wgpu::recurrent::Saved { weight, initial, gates, candidate, states: &after, dy: &dy };
                wgpu::recurrent::backward(cell, size, &saved).map(apart)
            };
            let (input, hidden, initial) =
                or_on_cpu(OP, all, there, |[states, hidden, initial, gates, candidate, dy]| {
                    let saved = [gates.clone(), candidate.clone()];
                    let saved = &saved[..if cell.candidate() { 2 } else { 1 }];
                    states.recurrent_backward(cell, hidden, initial, saved, dy).map(apart)
                })?;
            let hidden = hidden.unwrap_or_else(|| input.clone());
            RecurrentGradients { input, hidden, initial }
        } else {
            with_float!(wide, T => {
                let mut input = output::<T>(&shape)?;
                let mut of_hidden = output::<T>(if cell.candidate() { &shape } else { none.shape() })?;
                let mut first = output::<T>(initial.shape())?;
                let saved = Saved {
                    weight: elements::<T>(&weight),
                    initial: elements(&start),
                    gates: elements(&gates),
                    candidate: elements(&candidate),
                    states: elements(&after),
                    dy: elements(&dy),
                };
                let out = Gradients {
                    input: input.as_mut_slice(),
                    hidden: of_hidden.as_mut_slice(),
                    initial: first.as_mut_slice(),
                };
                with_cell!(cell, C => backward::<C, T>(level(), size, &saved, out))?;
                let input = finished(input, &shape, wide);
                let hidden = if cell.candidate() { finished(of_hidden, &shape, wide) } else { input.clone() };
                RecurrentGradients { input, hidden, initial: finished(first, initial.shape(), wide) }
            })
        };
        let narrow = |x: Tensor| x.to_dtype(self.dtype());
        Ok(RecurrentGradients {
            input: narrow(gradients.input)?,
            hidden: narrow(gradients.hidden)?,
            initial: narrow(gradients.initial)?,
        })
    }
}

/// `Err` unless the tensor has this shape, and the dtype and device of `x`.
fn require(op: &'static str, x: &Tensor, other: &Tensor, shape: &[usize]) -> Result<()> {
    x.require_same_device(op, other)?;
    x.require_same_dtype(op, other)?;
    if other.shape()[..] == *shape {
        return Ok(());
    }
    Err(Error::shape(op, format!("a tensor of shape {}", Shape::from(shape)), other.shape()))
}

fn run(
    x: &Tensor,
    cell: RecurrentCell,
    weights: &RecurrentWeights<'_>,
    initial: &Tensor,
    keep: bool,
) -> Result<(Tensor, Vec<Tensor>)> {
    const OP: &str = "recurrent";
    x.dtype().require_float(OP)?;
    let &[batch, time, features] = &x.shape()[..] else {
        return Err(Error::shape(OP, "sequences [batch, time, features]", x.shape()));
    };
    let hidden = match weights.hidden.shape()[..] {
        [_, hidden] if hidden > 0 => hidden,
        _ => {
            let expected = format!("a weight [{} · hidden, hidden] of the states", cell.gates());
            return Err(Error::shape(OP, expected, weights.hidden.shape()));
        }
    };
    let width = cell.gates().saturating_mul(hidden);
    require(OP, x, weights.hidden, &[width, hidden])?;
    require(OP, x, weights.input, &[width, features])?;
    require(OP, x, weights.input_bias, &[width])?;
    require(OP, x, weights.hidden_bias, &[width])?;
    require(OP, x, initial, &[cell.states(), batch, hidden])?;

    let all = [x, weights.input, weights.hidden, weights.input_bias, weights.hidden_bias, initial];
    let wide = x.dtype().wide();
    let dense = |x: &Tensor| x.to_dtype(wide)?.contiguous();
    let (x_wide, of_input) = (x.to_dtype(wide)?, weights.input.to_dtype(wide)?);
    let (of_hidden, start) = (dense(weights.hidden)?, dense(initial)?);
    let (input_bias, hidden_bias) = (dense(weights.input_bias)?, dense(weights.hidden_bias)?);
    let size = Size { time, batch, hidden };
    if x.is_on_wgpu() {
        let (input, hidden) = (&of_input, &of_hidden);
        let weights = RecurrentWeights { input, hidden, input_bias: &input_bias, hidden_bias: &hidden_bias };
        let there = || {
            let [states, gates, candidate] = wgpu::recurrent::forward(cell, size, &x_wide, &weights, &start, keep)?;
            outcome(cell, &states, vec![gates, candidate], x.dtype(), keep)
        };
        return or_on_cpu(OP, all, there, |[x, input, hidden, input_bias, hidden_bias, initial]| {
            run(x, cell, &RecurrentWeights { input, hidden, input_bias, hidden_bias }, initial, keep)
        });
    }
    let (bias, candidate_bias) = biases(cell, hidden, &input_bias, &hidden_bias)?;
    let gates_shape = Shape::from([time, batch, width]);
    let kept = if keep && cell.candidate() { [time, batch, hidden] } else { [0; 3] };
    let candidate_shape = Shape::from(kept);
    let states_shape = Shape::from([cell.states(), time, batch, hidden]);
    let (states, saved) = with_float!(wide, T => {
        let mut gates = output::<T>(&gates_shape)?;
        let mut candidate = output::<T>(&candidate_shape)?;
        let mut states = output::<T>(&states_shape)?;
        project::<T>(&x_wide, &of_input, gates.as_mut_slice())?;
        let weights = Weights {
            hidden: elements::<T>(&of_hidden),
            bias: elements(&bias),
            candidate_bias: elements(&candidate_bias),
            initial: elements(&start),
        };
        let sequence = Sequence {
            gates: gates.as_mut_slice(),
            candidate: candidate.as_mut_slice(),
            states: states.as_mut_slice(),
            keep,
        };
        with_cell!(cell, C => forward::<C, T>(level(), size, &weights, sequence))?;
        let saved = vec![finished(gates, &gates_shape, wide), finished(candidate, &candidate_shape, wide)];
        (finished(states, &states_shape, wide), saved)
    });
    outcome(cell, &states, saved, x.dtype(), keep)
}

/// What a layer gives, from the states `[states, time, batch, hidden]` and all that may be saved.
fn outcome(
    cell: RecurrentCell,
    states: &Tensor,
    mut saved: Vec<Tensor>,
    dtype: DType,
    keep: bool,
) -> Result<(Tensor, Vec<Tensor>)> {
    saved.truncate(if !keep { 0 } else { 1 + usize::from(cell.candidate()) });
    Ok((states.permute([0, 2, 1, 3])?.to_dtype(dtype)?, saved))
}

/// The biases as the steps add them: what is added to both products in one, and apart from it the one inside a GRU's new gate.
fn biases(cell: RecurrentCell, hidden: usize, input: &Tensor, of_hidden: &Tensor) -> Result<(Tensor, Tensor)> {
    if !cell.candidate() {
        return Ok((input.add(of_hidden)?, Tensor::zeros([0], input.dtype())?));
    }
    let both = input.narrow(0, 0, 2 * hidden)?.add(&of_hidden.narrow(0, 0, 2 * hidden)?)?;
    let bias = Tensor::concat(&[both, input.narrow(0, 2 * hidden, hidden)?], 0)?;
    Ok((bias, of_hidden.narrow(0, 2 * hidden, hidden)?))
}

/// The products of the inputs of all steps and the weight in one: `[time · batch, gates · hidden]`.
fn project<T: Factor>(x: &Tensor, weight: &Tensor, out: &mut [T]) -> Result<()> {
    let (x, weight) = (x.view::<T>(), weight.view::<T>());
    let &[batch, time, features] = &x.layout.shape[..] else { return Ok(()) };
    let size = ProductSize { m: batch * time, n: weight.layout.shape[0], k: features };
    if features == 0 {
        out.fill(T::ZERO);
        return Ok(());
    }
    let left = Strided {
        data: x.data,
        offset: x.layout.offset,
        lanes: Blocked { block: batch, outer: x.layout.strides[1], inner: x.layout.strides[0] },
        depth: Blocked::plain(x.layout.strides[2]),
    };
    let strides = &weight.layout.strides;
    let right = Strided::plain(weight.data, weight.layout.offset, strides[0], strides[1]);
    gemm::gemm(size, &left as &dyn Operand<T>, &right, Target::plain(out, size.n))
}

/// A buffer for a tensor of this shape.
fn output<T: Lane>(shape: &Shape) -> Result<Buffer> {
    shape.check_size("recurrent", T::DTYPE)?;
    Buffer::for_output::<T>(shape.numel())
}

fn finished(buffer: Buffer, shape: &Shape, dtype: DType) -> Tensor {
    Tensor::from_buffer(buffer, Layout::contiguous(shape.clone()), dtype)
}

/// The elements of a row-major tensor.
fn elements<T: crate::Element>(x: &Tensor) -> &[T] {
    x.view::<T>().as_contiguous().unwrap_or_default()
}
