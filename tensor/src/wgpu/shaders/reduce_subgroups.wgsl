// Where a workgroup has one series alone: what its invocations have found is folded by each subgroup in registers, and what these give
// by one invocation. Which invocations make a subgroup, and whether all of it are there, does not matter to the instructions used.
//
// Joined behind reduce.wgsl, for numbers that subgroups add.

var<workgroup> folded: array<X, LANES * WAYS>;

// The fold over a subgroup. Its instructions may overlook a NaN among numbers, but no sum does.
fn of_subgroup(x: X) -> X {
    switch FOLD {
        case ADD: { return subgroupAdd(x); }
        case MUL: { return subgroupMul(x); }
        default: {
            let is_nan = compare(NE, x, x);
            let number = select(x, from_bits(p.start), is_nan);
            var result = X();
            if FOLD == MAXIMUM { result = subgroupMax(number); } else { result = subgroupMin(number); }
            let sum = subgroupAdd(x);
            return select(result, sum, subgroupAny(is_nan));
        }
    }
}

@compute @workgroup_size(LANES * WAYS)
fn main(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) own: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(num_subgroups) subgroups: u32,
) {
    let place = place_of(id, own);
    let found = found_by(place);
    // Loops of different lengths lie behind the invocations; now they run together again.
    workgroupBarrier();
    let result_of_subgroup = of_subgroup(found);
    if lane == 0u { folded[subgroup] = result_of_subgroup; }
    workgroupBarrier();
    if own > 0u || !place.inside { return; }
    var result = folded[0];
    for (var i = 1u; i < subgroups; i++) { result = binary(FOLD, result, folded[i], result); }
    out[result_at(place)] = R(finished(RESULT, result));
}
