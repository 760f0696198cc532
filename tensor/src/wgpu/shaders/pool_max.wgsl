// The greatest element of each window, and its place in its plane: of equal ones the first; NaN wins.

// Whether places are written too.
override HAS_PLACES: bool = false;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let channel = i % p.inner;
    let own = windows(i / p.inner);
    var result = from_bits(p.start);
    var place = -1;
    for (var d = 0u; d < own.deep.count; d++) {
        for (var h = 0u; h < own.down.count; h++) {
            let line = ((own.deep.first + d * p.step.x) * p.input.y + own.down.first + h * p.step.y) * p.input.z;
            for (var w = 0u; w < own.across.count; w++) {
                let at = line + own.across.first + w * p.step.z;
                let value = X(x[p.offset + (own.plane + at) * p.inner + channel]);
                if place < 0 || compare(GT, value, result) || compare(NE, value, value) {
                    result = value;
                    place = i32(at);
                }
            }
        }
    }
    out[i] = R(finished(RESULT, result));
    if HAS_PLACES { places[i] = place; }
}
