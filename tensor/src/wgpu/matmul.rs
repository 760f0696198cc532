//! Products of matrices.

use smallvec::SmallVec;

use super::elementwise::{I32, I64, Numbers, ROUNDING, rounding};
use super::{Grid, Kernel, Program, Stored, reduce};
use crate::layout::Layout;
use crate::{Error, Result, Shape, Tensor};

/// The inner loop of products by blocks.
pub(super) const BLOCKS: &str = include_str!("shaders/tiles.wgsl");
const MATRICES: &str = include_str!("shaders/matrices.wgsl");
const MATMUL_WHOLE: &str = include_str!("shaders/matmul_whole.wgsl");
/// By [`Numbers`].
static KERNELS: [Kernel; 3] = [
    Kernel { name: "matmul f32", files: &[ROUNDING, BLOCKS, MATRICES, include_str!("shaders/matmul.wgsl")] },
    Kernel { name: "matmul i32", files: &[I32, MATRICES, MATMUL_WHOLE] },
    Kernel { name: "matmul i64", files: &[I64, MATRICES, MATMUL_WHOLE] },
];
const OP: &str = "matmul";

/// Blocks of a product: `BM × BN` of a workgroup, `BK` steps at a time, squares of 4 × 4 of which an invocation makes `QUADS²`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    pub(super) block: [usize; 2],
    pub(super) depth: usize,
    quads: usize,
}

impl Tile {
    /// As the files name them.
    pub(super) fn sizes(&self) -> [(&'static str, u32); 4] {
        let Tile { block, depth, quads } = *self;
        [("BM", block[0]), ("BN", block[1]), ("BK", depth), ("QUADS", quads)].map(|(name, size)| (name, size as u32))
    }
}

/// How a product is cut.
pub(super) struct Cut {
    pub(super) tile: Tile,
    /// Steps of the depth in a part, a multiple of the tile's.
    pub(super) part: usize,
    pub(super) splits: usize,
}

impl Cut {
    /// Of so many products of floats, `m × k` and `k × n`.
    pub(super) fn of(products: usize, size: [usize; 3]) -> Cut {
        Cut::by(&TILES, products, size)
    }

