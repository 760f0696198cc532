// y = f(x).

override FUNCTION: u32 = 0u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let y = unary(FUNCTION, X(a[place(0u, i)]), from_bits(p.low), from_bits(p.high));
    out[i] = R(finished(RESULT, y));
}
