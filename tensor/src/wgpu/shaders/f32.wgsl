// Numbers of f32: what the kernels of every float type compute in.
//
// Divisions, roots, logarithms and exponentials are as exact as the adapter's; the functions that WGSL lacks, or that adapters
// compute from a cruder formula, are made of these here. Remainders and floor division are exact. Arcs, sines, cosines and roots are
// within 4 ulp of the CPU's; hyperbolic functions and erf within 16, erfinv 64; what an exponential goes into (sigmoid, sinh, erfc,
// gelu) has its error, which WGSL bounds by 3 + 2|x| ulp: up to 256; general powers up to 4096. Those are the bounds that
// tests/suite/wgpu/elementwise.rs holds them to.

alias X = f32;

const LOWEST: X = -0x1.fffffep127;

fn from_bits(bits: vec2<u32>) -> X { return bitcast<f32>(bits.x); }
fn to_bits(x: X) -> vec2<u32> { return vec2(bitcast<u32>(x), 0u); }

// Expressions of constants may not be NaN or infinite; these are variables to the compiler.
var<private> nan_bits: u32 = 0x7fc00000u;
var<private> infinity_bits: u32 = 0x7f800000u;
fn nan() -> f32 { return bitcast<f32>(nan_bits); }
fn infinity() -> f32 { return bitcast<f32>(infinity_bits); }

fn with_sign(size: f32, sign: f32) -> f32 {
    return bitcast<f32>((bitcast<u32>(size) & 0x7fffffffu) | (bitcast<u32>(sign) & 0x80000000u));
}

fn to_f32(x: X) -> f32 { return x; }

fn to_i32(x: X) -> i32 {
    if is_nan(x) { return 0; }
    if x >= 2147483648.0 { return 2147483647; }
    if x <= -2147483648.0 { return -2147483647 - 1; }
    return i32(x);
}

fn to_u8(x: X) -> u32 {
    if is_nan(x) { return 0u; }
    return u32(min(max(x, 0.0), 255.0));
}

fn to_bool(x: X) -> u32 { return select(1u, 0u, x == 0.0); }

fn to_i64(x: X) -> vec2<u32> {
    if is_nan(x) { return vec2(0u, 0u); }
    let size = trunc(abs(x));
    if size >= 9223372036854775808.0 {
        return select(vec2(0xffffffffu, 0x7fffffffu), vec2(0u, 0x80000000u), x < 0.0);
    }
    // Both parts are exact: a float has 24 digits.
    let high = floor(size * 0x1p-32);
    let low = size - high * 0x1p32;
    let bits = vec2(u32(low), u32(high));
    if x >= 0.0 { return bits; }
    let negated = ~bits;
    return vec2(negated.x + 1u, negated.y + select(0u, 1u, negated.x == 0xffffffffu));
}

// A result as it is stored.
fn finished(kind: u32, x: X) -> X { return rounded(kind, x); }

// ---- of one number -------------------------------------------------------------------------------------------------

// eˣ - 1: by its series near 0, where the difference would cancel.
fn exp_m1(x: f32) -> f32 {
    if abs(x) < 0.35 {
        return x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0 + x * (1.0 / 720.0 + x * (1.0 / 5040.0)))))));
    }
    return exponential(x) - 1.0;
}

// ln(1 + x): what 1 + x rounds away is put back by a quotient (W. Kahan).
fn ln_1p(x: f32) -> f32 {
    let u = 1.0 + x;
    if u < 0.0 { return nan(); }
    if u == 1.0 || is_infinite(u) { return x; }
    if abs(x) < 0.1 {
        // ln((1 + s) / (1 - s)) = 2 artanh(s) with s = x / (2 + x).
        let s = x / (2.0 + x);
        let t = s * s;
        return 2.0 * s * (1.0 + t * (1.0 / 3.0 + t * (0.2 + t * (1.0 / 7.0 + t * (1.0 / 9.0)))));
    }
    return natural_logarithm(u);
}

fn cbrt(x: f32) -> f32 {
    if x == 0.0 || is_infinite(x) || is_nan(x) { return x; }
    let size = abs(x);
    let guess = exp2(binary_logarithm(size) * (1.0 / 3.0));
    // A step of Newton's method, in a form that cannot overflow.
    return with_sign(guess - (guess - size / (guess * guess)) * (1.0 / 3.0), x);
}

