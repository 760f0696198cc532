// Folds series: out[s] = x[s, 0] ∘ x[s, 1] ∘ …
//
// Every invocation folds elements of a part of a series (here), and a workgroup what its invocations have found (reduce_tree.wgsl, or
// reduce_subgroups.wgsl). Parts are folded by another run of this kernel. So a sum of n numbers passes through about log n additions,
// and its error grows as slowly.
//
// Joined behind a file of numbers and series.wgsl.

// Which fold (a constant of the file of numbers' `binary`), and which function of an element is folded (of its `unary`).
override FOLD: u32 = 0u;
override FUNCTION: u32 = 0xffffffffu;
override RESULT: u32 = 0u;

struct Params {
    walk: Walk,
    // The result of no element, and a parameter of the function.
    start: vec2<u32>,
    parameter: vec2<u32>,
    offset: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> x: array<A>;

// What an invocation has found.
fn found_by(place: Place) -> X {
    var result = from_bits(p.start);
    if !place.inside { return result; }
    let end = end_of(place);
    var at = at_element(place.series, first_of(place));
    for (var j = first_of(place); j < end; j += WAYS) {
        let value = unary(FUNCTION, X(x[p.offset + at.x]), from_bits(p.parameter), from_bits(p.parameter));
        result = binary(FOLD, result, value, result);
        at = next_element(at);
    }
    return result;
}
