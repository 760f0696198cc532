// What the kernels of running sums and products share: the parts of an axis of [outer, n, inner].
//
// A workgroup takes a part of the axis for LANES neighbours of `inner`; WAYS invocations share the part of each. What runs (Running, and
// how two are joined) is defined in front of this file, as are LANES and WAYS; their product is the number of invocations.

struct Params {
    n: u32,
    // Workgroups in a row, of which there are several if one would be too long.
    row: u32,
    inner: u32,
    offset: u32,
    // Elements of the axis in a part, and parts.
    part: u32,
    parts: u32,
    // Workgroups along `inner`, and in all.
    across: u32,
    groups: u32,
}

@group(0) @binding(0) var<uniform> p: Params;

var<workgroup> shared_by_ways: array<Running, LANES * WAYS>;

// What an invocation works on.
struct Work {
    // The neighbour, and which of those that share its part this is.
    lane: u32,
    way: u32,
    part: u32,
    outer: u32,
    inside: bool,
}

fn work_of(group: u32, own: u32) -> Work {
    let lane = group % p.across * LANES + own % LANES;
    let part = group / p.across % p.parts;
    let outer = group / p.across / p.parts;
    return Work(lane, own / LANES, part, outer, group < p.groups && lane < p.inner);
}

// Joins what all ways have, for each lane. All invocations call it.
fn joined_by_ways(own: u32, value: Running) -> Running {
    shared_by_ways[own] = value;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        if own / LANES < ways {
            shared_by_ways[own] = joined(shared_by_ways[own], shared_by_ways[own + ways * LANES]);
        }
    }
    workgroupBarrier();
    return shared_by_ways[own % LANES];
}
