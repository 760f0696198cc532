// The mean and the variance of each statistic from those of its parts: series here are the parts of one statistic.

@group(0) @binding(1) var<storage, read_write> means: array<f32>;
@group(0) @binding(2) var<storage, read_write> variances: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<A>;
// See `norm_moments.wgsl`.
@group(0) @binding(4) var<storage, read> part_means: array<f32>;
@group(0) @binding(5) var<storage, read> part_squares: array<f32>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    var m = Moments(0.0, 0.0, 0.0);
    if place.inside {
        for (var j = place.way; j < p.walk.n; j += WAYS) {
            let part = j / p.spread;
            let count = min(p.of_part, p.of_n - part * p.of_part);
            let at = (part * p.walk.count + place.series) * p.spread + j % p.spread;
            m = merged(m, Moments(f32(count), part_means[at], part_squares[at]));
        }
    }
    m = merged_ways(own, place.way, m);
    if place.inside && place.way == 0u {
        let first = place.series * p.spread;
        let at = first / p.of_columns * p.of_n * p.of_columns + first % p.of_columns * p.of_run;
        means[place.series] = reference(f32(x[p.x + at])) + m.mean;
        variances[place.series] = m.squares / m.count;
    }
}
