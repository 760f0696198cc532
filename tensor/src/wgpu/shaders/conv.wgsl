// Products of windows (windows.wgsl) by blocks, as in matmul.wgsl. Joined behind tiles.wgsl and windows.wgsl.

// Brings a block of the windows to shared memory, of which so many steps are there.
fn fill_windows(start: u32, first_row: u32, there: u32, own: u32) {
    if X_BY_FOUR && MODE != WEIGHT {
        // Four channels of four places, turned around.
        for (var i = own; i < BK / 4u * BM4; i += INVOCATIONS) {
            let r = i / (BK / 4u);
            let s = i % (BK / 4u) * 4u;
            var values = mat4x4<f32>();
            if s < there {
                let y = r * 4u;
                values = transpose(mat4x4(
                    factor(start, first_row, y, s),
                    factor(start, first_row, y + 1u, s),
                    factor(start, first_row, y + 2u, s),
                    factor(start, first_row, y + 3u, s),
                ));
            }
            a_tile[s * BM4 + r] = values[0];
            a_tile[(s + 1u) * BM4 + r] = values[1];
            a_tile[(s + 2u) * BM4 + r] = values[2];
            a_tile[(s + 3u) * BM4 + r] = values[3];
        }
        return;
    }
    for (var i = own; i < BK * BM4; i += INVOCATIONS) {
        var r = i % BM4;
        var s = i / BM4;
        if ALONG_DEPTH {
            r = i / BK;
            s = i % BK;
        }
        var values = vec4<f32>();
        if s < there {
            let y = r * 4u;
            values = factor(start, first_row, y, s);
            if !X_BY_FOUR {
                values.y = factor(start, first_row, y + 1u, s).x;
                values.z = factor(start, first_row, y + 2u, s).x;
                values.w = factor(start, first_row, y + 3u, s).x;
            }
        }
        a_tile[s * BM4 + r] = values;
    }
}

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let across = p.first_across + id.y;
    let first_row = (p.first_down + id.x) * BM;
    let first_column = across % p.blocks * BN;
    let split = across / p.blocks;
    let group = p.first_group + id.z;
    let x_start = p.x_offset + group * p.x_group;
    let b_start = p.b_offset + group * p.b_group;

    find_rows(first_row, own, INVOCATIONS);
    var sums: Sums;
    let end = min(p.k, (split + 1u) * p.part);
    for (var step = split * p.part; step < end; step += BK) {
        find_steps(step, own, INVOCATIONS);
        workgroupBarrier();
        fill_windows(x_start, first_row, end - step, own);
        for (var i = own; i < BK * BN4; i += INVOCATIONS) {
            let c = i % BN4;
            let s = i / BN4;
            var values = vec4<f32>();
            if step + s < end { values = columns_of(b_start + (step + s) * p.b_step, first_column + c * 4u); }
            b_tile[i] = values;
        }
        workgroupBarrier();
        sums = multiplied(own, sums);
        workgroupBarrier();
    }

    for (var i = 0u; i < 4u * QUADS; i++) {
        let r = first_row + row_in_block(own, i);
        for (var side = 0u; side < QUADS; side++) {
            let values = row_of(sums, i, side == 1u);
            let c = first_column + column_in_block(own, side == 1u);
            for (var j = 0u; j < 4u; j++) {
                write(split, group, r, c + j, values[j]);
            }
        }
    }
}
