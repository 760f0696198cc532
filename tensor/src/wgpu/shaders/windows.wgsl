// Convolutions of one to three spatial axes and their two gradients, as products of matrices of which one is never made.
//
// That one, "windows", has a row for each place of a picture and a column for each pair of tap and channel: what the filter's tap
// sees there of that channel, 0 in the padding.
//
//     FORWARD   windows(x)  [places, taps · channels]  · weight [taps · channels, filters]  = y  [places, filters]
//     INPUT     windows(dy) [places of x, taps · filters] · weight [taps · filters, channels] = dx [places of x, channels]
//     WEIGHT    windows(x)ᵀ [taps · channels, places] · dy [places, filters]               = dw [taps · channels, filters]
//
// For INPUT, a tap sees the place whose window it was in, if the stride leads there. Groups are the third axis of the grid. The
// depth may be cut into parts, whose sums are written one behind the other for another kernel to add.
//
// This file says what the matrices' elements are, and where sums go; the product itself is conv.wgsl or cooperative.wgsl. BM and BK, rows
// and steps of a block, stand in front.

const FORWARD: u32 = 0u;
const INPUT: u32 = 1u;
const WEIGHT: u32 = 2u;
override MODE: u32 = 0u;
// Whether neighbours along the depth lie next to each other in the windows: neighbouring invocations read these.
override ALONG_DEPTH: bool = true;
// Whether elements of the picture or of the other matrix are read by four: the windows' channels or the columns lie side by side, and
// all distances are multiples of four. Picture and Matrix are vectors then.
override X_BY_FOUR: bool = false;
override B_BY_FOUR: bool = false;
// Whether any stride is not 1.
override STRIDED: bool = true;
// Whether a bias and a residual are added, and the function of `unary` that follows.
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override ACTIVATION: u32 = 0xffffffffu;
override RESULT: u32 = 0u;

