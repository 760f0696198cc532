// The gradient of softmax (or its logarithm) of series in one kernel, from its result y and the gradient dy: y · (dy − Σ y · dy), or
// dy − e^y · Σ dy.
//
// Joined behind rounding.wgsl, series.wgsl and sums.wgsl.

override LOG: bool = false;
override RESULT: u32 = 0u;

struct Params {
    walk: Walk,
    y: u32,
    dy: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> y: array<A>;
@group(0) @binding(3) var<storage, read> dy: array<B>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let first = at_element(place.series, place.way);
    var sum = 0.0;
    if place.inside {
        var at = first;
        for (var j = place.way; j < p.walk.n; j += WAYS) {
            var term = f32(dy[p.dy + at.x]);
            if !LOG { term *= f32(y[p.y + at.x]); }
            sum += term;
            at = next_element(at);
        }
    }
    sum = summed_ways(own, place.way, vec2(sum, 0.0)).x;
    if !place.inside { return; }
    var at = first;
    for (var j = place.way; j < p.walk.n; j += WAYS) {
        let value = f32(y[p.y + at.x]);
        let slope = f32(dy[p.dy + at.x]);
        var dx = value * (slope - sum);
        if LOG { dx = slope - exponential(value) * sum; }
        out[at.x] = R(rounded(RESULT, dx));
        at = next_element(at);
    }
}
