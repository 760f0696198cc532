// A running product of f32: a number whose size is from 1 up to 2 (or 0, infinite, no number), and the exponent of the 2 that it is
// multiplied by. Products of parts that no f32 could hold are factors of results that it can: only a result may overflow.

alias X = f32;
alias Running = vec2<f32>;

fn nothing() -> Running { return vec2(1.0, 0.0); }

fn running(x: X) -> Running {
    let bits = bitcast<u32>(x);
    let exponent = (bits >> 23u) & 255u;
    if exponent == 0u || exponent == 255u { return vec2(x, 0.0); }
    return vec2(bitcast<f32>((bits & 0x807fffffu) | 0x3f800000u), f32(exponent) - 127.0);
}

fn joined(a: Running, b: Running) -> Running {
    let product = a.x * b.x;
    if abs(product) >= 2.0 { return vec2(product * 0.5, a.y + b.y + 1.0); }
    return vec2(product, a.y + b.y);
}

fn power_of_two(exponent: i32) -> f32 { return bitcast<f32>(u32(exponent + 127) << 23u); }

fn result_of(x: Running) -> X {
    // By two factors, as one could not be so large or small.
    let exponent = i32(clamp(x.y, -252.0, 254.0));
    let first = exponent / 2;
    return x.x * power_of_two(first) * power_of_two(exponent - first);
}
