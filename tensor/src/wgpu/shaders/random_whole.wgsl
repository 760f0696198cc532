// Random whole numbers of a range, and booleans: bit for bit those of the CPU.
//
// An invocation makes the four numbers of one counter and writes them at once. The last four may reach behind the tensor's end: its
// memory is some multiple of 64 bytes long.
//
// Joined behind i64.wgsl and philox.wgsl.

// Booleans instead of numbers of a range; numbers of two words.
override BOOLEAN: bool = false;
override WIDE: bool = false;

struct Params {
    // Counters, and invocations in a row of workgroups.
    count: u32,
    row: u32,
    seed: vec2<u32>,
    first: vec2<u32>,
    // The least number, and how many there are; 0 stands for 2³².
    low: vec2<u32>,
    span: u32,
    // Of booleans, see `is_chosen`.
    ever: u32,
    last: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;

// The upper word of word · span, from `low` on.
fn number(word: u32) -> vec2<u32> {
    var upper = word;
    if p.span != 0u { upper = wide_product(word, p.span).y; }
    return added(p.low, vec2(upper, 0u));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    let words = philox(p.seed, added(p.first, vec2(i, 0u)));
    if BOOLEAN {
        out[i] = select(vec4(0u), vec4(1u), is_chosen(words, p.ever, p.last));
        return;
    }
    let a = number(words.x);
    let b = number(words.y);
    let c = number(words.z);
    let d = number(words.w);
    if WIDE {
        out[2u * i] = vec4(a, b);
        out[2u * i + 1u] = vec4(c, d);
    } else {
        out[i] = vec4(a.x, b.x, c.x, d.x);
    }
}
