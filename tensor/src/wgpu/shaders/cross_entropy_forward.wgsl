// The cross-entropy −Σ target · log softmax(x) of each position, with the greatest logit and the logarithm of the sum of exponentials
// relative to it. Series here are the logits of a position.
//
// Every invocation sums exponentials of the logits that it sees. Only where all classes have a share of the target are the logits
// read again, which the cache then holds.

// [positions]; [2, positions].
@group(0) @binding(1) var<storage, read_write> losses: array<R>;
@group(0) @binding(2) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<A>;
// The class of each position; negative where it does not count.
@group(0) @binding(4) var<storage, read> classes: array<i32>;
@group(0) @binding(5) var<storage, read> weights: array<f32>;

var<private> nan_bits: u32 = 0x7fc00000u;

// Where the target is 0 the term is 0, also for a logit of −∞.
fn term(logit: f32, factor: f32, most: f32, ln: f32) -> f32 {
    if factor == 0.0 { return 0.0; }
    return factor * ((most - logit) + ln);
}

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let way = place.way;
    var e = no_exponentials();
    if place.inside {
        var at = at_element(place.series, way);
        for (var j = way; j < p.walk.n; j += WAYS) {
            e = with_exponential(e, f32(x[p.x + at.x]));
            at = next_element(at);
        }
    }
    e = exponentials_of_ways(own, way, e);
    let most = e.greatest;
    // Relative to an infinity nothing is a number.
    var ln = natural_logarithm(e.sum);
    if is_nan(most) || is_infinite(most) { ln = bitcast<f32>(nan_bits); }
    let label = select(-1, classes[p.classes + min(place.series, p.walk.count - 1u)], place.inside);
    var shared_loss = 0.0;
    if p.share != 0.0 {
        if label >= 0 {
            var at = at_element(place.series, way);
            for (var j = way; j < p.walk.n; j += WAYS) {
                shared_loss += term(f32(x[p.x + at.x]), p.share * weight_of(j), most, ln);
                at = next_element(at);
            }
        }
        shared_loss = summed_ways(own, way, vec2(shared_loss, 0.0)).x;
    }
    if place.inside && way == 0u {
        statistics[place.series] = most;
        statistics[p.walk.count + place.series] = ln;
        var loss = 0.0;
        if label >= 0 {
            let logit = f32(x[p.x + at_element(place.series, u32(label)).x]);
            loss = shared_loss + term(logit, p.own * weight_of(u32(label)), most, ln);
        }
        losses[place.series] = R(rounded(RESULT, loss));
    }
}
