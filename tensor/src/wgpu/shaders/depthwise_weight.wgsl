// The gradient to the weight of a convolution of which every filter sees one channel:
// dw[o, t] = Σ dy[n, o, p] · x[n, o / multiple, p · stride + t · dilation − before] over images n and places p.
//
// A workgroup makes LANES neighbouring filters of one tap, from a part of the places; WAYS invocations share the places of each.
// Parts are folded by another kernel. LANES and WAYS stand in front of this file; their product is the number of invocations.

struct Params {
    // Places of all images.
    n: u32,
    // Workgroups in a row, of which there are several if one would be too long.
    row: u32,
    filters: u32,
    multiple: u32,
    // Places in a part; parts; workgroups along the filters; workgroups in all.
    part: u32,
    parts: u32,
    across: u32,
    groups: u32,
    x_offset: u32,
    dy_offset: u32,
    pad: vec2<u32>,
    seen: vec3<i32>,
    x_image: i32,
    places: vec3<u32>,
    x_channel: i32,
    kernel: vec3<u32>,
    pad0: u32,
    stride: vec3<i32>,
    pad1: u32,
    dilation: vec3<i32>,
    pad2: u32,
    before: vec3<i32>,
    pad3: u32,
    x_strides: vec3<i32>,
    pad4: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
// [parts, taps, filters].
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> x: array<A>;
// Channels-last.
@group(0) @binding(3) var<storage, read> dy: array<B>;

var<workgroup> sums: array<f32, LANES * WAYS>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let group = id.x + id.y * p.row;
    let filter_of = group % p.across * LANES + own % LANES;
    let taps = p.kernel.x * p.kernel.y * p.kernel.z;
    let t = group / p.across % taps;
    let part = group / p.across / taps;
    let way = own / LANES;
    let inside = group < p.groups && filter_of < p.filters;
    let tap = vec3<i32>(vec3(t / (p.kernel.z * p.kernel.y), t / p.kernel.z % p.kernel.y, t % p.kernel.z)) * p.dilation;
    var sum = 0.0;
    if inside {
        let start = i32(p.x_offset) + i32(filter_of / p.multiple) * p.x_channel;
        let end = min(p.n, (part + 1u) * p.part);
        for (var place = part * p.part + way; place < end; place += WAYS) {
            let w = place % p.places.z;
            let h = place / p.places.z % p.places.y;
            let d = place / (p.places.z * p.places.y) % p.places.x;
            let image = place / (p.places.z * p.places.y * p.places.x);
            let at = vec3<i32>(vec3(d, h, w)) * p.stride - p.before + tap;
            if all(at >= vec3(0)) && all(at < p.seen) {
                let inner = at * p.x_strides;
                let value = f32(x[u32(start + i32(image) * p.x_image + inner.x + inner.y + inner.z)]);
                sum = fma(value, f32(dy[p.dy_offset + place * p.filters + filter_of]), sum);
            }
        }
    }
    sums[own] = sum;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        if way < ways { sums[own] += sums[own + ways * LANES]; }
    }
    if inside && way == 0u {
        out[(part * taps + t) * p.filters + filter_of] = R(sums[own]);
    }
}
