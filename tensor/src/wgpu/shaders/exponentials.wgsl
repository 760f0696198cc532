// Sums of exponentials that cannot overflow: each is kept beside the greatest element and relative to it, and two such pairs merge by
// scaling the sum of the lesser.

var<private> lowest_bits: u32 = 0xff800000u;

// e^(x − max), where ∞ − ∞ of a pair that has seen nothing yet is no number but 0.
fn relative(x: f32, most: f32) -> f32 {
    if x == bitcast<f32>(lowest_bits) && most == x { return 0.0; }
    return exp(x - most);
}

fn larger(x: f32, y: f32) -> f32 { return select(y, x, x > y || is_nan(x)); }
