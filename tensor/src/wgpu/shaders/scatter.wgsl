// Writes elements to the places that an index names. Of several for one place the last one of their chain (chains.wgsl) writes.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let link = b[place(1u, i)];
    if names_place(link) && next(link) == 0u { out[named(link, i)] = a[place(0u, i)]; }
}
