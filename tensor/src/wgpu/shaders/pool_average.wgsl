// The mean of each window.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let channel = i % p.inner;
    let own = windows(i / p.inner);
    var sum = 0.0;
    for (var d = 0u; d < own.deep.count; d++) {
        for (var h = 0u; h < own.down.count; h++) {
            let line = ((own.deep.first + d * p.step.x) * p.input.y + own.down.first + h * p.step.y) * p.input.z;
            for (var w = 0u; w < own.across.count; w++) {
                let at = line + own.across.first + w * p.step.z;
                sum += f32(x[p.offset + (own.plane + at) * p.inner + channel]);
            }
        }
    }
    var mean = sum / (f32(own.deep.divisor) * f32(own.down.divisor) * f32(own.across.divisor));
    if GOES_ON { mean += f32(out[i]); }
    out[i] = R(rounded(RESULT, mean));
}
