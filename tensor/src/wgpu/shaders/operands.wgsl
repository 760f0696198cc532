// The operands of an elementwise kernel, whatever their strides: up to three, and a dense result.
//
// The result's axes are numbered from the fastest one; neighbours are merged as far as all operands allow. One invocation makes
// one element.

// Axes that are left after merging.
override RANK: u32 = 1u;
// How a number becomes an element of the result (see `finished` and `rounded`).
override RESULT: u32 = 0u;

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    // Parameters of the function, as bits of a number each.
    low: vec2<u32>,
    high: vec2<u32>,
    offsets: vec4<u32>,
    sizes: array<vec4<u32>, 2>,
    strides: array<array<vec4<i32>, 2>, 3>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> a: array<A>;
@group(0) @binding(3) var<storage, read> b: array<B>;
@group(0) @binding(4) var<storage, read> c: array<C>;

// Where operand `o` has the element of place `i` of the result.
fn place(o: u32, i: u32) -> u32 {
    var rest = i;
    var at = i32(p.offsets[o]);
    for (var axis = 0u; axis + 1u < RANK; axis++) {
        let size = p.sizes[axis / 4u][axis % 4u];
        at += i32(rest % size) * p.strides[o][axis / 4u][axis % 4u];
        rest /= size;
    }
    return u32(at + i32(rest) * p.strides[o][(RANK - 1u) / 4u][(RANK - 1u) % 4u]);
}
