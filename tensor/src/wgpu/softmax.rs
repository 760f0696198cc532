//! Softmax, its logarithm, and their gradients.

use super::elementwise::{ROUNDING, rounding};
use super::kernel::Lanes;
use super::{Grid, Kernel, Program, Stored};
use crate::cpu::reduce::Block;
use crate::{Result, Tensor};

pub(super) const EXPONENTIALS: &str = include_str!("shaders/exponentials.wgsl");
static FORWARD: Kernel =
    Kernel { name: "softmax", files: &[ROUNDING, EXPONENTIALS, include_str!("shaders/softmax.wgsl")] };
static BACKWARD: Kernel =
    Kernel { name: "softmax backward", files: &[ROUNDING, include_str!("shaders/softmax_backward.wgsl")] };

/// Invocations of a workgroup.
const GROUP: usize = 256;

/// The softmax (or its logarithm) along the middle axis of a row-major tensor that is seen as a block.
pub(crate) fn forward(x: &Tensor, block: Block, log: bool) -> Result<Tensor> {
    run(&FORWARD, &[x], block, log)
}

/// The gradient, from the result and its gradient, both row-major.
pub(crate) fn backward([y, dy]: [&Tensor; 2], block: Block, log: bool) -> Result<Tensor> {
    run(&BACKWARD, &[y, dy], block, log)
}

fn run(kernel: &'static Kernel, operands: &[&Tensor], Block { outer, n, inner }: Block, log: bool) -> Result<Tensor> {
    let x = operands[0];
    let out = Tensor::empty_on_wgpu(x, x.shape(), x.dtype())?;
    if out.numel() == 0 {
        return Ok(out);
    }
    let context = x.memory().context();
    let Lanes { lanes, ways, across } = Lanes::of(inner, GROUP);
    let groups = outer * across;
    let stored = Stored::of(x.dtype(), context.has_f16())?;
    let mut params = [n, 0, inner, across, groups, 0, 0].map(|x| x as u32);
    for (param, operand) in params[5..].iter_mut().zip(operands) {
        *param = operand.layout().offset as u32;
    }
    let types = [("R", stored), ("A", stored), ("B", stored)];
    let sizes = [("LANES", lanes as u32), ("WAYS", ways as u32)];
    let constants = [("LOG", u32::from(log)), ("RESULT", rounding(x.dtype()))];
    let program = Program { kernel, types: &types, sizes: &sizes, constants: &constants };
    let reads: Vec<&super::Memory> = operands.iter().map(|x| x.memory()).collect();
    context.run(program, &params, &[out.memory()], &reads, Grid::groups(groups))?;
    Ok(out)
}
