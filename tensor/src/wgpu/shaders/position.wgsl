// Where the greatest or smallest element of an axis of [outer, n, inner] is: out[o, i], two words (low and high). Of equal ones the
// first counts; a NaN is better than any number, the first again.
//
// Work is shared out as in reduce.wgsl: a workgroup searches a part of the axis for LANES neighbours of `inner`, its invocations each
// every WAYS-th element, and the best of two are chosen pair by pair in shared memory. The parts' positions are the candidates of
// another run of this kernel.
//
// LANES and WAYS stand in front of this file; their product is the number of invocations.

// The relation (of the file of numbers) that the better one is in.
override BETTER: u32 = 0u;
override HAS_CANDIDATES: bool = false;

const NOWHERE: u32 = 0xffffffffu;

struct Params {
    // Elements of the axis, or candidates.
    n: u32,
    // Workgroups in a row, of which there are several if one would be too long.
    row: u32,
    inner: u32,
    // Of these in a part, and parts.
    part: u32,
    parts: u32,
    // Workgroups along `inner`, and in all.
    across: u32,
    groups: u32,
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
    let group = id.x + id.y * p.row;
    let lane = group % p.across * LANES + own % LANES;
    let part = group / p.across % p.parts;
    let outer = group / p.across / p.parts;
    let way = own / LANES;
    let inside = group < p.groups && lane < p.inner;
    var best = X();
    var best_position = NOWHERE;
    if inside {
        let end = min(p.n, (part + 1u) * p.part);
        for (var j = part * p.part + way; j < end; j += WAYS) {
            var position = j;
            if HAS_CANDIDATES { position = candidates[(outer * p.n + j) * p.inner + lane].x; }
            let value = X(x[p.offset + (outer * p.size + position) * p.inner + lane]);
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
        let other = own + ways * LANES;
        if way < ways && is_better(values[own], positions[own], values[other], positions[other]) {
            values[own] = values[other];
            positions[own] = positions[other];
        }
    }
    if inside && way == 0u { out[(outer * p.parts + part) * p.inner + lane] = vec2(positions[own], 0u); }
}
