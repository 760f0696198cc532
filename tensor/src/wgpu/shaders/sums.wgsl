// Two sums over the invocations that share a series.

var<workgroup> parts_of_sums: array<vec2<f32>, LANES * WAYS>;

// The sums over all ways, for each of them.
fn summed_ways(own: u32, way: u32, sums: vec2<f32>) -> vec2<f32> {
    parts_of_sums[own] = sums;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        if way < ways { parts_of_sums[own] += parts_of_sums[own + ways * WAY_STEP]; }
    }
    workgroupBarrier();
    return parts_of_sums[own - way * WAY_STEP];
}
