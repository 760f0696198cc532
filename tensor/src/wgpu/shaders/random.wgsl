// Random floats: drawn evenly from 0..1, or from the standard normal distribution.
//
// An invocation makes the four numbers of one counter, so that they are the CPU's, and writes them at once. The last four may reach
// behind the tensor's end: its memory is some multiple of 64 bytes long.
//
// Even numbers are the CPU's bit for bit. Normal ones are so up to rounding, in f32: logarithm, sine and cosine are made here of
// multiplications, as adapters need not know them well enough (WGSL asks of a sine for an error below 2⁻¹¹).
//
// Joined behind rounding.wgsl, i64.wgsl and philox.wgsl.

override NORMAL: bool = false;
// How a number becomes an element of the result (see `rounded`).
override RESULT: u32 = 0u;

struct Params {
    // Counters, and invocations in a row of workgroups.
    count: u32,
    row: u32,
    seed: vec2<u32>,
    first: vec2<u32>,
    // Even numbers: bits of a word that are left out, and what a step of the others is worth.
    shift: u32,
    step: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<R>>;

// 24 bits in 0..1.
fn unit(word: u32) -> f32 { return f32(word >> 8u) * 0x1p-24; }

// Cosine and sine of 2π·x for 0 ≤ x < 1: of what is left to the nearest quarter of a turn (exact), by their series.
fn turned(x: f32) -> vec2<f32> {
    let quarter = floor(4.0 * x + 0.5);
    let angle = (4.0 * x - quarter) * 1.5707963267948966;
    let t = angle * angle;
    let sine = angle * (1.0 + t * (-1.0 / 6.0 + t * (1.0 / 120.0 + t * (-1.0 / 5040.0 + t * (1.0 / 362880.0)))));
    let cosine = 1.0 + t * (-0.5 + t * (1.0 / 24.0 + t * (-1.0 / 720.0 + t * (1.0 / 40320.0))));
    switch u32(quarter) & 3u {
        case 1u: { return vec2(-sine, cosine); }
        case 2u: { return vec2(-cosine, -sine); }
        case 3u: { return vec2(sine, -cosine); }
        default: { return vec2(cosine, sine); }
    }
}

// Two words as two independent numbers (G. Box and M. Muller, 1958). 1 − u lies in (0, 1], where the logarithm is finite.
fn normal_pair(a: u32, b: u32) -> vec2<f32> {
    return sqrt(max(-2.0 * natural_logarithm(1.0 - unit(a)), 0.0)) * turned(unit(b));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let words = philox(p.seed, added(p.first, vec2(i, 0u)));
    var x = vec4<f32>(words >> vec4(p.shift)) * p.step;
    if NORMAL {
        x = vec4(normal_pair(words.x, words.y), normal_pair(words.z, words.w));
        x = vec4(rounded(RESULT, x.x), rounded(RESULT, x.y), rounded(RESULT, x.z), rounded(RESULT, x.w));
    }
    out[i] = vec4<R>(x);
}