fn tanh_of(x: f32) -> f32 {
    if is_nan(x) { return x; }
    let size = abs(x);
    if size > 9.1 { return with_sign(1.0, x); }
    let e = exp_m1(2.0 * size);
    return with_sign(e / (e + 2.0), x);
}

fn sinh_of(x: f32) -> f32 {
    let size = abs(x);
    if size > 80.0 {
        // eˣ overflows before its half does.
        let half = exponential(0.5 * size);
        return with_sign(0.5 * half * half, x);
    }
    let e = exp_m1(size);
    return with_sign(0.5 * (e + e / (e + 1.0)), x);
}

fn cosh_of(x: f32) -> f32 {
    let half = exponential(0.5 * abs(x));
    return 0.5 * half * half + 0.5 / (half * half);
}

fn asinh_of(x: f32) -> f32 {
    let size = abs(x);
    if is_infinite(x) || is_nan(x) { return x; }
    if size > 1e9 { return with_sign(natural_logarithm(size) + 0.6931471805599453, x); }
    let square = size * size;
    return with_sign(ln_1p(size + square / (1.0 + sqrt(square + 1.0))), x);
}

fn acosh_of(x: f32) -> f32 {
    if x < 1.0 { return nan(); }
    if x > 1e9 { return natural_logarithm(x) + 0.6931471805599453; }
    let t = x - 1.0;
    return ln_1p(t + sqrt(t * (x + 1.0)));
}

fn atanh_of(x: f32) -> f32 {
    let size = abs(x);
    if size > 1.0 { return nan(); }
    if size == 1.0 { return with_sign(infinity(), x); }
    return with_sign(0.5 * ln_1p(2.0 * size / (1.0 - size)), x);
}

// Bits of 2 / π behind two words of zeros.
var<private> turns: array<u32, 10> = array(
    0u, 0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu, 0xdebbc561u,
);

// The low and high word of a product.
fn both_words(x: u32, y: u32) -> vec2<u32> {
    let low = (x & 0xffffu) * (y & 0xffffu);
    let left = (x >> 16u) * (y & 0xffffu) + (low >> 16u);
    let right = (x & 0xffffu) * (y >> 16u) + (left & 0xffffu);
    return vec2(x * y, (x >> 16u) * (y >> 16u) + (left >> 16u) + (right >> 16u));
}

// How far a finite angle is from the nearest quarter of a turn, and which that is (mod 4). M. Payne and R. Hanek (SIGNUM Newsletter
// 18, 1983): of the bits of 2 / π only those are multiplied that make neither whole turns nor less than the last digit.
fn quarter_of(x: f32) -> vec2<f32> {
    let size = bitcast<u32>(x) & 0x7fffffffu;
    // Below π / 4; also keeps the first bit inside the table.
    if size < 0x3f490fdbu { return vec2(x, 0.0); }
    let mantissa = (size & 0x007fffffu) | 0x00800000u;
    let first = (size >> 23u) - 150u + 62u;
    let word = first / 32u;
    let shift = first % 32u;
    var bits = vec3(turns[word], turns[word + 1u], turns[word + 2u]);
    if shift > 0u {
        let next = vec3(bits.yz, turns[word + 3u]);
        bits = (bits << vec3(shift)) | (next >> vec3(32u - shift));
    }
    // Quarters in units of 2⁻⁹⁴, mod 4.
    let low = both_words(mantissa, bits.z);
    let middle = both_words(mantissa, bits.y);
    let sum = middle.x + low.y;
    let high = mantissa * bits.x + middle.y + select(0u, 1u, sum < low.y);
    var fraction = vec2((high << 2u) | (sum >> 30u), (sum << 2u) | (low.x >> 30u));
    var quarter = (high >> 30u) + (fraction.x >> 31u);
    let is_before = fraction.x >= 0x80000000u;
    if is_before { fraction = vec2(~fraction.x, ~fraction.y); }
    var angle = (f32(fraction.x) * 0x1p-32 + f32(fraction.y) * 0x1p-64) * 1.5707963267948966;
    if is_before { angle = -angle; }
    if x < 0.0 {
        angle = -angle;
        quarter = 4u - quarter;
    }
    return vec2(angle, f32(quarter & 3u));
}

