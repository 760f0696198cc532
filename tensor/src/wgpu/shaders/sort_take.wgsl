// The first elements of each row in order, and their places as i64.

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    // Elements of a row in the result, among the sorted places and in the tensor.
    k: u32,
    kept: u32,
    n: u32,
    offset: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> values: array<A>;
@group(0) @binding(2) var<storage, read_write> indices: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> x: array<A>;
@group(0) @binding(4) var<storage, read> places: array<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let place = places[i / p.k * p.kept + i % p.k];
    values[i] = x[p.offset + i / p.k * p.n + place];
    indices[i] = vec2(place, 0u);
}
