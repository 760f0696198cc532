//! Random numbers, and dropout, which is made of them.

use super::elementwise::{self, I64, ROUNDING, rounding};
use super::windows::each_window;
use super::{Context, Grid, Kernel, Program, Stored};
use crate::args::Scalar;
use crate::layout::Layout;
use crate::{DType, Generator, Result, Shape, Tensor};

const PHILOX: &str = include_str!("shaders/philox.wgsl");
static FLOATS: Kernel = Kernel { name: "random", files: &[ROUNDING, I64, PHILOX, include_str!("shaders/random.wgsl")] };
static WHOLE: Kernel =
    Kernel { name: "random whole", files: &[I64, PHILOX, include_str!("shaders/random_whole.wgsl")] };
static DROPOUT: Kernel =
    Kernel { name: "dropout", files: &[ROUNDING, I64, PHILOX, include_str!("shaders/dropout.wgsl")] };

/// Invocations of a workgroup.
const GROUP: usize = 64;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Draw {
    /// Evenly from `0..1`, of so many bits.
    Unit { bits: u32 },
    /// From the standard normal distribution.
    Normal,
    /// So many whole numbers from a least one on; at most 2³².
    Range { low: i64, span: u64 },
    /// True for words below this.
    Boolean { limit: u64 },
}

/// Numbers for the next words of the generator, on an adapter.
pub(crate) fn draw(index: usize, shape: &Shape, dtype: DType, generator: &mut Generator, draw: Draw) -> Result<Tensor> {
    let context = Context::of(index)?;
    let stored = Stored::of(dtype, context.has_f16())?;
    let out = Tensor::empty_in(&context, shape, dtype)?;
    if out.numel() > 0 {
        each_window([&flat(&out)], &mut |[out]| fill(out, stored, words(generator, out.numel()), draw))?;
    }
    Ok(out)
}

fn fill(out: &Tensor, stored: Stored, words: [u32; 6], draw: Draw) -> Result<()> {
    let dtype = out.dtype();
    let mut params = words.to_vec();
    let types = [("R", stored)];
    let (kernel, types, constants) = match draw {
        Draw::Unit { bits } => {
            params.extend([32 - bits, (-(bits as f32)).exp2().to_bits()]);
            (&FLOATS, &types[..], [("NORMAL", 0), ("RESULT", 0)])
        }
        Draw::Normal => {
            params.extend([0; 2]);
            (&FLOATS, &types[..], [("NORMAL", 1), ("RESULT", rounding(dtype))])
        }
        Draw::Range { low, span } => {
            params.extend([low as u32, (low >> 32) as u32, span as u32, 0, 0]);
            (&WHOLE, &[][..], [("BOOLEAN", 0), ("WIDE", u32::from(dtype == DType::I64))])
        }
        Draw::Boolean { limit } => {
            let [ever, last] = below(limit);
            params.extend([0, 0, 0, ever, last]);
            (&WHOLE, &[][..], [("BOOLEAN", 1), ("WIDE", 0)])
        }
    };
    let program = Program { kernel, types, sizes: &[], constants: &constants };
    let grid = Grid::of(out.numel().div_ceil(4), GROUP);
    out.memory().context().run(program, &params, &[out.memory()], &[], grid)
}

/// A row-major tensor as one axis: its windows begin at multiples of four elements, as counters do.
fn flat(x: &Tensor) -> Tensor {
    x.with_layout(Layout { offset: x.layout().offset, ..Layout::contiguous([x.numel()].into()) })
}

/// The first parameters of each kernel here, for so many words of the generator, which are taken.
fn words(generator: &mut Generator, count: usize) -> [u32; 6] {
    let (seed, first) = generator.words(count);
    [count.div_ceil(4) as u32, 0, seed as u32, (seed >> 32) as u32, first as u32, (first >> 32) as u32]
}

/// Whether there are words below a limit, and the last of them.
fn below(limit: u64) -> [u32; 2] {
    [u32::from(limit > 0), limit.saturating_sub(1) as u32]
}

/// The tensor of floats times `scale` where the generator's word is below `limit`, times 0 elsewhere.
pub(crate) fn dropout(x: &Tensor, generator: &mut Generator, limit: u64, scale: f64) -> Result<Tensor> {
    if x.is_contiguous() {
        return dropped(x, 1, x.shape(), generator, limit, scale);
    }
    // The words follow the logical order, whatever the order of memory is: factors of their own are the simplest way.
    let one = Tensor::full_on(x.device(), (), 1, DType::F32)?;
    let factors = dropped(&one, 0, x.shape(), generator, limit, scale)?;
    elementwise::zip([x, &factors], x.shape(), "mul", Scalar::Int(0), x.dtype())
}

/// The row-major result for elements that lie side by side, or for one that stands for all (`step` 0).
fn dropped(x: &Tensor, step: u32, shape: &Shape, generator: &mut Generator, limit: u64, scale: f64) -> Result<Tensor> {
    let out = Tensor::empty_on_wgpu(x, shape, x.dtype())?;
    if out.numel() > 0 {
        let whole = flat(&out);
        let x = if step == 0 { x.expand(whole.shape())? } else { flat(x) };
        each_window([&whole, &x], &mut |[out, x]| {
            drop_out(out, (x, step), words(generator, out.numel()), (limit, scale))
        })?;
    }
    Ok(out)
}

fn drop_out(out: &Tensor, (x, step): (&Tensor, u32), words: [u32; 6], (limit, scale): (u64, f64)) -> Result<()> {
    let context = x.memory().context();
    let mut params = words.to_vec();
    params.extend(below(limit));
    // Where nothing is kept the scale is infinite.
    let scale = if limit == 0 { 0.0 } else { scale as f32 };
    let [x_offset, first] = [x.layout().offset, out.layout().offset / 4].map(|at| at as u32);
    params.extend([scale.to_bits(), out.numel() as u32, x_offset, step, first]);
    let stored = Stored::of(x.dtype(), context.has_f16())?;
    let types = [("R", stored), ("A", stored)];
    let constants = [("RESULT", rounding(x.dtype()))];
    let program = Program { kernel: &DROPOUT, types: &types, sizes: &[], constants: &constants };
    let grid = Grid::of(out.numel().div_ceil(4), GROUP);
    context.run(program, &params, &[out.memory()], &[x.memory()], grid)
}
