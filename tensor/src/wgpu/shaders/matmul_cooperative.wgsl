// Products of matrices of f16 for cooperative.wgsl. Joined behind rounding.wgsl, matrices.wgsl and batch.wgsl.

struct Piece {
    row: u32,
    column: u32,
    // A part of the depth.
    step: u32,
    end: u32,
    // Where the matrices begin, in both factors and in the result.
    start: vec2<i32>,
    top: u32,
}

fn piece_of(id: vec3<u32>, own: u32) -> Piece {
    let across = p.first_across + id.x;
    let split = across / p.blocks;
    let matrix = p.first + id.z;
    let end = min(p.k, (split + 1u) * p.part);
    let top = (split * p.batch + matrix) * p.m * p.n;
    let row = (p.first_down + id.y) * BM;
    return Piece(row, across % p.blocks * BN, split * p.part, end, start_of_matrix(matrix), top);
}

fn fill(piece: Piece, step: u32, own: u32) {
    for (var i = own; i < BM * BK; i += INVOCATIONS) {
        var r = i % BM;
        var s = i / BM;
        if A_ALONG_DEPTH {
            r = i / BK;
            s = i % BK;
        }
        var value = 0.0h;
        if piece.row + r < p.m && step + s < piece.end {
            value = a[u32(piece.start.x + i32(piece.row + r) * p.a_row + i32(step + s) * p.a_step)];
        }
        left[r * LEFT_ROW + s] = value;
    }
    for (var i = own; i < BK * BN; i += INVOCATIONS) {
        var c = i / BK;
        var s = i % BK;
        if B_ALONG_COLUMNS {
            c = i % BN;
            s = i / BN;
        }
        var value = 0.0h;
        if piece.column + c < p.n && step + s < piece.end {
            value = b[u32(piece.start.y + i32(step + s) * p.b_step + i32(piece.column + c) * p.b_column)];
        }
        right[s * RIGHT_ROW + c] = value;
    }
}

fn put(piece: Piece, r: u32, c: u32, sum: f32) {
    let row = piece.row + r;
    let column = piece.column + c;
    if row < p.m && column < p.n { out[piece.top + row * p.n + column] = R(rounded(RESULT, sum)); }
}
