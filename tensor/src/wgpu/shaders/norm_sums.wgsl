// For each series, or parts of it, Σ dy and Σ dy · (x − mean) / √(variance + eps): the gradients of β and γ are sums of these, and so
// is what the input's gradient needs of its group. With a ReLU, dy counts where the result is positive.

// [parts, 2, series].
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<B>;
@group(0) @binding(3) var<storage, read> x: array<A>;
@group(0) @binding(4) var<storage, read> means: array<f32>;
@group(0) @binding(5) var<storage, read> variances: array<f32>;
// Only looked at for a ReLU.
@group(0) @binding(6) var<storage, read> gammas: array<f32>;
@group(0) @binding(7) var<storage, read> betas: array<f32>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let end = end_of(place);
    var j = first_of(place);
    var sums = vec2(0.0);
    if place.inside && j < end {
        var statistic = statistic_of(place.series, j);
        var centre = means[p.mean + statistic];
        var inverse = inverse_deviation(variances[p.variance + statistic]);
        var scale = 0.0;
        var shift = 0.0;
        if RELU {
            let channel = channel_of(place.series);
            scale = gammas[p.gamma + channel] * inverse;
            shift = betas[p.beta + channel];
        }
        var at = at_element(place.series, j);
        for (; j < end; j += WAYS) {
            let value = f32(x[p.x + at.x]);
            var slope = f32(dy[p.dy + at.x]);
            if BY_ROW {
                statistic = statistic_of(place.series, j);
                centre = means[p.mean + statistic];
                inverse = inverse_deviation(variances[p.variance + statistic]);
            }
            if RELU && !(normalized(value, centre, scale, shift) > 0.0) { slope = 0.0; }
            let product = slope * (value - centre);
            sums += vec2(slope, select(product, product * inverse, BY_ROW));
            at = next_element(at);
        }
        if !BY_ROW { sums.y *= inverse; }
    }
    sums = summed_ways(own, place.way, sums);
    if place.inside && place.way == 0u {
        let at = place.part * 2u * p.walk.count + place.series;
        out[at] = sums.x;
        out[at + p.walk.count] = sums.y;
    }
}
