// Products of matrices of f16 with sums in f32 by an adapter's matrix units.
//
// A workgroup makes BM × BN = 64 × 64 elements. It brings 64 × BK halves of the left factor and BK × 64 of the right one into its shared
// memory, with zeros behind the edges, so that any strides serve; rows there are 8 halves longer than needed, which spreads them over
// the banks. Matrices of 16 × 16 belong to a subgroup. Each subgroup makes a quadrant, 2 × 2 of these; where there are fewer than four
// subgroups, quadrants are made one after the other. Sums go through shared memory to their places, rounded and finished there.
//
// A file before this one says what is multiplied:
//
//     struct Piece, whose `step` and `end` are the part of the depth
//     fn piece_of(id, own) -> Piece           what a workgroup makes
//     fn fill(piece, step, own)               brings a block of both factors to `left` and `right`
//     fn put(piece, row, column, sum)         writes an element of the block, if there is one

// No type may be named A, B or C, the roles of matrices.

enable wgpu_cooperative_matrix;

const LEFT_ROW: u32 = BK + 8u;
const RIGHT_ROW: u32 = BN + 8u;
// Enough for four subgroups of 32, and a multiple of every adapter's.
const INVOCATIONS: u32 = 128u;

var<workgroup> left: array<f16, BM * LEFT_ROW>;
var<workgroup> right: array<f16, BK * RIGHT_ROW>;
// A matrix of sums of each quadrant that is in work.
var<workgroup> finished_sums: array<f32, 1024>;

// Writes one of the four matrices of `count` quadrants.
fn put_all(piece: Piece, first: u32, count: u32, corner: vec2<u32>, own: u32) {
    workgroupBarrier();
    for (var i = own; i < count * 256u; i += INVOCATIONS) {
        let quadrant = first + i / 256u;
        let row = quadrant / 2u * 32u + corner.y + i / 16u % 16u;
        let column = quadrant % 2u * 32u + corner.x + i % 16u;
        put(piece, row, column, finished_sums[i]);
    }
    workgroupBarrier();
}

@compute @workgroup_size(INVOCATIONS)
fn main(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) own: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
) {
    let piece = piece_of(id, own);
    let at_once = min(subgroups, 4u);
    // More subgroups than quadrants make the same again.
    let slot = subgroup % at_once;
    for (var first = 0u; first < 4u; first += at_once) {
        let row = (first + slot) / 2u * 32u;
        let column = (first + slot) % 2u * 32u;
        var upper_left = coop_mat16x16<f32, C>();
        var upper_right = coop_mat16x16<f32, C>();
        var lower_left = coop_mat16x16<f32, C>();
        var lower_right = coop_mat16x16<f32, C>();
        for (var step = piece.step; step < piece.end; step += BK) {
            fill(piece, step, own);
            workgroupBarrier();
            for (var s = 0u; s < BK; s += 16u) {
                let upper = coopLoadT<coop_mat16x16<f16, A>>(&left[row * LEFT_ROW + s], LEFT_ROW);
                let lower = coopLoadT<coop_mat16x16<f16, A>>(&left[(row + 16u) * LEFT_ROW + s], LEFT_ROW);
                let near = coopLoadT<coop_mat16x16<f16, B>>(&right[s * RIGHT_ROW + column], RIGHT_ROW);
                let far = coopLoadT<coop_mat16x16<f16, B>>(&right[s * RIGHT_ROW + column + 16u], RIGHT_ROW);
                upper_left = coopMultiplyAdd(upper, near, upper_left);
                upper_right = coopMultiplyAdd(upper, far, upper_right);
                lower_left = coopMultiplyAdd(lower, near, lower_left);
                lower_right = coopMultiplyAdd(lower, far, lower_right);
            }
            workgroupBarrier();
        }
        coopStoreT(upper_left, &finished_sums[slot * 256u], 16u);
        put_all(piece, first, at_once, vec2(0u, 0u), own);
        coopStoreT(upper_right, &finished_sums[slot * 256u], 16u);
        put_all(piece, first, at_once, vec2(16u, 0u), own);
        coopStoreT(lower_left, &finished_sums[slot * 256u], 16u);
        put_all(piece, first, at_once, vec2(0u, 16u), own);
        coopStoreT(lower_right, &finished_sums[slot * 256u], 16u);
        put_all(piece, first, at_once, vec2(16u, 16u), own);
    }
}
