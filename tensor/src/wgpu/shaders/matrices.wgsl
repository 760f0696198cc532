// What matmul.wgsl and matmul_whole.wgsl know about their factors.

// Whether neighbours along the depth lie next to each other in A, and along the columns in B: neighbouring invocations read these.
override A_ALONG_DEPTH: bool = true;
override B_ALONG_COLUMNS: bool = true;
struct Params {
    m: u32,
    n: u32,
    k: u32,
    // Steps of the depth in a part, a multiple of BK.
    part: u32,
    splits: u32,
    // Blocks along the columns.
    blocks: u32,
    a_offset: u32,
    b_offset: u32,
    // Distances of rows and of steps of the depth in A, of steps and of columns in B.
    a_row: i32,
    a_step: i32,
    b_step: i32,
    b_column: i32,
    // Matrices of the batch, and the first of them here; the first workgroups along the columns and the rows.
    batch: u32,
    first: u32,
    first_across: u32,
    first_down: u32,
    sizes: vec4<u32>,
    a_strides: vec4<i32>,
    b_strides: vec4<i32>,
}