// Sine and cosine, by polynomials that are fitted at Chebyshev's points to 3e-11 and 2e-9.
fn sine_and_cosine(x: f32) -> vec2<f32> {
    if is_nan(x) || is_infinite(x) { return vec2(nan()); }
    let place = quarter_of(x);
    let angle = place.x;
    let z = angle * angle;
    let sine = angle + angle * z * (-0.166666667 + z * (0.00833333188 + z * (-0.000198400871 + z * 2.72499638e-6)));
    let cosine = 1.0 - 0.5 * z + z * z * (0.0416666647 + z * (-0.00138883033 + z * 2.45479914e-5));
    switch u32(place.y) {
        case 1u: { return vec2(cosine, -sine); }
        case 2u: { return vec2(-sine, -cosine); }
        case 3u: { return vec2(-cosine, sine); }
        default: { return vec2(sine, cosine); }
    }
}

fn tangent(x: f32) -> f32 {
    let both = sine_and_cosine(x);
    return both.x / both.y;
}

// WGSL promises four digits of arcs. These polynomials in x² are fitted at Chebyshev's points, to 1e-9 and 2e-9.

// Up to 1/2; beyond, asin x = π/2 − 2 asin √((1 − x) / 2).
fn asin_of_half(x: f32, z: f32) -> f32 {
    return x + x * z * (0.166666663 + z * (0.0750009906 + z * (0.0445979647 + z * (0.0311167741 + z * (0.0170753889
        + z * 0.0338093417)))));
}

fn asin_of(x: f32) -> f32 {
    let size = abs(x);
    if size > 1.0 || is_nan(x) { return nan(); }
    if size <= 0.5 { return asin_of_half(x, x * x); }
    let z = 0.5 * (1.0 - size);
    return with_sign(1.5707963267948966 - 2.0 * asin_of_half(sqrt(z), z), x);
}

fn acos_of(x: f32) -> f32 {
    let size = abs(x);
    if size > 1.0 || is_nan(x) { return nan(); }
    if size <= 0.5 { return 1.5707963267948966 - asin_of_half(x, x * x); }
    let z = 0.5 * (1.0 - size);
    let arc = 2.0 * asin_of_half(sqrt(z), z);
    return select(arc, 3.141592653589793 - arc, x < 0.0);
}

// Up to tan π/8; beyond, by the angle to the diagonal or to the other axis.
fn atan_of(x: f32) -> f32 {
    if is_nan(x) { return x; }
    let size = abs(x);
    var start = 0.0;
    var t = size;
    if size > 2.414213562373095 {
        start = 1.5707963267948966;
        t = -1.0 / size;
    } else if size > 0.41421356237309503 {
        start = 0.7853981633974483;
        t = (size - 1.0) / (size + 1.0);
    }
    let z = t * t;
    let arc = t + t * z * (-0.333333318 + z * (0.199995502 + z * (-0.142642345 + z * (0.107463138 - z * 0.0645941617))));
    return with_sign(start + arc, x);
}

// e^(x²) · erfc(x) for x from 0.5 on: by a continued fraction for large x, else by Chebyshev's polynomial of t = 1 / (1 + x/2)
// (W. Press et al., Numerical Recipes, "erfc").
fn scaled_erfc(x: f32) -> f32 {
    let t = 2.0 / (2.0 + x);
    let polynomial = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807
        + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
    return t * exponential(polynomial);
}

// The product of exponentials whose arguments are exact: x² rounded would cost digits of e^(-x²).
fn exp_of_minus_square(x: f32) -> f32 {
    let high = bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
    return exponential(-high * high) * exponential(-(x - high) * (x + high));
}

fn erf_small(x: f32) -> f32 {
    // The Maclaurin series.
    let t = x * x;
    return x * (1.1283791670955126 + t * (-0.3761263890318375 + t * (0.11283791670955126 + t * (-0.026866170645131252
        + t * (0.005223977625442188 + t * (-0.0008548327023450852 + t * (0.00012055332981789664 + t * -1.4925650358406252e-5)))))));
}

