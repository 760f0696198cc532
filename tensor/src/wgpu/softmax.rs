//! Softmax, its logarithm, and their gradients.

use super::elementwise::{ROUNDING, rounding};
use super::norm::{SUMS, shaped};
use super::series::{SERIES, Series, Team};
use super::{Kernel, Program, Stored};
use crate::cpu::reduce::Block;
use crate::{DType, Result, Tensor};

pub(super) const EXPONENTIALS: &str = include_str!("shaders/exponentials.wgsl");
static FORWARD: Kernel =
    Kernel { name: "softmax", files: &[ROUNDING, SERIES, EXPONENTIALS, include_str!("shaders/softmax.wgsl")] };
static BACKWARD: Kernel = Kernel {
    name: "softmax backward",
    files: &[ROUNDING, SERIES, SUMS, include_str!("shaders/softmax_backward.wgsl")],
};

/// The softmax (or its logarithm) along the middle axis of a row-major tensor that is seen as a block.
pub(crate) fn forward(x: &Tensor, block: Block, log: bool) -> Result<Tensor> {
    if let Some(team) = at_once(&[x], block) {
        return run(&FORWARD, &[x], team, log);
    }
    // In steps that all invocations share.
    let apart = as_block(x, block)?;
    let apart = apart.sub(&apart.max_keepdim(1)?)?;
    let exponentials = apart.exp()?;
    let sum = exponentials.sum_keepdim(1)?;
    let y = if log { apart.sub(&sum.ln()?)? } else { exponentials.div(&sum)? };
    Ok(shaped(&y.to_dtype(x.dtype())?, x.shape()))
}

/// The gradient, from the result and its gradient, both row-major.
pub(crate) fn backward([y, dy]: [&Tensor; 2], block: Block, log: bool) -> Result<Tensor> {
    if let Some(team) = at_once(&[y, dy], block) {
        return run(&BACKWARD, &[y, dy], team, log);
    }
    let (wide_y, wide_dy) = (as_block(y, block)?, as_block(dy, block)?);
    let dx = if log {
        wide_dy.sub(&wide_y.exp()?.mul(&wide_dy.sum_keepdim(1)?)?)?
    } else {
        wide_y.mul(&wide_dy.sub(&wide_y.mul(&wide_dy)?.sum_keepdim(1)?)?)?
    };
    Ok(shaped(&dx.to_dtype(y.dtype())?, y.shape()))
}

/// How one kernel goes along the axis, unless that has millions of elements, or is alone and more than a kernel may see.
fn at_once(operands: &[&Tensor], block: Block) -> Option<Team> {
    let series = Series::of(block);
    let is_visible = operands.iter().all(|x| x.memory().is_visible());
    if series.count() == 1 && !is_visible { None } else { series.whole("softmax").ok() }
}

fn as_block(x: &Tensor, Block { outer, n, inner }: Block) -> Result<Tensor> {
    shaped(x, [outer, n, inner]).to_dtype(DType::F32)
}

fn run(kernel: &'static Kernel, operands: &[&Tensor], team: Team, log: bool) -> Result<Tensor> {
    let x = operands[0];
    let out = Tensor::empty_on_wgpu(x, x.shape(), x.dtype())?;
    if out.numel() == 0 {
        return Ok(out);
    }
    let context = x.memory().context();
    let stored = Stored::of(x.dtype(), context.has_f16())?;
    let mut params = team.walk();
    params.extend(operands.iter().map(|x| x.layout().offset as u32));
    let types = [("R", stored), ("A", stored), ("B", stored)];
    let constants = [("LOG", u32::from(log)), ("RESULT", rounding(x.dtype()))];
    let program = Program { kernel, types: &types, sizes: &team.sizes(), constants: &constants };
    let reads: Vec<&super::Memory> = operands.iter().map(|x| x.memory()).collect();
    context.run(program, &params, &[out.memory()], &reads, team.grid())?;
    Ok(out)
}
