// The gradient of cross-entropy at the logits, (softmax(x) · Σ target − target) · dy. Series here are the logits of a position.

@group(0) @binding(1) var<storage, read_write> dx: array<R>;
@group(0) @binding(2) var<storage, read> x: array<A>;
// The class of each position; negative where it does not count.
@group(0) @binding(3) var<storage, read> classes: array<i32>;
// The greatest logit, then the logarithm of the sum of exponentials relative to it, of each position.
@group(0) @binding(4) var<storage, read> statistics: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
@group(0) @binding(6) var<storage, read> weights: array<f32>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let end = end_of(place);
    var j = first_of(place);
    if !place.inside || j >= end { return; }
    let label = classes[p.classes + place.series];
    var most = 0.0;
    var ln = 0.0;
    var slope = 0.0;
    var mass = 0.0;
    if label >= 0 {
        most = statistics[p.statistics + place.series];
        ln = statistics[p.statistics + p.walk.count + place.series];
        slope = dy[p.dy + place.series];
        mass = mass_of(u32(label)) * slope;
    }
    var at = at_element(place.series, j);
    for (; j < end; j += WAYS) {
        // Logits that do not count may be infinite; their gradient is 0 nevertheless.
        var result = 0.0;
        if label >= 0 {
            result = exponential(f32(x[p.x + at.x]) - most - ln) * mass;
            if p.share != 0.0 { result -= weight_of(j) * (p.share * slope); }
            if j == u32(label) { result -= p.own * weight_of(j) * slope; }
        }
        dx[at.x] = R(rounded(RESULT, result));
        at = next_element(at);
    }
}
