// C = A · B for batches of matrices of floats, in blocks of BM × BN that a workgroup makes together.
//
// A workgroup brings BM × BK numbers of A and BK × BN of B into its shared memory, and each invocation multiplies TM rows of the
// one by TN columns of the other in registers: so a number that is read from memory is used BM or BN times, and one that is read
// from shared memory TM or TN times. The matrices lie with any strides. Sums are made in f32, whatever the elements are.
//
// The depth may be cut into `splits` parts, whose sums are written one behind the other for another kernel to add: for small
// results of long sums, and because some adapters stop a shader after 65,535 rounds of its loops.
//
// Joined behind tiles.wgsl, whose names these are.

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

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let first_row = group.y * BM;
    let first_column = (group.x % p.blocks) * BN;
    let split = group.x / p.blocks;
    var a_start = i32(p.a_offset);
    var b_start = i32(p.b_offset);
    let matrix = p.first + group.z;
    var rest = matrix;
    for (var axis = 0u; axis < BATCH_AXES; axis++) {
        let at = i32(rest % p.sizes[axis]);
        rest /= p.sizes[axis];
        a_start += at * p.a_strides[axis];
        b_start += at * p.b_strides[axis];
    }
    let row = own / COLUMNS * TM;
    let column = own % COLUMNS * TN;

    var sums: array<array<f32, TN>, TM>;
    let end = min(p.k, (split + 1u) * p.part);
    for (var step = split * p.part; step < end; step += BK) {
        for (var i = own; i < BK * BM; i += INVOCATIONS) {
            var r = i % BM;
            var s = i / BM;
            if A_ALONG_DEPTH {
                r = i / BK;
                s = i % BK;
            }
            var x = 0.0;
            if first_row + r < p.m && step + s < end {
                x = f32(a[u32(a_start + i32(first_row + r) * p.a_row + i32(step + s) * p.a_step)]);
            }
            a_tile[s * BM + r] = x;
        }
        for (var i = own; i < BK * BN; i += INVOCATIONS) {
            var c = i / BK;
            var s = i % BK;
            if B_ALONG_COLUMNS {
                c = i % BN;
                s = i / BN;
            }
            var x = 0.0;
            if first_column + c < p.n && step + s < end {
                x = f32(b[u32(b_start + i32(step + s) * p.b_step + i32(first_column + c) * p.b_column)]);
            }
            b_tile[s * BN + c] = x;
        }
        workgroupBarrier();
        multiply(row, column, &sums);
        workgroupBarrier();
    }

    let top = (split * p.batch + matrix) * p.m;
    for (var i = 0u; i < TM; i++) {
        let r = first_row + row + i;
        if r >= p.m { break; }
        for (var j = 0u; j < TN; j++) {
            let c = first_column + column + j;
            if c < p.n {
                out[(top + r) * p.n + c] = R(rounded(RESULT, sums[i][j]));
            }
        }
    }
}
