//! Recurrent layers against their definition, number by number in `f64`, and their gradients against its differences.

use crate::common::{assert_close, devices, scattered};
use ocelli_tensor::{DType, Device, Generator, RecurrentCell, RecurrentWeights, Result, Tensor};

const CELLS: [RecurrentCell; 3] = [RecurrentCell::Lstm, RecurrentCell::Gru, RecurrentCell::Plain];

/// A layer and what goes through it.
struct Problem {
    cell: RecurrentCell,
    /// `[time, batch, hidden, features]`
    sizes: [usize; 4],
    dtype: DType,
    x: Tensor,
    weights: [Tensor; 4],
    initial: Tensor,
    dy: Tensor,
}

/// What [`Problem::run`] gives: the states, then the gradients of inputs, of states, and of the initial ones.
type Outcome = [Tensor; 4];

impl Problem {
    fn new(cell: RecurrentCell, sizes: [usize; 4], dtype: DType) -> Result<Self> {
        let [time, batch, hidden, features] = sizes;
        let (width, states) = (cell.gates() * hidden, cell.states());
        let generator = &mut Generator::new(hidden as u64);
        let mut draw =
            |shape: &[usize], size: f64| Tensor::randn(shape, DType::F32, generator)?.mul(size)?.to_dtype(dtype);
        let share = 1.0 / (hidden as f64).sqrt();
        Ok(Problem {
            cell,
            sizes,
            dtype,
            x: draw(&[batch, time, features], 1.0)?,
            weights: [
                draw(&[width, features], 1.0 / (features.max(1) as f64).sqrt())?,
                draw(&[width, hidden], share)?,
                draw(&[width], 0.5)?,
                draw(&[width], 0.5)?,
            ],
            initial: draw(&[states, batch, hidden], 1.0)?,
            dy: draw(&[states, batch, time, hidden], 1.0)?,
        })
    }

    /// The operation on a device, with operands that lie in this way.
    fn run(&self, device: Device, lie: fn(&Tensor) -> Tensor) -> Result<Outcome> {
        let there = |x: &Tensor| -> Result<Tensor> { Ok(lie(&x.to_device(device)?)) };
        let (x, initial, dy) = (there(&self.x)?, there(&self.initial)?, there(&self.dy)?);
        let weights = self.weights.iter().map(there).collect::<Result<Vec<Tensor>>>()?;
        let [input, hidden, input_bias, hidden_bias] = &weights[..] else { panic!("four weights") };
        let layer = RecurrentWeights { input, hidden, input_bias, hidden_bias };
        let (y, saved) = x.recurrent_saving(self.cell, &layer, &initial)?;
        let plain = x.recurrent(self.cell, &layer, &initial)?;
        let wide_y = y.to_device(Device::Cpu)?.to_dtype(DType::F64)?;
        assert_close(&plain.to_device(Device::Cpu)?.to_dtype(DType::F64)?, &wide_y, 0.0, 0.0, "saving changes nothing");
        let d = y.recurrent_backward(self.cell, hidden, &initial, &saved, &dy)?;
        let outcome = [y, d.input, d.hidden, d.initial];
        assert!(outcome.iter().all(|x| x.device() == device && x.dtype() == self.dtype));
        Ok(outcome)
    }

    /// The states `[states, batch, time, hidden]` by definition, `of_input` and `of_hidden` (`[time, batch, gates · hidden]`) being added to
    /// what inputs and states contribute to the gates.
    fn define(&self, numbers: &Numbers, of_input: &[f64], of_hidden: &[f64], initial: &[f64]) -> Vec<f64> {
        let [time, batch, hidden, features] = self.sizes;
        let width = self.cell.gates() * hidden;
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let [of_x, of_h, input_bias, hidden_bias] = &numbers.weights;
        let place = |state: usize, b: usize, t: usize, j: usize| ((state * batch + b) * time + t) * hidden + j;
        let mut out = vec![0.0; self.cell.states() * batch * time * hidden];
        for b in 0..batch {
            for t in 0..time {
                let before: Vec<f64> = (0..self.cell.states() * hidden)
                    .map(|i| match t {
                        0 => initial[(i / hidden * batch + b) * hidden + i % hidden],
                        _ => out[place(i / hidden, b, t - 1, i % hidden)],
                    })
                    .collect();
                for j in 0..hidden {
                    let input = |gate: usize| {
                        let (row, x) = (gate * hidden + j, &numbers.x[(b * time + t) * features..][..features]);
                        let products = x.iter().zip(&of_x[row * features..]).map(|(x, w)| x * w);
                        products.sum::<f64>() + input_bias[row] + of_input[(t * batch + b) * width + row]
                    };
                    let state = |gate: usize| {
                        let row = gate * hidden + j;
                        let products = before[..hidden].iter().zip(&of_h[row * hidden..]).map(|(h, w)| h * w);
                        products.sum::<f64>() + hidden_bias[row] + of_hidden[(t * batch + b) * width + row]
                    };
                    let sum = |gate: usize| input(gate) + state(gate);
                    match self.cell {
                        RecurrentCell::Lstm => {
                            let c = sigmoid(sum(1)) * before[hidden + j] + sigmoid(sum(0)) * sum(2).tanh();
                            out[place(1, b, t, j)] = c;
                            out[place(0, b, t, j)] = sigmoid(sum(3)) * c.tanh();
                        }
                        RecurrentCell::Gru => {
                            let (r, z) = (sigmoid(sum(0)), sigmoid(sum(1)));
                            let n = (input(2) + r * state(2)).tanh();
                            out[place(0, b, t, j)] = (1.0 - z) * n + z * before[j];
                        }
                        RecurrentCell::Plain => out[place(0, b, t, j)] = sum(0).tanh(),
                    }
                }
            }
        }
        out
    }

