// The gradient of softmax (or its logarithm) along the middle axis of [outer, n, inner], from its result y and the gradient dy:
// y · (dy − Σ y · dy), or dy − e^y · Σ dy.
//
// A workgroup takes LANES neighbours of `inner`; WAYS invocations share the axis of each. LANES and WAYS stand in front of this
// file; their product is the number of invocations.

override LOG: bool = false;
override RESULT: u32 = 0u;

struct Params {
    n: u32,
    // Workgroups in a row, of which there are several if one would be too long.
    row: u32,
    inner: u32,
    // Workgroups along `inner`, and in all.
    across: u32,
    groups: u32,
    y_offset: u32,
    dy_offset: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> y: array<A>;
@group(0) @binding(3) var<storage, read> dy: array<B>;

var<workgroup> sums: array<f32, LANES * WAYS>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let group = id.x + id.y * p.row;
    let lane = group % p.across * LANES + own % LANES;
    let way = own / LANES;
    let start = group / p.across * p.n * p.inner + lane;
    let inside = group < p.groups && lane < p.inner;
    var sum = 0.0;
    if inside {
        for (var j = way; j < p.n; j += WAYS) {
            let at = start + j * p.inner;
            var term = f32(dy[p.dy_offset + at]);
            if !LOG { term *= f32(y[p.y_offset + at]); }
            sum += term;
        }
    }
    sums[own] = sum;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        if way < ways { sums[own] += sums[own + ways * LANES]; }
    }
    workgroupBarrier();
    sum = sums[own % LANES];
    if inside {
        for (var j = way; j < p.n; j += WAYS) {
            let at = start + j * p.inner;
            let value = f32(y[p.y_offset + at]);
            let slope = f32(dy[p.dy_offset + at]);
            var dx = value * (slope - sum);
            if LOG { dx = slope - exp(value) * sum; }
            out[at] = R(rounded(RESULT, dx));
        }
    }
}
