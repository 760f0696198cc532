// A step back through a recurrent layer: an invocation takes the gradients of one unit of one row back through its gates. The way
// from the gates to the states before is a product with the weight, which is another kernel.
//
// Sequences lie as in recurrent.wgsl, and the same files stand before this one.

struct Params {
    // Units of all rows, and invocations in a row of workgroups.
    count: u32,
    row: u32,
    hidden: u32,
    step: u32,
    // Elements between the first state's gradients and the second's.
    second: u32,
    // There is no step after this one: no product, and nothing carried.
    is_last: u32,
    gates_offset: u32,
    // Of this step and the first unit: an LSTM's cell after it, a GRU's candidate, the state after a plain step; and an LSTM's cell or
    // a GRU's state before.
    other_offset: u32,
    before_offset: u32,
    dy_offset: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
// The gradients of the gates' sums, as the products of the inputs take part in them, and as those of a GRU's states do.
@group(0) @binding(1) var<storage, read_write> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> hidden_gradient: array<f32>;
// What goes from step to step besides the product: the gradient of a cell, or of a GRU's state past the gates.
@group(0) @binding(3) var<storage, read_write> carry: array<f32>;
@group(0) @binding(4) var<storage, read> gates: array<f32>;
@group(0) @binding(5) var<storage, read> other: array<f32>;
@group(0) @binding(6) var<storage, read> before_it: array<f32>;
@group(0) @binding(7) var<storage, read> dy: array<f32>;
@group(0) @binding(8) var<storage, read> product: array<f32>;

// The slope of the logistic function, from its value.
fn slope(gate: f32) -> f32 { return gate * (1.0 - gate); }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let wide = p.hidden;
    let here = (p.step * p.count + i / wide * wide) * number_of_gates() + i % wide;
    let at = p.gates_offset + here;
    var dh = dy[p.dy_offset + p.step * p.count + i];
    var carried = 0.0;
    if p.is_last == 0u {
        dh += product[i];
        carried = carry[i];
    }
    switch CELL {
        case LSTM: {
            let i_gate = gates[at];
            let f_gate = gates[at + wide];
            let g_gate = gates[at + 2u * wide];
            let o_gate = gates[at + 3u * wide];
            let tanh_c = tanh_of(other[p.other_offset + i]);
            // From the step after, from outside, and through the output.
            let outside = carried + dy[p.dy_offset + p.second + p.step * p.count + i];
            let dc = fma(dh * o_gate, 1.0 - tanh_c * tanh_c, outside);
            input[here] = dc * g_gate * slope(i_gate);
            input[here + wide] = dc * before_it[p.before_offset + i] * slope(f_gate);
            input[here + 2u * wide] = dc * i_gate * (1.0 - g_gate * g_gate);
            input[here + 3u * wide] = dh * tanh_c * slope(o_gate);
            carry[i] = dc * f_gate;
        }
        case GRU: {
            let r = gates[at];
            let z = gates[at + wide];
            let n = gates[at + 2u * wide];
            dh += carried;
            let dn = dh * (1.0 - z) * (1.0 - n * n);
            let dz = dh * (before_it[p.before_offset + i] - n) * slope(z);
            let dr = dn * other[p.other_offset + i] * slope(r);
            input[here] = dr;
            input[here + wide] = dz;
            input[here + 2u * wide] = dn;
            hidden_gradient[here] = dr;
            hidden_gradient[here + wide] = dz;
            hidden_gradient[here + 2u * wide] = dn * r;
            carry[i] = dh * z;
        }
        default: {
            let h = other[p.other_offset + i];
            input[here] = dh * (1.0 - h * h);
        }
    }
}