struct Params {
    // Rows, columns and depth of the product.
    m: u32,
    n: u32,
    k: u32,
    // Steps of the depth in a part, a multiple of BK; parts; blocks along the columns.
    part: u32,
    splits: u32,
    blocks: u32,
    // Channels of a group that a window sees.
    channels: u32,
    // Where the picture begins, and how far apart its groups are.
    x_offset: u32,
    x_group: u32,
    // The other matrix: its beginning, and distances of groups and steps; columns are neighbours.
    b_offset: u32,
    b_group: u32,
    b_step: u32,
    // The result: distances of groups and rows; columns are neighbours.
    out_group: u32,
    out_row: u32,
    residual_offset: u32,
    // A parameter of the activation.
    parameter: u32,
    // Sizes of the picture that windows look at, of the places that windows stand for, and of the filter.
    seen: vec3<i32>,
    bias_offset: u32,
    places: vec3<u32>,
    x_image: i32,
    kernel: vec3<u32>,
    x_channel: i32,
    stride: vec3<i32>,
    groups: u32,
    dilation: vec3<i32>,
    // The first workgroups here: along the rows, along the columns and the parts, and along the groups.
    first_down: u32,
    before: vec3<i32>,
    first_across: u32,
    x_strides: vec3<i32>,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> x: array<Picture>;
@group(0) @binding(3) var<storage, read> b: array<Matrix>;
@group(0) @binding(4) var<storage, read> bias: array<Other>;
@group(0) @binding(5) var<storage, read> residual: array<Other>;

// Of the block's rows and of a block of steps: where a place's window begins (image, then spatial), and where a tap looks from
// there (channel, then spatial).
var<workgroup> rows: array<vec4<i32>, BM>;
var<workgroup> steps: array<vec4<i32>, BK>;

// The window of a place, by its number.
fn window(i: u32) -> vec4<i32> {
    let w = i % p.places.z;
    let h = i / p.places.z % p.places.y;
    let d = i / (p.places.z * p.places.y) % p.places.x;
    let image = i / (p.places.z * p.places.y * p.places.x);
    let at = vec3<i32>(vec3(d, h, w));
    if MODE == INPUT { return vec4(i32(image) * p.x_image, at + p.before); }
    return vec4(i32(image) * p.x_image, at * p.stride - p.before);
}

// A tap and a channel, by their number.
fn tap(i: u32) -> vec4<i32> {
    let c = i % p.channels;
    let t = i / p.channels;
    let w = t % p.kernel.z;
    let h = t / p.kernel.z % p.kernel.y;
    let d = t / (p.kernel.z * p.kernel.y);
    let at = vec3<i32>(vec3(d, h, w)) * p.dilation;
    if MODE == INPUT { return vec4(i32(c) * p.x_channel, -at); }
    return vec4(i32(c) * p.x_channel, at);
}

// What a tap sees in a window, of four channels if they are read by four; `start` is where the group begins.
fn seen(start: u32, window: vec4<i32>, tap: vec4<i32>) -> vec4<f32> {
    var at = window.yzw + tap.yzw;
    if MODE == INPUT {
        if any(at < vec3(0)) { return vec4<f32>(); }
        if STRIDED {
            let whole = at / p.stride;
            if any(whole * p.stride != at) { return vec4<f32>(); }
            at = whole;
        }
    }
    if any(at < vec3(0)) || any(at >= p.seen) { return vec4<f32>(); }
    let inner = at * p.x_strides;
    let i = u32(i32(start) + window.x + tap.x + inner.x + inner.y + inner.z);
    if X_BY_FOUR { return vec4<f32>(vec4(x[i / 4u])); }
    return vec4<f32>(vec4(x[i]));
}

// The windows' numbers in a row of the block and one of its steps, or four of them.
fn factor(start: u32, first_row: u32, r: u32, s: u32) -> vec4<f32> {
    if first_row + r >= p.m { return vec4<f32>(); }
    if MODE == WEIGHT { return seen(start, steps[s], rows[r]); }
    return seen(start, rows[r], steps[s]);
}

// Four columns of a step of the other matrix.
fn columns_of(start: u32, column: u32) -> vec4<f32> {
    var values = vec4<f32>();
    let at = start + column;
    if column >= p.n { return values; }
    if B_BY_FOUR { return vec4<f32>(vec4(b[at / 4u])); }
    values.x = vec4<f32>(vec4(b[at])).x;
    if column + 1u < p.n { values.y = vec4<f32>(vec4(b[at + 1u])).x; }
    if column + 2u < p.n { values.z = vec4<f32>(vec4(b[at + 2u])).x; }
    if column + 3u < p.n { values.w = vec4<f32>(vec4(b[at + 3u])).x; }
    return values;
}

fn finished_sum(sum: f32, group: u32, row: u32, column: u32, at: u32) -> f32 {
    var y = sum;
    if HAS_BIAS { y += f32(bias[p.bias_offset + group * p.n + column]); }
    if HAS_RESIDUAL { y += f32(residual[p.residual_offset + at]); }
    let parameter = bitcast<f32>(p.parameter);
    return rounded(RESULT, unary(ACTIVATION, y, parameter, 6.0));
}

// A finished sum, or that of a part of the depth.
fn write(split: u32, group: u32, row: u32, column: u32, sum: f32) {
    if row >= p.m || column >= p.n { return; }
    if p.splits > 1u {
        out[((split * p.groups + group) * p.m + row) * p.n + column] = R(sum);
    } else {
        let at = group * p.out_group + row * p.out_row + column;
        out[at] = R(finished_sum(sum, group, row, column, at));
    }
}

// Looks up the block's rows, or so many of its steps.
fn find_rows(first: u32, own: u32, invocations: u32) {
    for (var i = own; i < BM; i += invocations) {
        if MODE == WEIGHT { rows[i] = tap(first + i); } else { rows[i] = window(first + i); }
    }
}

fn find_steps(first: u32, own: u32, invocations: u32) {
    for (var i = own; i < BK; i += invocations) {
        if MODE == WEIGHT { steps[i] = window(first + i); } else { steps[i] = tap(first + i); }
    }
}
