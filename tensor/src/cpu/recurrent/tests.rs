//! The kernels against loops over single numbers, at every instruction set of this processor.

use super::backward::{Gradients, Saved, backward};
use super::forward::{Sequence, Weights, forward};
use super::{Cell, Gru, Lstm, Plain, Size};
use crate::cpu::simd::{Lane, Level};

fn numbers<T: Lane>(count: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    };
    (0..count).map(|_| T::from_f64(next())).collect()
}

struct Problem<T> {
    size: Size,
    gates: Vec<T>,
    weight: Vec<T>,
    bias: Vec<T>,
    candidate_bias: Vec<T>,
    initial: Vec<T>,
    dy: Vec<T>,
}

struct Outcome<T> {
    gates: Vec<T>,
    candidate: Vec<T>,
    states: Vec<T>,
    /// Gradients of input, hidden and initial.
    gradients: [Vec<T>; 3],
}

impl<T: Lane> Problem<T> {
    fn new<C: Cell>(size: Size) -> Self {
        let Size { time, batch, hidden } = size;
        let width = C::GATES * hidden;
        Problem {
            size,
            gates: numbers(time * batch * width, 1),
            weight: numbers(width * hidden, 2),
            bias: numbers(width, 3),
            candidate_bias: numbers(if C::CANDIDATE { hidden } else { 0 }, 4),
            initial: numbers(C::STATES * batch * hidden, 5),
            dy: numbers(C::STATES * time * batch * hidden, 6),
        }
    }

    fn solve<C: Cell>(&self, level: Level) -> Outcome<T> {
        let Size { time, batch, hidden } = self.size;
        let zeros = |count: usize| vec![T::ZERO; count];
        let candidates = if C::CANDIDATE { time * batch * hidden } else { 0 };
        let mut out = Outcome {
            gates: self.gates.clone(),
            candidate: zeros(candidates),
            states: zeros(self.dy.len()),
            gradients: [
                zeros(self.gates.len()),
                zeros(if C::CANDIDATE { self.gates.len() } else { 0 }),
                zeros(self.initial.len()),
            ],
        };
        let weights = Weights {
            hidden: &self.weight,
            bias: &self.bias,
            candidate_bias: &self.candidate_bias,
            initial: &self.initial,
        };
        let sequence =
            Sequence { gates: &mut out.gates, candidate: &mut out.candidate, states: &mut out.states, keep: true };
        forward::<C, T>(level, self.size, &weights, sequence).unwrap();
        let saved = Saved {
            weight: &self.weight,
            initial: &self.initial,
            gates: &out.gates,
            candidate: &out.candidate,
            states: &out.states,
            dy: &self.dy,
        };
        let [input, of_hidden, initial] = &mut out.gradients;
        backward::<C, T>(level, self.size, &saved, Gradients { input, hidden: of_hidden, initial }).unwrap();
        out
    }

    /// The states, number by number in f64.
    fn reference<C: Cell>(&self) -> Vec<f64> {
        let Size { time, batch, hidden } = self.size;
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mut out = vec![0.0; self.dy.len()];
        for b in 0..batch {
            for t in 0..time {
                let before = |out: &[f64], state: usize, j: usize| match t {
                    0 => self.initial[(state * batch + b) * hidden + j].to_f64(),
                    _ => out[((state * time + t - 1) * batch + b) * hidden + j],
                };
                for j in 0..hidden {
                    let product = |gate: usize| -> f64 {
                        let row = &self.weight[(gate * hidden + j) * hidden..][..hidden];
                        row.iter().enumerate().map(|(k, w)| w.to_f64() * before(&out, 0, k)).sum()
                    };
                    let input = |gate: usize| {
                        let place = gate * hidden + j;
                        (self.gates[(t * batch + b) * C::GATES * hidden + place] + self.bias[place]).to_f64()
                    };
                    let at = |state: usize| ((state * time + t) * batch + b) * hidden + j;
                    match C::GATES {
                        4 => {
                            let [i, f, g, o] = std::array::from_fn(|gate| product(gate) + input(gate));
                            let c = sigmoid(f) * before(&out, 1, j) + sigmoid(i) * g.tanh();
                            out[at(1)] = c;
                            out[at(0)] = sigmoid(o) * c.tanh();
                        }
                        3 => {
                            let [r, z] = [0, 1].map(|gate| sigmoid(product(gate) + input(gate)));
                            let n = (input(2) + r * (product(2) + self.candidate_bias[j].to_f64())).tanh();
                            out[at(0)] = (1.0 - z) * n + z * before(&out, 0, j);
                        }
                        _ => out[at(0)] = (product(0) + input(0)).tanh(),
                    }
                }
            }
        }
        out
    }
}

#[track_caller]
fn close<T: Lane>(actual: &[T], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let error = (a.to_f64() - e).abs();
        assert!(error <= tolerance * (1.0 + e.abs()), "{what} at {i}: expected {e}, received {a:?}");
    }
}

fn check<C: Cell, T: Lane>(size: Size, tolerance: f64) {
    let problem = Problem::<T>::new::<C>(size);
    let expected = problem.reference::<C>();
    let portable = problem.solve::<C>(Level::Portable);
    for level in Level::all() {
        let what = format!("{} gates, {size:?}, {level:?}", C::GATES);
        let outcome = problem.solve::<C>(level);
        close(&outcome.states, &expected, tolerance, &what);
        for (actual, expected) in outcome.gradients.iter().zip(&portable.gradients) {
            let expected: Vec<f64> = expected.iter().map(|x| x.to_f64()).collect();
            close(actual, &expected, 8.0 * tolerance, &format!("gradient, {what}"));
        }
    }
}

/// Hidden sizes around those of vectors and panels, batches around those of tiles and tasks.
#[test]
fn all_cells_at_every_level_of_this_processor() {
    let sizes = [(1, 1, 1), (3, 2, 7), (2, 9, 16), (4, 17, 33), (2, 40, 5), (3, 32, 64), (0, 3, 4), (2, 0, 3)];
    for (time, batch, hidden) in sizes {
        let size = Size { time, batch, hidden };
        check::<Lstm, f32>(size, 4e-6);
        check::<Gru, f32>(size, 4e-6);
        check::<Plain, f32>(size, 4e-6);
        check::<Lstm, f64>(size, 1e-13);
        check::<Gru, f64>(size, 1e-13);
        check::<Plain, f64>(size, 1e-13);
    }
}

#[test]
fn a_row_does_not_depend_on_its_batch() {
    let size = Size { time: 3, batch: 37, hidden: 20 };
    let whole = Problem::<f32>::new::<Lstm>(size);
    for level in Level::all() {
        let all = whole.solve::<Lstm>(level).states;
        for row in [0, 15, 16, 36] {
            let of = |x: &[f32], width: usize| -> Vec<f32> {
                x.chunks_exact(width).skip(row).step_by(37).flatten().copied().collect()
            };
            let alone = Problem {
                size: Size { batch: 1, ..size },
                gates: of(&whole.gates, 80),
                initial: of(&whole.initial, 20),
                dy: of(&whole.dy, 20),
                weight: whole.weight.clone(),
                bias: whole.bias.clone(),
                candidate_bias: Vec::new(),
            };
            assert_eq!(alone.solve::<Lstm>(level).states, of(&all, 20), "row {row}, {level:?}");
        }
    }
}
