// Series of elements in dense memory that is seen as [batch, outer, columns, run]: series (b, c) has the elements [b, :, c, :].
//
// LANES series side by side, or one behind the other, share a workgroup; WAYS invocations share each, or the part of it that a
// workgroup takes: each invocation takes every WAYS-th element. Neighbouring invocations are LANE_STEP = 1 apart in series, or
// WAY_STEP = 1 apart along them, whichever lies side by side in memory. These four stand in front of this file, LANES · WAYS being
// the number of invocations; and a file behind it has `p`, whose first member is `walk`.

struct Walk {
    // Elements of a series.
    n: u32,
    // Workgroups in a row, of which there are several if one would be too long.
    row: u32,
    columns: u32,
    run: u32,
    // Series in all, and such whose workgroups follow one another: of one b, or all.
    count: u32,
    side: u32,
    // Elements of a part; parts of a series.
    part: u32,
    parts: u32,
    // Workgroups along `side`, and in all.
    across: u32,
    groups: u32,
    // From an element of an invocation to the next: in memory, within the run, and in memory where that leaves the run.
    jump: u32,
    shift: u32,
    wrap: u32,
    pad0: u32,
    pad1: u32,
    pad2: u32,
}

// What an invocation works on.
struct Place {
    series: u32,
    part: u32,
    way: u32,
    inside: bool,
}

fn place_of(id: vec3<u32>, own: u32) -> Place {
    let group = id.x + id.y * p.walk.row;
    let along = group / p.walk.across;
    let series = group % p.walk.across * LANES + own / LANE_STEP % LANES;
    let first = along / p.walk.parts * p.walk.side;
    let inside = group < p.walk.groups && series < p.walk.side;
    return Place(first + series, along % p.walk.parts, own / WAY_STEP % WAYS, inside);
}

// The first element of an invocation, by its number in the series, and the end of its part.
fn first_of(place: Place) -> u32 { return place.part * p.walk.part + place.way; }
fn end_of(place: Place) -> u32 { return min(p.walk.n, (place.part + 1u) * p.walk.part); }

// Where a series begins.
fn start_of(series: u32) -> u32 {
    return series / p.walk.columns * p.walk.n * p.walk.columns + series % p.walk.columns * p.walk.run;
}

// Where element `j` of a series lies, in memory (x) and in its run (y).
fn at_element(series: u32, j: u32) -> vec2<u32> {
    let within = j % p.walk.run;
    return vec2(start_of(series) + j / p.walk.run * p.walk.columns * p.walk.run + within, within);
}

// The same WAYS elements further on.
fn next_element(at: vec2<u32>) -> vec2<u32> {
    let next = at + vec2(p.walk.jump, p.walk.shift);
    if next.y < p.walk.run { return next; }
    return next + vec2(p.walk.wrap, 0u - p.walk.run);
}

// Where the result of a part lies in [batch, parts, columns].
fn result_at(place: Place) -> u32 {
    let columns = p.walk.columns;
    return (place.series / columns * p.walk.parts + place.part) * columns + place.series % columns;
}
