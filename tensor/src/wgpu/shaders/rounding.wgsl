// What floats of every kind need: tests by their bits, exponentials, logarithms, and rounding to the 16-bit types.

// Comparisons with NaN are not to be relied on in a shader; its bits are.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn is_infinite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u; }

// An adapter's own exponential need not know what is no number.
fn exponential(x: f32) -> f32 { return select(exp(x), x, is_nan(x)); }

// x = 2ᵉ·m with m between √½ and √2, as e and ln m = 2 artanh((m − 1) / (m + 1)), for positive and finite x. An adapter's own
// logarithm need not be exact near 1, nor know those of 0 and infinity.
fn logarithm_in_parts(x: f32) -> vec2<f32> {
    var bits = bitcast<u32>(x);
    var start = -127;
    if bits < 0x00800000u {
        // Not normal: so many times 2⁻¹⁴⁹.
        bits = bitcast<u32>(f32(bits));
        start -= 149;
    }
    bits += 0x3f800000u - 0x3f3504f3u;
    let m = bitcast<f32>((bits & 0x007fffffu) + 0x3f3504f3u);
    let s = (m - 1.0) / (m + 1.0);
    let t = s * s;
    let rest = 2.0 * s * (1.0 + t * (1.0 / 3.0 + t * (0.2 + t * (1.0 / 7.0 + t * (1.0 / 9.0)))));
    return vec2(f32(i32(bits >> 23u) + start), rest);
}

// Whether it is positive and finite.
fn has_logarithm(x: f32) -> bool { return bitcast<u32>(x) - 1u < 0x7f7fffffu; }

// The logarithm of 0, of infinity, and of what has none.
fn extreme_logarithm(x: f32) -> f32 {
    if is_nan(x) { return x; }
    var bits = bitcast<u32>(x);
    if (bits & 0x7fffffffu) == 0u { bits = 0xff800000u; } else if x < 0.0 { bits = 0x7fc00000u; }
    return bitcast<f32>(bits);
}

fn natural_logarithm(x: f32) -> f32 {
    if !has_logarithm(x) { return extreme_logarithm(x); }
    let parts = logarithm_in_parts(x);
    // The first product is exact.
    return parts.x * 0.693359375 + (parts.y - parts.x * 2.12194440e-4);
}

fn binary_logarithm(x: f32) -> f32 {
    if !has_logarithm(x) { return extreme_logarithm(x); }
    let parts = logarithm_in_parts(x);
    return parts.x + parts.y * 1.4426950408889634;
}

fn decimal_logarithm(x: f32) -> f32 {
    if !has_logarithm(x) { return extreme_logarithm(x); }
    let parts = logarithm_in_parts(x);
    return parts.x * 0.3010299956639812 + parts.y * 0.4342944819032518;
}

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
