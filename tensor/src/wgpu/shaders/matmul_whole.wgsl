// C = A · B for batches of matrices of whole numbers, in blocks of BM × BM that a workgroup makes together: it brings BK steps
// of both at a time into its shared memory, and an invocation makes four elements, half a block apart. Sums wrap.
//
// The depth is cut into parts as in matmul.wgsl. Joined behind a file of numbers, matrices.wgsl and batch.wgsl. BM, BN (the same) and BK stand in front.

const HALF: u32 = BM / 2u;
const INVOCATIONS: u32 = HALF * HALF;

var<workgroup> a_tile: array<X, BM * BK>;
var<workgroup> b_tile: array<X, BK * BM>;

fn write(row: u32, column: u32, top: u32, sum: X) {
    if row < p.m && column < p.n { out[(top + row) * p.n + column] = R(sum); }
}

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let across = p.first_across + group.x;
    let first_row = (p.first_down + group.y) * BM;
    let first_column = across % p.blocks * BM;
    let split = across / p.blocks;
    let matrix = p.first + group.z;
    let start = start_of_matrix(matrix);
    let row = own / HALF;
    let column = own % HALF;

    var s00 = X();
    var s01 = X();
    var s10 = X();
    var s11 = X();
    let end = min(p.k, (split + 1u) * p.part);
    for (var step = split * p.part; step < end; step += BK) {
        for (var i = own; i < BM * BK; i += INVOCATIONS) {
            let r = i / BK;
            let s = i % BK;
            var x = X();
            if first_row + r < p.m && step + s < end {
                x = X(a[u32(start.x + i32(first_row + r) * p.a_row + i32(step + s) * p.a_step)]);
            }
            a_tile[i] = x;
        }
        for (var i = own; i < BK * BM; i += INVOCATIONS) {
            let s = i / BM;
            let c = i % BM;
            var x = X();
            if first_column + c < p.n && step + s < end {
                x = X(b[u32(start.y + i32(step + s) * p.b_step + i32(first_column + c) * p.b_column)]);
            }
            b_tile[i] = x;
        }
        workgroupBarrier();
        for (var s = 0u; s < BK; s++) {
            let above = a_tile[row * BK + s];
            let below = a_tile[(row + HALF) * BK + s];
            let left = b_tile[s * BM + column];
            let right = b_tile[s * BM + column + HALF];
            s00 = multiply_add(above, left, s00);
            s01 = multiply_add(above, right, s01);
            s10 = multiply_add(below, left, s10);
            s11 = multiply_add(below, right, s11);
        }
        workgroupBarrier();
    }

    let top = (split * p.batch + matrix) * p.m;
    write(first_row + row, first_column + column, top, s00);
    write(first_row + row, first_column + column + HALF, top, s01);
    write(first_row + row + HALF, first_column + column, top, s10);
    write(first_row + row + HALF, first_column + column + HALF, top, s11);
}