fn erf(x: f32) -> f32 {
    if is_nan(x) { return x; }
    let size = abs(x);
    if size < 0.75 { return erf_small(x); }
    if size > 4.0 { return with_sign(1.0, x); }
    return with_sign(1.0 - exp_of_minus_square(size) * scaled_erfc(size), x);
}

fn erfc(x: f32) -> f32 {
    if is_nan(x) { return x; }
    let size = abs(x);
    if size < 0.5 { return 1.0 - erf_small(x); }
    var y = 0.0;
    if size < 10.5 { y = exp_of_minus_square(size) * scaled_erfc(size); }
    return select(y, 2.0 - y, x < 0.0);
}

// M. Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2010.
fn erfinv(x: f32) -> f32 {
    if abs(x) > 1.0 || is_nan(x) { return nan(); }
    if abs(x) == 1.0 { return with_sign(infinity(), x); }
    var w = -natural_logarithm((1.0 - x) * (1.0 + x));
    var p = 0.0;
    if w < 5.0 {
        w -= 2.5;
        p = 2.81022636e-08;
        p = 3.43273939e-07 + p * w;
        p = -3.5233877e-06 + p * w;
        p = -4.39150654e-06 + p * w;
        p = 0.00021858087 + p * w;
        p = -0.00125372503 + p * w;
        p = -0.00417768164 + p * w;
        p = 0.246640727 + p * w;
        p = 1.50140941 + p * w;
    } else {
        w = sqrt(w) - 3.0;
        p = -0.000200214257;
        p = 0.000100950558 + p * w;
        p = 0.00134934322 + p * w;
        p = -0.00367342844 + p * w;
        p = 0.00573950773 + p * w;
        p = -0.0076224613 + p * w;
        p = 0.00943887047 + p * w;
        p = 1.00167406 + p * w;
        p = 2.83297682 + p * w;
    }
    return p * x;
}

fn sigmoid(x: f32) -> f32 {
    if is_nan(x) { return x; }
    let e = exponential(-abs(x));
    return select(e / (1.0 + e), 1.0 / (1.0 + e), x >= 0.0);
}

fn relu(x: f32) -> f32 { return select(x, 0.0, x < 0.0); }

fn gelu_tanh(x: f32) -> f32 {
    return 0.5 * x * (1.0 + tanh_of(0.7978845608028654 * (x + 0.044715 * x * x * x)));
}

fn hard_sigmoid(x: f32) -> f32 {
    let y = x + 3.0;
    return select(select(y, 6.0, y > 6.0), 0.0, y < 0.0) * (1.0 / 6.0);
}

const NEG: u32 = 0u;
const ABS: u32 = 1u;
const SIGN: u32 = 2u;
const SQUARE: u32 = 3u;
const RELU: u32 = 4u;
const CLAMP: u32 = 5u;
const SQRT: u32 = 6u;
const RSQRT: u32 = 7u;
const CBRT: u32 = 8u;
const RECIP: u32 = 9u;
const EXP: u32 = 10u;
const EXP2: u32 = 11u;
const EXP_M1: u32 = 12u;
const LN: u32 = 13u;
const LOG2: u32 = 14u;
const LOG10: u32 = 15u;
const LN_1P: u32 = 16u;
const SIN: u32 = 17u;
const COS: u32 = 18u;
const TAN: u32 = 19u;
const ASIN: u32 = 20u;
const ACOS: u32 = 21u;
const ATAN: u32 = 22u;
const SINH: u32 = 23u;
const COSH: u32 = 24u;
const TANH: u32 = 25u;
const ASINH: u32 = 26u;
const ACOSH: u32 = 27u;
const ATANH: u32 = 28u;
const ERF: u32 = 29u;
const ERFC: u32 = 30u;
const ERFINV: u32 = 31u;
const SIGMOID: u32 = 32u;
const LOG_SIGMOID: u32 = 33u;
const SOFTPLUS: u32 = 34u;
const SILU: u32 = 35u;
const GELU: u32 = 36u;
const GELU_TANH: u32 = 37u;
const HARD_SIGMOID: u32 = 38u;
const HARD_SWISH: u32 = 39u;
const LEAKY_RELU: u32 = 40u;
const FLOOR: u32 = 41u;
const CEIL: u32 = 42u;
const ROUND: u32 = 43u;
const TRUNC: u32 = 44u;
const IS_NAN: u32 = 45u;
const IS_INF: u32 = 46u;
const IS_FINITE: u32 = 47u;

