// The inner loop of products by blocks: what matmul.wgsl and conv.wgsl do once their tiles are in shared memory.
//
// An invocation sums QUADS × QUADS squares of 4 × 4 in registers, which lie half a block apart if there are several: so neighbours
// read neighbours. Everything is a vector of four, and every sum has a name: arrays that a loop goes through would be memory on
// adapters that do not unroll.
//
// BM, BN, BK and QUADS (1 or 2) stand in front of this file.

const BM4: u32 = BM / 4u;
const BN4: u32 = BN / 4u;
// Invocations along the columns, and in all.
const COLUMNS: u32 = BN4 / QUADS;
const INVOCATIONS: u32 = BM4 / QUADS * COLUMNS;

// Four rows of a step in each vector of the one, four columns in each of the other; a step's vectors are neighbours.
var<workgroup> a_tile: array<vec4<f32>, BK * BM4>;
var<workgroup> b_tile: array<vec4<f32>, BK * BN4>;

struct Quad {
    r0: vec4<f32>,
    r1: vec4<f32>,
    r2: vec4<f32>,
    r3: vec4<f32>,
}

struct Sums {
    q00: Quad,
    q01: Quad,
    q10: Quad,
    q11: Quad,
}

fn plus(q: Quad, left: vec4<f32>, right: vec4<f32>) -> Quad {
    return Quad(
        fma(vec4(left.x), right, q.r0),
        fma(vec4(left.y), right, q.r1),
        fma(vec4(left.z), right, q.r2),
        fma(vec4(left.w), right, q.r3),
    );
}

// The sums of an invocation with the products of the tiles.
fn multiplied(own: u32, start: Sums) -> Sums {
    var sums = start;
    let row = own / COLUMNS;
    let column = own % COLUMNS;
    for (var s = 0u; s < BK; s++) {
        let left = a_tile[s * BM4 + row];
        let right = b_tile[s * BN4 + column];
        sums.q00 = plus(sums.q00, left, right);
        if QUADS == 2u {
            let below = a_tile[s * BM4 + row + BM4 / 2u];
            let beside = b_tile[s * BN4 + column + BN4 / 2u];
            sums.q01 = plus(sums.q01, left, beside);
            sums.q10 = plus(sums.q10, below, right);
            sums.q11 = plus(sums.q11, below, beside);
        }
    }
    return sums;
}

// Row `i` of an invocation's sums in the left or right squares.
fn row_of(sums: Sums, i: u32, right: bool) -> vec4<f32> {
    var q = sums.q00;
    if QUADS == 2u {
        if right { q = sums.q01; }
        if i >= 4u {
            q = sums.q10;
            if right { q = sums.q11; }
        }
    }
    switch i % 4u {
        case 0u: { return q.r0; }
        case 1u: { return q.r1; }
        case 2u: { return q.r2; }
        default: { return q.r3; }
    }
}

// Where row `i` of an invocation's sums is in the block, and where the columns of its left or right squares begin.
fn row_in_block(own: u32, i: u32) -> u32 {
    return own / COLUMNS * 4u + i % 4u + i / 4u * (BM / 2u);
}

fn column_in_block(own: u32, right: bool) -> u32 {
    return own % COLUMNS * 4u + select(0u, BN / 2u, right);
}
