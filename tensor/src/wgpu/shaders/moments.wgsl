// Mean and spread of a set of numbers, merged from those of its parts: no difference of large sums is ever taken.

struct Moments {
    count: f32,
    mean: f32,
    // The sum of squared distances from the mean.
    squares: f32,
}

var<workgroup> parts_of_moments: array<Moments, LANES * WAYS>;

// Numbers are taken relative to one of them, so that a mean that is large beside the spread costs no digits. An infinity is no such
// reference: it would make every number NaN, and with it the mean.
fn reference(x: f32) -> f32 { return select(x, 0.0, is_nan(x) || is_infinite(x)); }

// With one more number (Welford 1962).
fn with_number(m: Moments, x: f32) -> Moments {
    let count = m.count + 1.0;
    let apart = x - m.mean;
    let mean = m.mean + apart / count;
    return Moments(count, mean, fma(apart, x - mean, m.squares));
}

// Both sets together (Chan, Golub and LeVeque 1979).
fn merged(a: Moments, b: Moments) -> Moments {
    let count = a.count + b.count;
    if count == 0.0 { return a; }
    let apart = b.mean - a.mean;
    let share = b.count / count;
    return Moments(count, fma(apart, share, a.mean), a.squares + b.squares + apart * apart * a.count * share);
}

// Those of all ways together, for each of them.
fn merged_ways(own: u32, way: u32, m: Moments) -> Moments {
    parts_of_moments[own] = m;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        if way < ways { parts_of_moments[own] = merged(parts_of_moments[own], parts_of_moments[own + ways * WAY_STEP]); }
    }
    workgroupBarrier();
    return parts_of_moments[own - way * WAY_STEP];
}
