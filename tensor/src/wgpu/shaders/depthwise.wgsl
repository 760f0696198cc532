// Convolutions of which every filter sees one channel, and their gradient to the input: an invocation makes one element.
//
// FORWARD: y[n, o, p] = Σ x[n, o / multiple, p · stride + t · dilation − before] · w[o, t] over the taps t.
// INPUT: the transposed operation: what each place of x gives to the results of its `multiple` filters.
// The result is dense with its channels as the fastest axis.

const FORWARD: u32 = 0u;
const INPUT: u32 = 1u;
override MODE: u32 = 0u;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override ACTIVATION: u32 = 0xffffffffu;
override RESULT: u32 = 0u;

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    // Channels of the result, and filters that see each channel of the picture.
    channels: u32,
    multiple: u32,
    x_offset: u32,
    w_offset: u32,
    residual_offset: u32,
    parameter: u32,
    // Sizes of the picture that is read, of the result, and of the filter.
    seen: vec3<i32>,
    x_image: i32,
    places: vec3<u32>,
    x_channel: i32,
    kernel: vec3<i32>,
    bias_offset: u32,
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
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> x: array<A>;
@group(0) @binding(3) var<storage, read> w: array<B>;
@group(0) @binding(4) var<storage, read> bias: array<C>;
@group(0) @binding(5) var<storage, read> residual: array<C>;

// The sum over the taps of one filter, at a place of the result.
fn sum_of(image: u32, at: vec3<i32>, channel: u32, filter_of: u32) -> f32 {
    let start = i32(p.x_offset) + i32(image) * p.x_image + i32(channel) * p.x_channel;
    let taps = p.kernel.x * p.kernel.y * p.kernel.z;
    var sum = 0.0;
    for (var t = 0; t < taps; t++) {
        let tap = vec3(t / (p.kernel.z * p.kernel.y), t / p.kernel.z % p.kernel.y, t % p.kernel.z) * p.dilation;
        var from_place = at * p.stride - p.before + tap;
        var counts = true;
        if MODE == INPUT {
            let reached = at + p.before - tap;
            from_place = reached / p.stride;
            counts = all(reached >= vec3(0)) && all(from_place * p.stride == reached);
        }
        if counts && all(from_place >= vec3(0)) && all(from_place < p.seen) {
            let inner = from_place * p.x_strides;
            let weight = f32(w[p.w_offset + filter_of * u32(taps) + u32(t)]);
            sum = fma(f32(x[u32(start + inner.x + inner.y + inner.z)]), weight, sum);
        }
    }
    return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let channel = i % p.channels;
    var rest = i / p.channels;
    let at_w = rest % p.places.z;
    rest /= p.places.z;
    let at_h = rest % p.places.y;
    rest /= p.places.y;
    let at = vec3<i32>(vec3(rest % p.places.x, at_h, at_w));
    let image = rest / p.places.x;
    var y = 0.0;
    if MODE == INPUT {
        for (var f = 0u; f < p.multiple; f++) {
            let filter_of = channel * p.multiple + f;
            y += sum_of(image, at, filter_of, filter_of);
        }
    } else {
        y = sum_of(image, at, channel / p.multiple, channel);
    }
    if HAS_BIAS { y += f32(bias[p.bias_offset + channel]); }
    if HAS_RESIDUAL { y += f32(residual[p.residual_offset + i]); }
    let parameter = bitcast<f32>(p.parameter);
    out[i] = R(rounded(RESULT, unary(ACTIVATION, y, parameter, 6.0)));
}
