// The gradient at the input of layer norm in one kernel: the totals of u = γ · dy and of u · x̂ over each row, then
// dx = (u − (Σ u + x̂ · Σ u · x̂) / elements) / √(variance + eps). Series here are rows; the second time they are in the cache.

@group(0) @binding(1) var<storage, read_write> dx: array<R>;
@group(0) @binding(2) var<storage, read> dy: array<B>;
@group(0) @binding(3) var<storage, read> x: array<A>;
@group(0) @binding(4) var<storage, read> means: array<f32>;
@group(0) @binding(5) var<storage, read> variances: array<f32>;
@group(0) @binding(6) var<storage, read> gammas: array<f32>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let start = start_of(place.series);
    var centre = 0.0;
    var inverse = 0.0;
    var sums = vec2(0.0);
    if place.inside {
        centre = means[p.mean + place.series];
        inverse = inverse_deviation(variances[p.variance + place.series]);
        for (var j = place.way; j < p.walk.n; j += WAYS) {
            let u = f32(dy[p.dy + start + j]) * gammas[p.gamma + j];
            sums += vec2(u, u * (f32(x[p.x + start + j]) - centre));
        }
    }
    sums = summed_ways(own, place.way, sums);
    if !place.inside { return; }
    let share = -inverse / p.elements;
    let offset = share * sums.x;
    let slope = share * inverse * inverse * sums.y;
    for (var j = place.way; j < p.walk.n; j += WAYS) {
        let u = f32(dy[p.dy + start + j]) * gammas[p.gamma + j];
        let rest = fma(f32(x[p.x + start + j]) - centre, slope, offset);
        dx[start + j] = R(rounded(RESULT, fma(u, inverse, rest)));
    }
}
