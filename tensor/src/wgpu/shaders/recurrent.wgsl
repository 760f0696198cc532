// A step of a recurrent layer, behind the products of inputs and of states with their weights: an invocation takes one unit of one
// row through its gates.
//
// Sequences lie with time outermost: [states, time, batch, hidden] and [time, batch, gates · hidden].
//
// Joined behind rounding.wgsl, f32.wgsl and recurrent_cells.wgsl.

// The gates are written over the products of the inputs, and a GRU's product of the new gate to `candidate`.
override KEEP: bool = false;

struct Params {
    // Units of all rows, and invocations in a row of workgroups.
    count: u32,
    row: u32,
    hidden: u32,
    step: u32,
    // Elements between the first state and the second.
    second: u32,
    // Where what was there before the first step begins, and the biases.
    initial_offset: u32,
    input_bias_offset: u32,
    hidden_bias_offset: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> gates: array<f32>;
@group(0) @binding(2) var<storage, read_write> candidate: array<f32>;
@group(0) @binding(3) var<storage, read_write> states: array<f32>;
@group(0) @binding(4) var<storage, read> products: array<f32>;
@group(0) @binding(5) var<storage, read> initial: array<f32>;
@group(0) @binding(6) var<storage, read> input_bias: array<f32>;
@group(0) @binding(7) var<storage, read> hidden_bias: array<f32>;

// What a unit's gate gets from the inputs, and from the states.
fn from_input(at: u32, bias: u32) -> f32 { return gates[at] + input_bias[p.input_bias_offset + bias]; }
fn from_states(at: u32, bias: u32) -> f32 { return products[at] + hidden_bias[p.hidden_bias_offset + bias]; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let unit = i % p.hidden;
    let batch_row = i / p.hidden;
    // Of a gate's numbers for this unit: among the products, and among those of all steps.
    let own = batch_row * number_of_gates() * p.hidden + unit;
    let here = p.step * p.count * number_of_gates() + own;
    let after = p.step * p.count + i;
    let wide = p.hidden;
    switch CELL {
        case LSTM: {
            let i_gate = sigmoid(from_input(here, unit) + from_states(own, unit));
            let f_gate = sigmoid(from_input(here + wide, unit + wide) + from_states(own + wide, unit + wide));
            let g_gate = tanh_of(from_input(here + 2u * wide, unit + 2u * wide) + from_states(own + 2u * wide, unit + 2u * wide));
            let o_gate = sigmoid(from_input(here + 3u * wide, unit + 3u * wide) + from_states(own + 3u * wide, unit + 3u * wide));
            var before = 0.0;
            if p.step == 0u {
                before = initial[p.initial_offset + p.count + i];
            } else {
                before = states[p.second + after - p.count];
            }
            let c = fma(f_gate, before, i_gate * g_gate);
            states[p.second + after] = c;
            states[after] = o_gate * tanh_of(c);
            if KEEP {
                gates[here] = i_gate;
                gates[here + wide] = f_gate;
                gates[here + 2u * wide] = g_gate;
                gates[here + 3u * wide] = o_gate;
            }
        }
        case GRU: {
            let r = sigmoid(from_input(here, unit) + from_states(own, unit));
            let z = sigmoid(from_input(here + wide, unit + wide) + from_states(own + wide, unit + wide));
            let u = from_states(own + 2u * wide, unit + 2u * wide);
            let n = tanh_of(fma(r, u, from_input(here + 2u * wide, unit + 2u * wide)));
            var before = 0.0;
            if p.step == 0u { before = initial[p.initial_offset + i]; } else { before = states[after - p.count]; }
            states[after] = fma(z, before - n, n);
            if KEEP {
                gates[here] = r;
                gates[here + wide] = z;
                gates[here + 2u * wide] = n;
                candidate[after] = u;
            }
        }
        default: {
            states[after] = tanh_of(from_input(here, unit) + from_states(own, unit));
        }
    }
}
