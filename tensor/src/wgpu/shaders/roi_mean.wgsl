// The mean over each bin: a sum of what it reads, with weights. For each axis the table has two words for what is read: the place, and its
// weight.

@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<A>;
@group(0) @binding(3) var<storage, read> table: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let bin = bin_of(i);
    if !bin.inside { return; }
    var sum = 0.0;
    if goes_on() { sum = out[p.out_offset + i]; }
    for (var r = bin.rows.first; r < bin.rows.end; r++) {
        let row = bin.rows.start + 2u * r;
        let start = bin.start + table[row] * p.size.y * p.channels;
        var line = 0.0;
        for (var c = bin.columns.first; c < bin.columns.end; c++) {
            let column = bin.columns.start + 2u * c;
            line += bitcast<f32>(table[column + 1u]) * f32(x[start + table[column] * p.channels]);
        }
        sum += bitcast<f32>(table[row + 1u]) * line;
    }
    out[p.out_offset + i] = sum;
}
