// What the kernels of cross-entropy share: class c has the target weight[c] · (share + (own if it is the label)) at a
// position.

override HAS_WEIGHTS: bool = false;
override RESULT: u32 = 0u;

struct Params {
    walk: Walk,
    // Where the operands begin.
    x: u32,
    dy: u32,
    statistics: u32,
    own: f32,
    share: f32,
    // Sum of the weights.
    total: f32,
    // Where the classes begin.
    classes: u32,
}

@group(0) @binding(0) var<uniform> p: Params;

fn weight_of(c: u32) -> f32 {
    if HAS_WEIGHTS { return weights[c]; }
    return 1.0;
}

// The sum of the targets of all classes at a position with this label.
fn mass_of(c: u32) -> f32 { return p.own * weight_of(c) + p.share * p.total; }
