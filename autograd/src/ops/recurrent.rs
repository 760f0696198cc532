//! Recurrent layers over whole sequences.

use ocelli_tensor::{RecurrentCell, RecurrentWeights, Tensor};

use crate::{Backward, Error, Keeps, NodeView, Op, Result, Var, is_recording};

/// All states of a recurrent layer after all steps, from an input `[batch, time, features]`, the weights of input and state, the
/// biases of input and state, and the initial states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recurrent {
    /// What happens at a step.
    pub cell: RecurrentCell,
}

impl Recurrent {
    fn weights<'a>(x: &[&'a Tensor]) -> RecurrentWeights<'a> {
        RecurrentWeights { input: x[1], hidden: x[2], input_bias: x[3], hidden_bias: x[4] }
    }

    /// The gradients by kernels, which leave no record.
    fn fused(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let values = (0..node.len()).map(|i| node.input(i)).collect::<Result<Vec<Var>>>()?;
        let [x, of_input, of_hidden, _, _, initial] = &values[..] else { return Ok(vec![None; node.len()]) };
        let states = node.output()?.into_tensor();
        let gates = states.recurrent_backward(
            self.cell,
            of_hidden.tensor(),
            initial.tensor(),
            node.saved_all(),
            dy.tensor(),
        )?;
        let (batch, time, features) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        let rows = |x: &Tensor| -> Result<Tensor> {
            let width = x.shape()[2];
            Ok(x.reshape([x.shape()[0] * x.shape()[1], width])?)
        };
        let of_inputs = rows(&gates.input)?;
        let mut gradients: Vec<Option<Tensor>> = vec![None; node.len()];
        if node.needs(0) {
            let dx = of_inputs.matmul(of_input.tensor())?.reshape([time, batch, features])?;
            gradients[0] = Some(dx.permute([1, 0, 2])?);
        }
        if node.needs(1) {
            gradients[1] = Some(of_inputs.t()?.matmul(&rows(&x.tensor().permute([1, 0, 2])?)?)?);
        }
        if node.needs(2) {
            // The states that the steps began with: the initial one, and those after all steps but the last.
            let steps = time.min(1);
            let first = rows(&gates.hidden.narrow(0, 0, steps)?)?;
            let started = initial.tensor().narrow(0, 0, 1)?.select(0, 0)?;
            let started = started.narrow(0, 0, batch * steps)?;
            let outputs = states.select(0, 0)?.permute([1, 0, 2])?;
            let later = rows(&gates.hidden.narrow(0, steps, time - steps)?)?;
            let gone_on = rows(&outputs.narrow(0, 0, time - steps)?)?;
            gradients[2] = Some(first.t()?.matmul(&started)?.add(&later.t()?.matmul(&gone_on)?)?);
        }
        if node.needs(3) {
            gradients[3] = Some(of_inputs.sum(0)?);
        }
        if node.needs(4) {
            gradients[4] = Some(rows(&gates.hidden)?.sum(0)?);
        }
        if node.needs(5) {
            gradients[5] = Some(gates.initial);
        }
        Ok(gradients.into_iter().map(|gradient| gradient.map(Var::constant)).collect())
    }

    /// The gradients as those of [`steps`], which can be differentiated again.
    fn recorded(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        // A name of its own for each input, so that the walk back ends there even where one input was computed from another.
        let own = (0..node.len())
            .map(|i| {
                let input = node.input(i)?;
                if node.needs(i) { input.reshape(input.shape()) } else { Ok(input.detach()) }
            })
            .collect::<Result<Vec<Var>>>()?;
        let all: Vec<&Var> = own.iter().collect();
        let y = steps(Step::of(self.cell), &all)?;
        let targets: Vec<&Var> = (0..node.len()).filter(|&i| node.needs(i)).map(|i| &own[i]).collect();
        let found = Backward::new().seed(dy.clone()).targets(&targets).create_graph().run(&y)?;
        Ok(own.iter().map(|input| found.find(input).cloned()).collect())
    }
}

impl Op for Recurrent {
    fn name(&self) -> &'static str {
        "recurrent"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].recurrent(self.cell, &Self::weights(x), x[5])?)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        Ok(x[0].recurrent_saving(self.cell, &Self::weights(x), x[5])?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs().and(Keeps::output())
    }

    /// Backward through time: one kernel for the steps, then one matrix product over all steps for each weight. Where the gradient
    /// itself is to be differentiated, it is computed anew from basic operations.
    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        // An empty sequence has no steps to record, and gradients of zero.
        if is_recording() && node.shape(0)[1] > 0 { self.recorded(node, dy) } else { self.fused(node, dy) }
    }
}

/// What one of [`steps`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Lstm,
    Gru { reset_after: bool },
    Plain,
}

impl Step {
    fn of(cell: RecurrentCell) -> Self {
        match cell {
            RecurrentCell::Lstm => Step::Lstm,
            RecurrentCell::Gru => Step::Gru { reset_after: true },
            RecurrentCell::Plain => Step::Plain,
        }
    }
}

