// The gradient at the input, from the totals of u = γ · dy and of u · x̂ over its statistic, x̂ = (x − mean) / √(variance + eps):
// dx = (u − (Σ u + x̂ · Σ u · x̂) / elements) / √(variance + eps). With a ReLU, dy counts where the result is positive.

@group(0) @binding(1) var<storage, read_write> dx: array<R>;
@group(0) @binding(2) var<storage, read> dy: array<B>;
@group(0) @binding(3) var<storage, read> x: array<A>;
@group(0) @binding(4) var<storage, read> means: array<f32>;
@group(0) @binding(5) var<storage, read> variances: array<f32>;
@group(0) @binding(6) var<storage, read> gammas: array<f32>;
// Only looked at for a ReLU.
@group(0) @binding(7) var<storage, read> betas: array<f32>;
// [2, statistics].
@group(0) @binding(8) var<storage, read> totals: array<f32>;

// dx = scale · dy + slope · (x − centre) + offset.
struct Line {
    centre: f32,
    scale: f32,
    slope: f32,
    offset: f32,
}

fn line_of(series: u32, j: u32, gamma: f32) -> Line {
    let statistic = statistic_of(series, j);
    let inverse = inverse_deviation(variances[p.variance + statistic]);
    let share = -inverse / p.elements;
    let offset = share * totals[p.totals + statistic];
    let slope = share * inverse * totals[p.totals + p.statistics + statistic];
    return Line(means[p.mean + statistic], gamma * inverse, slope, offset);
}

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let end = end_of(place);
    var j = first_of(place);
    if !place.inside || j >= end { return; }
    let channel = channel_of(place.series);
    let gamma = gammas[p.gamma + channel];
    var shift = 0.0;
    if RELU { shift = betas[p.beta + channel]; }
    var line = line_of(place.series, j, gamma);
    var at = at_element(place.series, j);
    for (; j < end; j += WAYS) {
        if BY_ROW { line = line_of(place.series, j, gamma); }
        let value = f32(x[p.x + at.x]);
        var slope = f32(dy[p.dy + at.x]);
        if RELU && !(normalized(value, line.centre, line.scale, shift) > 0.0) { slope = 0.0; }
        dx[at.x] = R(rounded(RESULT, fma(slope, line.scale, fma(value - line.centre, line.slope, line.offset))));
        at = next_element(at);
    }
}
