// What the kernels of sorting share: pairs of a key and the place that its element has in the row. Equal keys are ordered by their
// places, so equal elements keep their order, and no two pairs are equal.
//
// GROUP (invocations of a workgroup) and TILE (pairs that a workgroup holds, a power of two) stand in front of this file.

var<workgroup> tile_keys: array<K, TILE>;
var<workgroup> tile_places: array<u32, TILE>;

fn precedes(a: K, a_place: u32, b: K, b_place: u32) -> bool {
    return key_is_less(a, b) || (all(a == b) && a_place < b_place);
}
