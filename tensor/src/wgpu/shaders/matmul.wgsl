// C = A · B for batches of matrices of floats, in blocks of BM × BN that a workgroup makes together.
//
// A workgroup brings BM × BK numbers of A and BK × BN of B into its shared memory, and each invocation multiplies 4 or 8 rows of
// the one by as many columns of the other in registers (tiles.wgsl): so a number that is read from memory is used BM or BN times, and
// one that is read from shared memory 4 or 8 times. The matrices lie with any strides. Sums are made in f32, whatever the elements are.
//
// The depth may be cut into `splits` parts, whose sums are written one behind the other for another kernel to add: for small
// results of long sums, and because some adapters stop a shader after 65,535 rounds of its loops.
//
// Joined behind tiles.wgsl, matrices.wgsl and batch.wgsl, whose names these are.

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let across = p.first_across + group.x;
    let first_row = (p.first_down + group.y) * BM;
    let first_column = across % p.blocks * BN;
    let split = across / p.blocks;
    let matrix = p.first + group.z;
    let start = start_of_matrix(matrix);

    var sums: Sums;
    let end = min(p.k, (split + 1u) * p.part);
    for (var step = split * p.part; step < end; step += BK) {
        for (var i = own; i < BK * BM4; i += INVOCATIONS) {
            var r = i % BM4;
            var s = i / BM4;
            if A_ALONG_DEPTH {
                r = i / BK;
                s = i % BK;
            }
            let y = first_row + r * 4u;
            let at = start.x + i32(y) * p.a_row + i32(step + s) * p.a_step;
            var rows = vec4<f32>();
            if step + s < end {
                if y < p.m { rows.x = f32(a[u32(at)]); }
                if y + 1u < p.m { rows.y = f32(a[u32(at + p.a_row)]); }
                if y + 2u < p.m { rows.z = f32(a[u32(at + 2 * p.a_row)]); }
                if y + 3u < p.m { rows.w = f32(a[u32(at + 3 * p.a_row)]); }
            }
            a_tile[s * BM4 + r] = rows;
        }
        for (var i = own; i < BK * BN4; i += INVOCATIONS) {
            var c = i / BK;
            var s = i % BK;
            if B_ALONG_COLUMNS {
                c = i % BN4;
                s = i / BN4;
            }
            let x = first_column + c * 4u;
            let at = start.y + i32(step + s) * p.b_step + i32(x) * p.b_column;
            var columns = vec4<f32>();
            if step + s < end {
                if x < p.n { columns.x = f32(b[u32(at)]); }
                if x + 1u < p.n { columns.y = f32(b[u32(at + p.b_column)]); }
                if x + 2u < p.n { columns.z = f32(b[u32(at + 2 * p.b_column)]); }
                if x + 3u < p.n { columns.w = f32(b[u32(at + 3 * p.b_column)]); }
            }
            b_tile[s * BN4 + c] = columns;
        }
        workgroupBarrier();
        sums = multiplied(own, sums);
        workgroupBarrier();
    }

    let top = (split * p.batch + matrix) * p.m;
    for (var i = 0u; i < 4u * QUADS; i++) {
        let r = first_row + row_in_block(own, i);
        if r >= p.m { continue; }
        for (var side = 0u; side < QUADS; side++) {
            let values = row_of(sums, i, side == 1u);
            let c = first_column + column_in_block(own, side == 1u);
            for (var j = 0u; j < 4u; j++) {
                if c + j < p.n { out[(top + r) * p.n + c + j] = R(rounded(RESULT, values[j])); }
            }
        }
    }
}
