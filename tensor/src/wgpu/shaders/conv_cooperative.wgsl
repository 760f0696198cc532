// Products of windows (windows.wgsl) of f16 for cooperative.wgsl. Joined behind windows.wgsl.

struct Piece {
    row: u32,
    column: u32,
    // A part of the depth.
    step: u32,
    end: u32,
    split: u32,
    group: u32,
}

fn piece_of(id: vec3<u32>, own: u32) -> Piece {
    let row = (p.first_down + id.x) * BM;
    let across = p.first_across + id.y;
    let split = across / p.blocks;
    find_rows(row, own, INVOCATIONS);
    let end = min(p.k, (split + 1u) * p.part);
    return Piece(row, across % p.blocks * BN, split * p.part, end, split, p.first_group + id.z);
}

fn fill(piece: Piece, step: u32, own: u32) {
    let start = p.x_offset + piece.group * p.x_group;
    let there = piece.end - step;
    find_steps(step, own, INVOCATIONS);
    workgroupBarrier();
    for (var i = own; i < BM * BK / 4u; i += INVOCATIONS) {
        // Four neighbours along the channels.
        var r = i / (BK / 4u);
        var s = i % (BK / 4u) * 4u;
        var beside = vec2(0u, 1u);
        if MODE == WEIGHT {
            r = i % (BM / 4u) * 4u;
            s = i / (BM / 4u);
            beside = vec2(1u, 0u);
        }
        var values = vec4<f32>();
        if s < there { values = factor(start, piece.row, r, s); }
        if !X_BY_FOUR {
            for (var j = 1u; j < 4u; j++) {
                values[j] = 0.0;
                if s + j * beside.y < there { values[j] = factor(start, piece.row, r + j * beside.x, s + j * beside.y).x; }
            }
        }
        for (var j = 0u; j < 4u; j++) {
            left[(r + j * beside.x) * LEFT_ROW + s + j * beside.y] = f16(values[j]);
        }
    }
    let matrix = p.b_offset + piece.group * p.b_group;
    for (var i = own; i < BK * BN / 4u; i += INVOCATIONS) {
        let c = i % (BN / 4u) * 4u;
        let s = i / (BN / 4u);
        var values = vec4<f32>();
        if s < there { values = columns_of(matrix + (step + s) * p.b_step, piece.column + c); }
        for (var j = 0u; j < 4u; j++) {
            right[s * RIGHT_ROW + c + j] = f16(values[j]);
        }
    }
}

fn put(piece: Piece, r: u32, c: u32, sum: f32) {
    write(piece.split, piece.group, piece.row + r, piece.column + c, sum);
}
