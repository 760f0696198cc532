// Merges sorted runs two by two. Of every result the first pairs are kept: all, or as many as are asked for.
//
// A workgroup makes TILE neighbours of a result. Which parts of the two runs they come from is found by bisection ("merge path":
// O. Green, R. McColl and D. Bader, 2012); in shared memory each pair then counts those of the other part that precede it.

struct Params {
    rows: u32,
    // Workgroups in a row of them, of which there are several if one would be too long.
    row: u32,
    // Pairs of a row before, and of a run (the last may be shorter).
    n: u32,
    run: u32,
    // Results of a row, and the tiles of each.
    merges: u32,
    tiles: u32,
    // Pairs that are kept of a result, and of a row.
    keep: u32,
    kept: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> keys_out: array<K>;
@group(0) @binding(2) var<storage, read_write> places_out: array<u32>;
@group(0) @binding(3) var<storage, read> keys: array<K>;
@group(0) @binding(4) var<storage, read> places: array<u32>;

// Of the runs a and b, which begin at `start` one behind the other: how many of the first `count` pairs in order are of a.
fn taken(start: u32, a: u32, b: u32, count: u32) -> u32 {
    var low = count - min(count, b);
    var high = min(count, a);
    while low < high {
        let middle = (low + high) / 2u;
        let of_a = start + middle;
        let of_b = start + a + count - 1u - middle;
        if precedes(keys[of_a], places[of_a], keys[of_b], places[of_b]) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low;
}

var<workgroup> cuts: array<u32, 2>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let group = id.x + id.y * p.row;
    let tile = group % p.tiles;
    let merge = group / p.tiles % p.merges;
    let row = group / p.tiles / p.merges;
    let begin = merge * 2u * p.run;
    let start = row * p.n + begin;
    let a = min(p.run, p.n - begin);
    let b = min(p.run, p.n - begin - a);
    // What there is to make: nothing behind the end.
    let most = select(0u, min(a + b, p.keep), row < p.rows);
    let first = min(tile * TILE, most);
    let last = min(first + TILE, most);
    if own < 2u { cuts[own] = taken(start, a, b, select(first, last, own == 1u)); }
    workgroupBarrier();
    let from_a = start + cuts[0];
    let from_b = start + a + first - cuts[0];
    let count = last - first;
    let of_a = cuts[1] - cuts[0];
    for (var e = own; e < count; e += GROUP) {
        let at = select(from_b + e - of_a, from_a + e, e < of_a);
        tile_keys[e] = keys[at];
        tile_places[e] = places[at];
    }
    workgroupBarrier();
    for (var e = own; e < count; e += GROUP) {
        let key = tile_keys[e];
        let place = tile_places[e];
        let is_of_a = e < of_a;
        let others = select(0u, of_a, is_of_a);
        var low = others;
        var high = select(of_a, count, is_of_a);
        while low < high {
            let middle = (low + high) / 2u;
            if precedes(tile_keys[middle], tile_places[middle], key, place) {
                low = middle + 1u;
            } else {
                high = middle;
            }
        }
        let rank = select(e - of_a, e, is_of_a) + low - others;
        let at = row * p.kept + merge * p.keep + first + rank;
        keys_out[at] = key;
        places_out[at] = place;
    }
}
