// The gradient of the mean over bins of regions at the maps: an invocation adds up what one element of the maps gets from the bins that
// read it, region by region. It lies as roi.wgsl says, as does the gradient at the bins.
//
// The other way round, bins would add to elements that they share; without atomic additions that takes links.wgsl's chains, of four places for
// each sample, in pieces that follow one another: a hundred dispatches for a thousand regions, each sorting what it adds. Gathering is one
// dispatch. So that an element need not ask all regions (and a list for each element would not become longer than the maps), there is a list
// for each row of the maps of the rows of bins that read it: a few hundred of a thousand regions of usual size. An entry is dropped after
// one comparison, alike for all channels of an element, which are invocations side by side.
//
// The table has:
// - where the list of each row of each image begins, and behind them where the last one ends; in position-sensitive forms each row has a list for
//   each row of bins;
// - the entries, of five words: the row of bins, its weight, where the columns of its region begin, the first column of the maps that
//   they read, and how many from there on;
// - for the columns of a region: where what reads each of those columns begins, and where it ends; for each of these two words: the
//   column of bins, and its weight.
//
// As in roi.wgsl, what is too long for an invocation is done in parts: of the lists (first.x), and of the bins that read a column (first.y).

const ENTRY: u32 = 5u;

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    channels: u32,
    planes: u32,
    bins: vec2<u32>,
    size: vec2<u32>,
    offset: u32,
    out_offset: u32,
    // The first image that is seen.
    first_image: u32,
    // Where the entries begin in the table.
    entries: u32,
    first: vec2<u32>,
    most: vec2<u32>,
    // Whether other regions or parts have been added before.
    goes_on: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<A>;
@group(0) @binding(3) var<storage, read> table: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let channel = i % p.channels;
    let place = i / p.channels;
    let column = place % p.size.y;
    let line = place / p.size.y;
    let plane = line / p.size.x % p.planes;
    let image = line / p.size.x / p.planes + p.first_image;
    var list = image * p.size.x + line % p.size.x;
    if p.planes > 1u { list = list * p.bins.x + plane / p.bins.y; }
    var entry = table[list] + p.first.x;
    let end = min(table[list + 1u], entry + p.most.x);
    var sum = 0.0;
    if p.goes_on != 0u { sum = out[p.out_offset + i]; }
    for (; entry < end; entry++) {
        let at = p.entries + ENTRY * entry;
        // Before the first column it becomes a very large number.
        let slot = column - table[at + 3u];
        if slot >= table[at + 4u] { continue; }
        let readers = table[at + 2u] + slot;
        var reader = table[readers] + 2u * p.first.y;
        let readers_end = min(table[readers + 1u], reader + 2u * p.most.y);
        let bins = table[at] * p.bins.y;
        var from_bins = 0.0;
        for (; reader < readers_end; reader += 2u) {
            let bin = table[reader];
            // Each bin reads a plane of its own.
            if p.planes > 1u && bin != plane % p.bins.y { continue; }
            from_bins += bitcast<f32>(table[reader + 1u]) * f32(dy[p.offset + (bins + bin) * p.channels + channel]);
        }
        sum += bitcast<f32>(table[at + 1u]) * from_bins;
    }
    out[p.out_offset + i] = sum;
}
