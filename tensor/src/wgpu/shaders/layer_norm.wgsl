// Layer norm in one kernel: mean and variance of each row, then y = (x − mean) / √(variance + eps) · γ + β. Series here are rows; the
// second time their elements are in the cache.

@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read_write> means: array<f32>;
@group(0) @binding(3) var<storage, read_write> variances: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<A>;
@group(0) @binding(5) var<storage, read> gammas: array<f32>;
@group(0) @binding(6) var<storage, read> betas: array<f32>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let start = start_of(place.series);
    var m = Moments(0.0, 0.0, 0.0);
    var centre = 0.0;
    if place.inside {
        centre = reference(f32(x[p.x + start]));
        for (var j = place.way; j < p.walk.n; j += WAYS) {
            m = with_number(m, f32(x[p.x + start + j]) - centre);
        }
    }
    m = merged_ways(own, place.way, m);
    if !place.inside { return; }
    centre += m.mean;
    let variance = m.squares / m.count;
    if place.way == 0u {
        means[place.series] = centre;
        variances[place.series] = variance;
    }
    let inverse = inverse_deviation(variance);
    for (var j = place.way; j < p.walk.n; j += WAYS) {
        let y = fma((f32(x[p.x + start + j]) - centre) * inverse, gammas[p.gamma + j], betas[p.beta + j]);
        out[start + j] = R(rounded(RESULT, y));
    }
}
