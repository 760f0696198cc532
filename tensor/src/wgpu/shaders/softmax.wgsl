// Softmax (or its logarithm) along the middle axis of [outer, n, inner], in one kernel: y = e^(x − max) / Σ e^(x − max).
//
// A workgroup takes LANES neighbours of `inner`; WAYS invocations share the axis of each. Every one keeps its greatest element and
// the sum of exponentials relative to that, and two such pairs merge by scaling the sum of the lesser.
//
// LANES and WAYS stand in front of this file; their product is the number of invocations.

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
    offset: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> x: array<A>;

var<workgroup> greatest: array<f32, LANES * WAYS>;
var<workgroup> sums: array<f32, LANES * WAYS>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let group = id.x + id.y * p.row;
    let lane = group % p.across * LANES + own % LANES;
    let way = own / LANES;
    let start = p.offset + group / p.across * p.n * p.inner + lane;
    let inside = group < p.groups && lane < p.inner;
    var most = bitcast<f32>(lowest_bits);
    var sum = 0.0;
    if inside {
        for (var j = way; j < p.n; j += WAYS) {
            let value = f32(x[start + j * p.inner]);
            let next = larger(value, most);
            sum = sum * relative(most, next) + relative(value, next);
            most = next;
        }
    }
    greatest[own] = most;
    sums[own] = sum;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        if way < ways {
            let other = own + ways * LANES;
            let next = larger(greatest[own], greatest[other]);
            sums[own] = sums[own] * relative(greatest[own], next) + sums[other] * relative(greatest[other], next);
            greatest[own] = next;
        }
    }
    workgroupBarrier();
    most = greatest[own % LANES];
    sum = sums[own % LANES];
    if inside {
        let at = start - p.offset;
        for (var j = way; j < p.n; j += WAYS) {
            let value = f32(x[start + j * p.inner]);
            var y = exp(value - most) / sum;
            if LOG { y = value - most - log(sum); }
            out[at + j * p.inner] = R(rounded(RESULT, y));
        }
    }
}