// A function of one number; `low` and `high` are its parameters.
fn unary(f: u32, x: X, low: X, high: X) -> X {
    // Adapters may make a number of what is none.
    if f < IS_NAN && is_nan(x) { return x; }
    switch f {
        case NEG: { return -x; }
        case ABS: { return abs(x); }
        case SIGN: { return select(select(x, -1.0, x < 0.0), 1.0, x > 0.0); }
        case SQUARE: { return x * x; }
        case RELU: { return relu(x); }
        case CLAMP: {
            let above = select(x, low, x < low);
            return select(above, high, above > high);
        }
        case SQRT: { return sqrt(x); }
        case RSQRT: { return 1.0 / sqrt(x); }
        case CBRT: { return cbrt(x); }
        case RECIP: { return 1.0 / x; }
        case EXP: { return exponential(x); }
        case EXP2: { return exp2(x); }
        case EXP_M1: { return exp_m1(x); }
        case LN: { return natural_logarithm(x); }
        case LOG2: { return binary_logarithm(x); }
        case LOG10: { return decimal_logarithm(x); }
        case LN_1P: { return ln_1p(x); }
        case SIN: { return sine_and_cosine(x).x; }
        case COS: { return sine_and_cosine(x).y; }
        case TAN: { return tangent(x); }
        case ASIN: { return asin_of(x); }
        case ACOS: { return acos_of(x); }
        case ATAN: { return atan_of(x); }
        case SINH: { return sinh_of(x); }
        case COSH: { return cosh_of(x); }
        case TANH: { return tanh_of(x); }
        case ASINH: { return asinh_of(x); }
        case ACOSH: { return acosh_of(x); }
        case ATANH: { return atanh_of(x); }
        case ERF: { return erf(x); }
        case ERFC: { return erfc(x); }
        case ERFINV: { return erfinv(x); }
        case SIGMOID: { return sigmoid(x); }
        case LOG_SIGMOID: { return select(0.0, x, x < 0.0) - ln_1p(exponential(-abs(x))); }
        case SOFTPLUS: { return relu(x) + ln_1p(exponential(-abs(x))); }
        case SILU: { return x * sigmoid(x); }
        case GELU: { return 0.5 * x * erfc(-0.7071067811865476 * x); }
        case GELU_TANH: { return gelu_tanh(x); }
        case HARD_SIGMOID: { return hard_sigmoid(x); }
        case HARD_SWISH: { return x * hard_sigmoid(x); }
        case LEAKY_RELU: { return select(x, x * low, x < 0.0); }
        case FLOOR: { return floor(x); }
        case CEIL: { return ceil(x); }
        case ROUND: { return round(x); }
        case TRUNC: { return trunc(x); }
        case IS_NAN: { return select(0.0, 1.0, is_nan(x)); }
        case IS_INF: { return select(0.0, 1.0, is_infinite(x)); }
        case IS_FINITE: { return select(1.0, 0.0, is_nan(x) || is_infinite(x)); }
        default: { return x; }
    }
}

// ---- of two numbers ------------------------------------------------------------------------------------------------

// The 24 digits of a number that is neither 0 nor infinite, by its bits without the sign: the first of them is 1.
fn digits_of(size: u32) -> u32 {
    if size >= 0x800000u { return (size & 0x7fffffu) | 0x800000u; }
    return size << (countLeadingZeros(size) - 8u);
}

// Its exponent as the bits have it; less than 1 for numbers that are too small to be normal.
fn exponent_of(size: u32) -> i32 {
    if size >= 0x800000u { return i32(size >> 23u); }
    return 9 - i32(countLeadingZeros(size));
}

// The bits of the number with these digits and this exponent. What is behind the last digit of one too small to be normal is left out.
fn size_of(digits: u32, exponent: i32) -> u32 {
    if exponent < 1 { return digits >> u32(1 - exponent); }
    return (u32(exponent) << 23u) | (digits & 0x7fffffu);
}