    /// By the first of these tiles that is well filled and leaves an adapter enough workgroups, else by the smallest.
    fn by(tiles: &[Tile], products: usize, [m, n, k]: [usize; 3]) -> Cut {
        let blocks = |tile: &Tile| products * m.div_ceil(tile.block[0]) * n.div_ceil(tile.block[1]);
        let fits = |tile: &&Tile| {
            let is_filled = m > tile.block[0] / 2 && n > tile.block[1] / 2;
            is_filled && blocks(tile) * k.div_ceil(PART) >= GROUPS
        };
        let tile = *tiles.iter().find(fits).unwrap_or(&SMALLEST);
        let splits = GROUPS.div_ceil(blocks(&tile)).min(k.div_ceil(PART)).max(k.div_ceil(MOST)).max(1);
        let part = k.div_ceil(splits).next_multiple_of(tile.depth);
        Cut { tile, part, splits: k.div_ceil(part) }
    }
}

/// From the largest, which reads least, to those of which there are more.
const TILES: [Tile; 4] = [
    Tile { block: [128, 128], depth: 8, quads: 2 },
    Tile { block: [128, 64], depth: 8, quads: 2 },
    Tile { block: [64, 64], depth: 16, quads: 2 },
    Tile { block: [128, 32], depth: 8, quads: 2 },
];
/// Where none of these fits, and for whole numbers.
const SMALLEST: Tile = Tile { block: [32, 32], depth: 16, quads: 1 };
/// Workgroups that keep an adapter busy.
pub(super) const GROUPS: usize = 128;
/// Steps of the depth that are worth a part of their own.
const PART: usize = 256;
/// Most steps in a part: adapters stop shaders of more than 65,535 rounds of all loops, of which 16 steps take up to 40.
const MOST: usize = 16_384;
/// Axes that a batch may have once neighbours are merged.
const MOST_AXES: usize = 4;

/// Where the matrices of a factor lie.
struct Factor {
    /// Of the axes of the batch, which they are broadcast to.
    batch: Layout,
    strides: [isize; 2],
}

impl Factor {
    fn new(tensor: &Tensor, batch: &Shape) -> Self {
        let (layout, lead) = (tensor.layout(), tensor.rank() - 2);
        let own = Layout {
            shape: Shape::from(&layout.shape[..lead]),
            strides: SmallVec::from_slice(&layout.strides[..lead]),
            offset: layout.offset,
        };
        Factor { batch: own.broadcast_to(batch), strides: [layout.strides[lead], layout.strides[lead + 1]] }
    }
}

/// The products of matrices of floats, `i32` or `i64` in the last two axes of `a` and `b`, whose other axes are broadcast to `batch`: `[batch…, m, n]`.
pub(crate) fn product(a: &Tensor, b: &Tensor, batch: &Shape) -> Result<Tensor> {
    let (m, k, n) = (a.shape()[a.rank() - 2], a.shape()[a.rank() - 1], b.shape()[b.rank() - 1]);
    let context = a.memory().context();
    let shape: Shape = batch.iter().copied().chain([m, n]).collect();
    shape.check_size(OP, a.dtype())?;
    if shape.numel() == 0 || k == 0 {
        return Tensor::full_on(a.device(), shape, 0, a.dtype());
    }
    let matrices = batch.numel();
    let numbers = Numbers::of(a.dtype());
    let size = [m, n, k];
    let Cut { tile, part, splits } =
        if numbers == Numbers::F32 { Cut::of(matrices, size) } else { Cut::by(&[], matrices, size) };
    // Partial sums keep all their digits.
    let dtype = if splits > 1 { a.dtype().wide() } else { a.dtype() };
    let out = Tensor::empty_on_wgpu(a, [splits, shape.numel()], dtype)?;
    let (left, right) = (Factor::new(a, batch), Factor::new(b, batch));
    let walk = crate::cpu::walk::Walk::new([&left.batch, &right.batch]);
    let axes = walk.axes().len();
    if axes > MOST_AXES {
        let message =
            format!("expected a batch of at most {MOST_AXES} axes that do not lie as one block, received {axes}");
        return Err(Error::argument(OP, message));
    }
    let columns = n.div_ceil(tile.block[1]);
    let mut params = [0u32; 28];
    let signed = |x: isize| x as i32 as u32;
    let plain = [m, n, k, part, splits, columns, walk.start()[0], walk.start()[1]];
    params[..8].copy_from_slice(&plain.map(|x| x as u32));
    let strides = [left.strides[0], left.strides[1], right.strides[0], right.strides[1]];
    params[8..12].copy_from_slice(&strides.map(signed));
    params[12] = matrices as u32;
    for (axis, (size, [a, b])) in walk.axes().rev().enumerate() {
        params[16 + axis] = size as u32;
        params[20 + axis] = signed(a);
        params[24 + axis] = signed(b);
    }
    let operand = |x: &Tensor| Stored::of(x.dtype(), context.has_f16());
    let types = [("R", operand(&out)?), ("A", operand(a)?), ("B", operand(b)?)];
    let sizes = tile.sizes();
    let constants = [
        ("A_ALONG_DEPTH", u32::from(left.strides[1] == 1)),
        ("B_ALONG_COLUMNS", u32::from(right.strides[1] == 1)),
        ("RESULT", rounding(dtype)),
        ("BATCH_AXES", axes as u32),
    ];
    let program = Program { kernel: &KERNELS[numbers as usize], types: &types, sizes: &sizes, constants: &constants };
    // A grid has at most so many matrices.
    const AT_ONCE: usize = 32_768;
    for first in (0..matrices).step_by(AT_ONCE) {
        params[13] = first as u32;
        let grid = Grid::Box([columns * splits, m.div_ceil(tile.block[0]), (matrices - first).min(AT_ONCE)]);
        let flops = 2 * (matrices - first).min(AT_ONCE) * m * n * k;
        context.run_work(program, &params, &[out.memory()], &[a.memory(), b.memory()], grid, flops)?;
    }
    let sum = if splits == 1 { out } else { reduce::sum_of_parts(&out, splits)? };
    sum.with_layout(Layout::contiguous(shape)).to_dtype(a.dtype())
}
