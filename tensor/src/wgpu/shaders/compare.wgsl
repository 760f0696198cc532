// Whether a and b are in a relation.

override FUNCTION: u32 = 0u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    out[i] = select(0u, 1u, compare(FUNCTION, X(a[place(0u, i)]), X(b[place(1u, i)])));
}
