//! Products of matrices.

use smallvec::SmallVec;

use super::elementwise::{I32, I64, Numbers, ROUNDING, rounding};
use super::series::{SERIES, Series};
use super::{Grid, Kernel, Program, Stored, cooperative, reduce};
use crate::cpu::walk::Walk;
use crate::layout::Layout;
use crate::{Result, Shape, Tensor};

/// The inner loop of products by blocks.
pub(super) const BLOCKS: &str = include_str!("shaders/tiles.wgsl");
const MATRICES: &str = include_str!("shaders/matrices.wgsl");
const BATCH: &str = include_str!("shaders/batch.wgsl");
const MATMUL_WHOLE: &str = include_str!("shaders/matmul_whole.wgsl");
const MATMUL_COOPERATIVE: &str = include_str!("shaders/matmul_cooperative.wgsl");
/// By [`Numbers`].
static KERNELS: [Kernel; 3] = [
    Kernel { name: "matmul f32", files: &[ROUNDING, BLOCKS, MATRICES, BATCH, include_str!("shaders/matmul.wgsl")] },
    Kernel { name: "matmul i32", files: &[I32, MATRICES, BATCH, MATMUL_WHOLE] },
    Kernel { name: "matmul i64", files: &[I64, MATRICES, BATCH, MATMUL_WHOLE] },
];
static COOPERATIVE: Kernel = Kernel {
    name: "matmul cooperative",
    files: &[ROUNDING, MATRICES, BATCH, MATMUL_COOPERATIVE, cooperative::COOPERATIVE],
};
static NARROW: Kernel =
    Kernel { name: "matmul narrow", files: &[ROUNDING, SERIES, include_str!("shaders/matmul_narrow.wgsl"), BATCH] };
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

    /// By the first of these tiles that is well filled and leaves an adapter enough workgroups, in one piece if that can be as sums of
    /// parts are written and read again; else by a smaller one.
    fn by(tiles: &[Tile], products: usize, [m, n, k]: [usize; 3]) -> Cut {
        let blocks = |tile: &Tile| products * m.div_ceil(tile.block[0]) * n.div_ceil(tile.block[1]);
        let fits = |tile: &Tile, splits: usize| {
            let is_filled = m > tile.block[0] / 2 && n > tile.block[1] / 2;
            is_filled && blocks(tile) * splits >= GROUPS
        };
        let first = |splits: usize| tiles.iter().find(|tile| fits(tile, splits));
        let is_wide = |tile: &&Tile| !tiles.is_empty() && n <= tile.block[1];
        let tile =
            *first(1).or_else(|| first(k.div_ceil(PART))).or_else(|| SLIM.iter().find(is_wide)).unwrap_or(&SMALLEST);
        Cut::with(tile, products, [m, n, k])
    }

    /// Of so many products of halves by matrix units.
    pub(super) fn of_halves(products: usize, size: [usize; 3]) -> Cut {
        Cut::with(Tile { block: cooperative::BLOCK, depth: cooperative::DEPTH, quads: 1 }, products, size)
    }

    fn with(tile: Tile, products: usize, [m, n, k]: [usize; 3]) -> Cut {
        let blocks = products * m.div_ceil(tile.block[0]) * n.div_ceil(tile.block[1]);
        let splits = GROUPS.div_ceil(blocks).min(k.div_ceil(PART)).max(k.div_ceil(MOST)).max(1);
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
/// Where none of these fits, for few columns.
const SLIM: [Tile; 2] = [Tile { block: [128, 8], depth: 16, quads: 1 }, Tile { block: [64, 16], depth: 16, quads: 1 }];
/// Rows, or columns, that are so few that nothing is shared.
const FEW: usize = 8;
/// Where none of these fits, and for whole numbers.
const SMALLEST: Tile = Tile { block: [32, 32], depth: 16, quads: 1 };
/// Workgroups that keep an adapter busy with much work each.
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
    let shape: Shape = batch.iter().copied().chain([m, n]).collect();
    shape.check_size(OP, a.dtype())?;
    if shape.numel() == 0 || k == 0 {
        return Tensor::full_on(a.device(), shape, 0, a.dtype());
    }
    if Matrices::walk([&Factor::new(a, batch), &Factor::new(b, batch)]).axes().len() > MOST_AXES {
        let merged = |x: &Tensor| {
            let lead = x.rank() - 2;
            x.expand(batch.iter().chain(&x.shape()[lead..]).copied().collect::<Shape>())?.contiguous()
        };
        return product(&merged(a)?, &merged(b)?, batch);
    }
    let numbers = Numbers::of(a.dtype());
    let product = Product { factors: [a, b], size: [m, n, k], batch, numbers };
    let sum = if numbers == Numbers::F32 && m.min(n) <= FEW { product.narrow()? } else { product.by_blocks()? };
    sum.with_layout(Layout::contiguous(shape)).to_dtype(a.dtype())
}

struct Product<'a> {
    factors: [&'a Tensor; 2],
    /// Rows, columns and depth.
    size: [usize; 3],
    batch: &'a Shape,
    numbers: Numbers,
}

/// What the kernels' parameters say of the matrices of the factors.
struct Matrices {
    offsets: [u32; 2],
    /// Of rows and columns, in both.
    strides: [[isize; 2]; 2],
    axes: usize,
    /// Sizes and both strides of the batch's axes.
    batch: [u32; 12],
}

impl Matrices {
    /// The way through the batch.
    fn walk([left, right]: [&Factor; 2]) -> Walk<2> {
        Walk::new([&left.batch, &right.batch])
    }

