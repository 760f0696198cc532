// y = γ · (x − mean) / √(variance + eps) + β, and 0 in place of what is negative if there is a ReLU.

@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> x: array<A>;
@group(0) @binding(3) var<storage, read> means: array<f32>;
@group(0) @binding(4) var<storage, read> variances: array<f32>;
@group(0) @binding(5) var<storage, read> gammas: array<f32>;
@group(0) @binding(6) var<storage, read> betas: array<f32>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    if !place.inside { return; }
    let channel = channel_of(place.series);
    let gamma = gammas[p.gamma + channel];
    let beta = betas[p.beta + channel];
    let end = end_of(place);
    var j = first_of(place);
    if j >= end { return; }
    var statistic = statistic_of(place.series, j);
    var centre = means[p.mean + statistic];
    var scale = gamma * inverse_deviation(variances[p.variance + statistic]);
    var at = at_element(place.series, j);
    for (; j < end; j += WAYS) {
        if BY_ROW {
            statistic = statistic_of(place.series, j);
            centre = means[p.mean + statistic];
            scale = gamma * inverse_deviation(variances[p.variance + statistic]);
        }
        var y = normalized(f32(x[p.x + at.x]), centre, scale, beta);
        // NaN stays.
        if RELU && y <= 0.0 && !is_nan(y) { y = 0.0; }
        out[at.x] = R(rounded(RESULT, y));
        at = next_element(at);
    }
}
