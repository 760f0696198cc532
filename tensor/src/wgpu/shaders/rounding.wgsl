// What floats of every kind need: tests by their bits, and rounding to the 16-bit types.

// Comparisons with NaN are not to be relied on in a shader; its bits are.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn is_infinite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u; }

// The nearest f16; what lies beyond its range is infinite.
fn rounded_to_f16(x: f32) -> f32 {
    if is_nan(x) { return x; }
    if abs(x) >= 65520.0 { return bitcast<f32>((bitcast<u32>(x) & 0x80000000u) | 0x7f800000u); }
    return unpack2x16float(pack2x16float(vec2(x, 0.0))).x;
}

// The nearest bf16: an f32 whose lower half is 0. Ties go to the even one.
fn rounded_to_bf16(x: f32) -> f32 {
    if is_nan(x) { return x; }
    let bits = bitcast<u32>(x);
    return bitcast<f32>((bits + 0x7fffu + ((bits >> 16u) & 1u)) & 0xffff0000u);
}

// A number as it is stored: 0 as it is, 1 as bf16, 2 as f16.
fn rounded(kind: u32, x: f32) -> f32 {
    switch kind {
        case 1u: { return rounded_to_bf16(x); }
        case 2u: { return rounded_to_f16(x); }
        default: { return x; }
    }
}
