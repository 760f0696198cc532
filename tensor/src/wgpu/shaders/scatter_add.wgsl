// Adds elements to the places that an index names. The first one of a chain (chains.wgsl) adds up all of it, in the index's order.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    var at = i32(place(1u, i));
    let first = b[at];
    if !names_place(first) || !is_first(first) { return; }
    let named_place = named(first, i);
    var from_source = i32(place(0u, i));
    var sum = binary(ADD, X(out[named_place]), X(a[from_source]), X());
    for (var step = i32(next(first)); step > 0; step = i32(next(b[at]))) {
        at += step * bitcast<i32>(p.high.x);
        from_source += step * bitcast<i32>(p.low.y);
        sum = binary(ADD, sum, X(a[from_source]), X());
    }
    out[named_place] = R(finished(RESULT, sum));
}
