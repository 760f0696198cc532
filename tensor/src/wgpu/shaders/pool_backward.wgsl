// The gradient of pooling at its input: an invocation adds up what one place of a picture gets from the windows that cover it, in
// their order.
//
// Pictures lie as in pool.wgsl, places (for the greatest elements) as the gradient. The table has, for each axis, two words for each place (the first window that may cover it, and
// how many; or a part of these, a run for the next of which goes on from the result), and behind these the divisors of the windows.

const MAX: u32 = 0u;
const AVERAGE: u32 = 1u;
override MODE: u32 = 0u;
override RESULT: u32 = 0u;
// Whether the result is the sum of some of the windows.
override GOES_ON: bool = false;

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    inner: u32,
    dy_offset: u32,
    places_offset: u32,
    pad0: u32,
    pad1: u32,
    pad2: u32,
    // Sizes of the pictures and of the gradient, and where the axes begin in the table.
    input: vec4<u32>,
    output: vec4<u32>,
    table: vec4<u32>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> dy: array<A>;
@group(0) @binding(3) var<storage, read> table: array<u32>;
// Of the greatest elements; not looked at for averages.
@group(0) @binding(4) var<storage, read> places: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let channel = i % p.inner;
    let volume = p.input.x * p.input.y * p.input.z;
    let own = i / p.inner % volume;
    let plane = i / p.inner / volume * p.output.x * p.output.y * p.output.z;
    let at = vec3(own / (p.input.y * p.input.z), own / p.input.z % p.input.y, own % p.input.z);
    let entry = p.table.xyz + 2u * at;
    let first = vec3(table[entry.x], table[entry.y], table[entry.z]);
    let count = vec3(table[entry.x + 1u], table[entry.y + 1u], table[entry.z + 1u]);
    let divisors = p.table.xyz + 2u * p.input.xyz;
    var sum = 0.0;
    for (var d = 0u; d < count.x; d++) {
        for (var h = 0u; h < count.y; h++) {
            for (var w = 0u; w < count.z; w++) {
                let window = first + vec3(d, h, w);
                let place = plane + (window.x * p.output.y + window.y) * p.output.z + window.z;
                let from_window = place * p.inner + channel;
                let slope = f32(dy[p.dy_offset + from_window]);
                if MODE == AVERAGE {
                    let divisor = f32(table[divisors.x + window.x]) * f32(table[divisors.y + window.y]) * f32(table[divisors.z + window.z]);
                    sum += slope / divisor;
                } else if places[p.places_offset + from_window] == i32(own) {
                    sum += slope;
                }
            }
        }
    }
    if GOES_ON { sum += f32(out[i]); }
    out[i] = R(rounded(RESULT, sum));
}
