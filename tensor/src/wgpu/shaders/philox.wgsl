// Philox4x32-10 (J. Salmon et al., SC 2011): four random words from a key and a counter of 64 bits each, as on the CPU.
//
// Joined behind i64.wgsl, whose products of words it needs.

fn philox(key: vec2<u32>, counter: vec2<u32>) -> vec4<u32> {
    var c = vec4(counter, 0u, 0u);
    var k = key;
    for (var round = 0; round < 10; round++) {
        let a = wide_product(c.x, 0xd2511f53u);
        let b = wide_product(c.z, 0xcd9e8d57u);
        c = vec4(b.y ^ c.y ^ k.x, b.x, a.y ^ c.w ^ k.y, a.x);
        k += vec2(0x9e3779b9u, 0xbb67ae85u);
    }
    return c;
}

// Whether words give true, with a probability of (last + 1) / 2³², or never.
fn is_chosen(words: vec4<u32>, ever: u32, last: u32) -> vec4<bool> { return (words <= vec4(last)) & vec4(ever != 0u); }
