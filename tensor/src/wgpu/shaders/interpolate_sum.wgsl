// Resizing by weighted sums, and its gradient, which is the transposed operation and gathers too: an invocation makes one element,
// from all its taps in their order.

override RESULT: u32 = 0u;

fn weight(tap: u32) -> f32 { return bitcast<f32>(table[tap + 1u]); }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let part = i / p.elements;
    let place = place_of(i % p.elements);
    let deep = taps(0u, place.at.x, part);
    let down = taps(1u, place.at.y, part);
    let across = taps(2u, place.at.z, part);
    var sum = 0.0;
    for (var d = deep.x; d < deep.y; d += 2u) {
        var plane = 0.0;
        for (var h = down.x; h < down.y; h += 2u) {
            var line = 0.0;
            for (var w = across.x; w < across.y; w += 2u) {
                line += weight(w) * f32(x[source(place, table[d], table[h], table[w])]);
            }
            plane += weight(h) * line;
        }
        sum += weight(d) * plane;
    }
    out[i] = R(rounded(RESULT, sum));
}
