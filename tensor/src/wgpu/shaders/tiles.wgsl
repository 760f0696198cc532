// The inner loop of products by blocks: what matmul.wgsl and conv.wgsl do once their tiles are in shared memory.
//
// BM, BN, BK, TM and TN stand in front of this file; BM / TM · BN / TN invocations make a workgroup.

const COLUMNS: u32 = BN / TN;
const INVOCATIONS: u32 = (BM / TM) * (BN / TN);

// Transposed, so that the rows of a step are neighbours.
var<workgroup> a_tile: array<f32, BK * BM>;
var<workgroup> b_tile: array<f32, BK * BN>;

// Adds the products of TM rows and TN columns of the tiles.
fn multiply(row: u32, column: u32, sums: ptr<function, array<array<f32, TN>, TM>>) {
    for (var s = 0u; s < BK; s++) {
        var left: array<f32, TM>;
        for (var i = 0u; i < TM; i++) {
            left[i] = a_tile[s * BM + row + i];
        }
        for (var j = 0u; j < TN; j++) {
            let right = b_tile[s * BN + column + j];
            for (var i = 0u; i < TM; i++) {
                (*sums)[i][j] = fma(left[i], right, (*sums)[i][j]);
            }
        }
    }
}
