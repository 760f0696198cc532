// Dropout: x times a factor where a random word says so, times 0 elsewhere.
//
// An invocation takes the four neighbours that the words of one counter belong to; the row-major result's last four may reach behind
// its end: its memory is some multiple of 64 bytes long.
//
// Joined behind rounding.wgsl, i64.wgsl and philox.wgsl.

override RESULT: u32 = 0u;

struct Params {
    // Counters, and invocations in a row of workgroups.
    count: u32,
    row: u32,
    seed: vec2<u32>,
    first: vec2<u32>,
    // Which words keep an element, see `is_chosen`.
    ever: u32,
    last: u32,
    scale: f32,
    // Elements, where they begin, and how far apart they lie: 1, or 0 for one that stands for all.
    numel: u32,
    offset: u32,
    step: u32,
    // Where the result begins, in fours.
    out_first: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<R>>;
@group(0) @binding(2) var<storage, read> x: array<A>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let words = philox(p.seed, added(p.first, vec2(i, 0u)));
    let factors = select(vec4(0.0), vec4(p.scale), is_chosen(words, p.ever, p.last));
    var y = vec4(0.0);
    for (var k = 0u; k < 4u; k++) {
        let at = min(4u * i + k, p.numel - 1u);
        y[k] = rounded(RESULT, f32(x[p.offset + at * p.step]) * factors[k]);
    }
    out[p.out_first + i] = vec4<R>(y);
}
