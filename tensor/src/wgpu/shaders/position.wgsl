// Where the greatest or smallest element of each series is: two words (low and high). Of equal ones the first counts; a NaN is better
// than any number, the first again.
//
// Work is shared out as in reduce.wgsl, and the best of two are chosen pair by pair in shared memory. The parts' positions are the
// candidates of another run of this kernel, whose series these are.
//
// Joined behind a file of numbers and series.wgsl.

// The relation (of the file of numbers) that the better one is in.
override BETTER: u32 = 0u;
override HAS_CANDIDATES: bool = false;

const NOWHERE: u32 = 0xffffffffu;

struct Params {
    walk: Walk,
    offset: u32,
    // Elements of the axis.
    size: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> x: array<A>;
@group(0) @binding(3) var<storage, read> candidates: array<vec2<u32>>;

var<workgroup> values: array<X, LANES * WAYS>;
var<workgroup> positions: array<u32, LANES * WAYS>;

// Whether the second of two elements takes the place of the first.
fn is_better(best: X, best_position: u32, value: X, position: u32) -> bool {
    if position == NOWHERE || best_position == NOWHERE { return best_position == NOWHERE; }
    let best_is_nan = compare(NE, best, best);
    if compare(NE, value, value) { return !best_is_nan || position < best_position; }
    if best_is_nan { return false; }
    return compare(BETTER, value, best) || (compare(EQ, value, best) && position < best_position);
}

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let end = end_of(place);
    let column = place.series % p.walk.columns;
    let row = place.series / p.walk.columns;
    var best = X();
    var best_position = NOWHERE;
    if place.inside {
        for (var j = first_of(place); j < end; j += WAYS) {
            var position = j;
            if HAS_CANDIDATES { position = candidates[(row * p.walk.n + j) * p.walk.columns + column].x; }
            let value = X(x[p.offset + (row * p.size + position) * p.walk.columns + column]);
            if is_better(best, best_position, value, position) {
                best = value;
                best_position = position;
            }
        }
    }
    values[own] = best;
    positions[own] = best_position;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        let other = own + ways * WAY_STEP;
        if place.way < ways && is_better(values[own], positions[own], values[other], positions[other]) {
            values[own] = values[other];
            positions[own] = positions[other];
        }
    }
    if place.inside && place.way == 0u { out[result_at(place)] = vec2(positions[own], 0u); }
}
