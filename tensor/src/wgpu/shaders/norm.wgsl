// What the kernels of norms share: parameters, and which factors and statistics an element has.

// Each element j of the series is of row j, and that has the statistics (layer norm); else a channel's group has them.
override BY_ROW: bool = false;
// Negative results are 0.
override RELU: bool = false;
override RESULT: u32 = 0u;

struct Params {
    walk: Walk,
    // Series of one channel (or of one statistic, where statistics are made), which lie side by side.
    spread: u32,
    // Statistics of a sample, and channels behind one.
    groups: u32,
    share: u32,
    // Where the operands begin.
    x: u32,
    dy: u32,
    mean: u32,
    variance: u32,
    gamma: u32,
    beta: u32,
    totals: u32,
    eps: f32,
    // Elements behind a statistic, and statistics in all.
    elements: f32,
    statistics: u32,
    // The walk that left parts to be merged: elements of a series, of a part; columns; run.
    of_n: u32,
    of_part: u32,
    of_columns: u32,
    of_run: u32,
}

@group(0) @binding(0) var<uniform> p: Params;

fn channel_of(series: u32) -> u32 { return series % p.walk.columns / p.spread; }

// The statistic of element `j` of a series.
fn statistic_of(series: u32, j: u32) -> u32 {
    if BY_ROW { return j; }
    return series / p.walk.columns * p.groups + channel_of(series) / p.share;
}

fn inverse_deviation(variance: f32) -> f32 { return inverseSqrt(variance + p.eps); }

fn normalized(x: f32, centre: f32, scale: f32, shift: f32) -> f32 { return fma(x - centre, scale, shift); }
