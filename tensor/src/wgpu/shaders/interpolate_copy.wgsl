// Resizing by copies, of elements of any type: every place has one tap.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let place = place_of(i);
    let d = table[taps(0u, place.at.x, 0u).x];
    let h = table[taps(1u, place.at.y, 0u).x];
    let w = table[taps(2u, place.at.z, 0u).x];
    out[i] = x[source(place, d, h, w)];
}
