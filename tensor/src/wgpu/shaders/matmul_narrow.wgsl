// C = A · B for batches of matrices of floats where A has at most eight rows: a vector times a matrix, mostly. There is no block to
// share, as each number of B is used ROWS times only.
//
// So columns of B are series: LANES columns share a workgroup, WAYS invocations share the depth of each, and an invocation sums all rows
// of its column. Where the columns of B are neighbours, so are invocations across columns; otherwise along the depth. If C has few columns
// instead of rows, this is Cᵀ = Bᵀ · Aᵀ, and C is written turned around.
//
// The parts of the depth write their sums one behind the other for another kernel to add. Joined behind rounding.wgsl, series.wgsl and
// in front of batch.wgsl.

override ROWS: u32 = 1u;
override TURNED: bool = false;

struct Params {
    walk: Walk,
    columns: u32,
    a_offset: u32,
    b_offset: u32,
    // Distances of rows and of steps of the depth in A, of steps and of columns in B.
    a_row: i32,
    a_step: i32,
    b_step: i32,
    b_column: i32,
    pad: u32,
    sizes: vec4<u32>,
    a_strides: vec4<i32>,
    b_strides: vec4<i32>,
}

var<workgroup> parts_of_columns: array<vec4<f32>, LANES * WAYS>;

// Four rows of a step of A; those that there are not count nothing.
fn rows_of(at: i32, first: u32) -> vec4<f32> {
    var rows = vec4(f32(a[u32(at)]), vec3(0.0));
    if ROWS > first + 1u { rows.y = f32(a[u32(at + p.a_row)]); }
    if ROWS > first + 2u { rows.z = f32(a[u32(at + 2 * p.a_row)]); }
    if ROWS > first + 3u { rows.w = f32(a[u32(at + 3 * p.a_row)]); }
    return rows;
}

// The sums over all ways, for the first of them.
fn summed_columns(own: u32, way: u32, sums: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    parts_of_columns[own] = sums;
    for (var ways = WAYS / 2u; ways > 0u; ways /= 2u) {
        workgroupBarrier();
        if way < ways { parts_of_columns[own] += parts_of_columns[own + ways * WAY_STEP]; }
    }
    return parts_of_columns[own];
}

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    let matrix = place.series / p.columns;
    let column = place.series % p.columns;
    var low = vec4<f32>();
    var high = vec4<f32>();
    if place.inside {
        let start = start_of_matrix(matrix);
        let end = end_of(place);
        for (var j = first_of(place); j < end; j += WAYS) {
            let at = start.x + i32(j) * p.a_step;
            let right = vec4(f32(b[u32(start.y + i32(j) * p.b_step + i32(column) * p.b_column)]));
            low = fma(rows_of(at, 0u), right, low);
            if ROWS > 4u { high = fma(rows_of(at + 4 * p.a_row, 4u), right, high); }
        }
    }
    low = summed_columns(own, place.way, low);
    if ROWS > 4u { high = summed_columns(own, place.way, high); }
    if !place.inside || place.way > 0u { return; }
    let top = (place.part * (p.walk.count / p.columns) + matrix) * ROWS * p.columns;
    for (var r = 0u; r < ROWS; r++) {
        var sum = low[r % 4u];
        if r >= 4u { sum = high[r % 4u]; }
        let at = select(r * p.columns + column, column * ROWS + r, TURNED);
        out[top + at] = R(rounded(RESULT, sum));
    }
}
