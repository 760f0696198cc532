// What all elements of each part of an axis come to, as it runs: [outer, parts, inner]. Sums and products may be taken in any order.

@group(0) @binding(1) var<storage, read_write> totals: array<Running>;
@group(0) @binding(2) var<storage, read> x: array<A>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let work = work_of(id.x + id.y * p.row, own);
    var total = nothing();
    if work.inside {
        let end = min(p.n, (work.part + 1u) * p.part);
        for (var j = work.part * p.part + work.way; j < end; j += WAYS) {
            total = joined(total, running(X(x[p.offset + (work.outer * p.n + j) * p.inner + work.lane])));
        }
    }
    total = joined_by_ways(own, total);
    if work.inside && work.way == 0u {
        totals[(work.outer * p.parts + work.part) * p.inner + work.lane] = total;
    }
}
