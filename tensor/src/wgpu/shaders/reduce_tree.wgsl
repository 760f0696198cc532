// What the invocations of each series have found is folded pair by pair in shared memory.
//
// Joined behind reduce.wgsl.

var<workgroup> folded: array<X, LANES * WAYS>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let result = found_by(place);
    folded[own] = result;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        if place.way < ways {
            folded[own] = binary(FOLD, folded[own], folded[own + ways * WAY_STEP], result);
        }
    }
    if place.inside && place.way == 0u { out[result_at(place)] = R(finished(RESULT, folded[own])); }
}
