// A chain of elementwise operations on up to six tensors, in one pass: the operands are read, the result is written, and what lies
// between stays in registers.
//
// This is what all chains share. `fused.rs` writes the rest for each chain: the bindings of the operands, the function that makes an
// element, and `main`, in which one invocation makes one element of a dense result, neighbours side by side; or four neighbours, where
// there are many and all operands lie so that four can be read at once (or are one number for all four).

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    zero: u32,
    unused: u32,
    // Sizes of the axes from the fastest one, each operand's offset and strides, then the numbers that stand in the chain.
    words: array<vec4<u32>, VECTORS>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;

// The same number, as if it came out of memory: else a compiler may join a product with a sum behind it, and a chain would not give
// the numbers of its operations one by one.
fn sealed(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ p.zero); }