// The bits of the remainder of two sizes by theirs, y not being 0: exact, by long division of their digits, eight at a time.
fn remainder_of_sizes(x: u32, y: u32) -> u32 {
    if x < y { return x; }
    let divisor = digits_of(y);
    var gap = exponent_of(x) - exponent_of(y);
    var r = digits_of(x) % divisor;
    while gap > 0 {
        let step = min(gap, 8);
        r = (r << u32(step)) % divisor;
        gap -= step;
    }
    if r == 0u { return 0u; }
    let shift = i32(countLeadingZeros(r)) - 8;
    return size_of(r << u32(shift), exponent_of(y) - shift);
}

// The difference of two sizes, 0 < y < x, rounded.
fn difference_of_sizes(x: u32, y: u32) -> f32 {
    if x >= 0x21000000u { return bitcast<f32>(x) - bitcast<f32>(y); }
    // Of numbers that are 2⁶⁴ times as large, none of which is too small to be normal.
    let larger = bitcast<f32>(size_of(digits_of(x), exponent_of(x) + 64));
    let difference = bitcast<u32>(larger - bitcast<f32>(size_of(digits_of(y), exponent_of(y) + 64)));
    return bitcast<f32>(size_of(digits_of(difference), exponent_of(difference) - 64));
}

// The remainder with the divisor's sign: exact if the operands have one sign, else the divisor less the exact remainder, rounded once.
// By bits, as is floor division: adapters may take numbers too small to be normal for 0.
fn remainder(x: f32, y: f32) -> f32 {
    let dividend = bitcast<u32>(x) & 0x7fffffffu;
    let divisor = bitcast<u32>(y) & 0x7fffffffu;
    if divisor == 0u || dividend >= 0x7f800000u || divisor > 0x7f800000u { return nan(); }
    var r = dividend;
    if divisor < 0x7f800000u { r = remainder_of_sizes(dividend, divisor); }
    let is_same_sign = ((bitcast<u32>(x) ^ bitcast<u32>(y)) & 0x80000000u) == 0u;
    if r == 0u || is_same_sign { return with_sign(bitcast<f32>(r), x); }
    return with_sign(difference_of_sizes(divisor, r), y);
}

// The floor of the correctly rounded quotient: an adapter's own may be off by 2.5 ulp, and so on the wrong side of a whole number.
fn floor_division(x: f32, y: f32) -> f32 {
    let dividend = bitcast<u32>(x) & 0x7fffffffu;
    let divisor = bitcast<u32>(y) & 0x7fffffffu;
    let sign = (bitcast<u32>(x) ^ bitcast<u32>(y)) & 0x80000000u;
    if dividend > 0x7f800000u || divisor > 0x7f800000u { return nan(); }
    let is_endless = dividend == 0x7f800000u || divisor == 0u;
    let is_zero = dividend == 0u || divisor == 0x7f800000u;
    if is_endless && is_zero { return nan(); }
    if is_endless { return bitcast<f32>(infinity_bits | sign); }
    if is_zero { return bitcast<f32>(sign); }
    let by = digits_of(divisor);
    var r = digits_of(dividend);
    var exponent = exponent_of(dividend) - exponent_of(divisor);
    // Below a half the size does not matter, unless it is rounded to 0.
    let is_rounded_to_zero = exponent < -150 || (exponent == -150 && r <= by);
    if exponent < -1 { return floor(bitcast<f32>(select(0x3e800000u, 0u, is_rounded_to_zero) | sign)); }
    if r < by {
        r <<= 1u;
        exponent -= 1;
    }
    if exponent > 127 { return bitcast<f32>(infinity_bits | sign); }
    // The first digit is 1; 24 more are divided out, of which the last rounds.
    var q = 1u;
    r -= by;
    for (var i = 0u; i < 3u; i++) {
        r <<= 8u;
        q = (q << 8u) | (r / by);
        r %= by;
    }
    let is_above = (q & 1u) != 0u && (r != 0u || (q & 2u) != 0u);
    q = (q >> 1u) + select(0u, 1u, is_above);
    // Rounded up to a power of two, it carries into the exponent.
    return floor(bitcast<f32>(((u32(exponent + 126) << 23u) + q) | sign));
}

