// Running sums and products: out[o, j, i] = x[o, 0, i] ∘ … ∘ x[o, j, i].
//
// A workgroup joins the totals of the parts before its own, then goes through its part in rounds of WAYS · STEP elements: an invocation
// joins STEP neighbours, those results are scanned in shared memory (W. D. Hillis and G. L. Steele, 1986), and what all came to
// stands before the next round.

@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> x: array<A>;
// Not looked at if there is one part.
@group(0) @binding(3) var<storage, read> totals: array<Running>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let work = work_of(id.x + id.y * p.row, own);
    var before = nothing();
    if p.parts > 1u {
        if work.inside {
            for (var j = work.way; j < work.part; j += WAYS) {
                before = joined(before, totals[(work.outer * p.parts + j) * p.inner + work.lane]);
            }
        }
        before = joined_by_ways(own, before);
        workgroupBarrier();
    }
    let end = select(0u, min(p.n, (work.part + 1u) * p.part), work.inside);
    var values: array<Running, STEP>;
    for (var round = 0u; round < p.part; round += WAYS * STEP) {
        let first = work.part * p.part + round + work.way * STEP;
        let start = (work.outer * p.n + first) * p.inner + work.lane;
        var total = nothing();
        for (var s = 0u; s < STEP; s++) {
            if first + s < end {
                total = joined(total, running(X(x[p.offset + start + s * p.inner])));
            }
            values[s] = total;
        }
        shared_by_ways[own] = total;
        workgroupBarrier();
        for (var distance = 1u; distance < WAYS; distance *= 2u) {
            var sum = shared_by_ways[own];
            if work.way >= distance { sum = joined(shared_by_ways[own - distance * LANES], sum); }
            workgroupBarrier();
            shared_by_ways[own] = sum;
            workgroupBarrier();
        }
        var own_before = before;
        if work.way > 0u { own_before = joined(before, shared_by_ways[own - LANES]); }
        for (var s = 0u; s < STEP; s++) {
            if first + s < end {
                out[start + s * p.inner] = R(result_of(joined(own_before, values[s])));
            }
        }
        before = joined(before, shared_by_ways[own % LANES + (WAYS - 1u) * LANES]);
        workgroupBarrier();
    }
}
