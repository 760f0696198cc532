// The first element that lies outside of a range: its number, in one word that begins as the greatest of all.
//
// An invocation looks at one element. Only those that find something wrong meet in the word, so what is right costs one reading.

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    offset: u32,
    pad: u32,
    // The range's ends, both inside.
    lowest: vec2<u32>,
    highest: vec2<u32>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> first: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read> x: array<A>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let value = X(x[p.offset + i]);
    if compare(LT, value, from_bits(p.lowest)) || compare(GT, value, from_bits(p.highest)) { atomicMin(&first[0], i); }
}