/// The states after all steps, `[states, batch, time, hidden]`, step by step from basic operations. The inputs are those of
/// [`Recurrent`], with at least one step.
fn steps(step: Step, inputs: &[&Var]) -> Result<Var> {
    let &[x, of_input, of_hidden, input_bias, hidden_bias, initial] = inputs else {
        return Err(ocelli_tensor::Error::argument("recurrent", "expected six inputs").into());
    };
    let hidden = of_hidden.shape()[1];
    let products = x.matmul(&of_input.t()?)?.add(input_bias)?;
    let back = of_hidden.t()?;
    let mut h = initial.select(0, 0)?;
    let mut c = if step == Step::Lstm { Some(initial.select(0, 1)?) } else { None };
    let (mut outputs, mut cells) = (Vec::new(), Vec::new());
    for t in 0..x.shape()[1] {
        let x = products.select(1, t as isize)?;
        let gate = |of: &Var, i: usize| of.narrow(-1, i * hidden, hidden);
        match step {
            Step::Lstm => {
                let sums = x.add(&h.matmul(&back)?.add(hidden_bias)?)?;
                let kept = match &c {
                    Some(c) => gate(&sums, 1)?.sigmoid()?.mul(c)?,
                    None => gate(&sums, 1)?.zeros()?,
                };
                let new = kept.add(&gate(&sums, 0)?.sigmoid()?.mul(&gate(&sums, 2)?.tanh()?)?)?;
                h = gate(&sums, 3)?.sigmoid()?.mul(&new.tanh()?)?;
                cells.push(new.clone());
                c = Some(new);
            }
            Step::Gru { reset_after } => {
                let (candidate, [r, z]) = if reset_after {
                    let u = h.matmul(&back)?.add(hidden_bias)?;
                    let gates = [0, 1].map(|i| gate(&x, i)?.add(&gate(&u, i)?)?.sigmoid());
                    (Some(gate(&u, 2)?), gates)
                } else {
                    let (back, bias) = (back.narrow(-1, 0, 2 * hidden)?, hidden_bias.narrow(-1, 0, 2 * hidden)?);
                    let u = h.matmul(&back)?.add(&bias)?;
                    (None, [0, 1].map(|i| gate(&x, i)?.add(&gate(&u, i)?)?.sigmoid()))
                };
                let (r, z) = (r?, z?);
                let through = match candidate {
                    Some(u) => r.mul(&u)?,
                    None => r.mul(&h)?.matmul(&gate(&back, 2)?)?.add(&gate(hidden_bias, 2)?)?,
                };
                let n = gate(&x, 2)?.add(&through)?.tanh()?;
                h = n.add(&z.mul(&h.sub(&n)?)?)?;
            }
            Step::Plain => h = x.add(&h.matmul(&back)?.add(hidden_bias)?)?.tanh()?,
        }
        outputs.push(h.clone());
    }
    let h = Var::stack(&outputs, 1)?;
    if cells.is_empty() { h.unsqueeze(0) } else { Var::stack(&[h, Var::stack(&cells, 1)?], 0) }
}

/// The weights of a recurrent layer as variables; see [`RecurrentWeights`].
#[derive(Debug, Clone, Copy)]
pub struct RecurrentVars<'a> {
    /// Of the input, `[gates · hidden, features]`.
    pub input: &'a Var,
    /// Of the state, `[gates · hidden, hidden]`.
    pub hidden: &'a Var,
    /// Of the input, `[gates · hidden]`.
    pub input_bias: &'a Var,
    /// Of the state, `[gates · hidden]`.
    pub hidden_bias: &'a Var,
}

impl Var {
    /// See [`Tensor::recurrent`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn recurrent(&self, cell: RecurrentCell, weights: &RecurrentVars<'_>, initial: &Var) -> Result<Var> {
        let RecurrentVars { input, hidden, input_bias, hidden_bias } = *weights;
        Recurrent { cell }.apply(&[self, input, hidden, input_bias, hidden_bias, initial])
    }

    /// As [`Var::recurrent`] for a GRU whose reset gate stands before the product, `n = tanh(W·x + b + U·(σ(r)·h₀) + b')`: Keras'
    /// `reset_after=False`. It is composed of basic operations, step by step. (K. Cho et al., 2014.)
    ///
    /// # Errors
    /// If there is no step, or as [`Var::recurrent`].
    pub fn gru_reset_before(&self, weights: &RecurrentVars<'_>, initial: &Var) -> Result<Var> {
        const OP: &str = "gru_reset_before";
        let RecurrentVars { input, hidden, input_bias, hidden_bias } = *weights;
        let fail = |expected: String, received: &Var| -> Result<Var> {
            Err(Error::Tensor(ocelli_tensor::Error::shape(OP, expected, received.shape())))
        };
        let &[batch, time, features] = &self.shape()[..] else {
            return fail("sequences [batch, time, features]".into(), self);
        };
        if time == 0 {
            return fail("at least one step".into(), self);
        }
        let units = hidden.shape().last().copied().unwrap_or(0);
        let shapes: [(&Var, &[usize]); 5] = [
            (hidden, &[3 * units, units]),
            (input, &[3 * units, features]),
            (input_bias, &[3 * units]),
            (hidden_bias, &[3 * units]),
            (initial, &[1, batch, units]),
        ];
        for (x, expected) in shapes {
            if x.shape()[..] != *expected {
                return fail(format!("a tensor of shape {expected:?}"), x);
            }
        }
        steps(Step::Gru { reset_after: false }, &[self, input, hidden, input_bias, hidden_bias, initial])
    }
}
