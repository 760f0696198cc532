// Folds an axis: out[o, i] = x[o, 0, i] ∘ x[o, 1, i] ∘ … of a tensor [outer, n, inner] that lies in this order.
//
// A workgroup folds a part of the axis for LANES neighbouring elements of `inner`: its invocations each take every WAYS-th element,
// and their results are folded pair by pair in shared memory. Parts are folded by another run of this kernel. So a sum of n numbers
// passes through about log n additions, and its error grows as slowly.
//
// LANES and WAYS stand in front of this file; their product is the number of invocations.

// Which fold (a constant of the file of numbers' `binary`), and which function of an element is folded (of its `unary`).
override FOLD: u32 = 0u;
override FUNCTION: u32 = 0xffffffffu;
override RESULT: u32 = 0u;

struct Params {
    n: u32,
    // Workgroups in a row, of which there are several if one would be too long.
    row: u32,
    inner: u32,
    // Elements of the axis in a part, and parts.
    part: u32,
    parts: u32,
    // Workgroups along `inner`, and in all.
    across: u32,
    groups: u32,
    offset: u32,
    // The result of no element, and a parameter of the function.
    start: vec2<u32>,
    parameter: vec2<u32>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> x: array<A>;

var<workgroup> folded: array<X, LANES * WAYS>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let group = id.x + id.y * p.row;
    let lane = group % p.across * LANES + own % LANES;
    let part = group / p.across % p.parts;
    let outer = group / p.across / p.parts;
    let way = own / LANES;
    var result = from_bits(p.start);
    if group < p.groups && lane < p.inner {
        let end = min(p.n, (part + 1u) * p.part);
        for (var j = part * p.part + way; j < end; j += WAYS) {
            let value = X(x[p.offset + (outer * p.n + j) * p.inner + lane]);
            result = binary(FOLD, result, unary(FUNCTION, value, from_bits(p.parameter), from_bits(p.parameter)), result);
        }
    }
    folded[own] = result;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        if way < ways {
            folded[own] = binary(FOLD, folded[own], folded[own + ways * LANES], result);
        }
    }
    if group < p.groups && lane < p.inner && way == 0u {
        out[(outer * p.parts + part) * p.inner + lane] = R(finished(RESULT, folded[own]));
    }
}
