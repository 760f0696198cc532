// The same numbers as u8.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let x = X(a[place(0u, i)]);
    out[i] = to_u8(x);
}
