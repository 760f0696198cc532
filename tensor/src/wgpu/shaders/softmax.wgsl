// Softmax (or its logarithm) of series in one kernel: y = e^(x − max) / Σ e^(x − max). The second time that a series is read it is in
// the cache.
//
// Joined behind rounding.wgsl, series.wgsl and exponentials.wgsl.

override LOG: bool = false;
override RESULT: u32 = 0u;

struct Params {
    walk: Walk,
    offset: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> x: array<A>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let first = at_element(place.series, place.way);
    var e = no_exponentials();
    if place.inside {
        var at = first;
        for (var j = place.way; j < p.walk.n; j += WAYS) {
            e = with_exponential(e, f32(x[p.offset + at.x]));
            at = next_element(at);
        }
    }
    e = exponentials_of_ways(own, place.way, e);
    if !place.inside { return; }
    let ln = natural_logarithm(e.sum);
    var at = first;
    for (var j = place.way; j < p.walk.n; j += WAYS) {
        let value = f32(x[p.offset + at.x]);
        var y = exponential(value - e.greatest) / e.sum;
        if LOG { y = value - e.greatest - ln; }
        out[at.x] = R(rounded(RESULT, y));
        at = next_element(at);
    }
}