    fn numbers(&self) -> Result<Numbers> {
        let weights = self.weights.iter().map(wide).collect::<Result<Vec<_>>>()?;
        Ok(Numbers {
            x: wide(&self.x)?,
            weights: weights.try_into().expect("four weights"),
            initial: wide(&self.initial)?,
        })
    }

    /// The states by definition.
    fn states(&self) -> Result<Tensor> {
        let [time, batch, hidden, _] = self.sizes;
        let (numbers, none) = (self.numbers()?, vec![0.0; time * batch * self.cell.gates() * hidden]);
        let states = self.define(&numbers, &none, &none, &numbers.initial);
        Tensor::from_vec(states, [self.cell.states(), batch, time, hidden])
    }

    /// The gradients, by differences of the definition.
    fn gradients(&self) -> Result<[Tensor; 3]> {
        let [time, batch, hidden, _] = self.sizes;
        let (numbers, dy) = (self.numbers()?, wide(&self.dy)?);
        let width = self.cell.gates() * hidden;
        let zeros = vec![0.0; time * batch * width];
        let start = [zeros.clone(), zeros, numbers.initial.clone()];
        let loss = |at: &[Vec<f64>; 3]| -> f64 {
            let states = self.define(&numbers, &at[0], &at[1], &at[2]);
            states.iter().zip(&dy).map(|(y, dy)| y * dy).sum()
        };
        let difference = |part: usize, i: usize| {
            let moved = |by: f64| {
                let mut at = start.clone();
                at[part][i] += by;
                loss(&at)
            };
            (moved(1e-4) - moved(-1e-4)) / 2e-4
        };
        let of = |part: usize| (0..start[part].len()).map(|i| difference(part, i)).collect::<Vec<f64>>();
        Ok([
            Tensor::from_vec(of(0), [time, batch, width])?,
            Tensor::from_vec(of(1), [time, batch, width])?,
            Tensor::from_vec(of(2), [self.cell.states(), batch, hidden])?,
        ])
    }
}

/// The numbers of a problem, row by row.
struct Numbers {
    x: Vec<f64>,
    weights: [Vec<f64>; 4],
    initial: Vec<f64>,
}

fn wide(x: &Tensor) -> Result<Vec<f64>> {
    x.to_device(Device::Cpu)?.to_dtype(DType::F64)?.to_vec::<f64>()
}

/// What rounding leaves of the results: relative to the largest number of each. Exponentials are within some ulp on every device; halves
/// round the states between the two passes.
fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-11,
        DType::F32 => 1e-5,
        DType::F16 => 4e-3,
        _ => 3e-2,
    }
}

fn compare(actual: &[Tensor], expected: &[Tensor], tolerance: f64, what: &str) -> Result<()> {
    for (part, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let largest = wide(expected)?.iter().fold(1.0f64, |largest, x| largest.max(x.abs()));
        let actual = actual.to_device(Device::Cpu)?.to_dtype(DType::F64)?;
        assert_close(&actual, expected, 0.0, tolerance * largest, &format!("part {part} of {what}"));
    }
    Ok(())
}

