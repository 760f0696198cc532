// One number everywhere.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    out[i] = R(finished(RESULT, from_bits(p.low)));
}
