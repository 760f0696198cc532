// Elements at the places that an index names along an axis; 0 where the index is below 0, which names none.
//
// Operand a is the tensor, whose places are those of the result's elements if every index were 0, and operand b the index.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let index = to_i32(X(b[place(1u, i)]));
    if index < 0 {
        out[i] = R();
        return;
    }
    // The low parameter is how far an index leads.
    out[i] = a[i32(place(0u, i)) + index * bitcast<i32>(p.low.x)];
}
