// The greatest element of each window, and its place in its plane: of equal ones the first; NaN wins.

// Whether places are written too.
override HAS_PLACES: bool = false;
// Whether the pictures' elements are the greatest of windows themselves, whose places are known.
override HAS_FOUND: bool = false;

@group(0) @binding(5) var<storage, read> found: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let channel = i % p.inner;
    let own = windows(i / p.inner);
    var result = from_bits(p.start);
    var place = -1;
    if GOES_ON {
        result = X(out[i]);
        // Without places, nothing is less preferred than what stands for no element.
        place = 0;
        if HAS_PLACES { place = places[i]; }
    }
    for (var d = 0u; d < own.deep.count; d++) {
        for (var h = 0u; h < own.down.count; h++) {
            let line = ((own.deep.first + d * p.step.x) * p.input.y + own.down.first + h * p.step.y) * p.input.z;
            for (var w = 0u; w < own.across.count; w++) {
                let at = line + own.across.first + w * p.step.z;
                let element = (own.plane + at) * p.inner + channel;
                let value = X(x[p.offset + element]);
                if place < 0 || compare(GT, value, result) || compare(NE, value, value) {
                    result = value;
                    place = i32(at);
                    if HAS_FOUND { place = found[element]; }
                }
            }
        }
    }
    out[i] = R(finished(RESULT, result));
    if HAS_PLACES { places[i] = place; }
}
