// One step of an optimizer, in place: an invocation changes one element of a parameter and of what the method remembers of it.

const DESCENT: u32 = 0u;
const MOMENTUM: u32 = 1u;
const RMS_PROP: u32 = 2u;
const ADAM: u32 = 3u;
const ADAGRAD: u32 = 4u;
const ADADELTA: u32 = 5u;
override RULE: u32 = 0u;
// Momentum: the step looks ahead. RMSprop: the root is that around the mean. Adam: the largest square so far counts.
override VARIANT: bool = false;
// The epsilon stands inside of the root.
override INSIDE: bool = false;
// RMSprop: the direction goes through a velocity.
override HAS_VELOCITY: bool = false;

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    w_offset: u32,
    g_offset: u32,
    // Where each state begins.
    states: vec4<u32>,
    // Weight decay: the share of the parameter that is kept, and the share of it that is added to the gradient.
    kept: f32,
    coupled: f32,
    rate: f32,
    epsilon: f32,
    // Numbers of the rule, see there.
    a: f32,
    b: f32,
    c: f32,
    d: f32,
    e: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> first: array<f32>;
@group(0) @binding(3) var<storage, read_write> second: array<f32>;
@group(0) @binding(4) var<storage, read_write> third: array<f32>;
@group(0) @binding(5) var<storage, read> gradient: array<f32>;

// share · mean + rest · x.
fn running(mean: f32, share: f32, rest: f32, x: f32) -> f32 { return fma(mean, share, x * rest); }

fn root(square: f32) -> f32 {
    if INSIDE { return sqrt(square + p.epsilon); }
    return sqrt(square) + p.epsilon;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x + id.y * p.row;
    if i >= p.count { return; }
    var x = w[p.w_offset + i];
    let g = fma(x, p.coupled, gradient[p.g_offset + i]);
    x *= p.kept;
    let at = p.states + vec4(i);
    var direction = g;
    switch RULE {
        case MOMENTUM: {
            // a: momentum, b: taken, c: ahead.
            let v = fma(first[at.x], p.a, g * p.b);
            first[at.x] = v;
            direction = v;
            if VARIANT { direction = fma(v, p.a, g * p.c); }
        }
        case RMS_PROP: {
            // a: ρ, b: 1 − ρ, c: momentum, d: taken.
            var square = running(first[at.x], p.a, p.b, g * g);
            first[at.x] = square;
            if VARIANT {
                let mean = running(second[at.y], p.a, p.b, g);
                second[at.y] = mean;
                square = max(square - mean * mean, 0.0);
            }
            direction = g / root(square);
            if HAS_VELOCITY {
                // Behind the mean, if there is one.
                if VARIANT {
                    direction = fma(third[at.z], p.c, direction * p.d);
                    third[at.z] = direction;
                } else {
                    direction = fma(second[at.y], p.c, direction * p.d);
                    second[at.y] = direction;
                }
            }
        }
        case ADAM: {
            // a: β₁, b: 1 − β₁, c: β₂, d: 1 − β₂, e: 1 / correction.
            let mean = running(first[at.x], p.a, p.b, g);
            var square = running(second[at.y], p.c, p.d, g * g);
            first[at.x] = mean;
            second[at.y] = square;
            if VARIANT {
                square = max(third[at.z], square);
                third[at.z] = square;
            }
            direction = mean / fma(sqrt(square), p.e, p.epsilon);
        }
        case ADAGRAD: {
            let sum = fma(g, g, first[at.x]);
            first[at.x] = sum;
            direction = g / root(sum);
        }
        case ADADELTA: {
            // a: ρ, b: 1 − ρ.
            let square = running(first[at.x], p.a, p.b, g * g);
            first[at.x] = square;
            direction = sqrt(second[at.y] + p.epsilon) / sqrt(square + p.epsilon) * g;
            second[at.y] = running(second[at.y], p.a, p.b, direction * direction);
        }
        default: {}
    }
    w[p.w_offset + i] = fma(-p.rate, direction, x);
}
