// What links.wgsl has written, as operand b of a kernel that writes to the places that an index names. Operand a is the source, and
// what stands as operand 2 the place that an element of the result would have if every index were 0.
//
// The low parameters are how far an index leads in the result, and a step along the axis in the source; the high one is that of b.

const FOLLOWS: u32 = 0x80000000u;

// How far behind an element of a chain the next one is; 0 for the last.
fn next(link: vec2<u32>) -> u32 { return link.y & ~FOLLOWS; }
fn is_first(link: vec2<u32>) -> bool { return (link.y & FOLLOWS) == 0u; }
// An index below 0 names no place.
fn names_place(link: vec2<u32>) -> bool { return bitcast<i32>(link.x) >= 0; }
// The place that element `i` of the index names.
fn named(link: vec2<u32>, i: u32) -> u32 { return u32(i32(place(2u, i)) + bitcast<i32>(link.x) * bitcast<i32>(p.low.x)); }