#[test]
fn states_and_gradients_follow_the_definition() -> Result<()> {
    for cell in CELLS {
        for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
            let problem = Problem::new(cell, [4, 3, 5, 2], dtype)?;
            let (states, gradients) = (problem.states()?, problem.gradients()?);
            for device in devices(dtype) {
                for lie in [Tensor::clone, scattered as fn(&Tensor) -> Tensor] {
                    let what = format!("{cell:?} of {dtype} on {device}");
                    let outcome = problem.run(device, lie)?;
                    compare(&outcome[..1], std::slice::from_ref(&states), tolerance(dtype), &what)?;
                    // The error of a difference.
                    compare(&outcome[1..], &gradients, tolerance(dtype).max(2e-7), &what)?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn larger_layers_on_every_device() -> Result<()> {
    for cell in CELLS {
        for sizes in [[3, 33, 70, 40], [2, 1, 300, 1], [7, 20, 3, 0]] {
            // The gradients of f64, which the test above compares with differences.
            let fine = Problem::new(cell, sizes, DType::F64)?;
            let states = fine.states()?;
            let expected = fine.run(Device::Cpu, Tensor::clone)?;
            compare(&expected[..1], &[states], tolerance(DType::F64), &format!("{cell:?} {sizes:?}"))?;
            let problem = Problem::new(cell, sizes, DType::F32)?;
            for device in devices(DType::F32) {
                let what = format!("{cell:?} {sizes:?} on {device}");
                compare(&problem.run(device, Tensor::clone)?, &expected, tolerance(DType::F32), &what)?;
            }
        }
    }
    Ok(())
}

#[test]
fn sequences_and_batches_of_none() -> Result<()> {
    for cell in CELLS {
        for sizes @ [time, batch, hidden, _] in [[0, 2, 3, 2], [2, 0, 3, 2]] {
            let problem = Problem::new(cell, sizes, DType::F32)?;
            for device in devices(DType::F32) {
                let [y, input, of_hidden, initial] = problem.run(device, Tensor::clone)?;
                let width = cell.gates() * hidden;
                assert_eq!(y.shape()[..], [cell.states(), batch, time, hidden]);
                assert_eq!(
                    (&input.shape()[..], &of_hidden.shape()[..]),
                    (&[time, batch, width][..], &[time, batch, width][..])
                );
                assert_eq!(wide(&initial)?, vec![0.0; cell.states() * batch * hidden]);
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_no_number_remains_so_in_its_row() -> Result<()> {
    for cell in CELLS {
        for dtype in [DType::F64, DType::F32] {
            let mut problem = Problem::new(cell, [3, 4, 9, 2], dtype)?;
            // Of the second row, from the second step on.
            let place = Tensor::from_vec((0..24).map(|i| i == 8).collect::<Vec<bool>>(), [4, 3, 2])?;
            problem.x = place.where_(&Tensor::full([4, 3, 2], f64::NAN, dtype)?, &problem.x)?;
            for device in devices(dtype) {
                let [y, ..] = problem.run(device, Tensor::clone)?;
                let states = wide(&y.select(0, 0)?)?;
                for (i, h) in states.into_iter().enumerate() {
                    let (row, step) = (i / 27, i / 9 % 3);
                    assert_eq!(
                        h.is_nan(),
                        row == 1 && step >= 1,
                        "{cell:?} of {dtype} on {device}: row {row}, step {step}"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_refused() -> Result<()> {
    for device in devices(DType::F32) {
        let zeros = |shape: &[usize]| Tensor::full_on(device, shape, 0, DType::F32);
        let (x, hidden, bias, initial) = (zeros(&[2, 4, 3])?, zeros(&[6, 2])?, zeros(&[6])?, zeros(&[1, 2, 2])?);
        let weights =
            RecurrentWeights { input: &zeros(&[6, 3])?, hidden: &hidden, input_bias: &bias, hidden_bias: &bias };
        let text = |result: Result<Tensor>| result.unwrap_err().to_string();
        assert_eq!(
            text(zeros(&[2, 4])?.recurrent(RecurrentCell::Gru, &weights, &initial)),
            "recurrent: expected sequences [batch, time, features], received shape [2, 4]"
        );
        assert_eq!(
            text(x.recurrent(RecurrentCell::Lstm, &weights, &initial)),
            "recurrent: expected a tensor of shape [8, 2], received shape [6, 2]"
        );
        let y = x.recurrent(RecurrentCell::Gru, &weights, &initial)?;
        let error = y.recurrent_backward(RecurrentCell::Gru, &hidden, &initial, &[], &y).unwrap_err().to_string();
        assert_eq!(error, "recurrent_backward: expected what the forward pass saved, received 0 tensors");
    }
    Ok(())
}
