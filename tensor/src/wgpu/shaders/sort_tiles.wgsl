// Cuts rows into tiles and sorts each in shared memory, by K. E. Batcher's bitonic network. Of every tile the first pairs are kept:
// all, or as many as are asked for.
//
// A workgroup takes one tile of TILE pairs or several shorter ones, which are rows. The steps of the network all compare in one
// direction (the first of each stage mirrors its upper half), so what fills a tile up stays behind it.

// Whether the pairs are still to be made of elements, and whether the largest comes first.
override FIRST: bool = true;
override DESCENDING: bool = false;

struct Params {
    rows: u32,
    // Workgroups in a row of them, of which there are several if one would be too long.
    row: u32,
    // Elements (or pairs) of a row, and where the first row begins.
    n: u32,
    offset: u32,
    // Tiles of a row, and the size of each: a power of two.
    tiles: u32,
    size: u32,
    // Pairs that are kept of a tile, and of a row.
    keep: u32,
    kept: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> keys_out: array<K>;
@group(0) @binding(2) var<storage, read_write> places_out: array<u32>;
// Elements, or keys and places.
@group(0) @binding(3) var<storage, read> x: array<A>;
@group(0) @binding(4) var<storage, read> places: array<u32>;

// Where pair `e` of the workgroup is: the row, the tile, and the place in that.
fn slot_of(group: u32, e: u32) -> vec3<u32> {
    let tile = group * (TILE / p.size) + e / p.size;
    return vec3(tile / p.tiles, tile % p.tiles, e % p.size);
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let group = id.x + id.y * p.row;
    for (var e = own; e < TILE; e += GROUP) {
        let slot = slot_of(group, e);
        let j = slot.y * p.size + slot.z;
        // Behind the end, what comes behind all others.
        var key = ~K();
        var place = 0xffffffffu;
        if slot.x < p.rows && j < p.n {
            let at = p.offset + slot.x * p.n + j;
            if FIRST {
                key = key_of(X(x[at]));
                if DESCENDING { key = ~key; }
                place = j;
            } else {
                key = K(x[at]);
                place = places[at];
            }
        }
        tile_keys[e] = key;
        tile_places[e] = place;
    }
    for (var size = 2u; size <= p.size; size *= 2u) {
        for (var half = size / 2u; half > 0u; half /= 2u) {
            workgroupBarrier();
            for (var t = own; t < TILE / 2u; t += GROUP) {
                let start = t / half * half * 2u;
                let step = t % half;
                let low = start + step;
                let high = select(low + half, start + size - 1u - step, half == size / 2u);
                let low_key = tile_keys[low];
                let low_place = tile_places[low];
                let high_key = tile_keys[high];
                let high_place = tile_places[high];
                if precedes(high_key, high_place, low_key, low_place) {
                    tile_keys[low] = high_key;
                    tile_places[low] = high_place;
                    tile_keys[high] = low_key;
                    tile_places[high] = low_place;
                }
            }
        }
    }
    workgroupBarrier();
    for (var e = own; e < TILE; e += GROUP) {
        let slot = slot_of(group, e);
        if slot.x < p.rows && slot.y * p.size + slot.z < p.n && slot.z < p.keep {
            let at = slot.x * p.kept + slot.y * p.keep + slot.z;
            keys_out[at] = tile_keys[e];
            places_out[at] = tile_places[e];
        }
    }
}
