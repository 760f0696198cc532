//! Folds of an axis: sums, products, extremes.

use super::elementwise::{F32, I32, I64, Numbers, ROUNDING, rounding};
use super::kernel::GROUPS;
use super::series::{SERIES, Series};
use super::{Kernel, Program, Stored};
use crate::args::Scalar;
use crate::cpu::reduce::Block;
use crate::{DType, Result, Tensor};

const REDUCE: &str = include_str!("shaders/reduce.wgsl");
const TREE: &str = include_str!("shaders/reduce_tree.wgsl");
const BY_SUBGROUPS: &str = include_str!("shaders/reduce_subgroups.wgsl");
/// By [`Numbers`].
static TREES: [Kernel; 3] = [
    Kernel { name: "reduce f32", files: &[ROUNDING, F32, SERIES, REDUCE, TREE] },
    Kernel { name: "reduce i32", files: &[ROUNDING, I32, SERIES, REDUCE, TREE] },
    Kernel { name: "reduce i64", files: &[ROUNDING, I64, SERIES, REDUCE, TREE] },
];
/// By [`Numbers`] that subgroups add.
static SUBGROUPS: [Kernel; 2] = [
    Kernel { name: "reduce f32 by subgroups", files: &[ROUNDING, F32, SERIES, REDUCE, BY_SUBGROUPS] },
    Kernel { name: "reduce i32 by subgroups", files: &[ROUNDING, I32, SERIES, REDUCE, BY_SUBGROUPS] },
];

/// Elements that an invocation folds before the axis is cut, at least: about what a group's own tree costs.
const STEPS: usize = 32;
/// And at most: adapters stop shaders of more than 65,535 rounds.
const MOST_STEPS: usize = 4096;

/// A fold of numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fold {
    /// The function of two numbers.
    pub(crate) name: &'static str,
    /// The function of one number that is applied to each element first.
    pub(crate) of: Option<&'static str>,
    /// The result over no element.
    pub(crate) start: Scalar,
}

/// Folds the middle axis of a row-major tensor that is seen as `[outer, n, inner]`; the result is `[outer, inner]`, of the tensor's
/// dtype.
pub(crate) fn fold(x: &Tensor, block: Block, fold: Fold) -> Result<Tensor> {
    let (result, parts) = once(x, block, fold)?;
    if parts == 1 {
        return Ok(result);
    }
    self::fold(&result, Block { n: parts, ..block }, Fold { of: None, ..fold })
}

/// The elements of a part, and parts, of an axis of `n` that `ways` invocations share, beside so many groups of others.
pub(super) fn cut(n: usize, ways: usize, others: usize) -> (usize, usize) {
    let wanted = GROUPS.div_ceil(others.max(1));
    let part = n.div_ceil(wanted).max(ways * STEPS).min(ways * MOST_STEPS).max(1);
    (part, n.div_ceil(part).max(1))
}

/// The sum of so many parts that lie one behind the other.
pub(super) fn sum_of_parts(x: &Tensor, parts: usize) -> Result<Tensor> {
    sum(x, Block { outer: 1, n: parts, inner: x.numel() / parts })
}

/// The sum along the middle axis, see [`fold`].
pub(super) fn sum(x: &Tensor, block: Block) -> Result<Tensor> {
    if block.n == 1 {
        return Ok(x.clone());
    }
    fold(x, block, Fold { name: "add", of: None, start: Scalar::Int(0) })
}

/// The folds of the parts of the axis, `[outer, parts, inner]`, and how many there are.
fn once(x: &Tensor, block: Block, fold: Fold) -> Result<(Tensor, usize)> {
    let (context, numbers) = (x.memory().context(), Numbers::of(x.dtype()));
    let team = Series::of(block).cut();
    let out = Tensor::empty_on_wgpu(x, [block.outer, team.parts, block.inner], x.dtype())?;
    if out.numel() > 0 {
        let stored = Stored::of(x.dtype(), context.has_f16())?;
        let mut params = team.walk();
        params.extend(numbers.bits(fold.start));
        params.extend([0, 0, x.layout().offset as u32]);
        let types = [("R", stored), ("A", stored)];
        let mut constants = vec![("FOLD", numbers.function(fold.name)), ("RESULT", rounding(x.dtype()))];
        constants.extend(fold.of.map(|name| ("FUNCTION", numbers.function(name))));
        let by_subgroups = SUBGROUPS.get(numbers as usize).filter(|_| team.is_alone() && context.has_subgroups());
        let kernel = by_subgroups.unwrap_or(&TREES[numbers as usize]);
        let program = Program { kernel, types: &types, sizes: &team.sizes(), constants: &constants };
        context.run(program, &params, &[out.memory()], &[x.memory()], team.grid())?;
    }
    Ok((out, team.parts))
}

/// The number that a fold of extremes begins with.
pub(crate) fn extreme(dtype: DType, largest: bool) -> Scalar {
    crate::dtype::with_number!(dtype.wide(), T => {
        use crate::element::Number;
        Scalar::from(if largest { T::LOWEST } else { T::HIGHEST })
    })
}
