// The mean and the variance of each series, or of parts of it, which another kernel merges.
//
// Every invocation keeps mean and spread of the elements that it has seen, relative to the first element of the statistic; those of
// a workgroup are merged pair by pair.

// Parts are all there is.
override WHOLE: bool = true;

// [statistics]; or [parts, series], the means relative, and sums of squares in place of variances.
@group(0) @binding(1) var<storage, read_write> means: array<f32>;
@group(0) @binding(2) var<storage, read_write> variances: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<A>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    var m = Moments(0.0, 0.0, 0.0);
    var centre = 0.0;
    if place.inside {
        centre = reference(f32(x[p.x + start_of(place.series - place.series % p.spread)]));
        let end = end_of(place);
        var j = first_of(place);
        var at = at_element(place.series, j);
        for (; j < end; j += WAYS) {
            m = with_number(m, f32(x[p.x + at.x]) - centre);
            at = next_element(at);
        }
    }
    m = merged_ways(own, place.way, m);
    if place.inside && place.way == 0u {
        let out = place.part * p.walk.count + place.series;
        means[out] = select(m.mean, centre + m.mean, WHOLE);
        variances[out] = select(m.squares, m.squares / m.count, WHOLE);
    }
}
