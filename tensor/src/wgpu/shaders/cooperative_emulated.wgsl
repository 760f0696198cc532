// For tests: cooperative.wgsl on adapters without matrix units. Every 32 invocations stand for a subgroup, and each of them sums a row of
// its quadrant; what fills shared memory and writes sums is the same.

const LEFT_ROW: u32 = BK + 8u;
const RIGHT_ROW: u32 = BN + 8u;
const INVOCATIONS: u32 = 128u;

var<workgroup> left: array<f16, BM * LEFT_ROW>;
var<workgroup> right: array<f16, BK * RIGHT_ROW>;

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let piece = piece_of(id, own);
    let row = own / 64u * 32u + own % 32u;
    let column = own / 32u % 2u * 32u;
    var sums: array<f32, 32>;
    for (var step = piece.step; step < piece.end; step += BK) {
        fill(piece, step, own);
        workgroupBarrier();
        for (var s = 0u; s < BK; s++) {
            for (var c = 0u; c < 32u; c++) {
                sums[c] += f32(left[row * LEFT_ROW + s]) * f32(right[s * RIGHT_ROW + column + c]);
            }
        }
        workgroupBarrier();
    }
    for (var c = 0u; c < 32u; c++) { put(piece, row, column + c, sums[c]); }
}
