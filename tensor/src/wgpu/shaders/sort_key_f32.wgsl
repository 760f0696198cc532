// The keys of floats: unsigned integers that order as they do, NaN above all others, the two zeros equal.

alias X = f32;
alias K = u32;

fn key_of(x: f32) -> K {
    let bits = bitcast<u32>(x);
    let size = bits & 0x7fffffffu;
    if size > 0x7f800000u { return 0xffffffffu; }
    if size == 0u { return 0x80000000u; }
    // Negative numbers have all bits flipped, others the sign.
    return select(bits | 0x80000000u, ~bits, bits != size);
}

fn key_is_less(a: K, b: K) -> bool { return a < b; }
