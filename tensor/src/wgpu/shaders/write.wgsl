// The elements of a to places of the result that lie with any strides, which stand as those of operand 1; no two coincide.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    out[place(1u, i)] = a[place(0u, i)];
}
