// The factors of products of matrices: batches of matrices with any strides. `p` is of a file before this one.

// How a sum becomes an element of the result (see `rounded`).
override RESULT: u32 = 0u;
// Axes of the batch.
override BATCH_AXES: u32 = 0u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> a: array<Left>;
@group(0) @binding(3) var<storage, read> b: array<Right>;

// Where the matrices of a product begin in A and in B.
fn start_of_matrix(matrix: u32) -> vec2<i32> {
    var start = vec2(i32(p.a_offset), i32(p.b_offset));
    var rest = matrix;
    for (var axis = 0u; axis < BATCH_AXES; axis++) {
        let at = i32(rest % p.sizes[axis]);
        rest /= p.sizes[axis];
        start += at * vec2(p.a_strides[axis], p.b_strides[axis]);
    }
    return start;
}
