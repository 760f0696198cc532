// Class indices as cross-entropy takes them: -1 where a label does not count, -2 where it is no class.

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    classes: u32,
    offset: u32,
    // The label of positions that do not count, if there is one.
    ignored: vec2<u32>,
    has_ignored: u32,
    // Where the result begins.
    first: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<i32>;
// Low and high words.
@group(0) @binding(2) var<storage, read> labels: array<vec2<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let label = labels[p.offset + i];
    var number = -2;
    if label.y == 0u && label.x < p.classes { number = i32(label.x); }
    if p.has_ignored != 0u && all(label == p.ignored) { number = -1; }
    out[p.first + i] = number;
}
