// Numbers of i32, which u8 and bool compute in too. Arithmetic wraps around.

alias X = i32;

fn from_bits(bits: vec2<u32>) -> X { return bitcast<i32>(bits.x); }
fn to_bits(x: X) -> vec2<u32> { return vec2(bitcast<u32>(x), 0u); }

fn to_f32(x: X) -> f32 { return f32(x); }
fn to_i32(x: X) -> i32 { return x; }
fn to_u8(x: X) -> u32 { return u32(x) & 255u; }
fn to_bool(x: X) -> u32 { return select(1u, 0u, x == 0); }
fn to_i64(x: X) -> vec2<u32> { return vec2(u32(x), select(0u, 0xffffffffu, x < 0)); }

fn multiply_add(x: X, y: X, z: X) -> X { return x * y + z; }

// A result as it is stored: 0 as it is, 3 as u8, 4 as bool.
fn finished(kind: u32, x: X) -> X {
    switch kind {
        case 3u: { return x & 255; }
        case 4u: { return select(1, 0, x == 0); }
        default: { return x; }
    }
}

const NEG: u32 = 0u;
const ABS: u32 = 1u;
const SIGN: u32 = 2u;
const SQUARE: u32 = 3u;
const RELU: u32 = 4u;
const CLAMP: u32 = 5u;

// A function of one number; `low` and `high` are its parameters.
fn unary(f: u32, x: X, low: X, high: X) -> X {
    switch f {
        case NEG: { return -x; }
        case ABS: { return abs(x); }
        case SIGN: { return sign(x); }
        case SQUARE: { return x * x; }
        case RELU: { return max(x, 0); }
        case CLAMP: { return min(max(x, low), high); }
        default: { return x; }
    }
}

// The quotient rounded down. A divisor of 0 is refused before; the one overflow gives the smallest number, as on a CPU.
fn floor_quotient(x: i32, y: i32) -> i32 {
    if y == -1 { return -x; }
    let quotient = x / y;
    return select(quotient, quotient - 1, quotient * y != x && (x < 0) != (y < 0));
}

// xʸ for y ≥ 0.
fn power(x: i32, y: i32) -> i32 {
    var base = x;
    var rest = u32(y);
    var result = 1;
    for (var i = 0; i < 32; i++) {
        if (rest & 1u) != 0u { result *= base; }
        base *= base;
        rest >>= 1u;
    }
    return result;
}

const ADD: u32 = 0u;
const SUB: u32 = 1u;
const MUL: u32 = 2u;
const REM: u32 = 4u;
const FLOOR_DIV: u32 = 5u;
const POW: u32 = 6u;
const MAXIMUM: u32 = 7u;
const MINIMUM: u32 = 8u;
const LOGICAL_AND: u32 = 15u;
const LOGICAL_OR: u32 = 16u;
const LOGICAL_XOR: u32 = 17u;

// A function of two numbers.
fn binary(f: u32, x: X, y: X, low: X) -> X {
    switch f {
        case ADD: { return x + y; }
        case SUB: { return x - y; }
        case MUL: { return x * y; }
        case REM: { return x - y * floor_quotient(x, y); }
        case FLOOR_DIV: { return floor_quotient(x, y); }
        case POW: { return power(x, y); }
        case MAXIMUM: { return max(x, y); }
        case MINIMUM: { return min(x, y); }
        case LOGICAL_AND: { return x & y; }
        case LOGICAL_OR: { return x | y; }
        case LOGICAL_XOR: { return x ^ y; }
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
        case EQ: { return x == y; }
        case NE: { return x != y; }
        case LT: { return x < y; }
        case LE: { return x <= y; }
        case GT: { return x > y; }
        case GE: { return x >= y; }
        default: { return false; }
    }
}
