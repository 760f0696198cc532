// What the kernels of resizing share: which elements of x make an element of the result, along each axis.
//
// Pictures and result lie in one order: channels-last, or row-major, which is channels-last with a channel for a picture. The table has,
// for each axis, one word for each place of the result and one behind them (where its taps begin in the table), and two words
// for each tap (the place in x, and the weight).

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    // Channels side by side.
    inner: u32,
    offset: u32,
    // Sizes of x and of the result, and where the axes begin in the table.
    input: vec4<u32>,
    output: vec4<u32>,
    table: vec4<u32>,
    // Elements of the result. If taps are many, there are several results to be added up, each of so many words of taps along one axis.
    elements: u32,
    part: u32,
    cut: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> x: array<A>;
@group(0) @binding(3) var<storage, read> table: array<u32>;

// Where an element of the result is: the plane, and the place along each axis.
struct Place {
    plane: u32,
    at: vec3<u32>,
    channel: u32,
}

fn place_of(element: u32) -> Place {
    let i = element / p.inner;
    let w = i % p.output.z;
    let h = i / p.output.z % p.output.y;
    let d = i / (p.output.z * p.output.y) % p.output.x;
    return Place(i / (p.output.z * p.output.y * p.output.x), vec3(d, h, w), element % p.inner);
}

// Where the taps of a place along an axis begin in the table, and where they end.
fn taps(axis: u32, place: u32, part: u32) -> vec2<u32> {
    let begin = table[p.table[axis] + place];
    let end = table[p.table[axis] + place + 1u];
    let first = min(end, begin + select(0u, part * p.part, axis == p.cut));
    return vec2(first, min(end, first + p.part));
}

// Where x has an element.
fn source(place: Place, d: u32, h: u32, w: u32) -> u32 {
    return p.offset + (((place.plane * p.input.x + d) * p.input.y + h) * p.input.z + w) * p.inner + place.channel;
}
