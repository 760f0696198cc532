// y = f(a, b).

override FUNCTION: u32 = 0u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let y = binary(FUNCTION, X(a[place(0u, i)]), X(b[place(1u, i)]), from_bits(p.low));
    out[i] = R(finished(RESULT, y));
}
