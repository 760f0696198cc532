// Sums of exponentials that cannot overflow: each is kept beside the greatest element and relative to it, and two such pairs merge by
// scaling the sum of the lesser.

struct Exponentials {
    greatest: f32,
    sum: f32,
}

var<private> lowest_bits: u32 = 0xff800000u;

var<workgroup> parts_of_exponentials: array<Exponentials, LANES * WAYS>;

// e^(x − max), where ∞ − ∞ of a pair that has seen nothing yet is no number but 0.
fn relative(x: f32, most: f32) -> f32 {
    if x == bitcast<f32>(lowest_bits) && most == x { return 0.0; }
    return exponential(x - most);
}

fn larger(x: f32, y: f32) -> f32 { return select(y, x, x > y || is_nan(x)); }

fn no_exponentials() -> Exponentials { return Exponentials(bitcast<f32>(lowest_bits), 0.0); }

fn with_exponential(e: Exponentials, x: f32) -> Exponentials {
    let most = larger(x, e.greatest);
    return Exponentials(most, e.sum * relative(e.greatest, most) + relative(x, most));
}

fn both_exponentials(a: Exponentials, b: Exponentials) -> Exponentials {
    let most = larger(a.greatest, b.greatest);
    return Exponentials(most, a.sum * relative(a.greatest, most) + b.sum * relative(b.greatest, most));
}

// Those of all ways together, for each of them.
fn exponentials_of_ways(own: u32, way: u32, e: Exponentials) -> Exponentials {
    parts_of_exponentials[own] = e;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        if way < ways {
            parts_of_exponentials[own] = both_exponentials(parts_of_exponentials[own], parts_of_exponentials[own + ways * WAY_STEP]);
        }
    }
    workgroupBarrier();
    return parts_of_exponentials[own - way * WAY_STEP];
}
