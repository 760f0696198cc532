use ocelli_autograd::Var;
use ocelli_autograd::ops::recurrent::RecurrentVars;
use ocelli_tensor::RecurrentCell;

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    // Input, both weights, both biases, initial states.
    let inputs = |case: Case, gates: usize, states: usize, [batch, time, features, hidden]: [usize; 4]| {
        case.input(&[batch, time, features], -1.0, 1.0)
            .input(&[gates * hidden, features], -1.0, 1.0)
            .input(&[gates * hidden, hidden], -1.0, 1.0)
            .input(&[gates * hidden], -1.0, 1.0)
            .input(&[gates * hidden], -1.0, 1.0)
            .input(&[states, batch, hidden], -1.0, 1.0)
    };
    let recurrent = |name: &str, cell: RecurrentCell, sizes: [usize; 4]| {
        let run = case(format!("recurrent {name}"), move |v| v[0].recurrent(cell, &weights(v), &v[5]));
        inputs(run, cell.gates(), cell.states(), sizes)
    };
    vec![
        recurrent("lstm", RecurrentCell::Lstm, [2, 3, 2, 2]),
        recurrent("lstm of one step", RecurrentCell::Lstm, [1, 1, 3, 2]),
        recurrent("lstm without steps", RecurrentCell::Lstm, [2, 0, 2, 2]),
        recurrent("lstm without sequences", RecurrentCell::Lstm, [0, 2, 2, 1]),
        recurrent("gru", RecurrentCell::Gru, [2, 3, 2, 2]),
        recurrent("plain", RecurrentCell::Plain, [2, 3, 2, 3]),
        inputs(case("recurrent gru, reset before", |v| v[0].gru_reset_before(&weights(v), &v[5])), 3, 1, [2, 2, 2, 2]),
        // One variable as input, weight and initial state.
        case("recurrent of one variable", |v| {
            let bias = v[0].sum(0)?;
            let (x, weights) = (
                v[0].unsqueeze(0)?,
                RecurrentVars { input: &v[0], hidden: &v[0], input_bias: &bias, hidden_bias: &bias },
            );
            x.recurrent(RecurrentCell::Plain, &weights, &bias.reshape([1, 1, 2])?)
        })
        .input(&[2, 2], -1.0, 1.0),
    ]
}

fn weights(v: &[Var]) -> RecurrentVars<'_> {
    RecurrentVars { input: &v[1], hidden: &v[2], input_bias: &v[3], hidden_bias: &v[4] }
}
