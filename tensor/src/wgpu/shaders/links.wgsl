// Ties the elements of an index [outer, n, inner] along n to chains: those of one number, in their order. Who writes to the places that
// an index names follows a chain, or leaves the work to the chain's first or last element; so no two invocations meet in one place, and
// the order of sums does not depend on chance.
//
// The axis is cut into pieces of CHUNK elements, each with chains of its own. A workgroup takes SEGMENTS pieces, COUNT elements in all,
// and sorts each by number and position in shared memory (bitonic sort, Batcher 1968), which brings neighbours of a chain side by side.
//
// The result has two words for each element: the number, and how far behind it the next of its chain is (0: it is the last). The highest
// bit of the latter tells that another one is before it.
//
// Pieces have to be worked on one after the other: an axis of a million takes a thousand dispatches of whoever follows the chains.
//
// CHUNK and SEGMENTS stand in front of this file, both powers of two.

const COUNT: u32 = CHUNK * SEGMENTS;
const GROUP: u32 = 256u;
const FOLLOWS: u32 = 0x80000000u;

struct Params {
    n: u32,
    // Workgroups in a row, of which there are several if one would be too long.
    row: u32,
    inner: u32,
    // Pieces of the axis, and of all axes.
    parts: u32,
    segments: u32,
    offset: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> index: array<A>;

var<workgroup> numbers: array<u32, COUNT>;
var<workgroup> positions: array<u32, COUNT>;

// Where the first element of a piece is, and how many elements it has.
fn piece(segment: u32) -> vec2<u32> {
    if segment >= p.segments { return vec2(0u, 0u); }
    let lane = segment % p.inner;
    let part = segment / p.inner % p.parts;
    let outer = segment / p.inner / p.parts;
    return vec2((outer * p.n + part * CHUNK) * p.inner + lane, min(CHUNK, p.n - part * CHUNK));
}

fn is_behind(one: u32, other: u32) -> bool {
    return numbers[one] > numbers[other] || (numbers[one] == numbers[other] && positions[one] > positions[other]);
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let first = (id.x + id.y * p.row) * SEGMENTS;
    for (var i = own; i < COUNT; i += GROUP) {
        // Pieces side by side are read side by side.
        let own_piece = piece(first + i % SEGMENTS);
        let j = i / SEGMENTS;
        let slot = i % SEGMENTS * CHUNK + j;
        // What is missing comes last, behind what names no place.
        var number = 0xffffffffu;
        if j < own_piece.y { number = bitcast<u32>(to_i32(X(index[p.offset + own_piece.x + j * p.inner]))); }
        numbers[slot] = number;
        positions[slot] = j;
    }
    for (var run = 2u; run <= CHUNK; run *= 2u) {
        for (var distance = run / 2u; distance > 0u; distance /= 2u) {
            workgroupBarrier();
            for (var i = own; i < COUNT / 2u; i += GROUP) {
                let low = 2u * i - i % distance;
                let high = low + distance;
                // Runs ascend and descend in turn; pieces ascend.
                let ascends = (low & run & (CHUNK - 1u)) == 0u;
                if is_behind(low, high) == ascends {
                    let number = numbers[low];
                    let position = positions[low];
                    numbers[low] = numbers[high];
                    positions[low] = positions[high];
                    numbers[high] = number;
                    positions[high] = position;
                }
            }
        }
    }
    workgroupBarrier();
    for (var slot = own; slot < COUNT; slot += GROUP) {
        let own_piece = piece(first + slot / CHUNK);
        let j = positions[slot];
        if j >= own_piece.y { continue; }
        let rank = slot % CHUNK;
        var link = 0u;
        if rank + 1u < CHUNK && numbers[min(slot + 1u, COUNT - 1u)] == numbers[slot] { link = positions[slot + 1u] - j; }
        if rank > 0u && numbers[max(slot, 1u) - 1u] == numbers[slot] { link |= FOLLOWS; }
        out[own_piece.x + j * p.inner] = vec2(numbers[slot], link);
    }
}