// xʸ for any signs: adapters know it for x ≥ 0 alone.
fn power(x: f32, y: f32) -> f32 {
    if y == 0.0 || x == 1.0 { return 1.0; }
    if is_nan(x) || is_nan(y) { return nan(); }
    let whole = floor(y) == y;
    let odd = whole && abs(y) < 16777216.0 && (i32(y) & 1) != 0;
    let size = abs(x);
    var result = 0.0;
    if is_infinite(y) {
        let grows = (size > 1.0) == (y > 0.0);
        result = select(0.0, infinity(), grows);
        if size == 1.0 { result = 1.0; }
        return result;
    }
    if size == 0.0 {
        result = select(0.0, infinity(), y < 0.0);
    } else if is_infinite(x) {
        result = select(infinity(), 0.0, y < 0.0);
    } else if whole && abs(y) <= 32.0 {
        // By multiplications, exact to some ulp.
        var base = size;
        var rest = u32(abs(y));
        result = 1.0;
        for (var i = 0; i < 6; i++) {
            if (rest & 1u) != 0u { result *= base; }
            base *= base;
            rest >>= 1u;
        }
        if y < 0.0 { result = 1.0 / result; }
    } else {
        result = exp2(y * binary_logarithm(size));
    }
    if x < 0.0 || (x == 0.0 && (bitcast<u32>(x) >> 31u) == 1u) {
        if odd { return -result; }
        if !whole && x < 0.0 && !is_infinite(x) { return nan(); }
    }
    return result;
}

fn angle(y: f32, x: f32) -> f32 {
    if is_nan(x) || is_nan(y) { return nan(); }
    let wide = abs(x);
    let high = abs(y);
    var a = 0.0;
    if is_infinite(x) && is_infinite(y) {
        a = 0.7853981633974483;
    } else if max(wide, high) > 0.0 {
        let quotient = min(wide, high) / max(wide, high);
        a = atan_of(quotient);
    }
    if high > wide { a = 1.5707963267948966 - a; }
    if (bitcast<u32>(x) >> 31u) == 1u { a = 3.141592653589793 - a; }
    return with_sign(a, y);
}

fn hypot(x: f32, y: f32) -> f32 {
    if is_infinite(x) || is_infinite(y) { return infinity(); }
    if is_nan(x) || is_nan(y) { return nan(); }
    let large = max(abs(x), abs(y));
    if large == 0.0 { return 0.0; }
    let small = min(abs(x), abs(y)) / large;
    return large * sqrt(1.0 + small * small);
}

const ADD: u32 = 0u;
const SUB: u32 = 1u;
const MUL: u32 = 2u;
const DIV: u32 = 3u;
const REM: u32 = 4u;
const FLOOR_DIV: u32 = 5u;
const POW: u32 = 6u;
const MAXIMUM: u32 = 7u;
const MINIMUM: u32 = 8u;
const ATAN2: u32 = 9u;
const HYPOT: u32 = 10u;
const RELU_BACKWARD: u32 = 11u;
const RELU6_BACKWARD: u32 = 12u;
const LEAKY_RELU_BACKWARD: u32 = 13u;
const SIGMOID_BACKWARD: u32 = 14u;

// A function of two numbers; `low` is its parameter.
fn binary(f: u32, x: X, y: X, low: X) -> X {
    switch f {
        case ADD: { return x + y; }
        case SUB: { return x - y; }
        case MUL: { return x * y; }
        case DIV: { return x / y; }
        case REM: { return remainder(x, y); }
        case FLOOR_DIV: { return floor_division(x, y); }
        case POW: { return power(x, y); }
        case MAXIMUM: { return select(y, x, x > y || is_nan(x)); }
        case MINIMUM: { return select(y, x, x < y || is_nan(x)); }
        case ATAN2: { return angle(x, y); }
        case HYPOT: { return hypot(x, y); }
        case RELU_BACKWARD: { return select(0.0, x, y > 0.0); }
        case RELU6_BACKWARD: { return select(0.0, x, y > 0.0 && y < 6.0); }
        case LEAKY_RELU_BACKWARD: { return select(x * low, x, y > 0.0); }
        case SIGMOID_BACKWARD: { return x * (y * (1.0 - y)); }
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
    if is_nan(x) || is_nan(y) { return f == NE; }
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
