//! Positions of the greatest or smallest elements of an axis.

use super::elementwise::{F32, I32, I64, Numbers, ROUNDING};
use super::series::{SERIES, Series};
use super::{Kernel, Program, Stored};
use crate::cpu::reduce::Block;
use crate::{DType, Result, Tensor};

const POSITION: &str = include_str!("shaders/position.wgsl");
/// By [`Numbers`].
static KERNELS: [Kernel; 3] = [
    Kernel { name: "position f32", files: &[ROUNDING, F32, SERIES, POSITION] },
    Kernel { name: "position i32", files: &[ROUNDING, I32, SERIES, POSITION] },
    Kernel { name: "position i64", files: &[ROUNDING, I64, SERIES, POSITION] },
];

/// The positions (`i64`) along the middle axis of a row-major tensor that is seen as `[outer, n, inner]`; the result is `[outer, inner]`.
/// The axis is not empty.
pub(crate) fn best(x: &Tensor, block: Block, largest: bool) -> Result<Tensor> {
    let (mut found, mut parts) = once(x, block, None, largest)?;
    while parts > 1 {
        (found, parts) = once(x, block, Some((&found, parts)), largest)?;
    }
    Ok(found)
}

/// The best of each part of the axis, or of so many candidates on it, and how many parts there are.
fn once(
    x: &Tensor,
    Block { outer, n: size, inner }: Block,
    candidates: Option<(&Tensor, usize)>,
    largest: bool,
) -> Result<(Tensor, usize)> {
    let n = candidates.map_or(size, |(_, count)| count);
    let team = Series::of(Block { outer, n, inner }).cut();
    let out = Tensor::empty_on_wgpu(x, [outer, team.parts, inner], DType::I64)?;
    if out.numel() > 0 {
        let (context, numbers) = (x.memory().context(), Numbers::of(x.dtype()));
        let mut params = team.walk();
        params.extend([x.layout().offset, size].map(|x| x as u32));
        let types = [("A", Stored::of(x.dtype(), context.has_f16())?)];
        let better = numbers.function(if largest { "gt" } else { "lt" });
        let constants = [("BETTER", better), ("HAS_CANDIDATES", u32::from(candidates.is_some()))];
        let program =
            Program { kernel: &KERNELS[numbers as usize], types: &types, sizes: &team.sizes(), constants: &constants };
        // Candidates that there are not are not looked at.
        let reads = [x.memory(), candidates.map_or(x, |(found, _)| found).memory()];
        context.run(program, &params, &[out.memory()], &reads, team.grid())?;
    }
    Ok((out, team.parts))
}
