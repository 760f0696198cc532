// The factors of matmul.wgsl and matmul_whole.wgsl: batches of matrices with any strides.

// Whether neighbours along the depth lie next to each other in A, and along the columns in B: neighbouring invocations read these.
override A_ALONG_DEPTH: bool = true;
override B_ALONG_COLUMNS: bool = true;
// How a sum becomes an element of the result (see `rounded`).
override RESULT: u32 = 0u;
// Axes of the batch.
override BATCH_AXES: u32 = 0u;

struct Params {
    m: u32,
    n: u32,
    k: u32,
    // Steps of the depth in a part, a multiple of BK.
    part: u32,
    splits: u32,
    // Blocks along the columns.
    blocks: u32,
    a_offset: u32,
    b_offset: u32,
    // Distances of rows and of steps of the depth in A, of steps and of columns in B.
    a_row: i32,
    a_step: i32,
    b_step: i32,
    b_column: i32,
    // Matrices of the batch, and the first of them here.
    batch: u32,
    first: u32,
    sizes: vec4<u32>,
    a_strides: vec4<i32>,
    b_strides: vec4<i32>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> a: array<A>;
@group(0) @binding(3) var<storage, read> b: array<B>;

// Where the matrices of a product begin in A and in B.
fn start_of(matrix: u32) -> vec2<i32> {
    var start = vec2(i32(p.a_offset), i32(p.b_offset));
    var rest = matrix;
    for (var axis = 0u; axis < BATCH_AXES; axis++) {
        let at = i32(rest % p.sizes[axis]);
        rest /= p.sizes[axis];
        start += at * vec2(p.a_strides[axis], p.b_strides[axis]);
    }
    return start;
}
