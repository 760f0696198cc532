// Windows over pictures, for the kernels of pooling: an invocation makes one element of the result.
//
// Pictures and result lie in one order: channels-last, or row-major, which is channels-last with
// a channel for a picture. What windows cover along an axis stands in a table: three words for each (first, count, divisor). Of windows
// of many elements that may be a part, and a run for the next part goes on from the result; so no run takes too many rounds.

override RESULT: u32 = 0u;
// Whether the result is that of a part of each window.
override GOES_ON: bool = false;

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    // Channels side by side.
    inner: u32,
    offset: u32,
    // Sizes of the pictures and of the result, distances of neighbours in a window, and where the axes begin in the table.
    input: vec4<u32>,
    output: vec4<u32>,
    step: vec4<u32>,
    table: vec4<u32>,
    // What the greatest of no element is.
    start: vec2<u32>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read_write> places: array<i32>;
@group(0) @binding(3) var<storage, read> x: array<A>;
@group(0) @binding(4) var<storage, read> table: array<u32>;

struct Window {
    first: u32,
    count: u32,
    divisor: u32,
}

fn window(axis: u32, i: u32) -> Window {
    let at = p.table[axis] + 3u * i;
    return Window(table[at], table[at + 1u], table[at + 2u]);
}

// The windows of one element of the result, along each axis, and the plane of the pictures that they are in.
struct Windows {
    deep: Window,
    down: Window,
    across: Window,
    plane: u32,
}

fn windows(i: u32) -> Windows {
    let w = i % p.output.z;
    let h = i / p.output.z % p.output.y;
    let d = i / (p.output.z * p.output.y) % p.output.x;
    let image = i / (p.output.z * p.output.y * p.output.x);
    return Windows(window(0u, d), window(1u, h), window(2u, w), image * p.input.x * p.input.y * p.input.z);
}
