// a where c is true, b elsewhere.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    if c[place(2u, i)] != 0u {
        out[i] = a[place(0u, i)];
    } else {
        out[i] = b[place(1u, i)];
    }
}