    /// Of factors whose batch has no more than [`MOST_AXES`].
    fn of([a, b]: [&Tensor; 2], batch: &Shape) -> Matrices {
        let (left, right) = (Factor::new(a, batch), Factor::new(b, batch));
        let walk = Matrices::walk([&left, &right]);
        let axes = walk.axes().len();
        let mut batch = [0; 12];
        for (axis, (size, [a, b])) in walk.axes().rev().enumerate() {
            (batch[axis], batch[4 + axis], batch[8 + axis]) = (size as u32, signed(a), signed(b));
        }
        let offsets = [walk.start()[0], walk.start()[1]].map(|x| x as u32);
        Matrices { offsets, strides: [left.strides, right.strides], axes, batch }
    }
}

fn signed(x: isize) -> u32 {
    x as i32 as u32
}

impl Product<'_> {
    /// Memory for so many partial sums of each element, which keep all their digits.
    fn parts(&self, parts: usize) -> Result<Tensor> {
        let ([a, _], [m, n, _]) = (self.factors, self.size);
        let dtype = if parts > 1 { a.dtype().wide() } else { a.dtype() };
        Tensor::empty_on_wgpu(a, [parts, self.batch.numel() * m * n], dtype)
    }

    fn types(&self, out: &Tensor) -> Result<[(&'static str, Stored); 3]> {
        let [a, b] = self.factors;
        let operand = |x: &Tensor| Stored::of(x.dtype(), out.memory().context().has_f16());
        Ok([("R", operand(out)?), ("Left", operand(a)?), ("Right", operand(b)?)])
    }

    /// The elements, of few rows or few columns.
    fn narrow(self) -> Result<Tensor> {
        let ([a, b], [m, n, k], count) = (self.factors, self.size, self.batch.numel());
        let is_turned = n < m;
        let matrices = Matrices::of(self.factors, self.batch);
        let [[a_row, a_column], [b_row, b_column]] = matrices.strides;
        // The few rows, and the columns that they meet.
        let [rows, row_step, depth_step, column_step, columns, own_step] = if is_turned {
            [n as isize, b_column, a_column, a_row, m as isize, b_row]
        } else {
            [m as isize, a_row, b_row, b_column, n as isize, a_column]
        };
        let (first, second) = if is_turned { (1, 0) } else { (0, 1) };
        let columns = columns as usize;
        let series = if column_step == 1 && depth_step != 1 && columns > 1 {
            Series { batch: count, outer: k, columns, run: 1 }
        } else {
            Series::rows(count * columns, k)
        };
        let team = series.cut();
        let out = self.parts(team.parts)?;
        let mut params = team.walk();
        params.extend([columns as u32, matrices.offsets[first], matrices.offsets[second]]);
        params.extend([row_step, own_step, depth_step, column_step, 0].map(signed));
        params.extend(&matrices.batch[..4]);
        params.extend(&matrices.batch[4 + 4 * first..][..4]);
        params.extend(&matrices.batch[4 + 4 * second..][..4]);
        let [result, of_a, of_b] = self.types(&out)?.map(|(_, stored)| stored);
        let stored = if is_turned { [of_b, of_a] } else { [of_a, of_b] };
        let types = [("R", result), ("Left", stored[0]), ("Right", stored[1])];
        let constants = [
            ("ROWS", rows as u32),
            ("TURNED", u32::from(is_turned)),
            ("RESULT", rounding(out.dtype())),
            ("BATCH_AXES", matrices.axes as u32),
        ];
        let program = Program { kernel: &NARROW, types: &types, sizes: &team.sizes(), constants: &constants };
        let reads = if is_turned { [b.memory(), a.memory()] } else { [a.memory(), b.memory()] };
        let context = a.memory().context();
        context.run_work(program, &params, &[out.memory()], &reads, team.grid(), 2 * count * m * n * k)?;
        reduce::sum_of_parts(&out, team.parts)
    }

    /// The elements, by blocks.
    fn by_blocks(self) -> Result<Tensor> {
        let ([a, b], size, count) = (self.factors, self.size, self.batch.numel());
        let [m, n, k] = size;
        let context = a.memory().context();
        let (kernel, cut) = if cooperative::serves(context, [a, b], [m, n]) {
            (&COOPERATIVE, Cut::of_halves(count, size))
        } else {
            let tiles = if self.numbers == Numbers::F32 { &TILES[..] } else { &[] };
            (&KERNELS[self.numbers as usize], Cut::by(tiles, count, size))
        };
        let Cut { tile, part, splits } = cut;
        let out = self.parts(splits)?;
        let matrices = Matrices::of(self.factors, self.batch);
        let [left, right] = matrices.strides;
        let columns = n.div_ceil(tile.block[1]);
        let mut params = [m, n, k, part, splits, columns].map(|x| x as u32).to_vec();
        params.extend(matrices.offsets);
        params.extend([left[0], left[1], right[0], right[1]].map(signed));
        params.extend([count as u32, 0, 0, 0]);
        params.extend(matrices.batch);
        let constants = [
            ("A_ALONG_DEPTH", u32::from(left[1] == 1)),
            ("B_ALONG_COLUMNS", u32::from(right[1] == 1)),
            ("RESULT", rounding(out.dtype())),
            ("BATCH_AXES", matrices.axes as u32),
        ];
        let (types, sizes) = (self.types(&out)?, tile.sizes());
        let program = Program { kernel, types: &types, sizes: &sizes, constants: &constants };
        // The profile has all the work with the first piece.
        let mut flops = 2 * count * m * n * k;
        for (first, grid) in Grid::pieces([columns * splits, m.div_ceil(tile.block[0]), count]) {
            params[13..16].copy_from_slice(&[first[2], first[0], first[1]].map(|x| x as u32));
            let work = std::mem::take(&mut flops);
            context.run_work(program, &params, &[out.memory()], &[a.memory(), b.memory()], grid, work)?;
        }
        reduce::sum_of_parts(&out, splits)
    }
}
