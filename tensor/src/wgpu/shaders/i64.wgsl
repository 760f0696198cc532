// Numbers of i64 as pairs (low word, high word) in two's complement: few adapters have such integers, and indices and class
// numbers need no speed. Arithmetic wraps around.

alias X = vec2<u32>;

fn from_bits(bits: vec2<u32>) -> X { return bits; }
fn to_bits(x: X) -> vec2<u32> { return x; }

fn is_negative(x: X) -> bool { return (x.y >> 31u) == 1u; }
fn is_zero(x: X) -> bool { return (x.x | x.y) == 0u; }

fn added(x: X, y: X) -> X {
    let low = x.x + y.x;
    return vec2(low, x.y + y.y + select(0u, 1u, low < x.x));
}

fn negated(x: X) -> X { return added(~x, vec2(1u, 0u)); }

fn size_of(x: X) -> X {
    if is_negative(x) { return negated(x); }
    return x;
}

fn below(x: X, y: X) -> bool {
    let a = bitcast<i32>(x.y);
    let b = bitcast<i32>(y.y);
    return a < b || (a == b && x.x < y.x);
}

fn not_signed_below(x: X, y: X) -> bool { return x.y < y.y || (x.y == y.y && x.x < y.x); }

// All 64 bits of the product of two words.
fn wide_product(x: u32, y: u32) -> X {
    let low = (x & 0xffffu) * (y & 0xffffu);
    let first = (x >> 16u) * (y & 0xffffu) + (low >> 16u);
    let second = (x & 0xffffu) * (y >> 16u) + (first & 0xffffu);
    return vec2((second << 16u) | (low & 0xffffu), (x >> 16u) * (y >> 16u) + (first >> 16u) + (second >> 16u));
}

fn product(x: X, y: X) -> X {
    let wide = wide_product(x.x, y.x);
    return vec2(wide.x, wide.y + x.x * y.y + x.y * y.x);
}

// The quotient of two numbers without sign, bit by bit.
fn quotient_of_sizes(x: X, y: X) -> X {
    if (x.y | y.y) == 0u { return vec2(x.x / y.x, 0u); }
    var rest = vec2(0u, 0u);
    var quotient = vec2(0u, 0u);
    for (var i = 0u; i < 64u; i++) {
        let shift = 63u - i;
        let bit = select(x.x >> shift, x.y >> (shift & 31u), shift >= 32u) & 1u;
        let carry = rest.y >> 31u;
        rest = vec2((rest.x << 1u) | bit, (rest.y << 1u) | (rest.x >> 31u));
        if carry == 1u || !not_signed_below(rest, y) {
            rest = added(rest, negated(y));
            if shift >= 32u {
                quotient.y |= 1u << (shift & 31u);
            } else {
                quotient.x |= 1u << shift;
            }
        }
    }
    return quotient;
}

// The quotient rounded down. A divisor of 0 is refused before.
fn floor_quotient(x: X, y: X) -> X {
    let size = quotient_of_sizes(size_of(x), size_of(y));
    if is_negative(x) == is_negative(y) { return size; }
    let quotient = negated(size);
    if all(product(quotient, y) == x) { return quotient; }
    return added(quotient, vec2(0xffffffffu, 0xffffffffu));
}

fn power(x: X, y: X) -> X {
    var base = x;
    var rest = y;
    var result = vec2(1u, 0u);
    for (var i = 0; i < 64; i++) {
        if (rest.x & 1u) != 0u { result = product(result, base); }
        base = product(base, base);
        rest = vec2((rest.x >> 1u) | (rest.y << 31u), rest.y >> 1u);
    }
    return result;
}

fn to_i32(x: X) -> i32 { return bitcast<i32>(x.x); }
fn to_u8(x: X) -> u32 { return x.x & 255u; }
fn to_bool(x: X) -> u32 { return select(1u, 0u, is_zero(x)); }
fn to_i64(x: X) -> vec2<u32> { return x; }

// Rounded once, to nearest even: of a number of more than 32 digits the last ones only tell whether there is something behind.
fn to_f32(x: X) -> f32 {
    var size = size_of(x);
    var scale = 1.0;
    if size.y != 0u {
        let shift = 32u - countLeadingZeros(size.y);
        if shift == 32u {
            size = vec2(size.y | select(0u, 1u, size.x != 0u), 0u);
        } else {
            let lost = size.x & ((1u << shift) - 1u);
            size = vec2((size.x >> shift) | (size.y << (32u - shift)) | select(0u, 1u, lost != 0u), 0u);
        }
        scale = exp2(f32(shift));
    }
    let result = f32(size.x) * scale;
    return select(result, -result, is_negative(x));
}

fn multiply_add(x: X, y: X, z: X) -> X { return added(product(x, y), z); }

// A result as it is stored.
fn finished(kind: u32, x: X) -> X { return x; }

const NEG: u32 = 0u;
const ABS: u32 = 1u;
const SIGN: u32 = 2u;
const SQUARE: u32 = 3u;
const RELU: u32 = 4u;
const CLAMP: u32 = 5u;

// A function of one number; `low` and `high` are its parameters.
fn unary(f: u32, x: X, low: X, high: X) -> X {
    switch f {
        case NEG: { return negated(x); }
        case ABS: { return size_of(x); }
        case SIGN: {
            if is_negative(x) { return vec2(0xffffffffu, 0xffffffffu); }
            return vec2(select(1u, 0u, is_zero(x)), 0u);
        }
        case SQUARE: { return product(x, x); }
        case RELU: { return select(x, vec2(0u, 0u), is_negative(x)); }
        case CLAMP: {
            let above = select(x, low, below(x, low));
            return select(above, high, below(high, above));
        }
        default: { return x; }
    }
}

const ADD: u32 = 0u;
const SUB: u32 = 1u;
const MUL: u32 = 2u;
const REM: u32 = 4u;
const FLOOR_DIV: u32 = 5u;
const POW: u32 = 6u;
const MAXIMUM: u32 = 7u;
const MINIMUM: u32 = 8u;

// A function of two numbers.
fn binary(f: u32, x: X, y: X, low: X) -> X {
    switch f {
        case ADD: { return added(x, y); }
        case SUB: { return added(x, negated(y)); }
        case MUL: { return product(x, y); }
        case REM: { return added(x, negated(product(y, floor_quotient(x, y)))); }
        case FLOOR_DIV: { return floor_quotient(x, y); }
        case POW: { return power(x, y); }
        case MAXIMUM: { return select(x, y, below(x, y)); }
        case MINIMUM: { return select(x, y, below(y, x)); }
        default: { return x; }
    }
}

const EQ: u32 = 0u;
const NE: u32 = 1u;
const LT: u32 = 2u;
const LE: u32 = 3u;
const GT: u32 = 4u;
const GE: u32 = 5u;

fn compare(f: u32, x: X, y: X) -> bool {
    switch f {
        case EQ: { return all(x == y); }
        case NE: { return any(x != y); }
        case LT: { return below(x, y); }
        case LE: { return !below(y, x); }
        case GT: { return below(y, x); }
        case GE: { return !below(x, y); }
        default: { return false; }
    }
}
