// The greatest element of each bin, and its place in its map: of equal ones the first; NaN wins, the last one. A bin that reads nothing has
// 0, from nowhere. What a bin reads are neighbours, so the table has their first place along each axis, and how many they are.

@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read_write> places: array<i32>;
@group(0) @binding(3) var<storage, read> x: array<A>;
@group(0) @binding(4) var<storage, read> table: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let bin = bin_of(i);
    if !bin.inside { return; }
    var result = 0.0;
    var place = -1;
    if goes_on() {
        result = f32(out[p.out_offset + i]);
        place = places[p.places_offset + i];
    }
    for (var r = bin.rows.first; r < bin.rows.end; r++) {
        for (var c = bin.columns.first; c < bin.columns.end; c++) {
            let at = (bin.rows.start + r) * p.size.y + bin.columns.start + c;
            let value = f32(x[bin.start + at * p.channels]);
            if place < 0 || is_nan(value) || (value > result && !is_nan(result)) {
                result = value;
                place = i32(at);
            }
        }
    }
    out[p.out_offset + i] = R(result);
    places[p.places_offset + i] = place;
}
