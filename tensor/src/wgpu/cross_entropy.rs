//! Cross-entropy of logits with class indices, and its gradient.

use super::elementwise::{ROUNDING, rounding};
use super::index::{first_outside, is_whole};
use super::norm::{SUMS, shaped};
use super::series::{SERIES, Series, Team};
use super::softmax::EXPONENTIALS;
use super::windows::{each_window, in_parts};
use super::{Grid, Kernel, Program, Stored};
use crate::cpu::reduce::Block;
use crate::{ClassTargets, DType, Result, Tensor};

const COMMON: &str = include_str!("shaders/cross_entropy.wgsl");
static CLASSES: Kernel = Kernel { name: "classes", files: &[include_str!("shaders/classes.wgsl")] };
static FORWARD: Kernel = Kernel {
    name: "cross entropy",
    files: &[ROUNDING, SERIES, COMMON, EXPONENTIALS, SUMS, include_str!("shaders/cross_entropy_forward.wgsl")],
};
static BACKWARD: Kernel = Kernel {
    name: "cross entropy backward",
    files: &[ROUNDING, SERIES, COMMON, include_str!("shaders/cross_entropy_backward.wgsl")],
};
static MASS: Kernel = Kernel {
    name: "cross entropy mass",
    files: &[ROUNDING, SERIES, COMMON, include_str!("shaders/cross_entropy_mass.wgsl")],
};
/// Invocations of a workgroup, as the file of classes says.
const GROUP: usize = 64;

/// The class of each of these integers in row-major order, as `i32`: -1 for a label that does not count. And whether all others
/// are classes. Unless that is known, it is read from the adapter's memory, which waits for all that was asked of the adapter before.
pub(crate) fn classes(labels: &Tensor, classes: usize, ignored: Option<i64>) -> Result<(Tensor, bool)> {
    let known = labels.memory().known();
    let numbers = labels.to_dtype(DType::I64)?.contiguous()?;
    let out = Tensor::empty_on_wgpu(labels, labels.shape(), DType::I32)?;
    if out.numel() == 0 {
        return Ok((out, true));
    }
    // Nobody has more classes than an `i32` counts.
    let bound = classes.min(i32::MAX as usize) as u32;
    let bits = ignored.unwrap_or_default() as u64;
    each_window([&flat(&out), &flat(&numbers)], &mut |[out, numbers]| {
        let params = [
            out.numel() as u32,
            0,
            bound,
            numbers.layout().offset as u32,
            bits as u32,
            (bits >> 32) as u32,
            u32::from(ignored.is_some()),
            out.layout().offset as u32,
        ];
        let program = Program { kernel: &CLASSES, types: &[], sizes: &[], constants: &[] };
        let grid = Grid::of(out.numel(), GROUP);
        out.memory().context().run(program, &params, &[out.memory()], &[numbers.memory()], grid)
    })?;
    let is_known = known.extremes.get().is_some_and(|&(least, greatest)| least >= 0 && greatest < i64::from(bound))
        || known.labels.get() == Some(&(classes, ignored));
    let are_classes = is_known || first_outside(&out, -1, i32::MAX.into())?.is_none();
    if are_classes && is_whole(labels)? {
        known.labels.get_or_init(|| (classes, ignored));
    }
    Ok((out, are_classes))
}

/// Losses in the logits' dtype and statistics `[2, positions]` in `f32`, from row-major logits that are seen as a block along the
/// classes, and the class of each position. Where there are no classes, all are 0.
pub(crate) fn forward(x: &Tensor, block: Block, classes: &Tensor, targets: &ClassTargets) -> Result<[Tensor; 2]> {
    if block.n == 0 {
        let zeros = |shape: &[usize], dtype| Tensor::full_on(x.device(), shape, 0, dtype);
        return Ok([zeros(classes.shape(), x.dtype())?, zeros(&[2, classes.numel()], DType::F32)?]);
    }
    let Block { outer, n, inner } = block;
    let positions = [&positions_of(x, block)?, &shaped(classes, [outer, inner])];
    let [losses, statistics] = in_parts(positions, &[0, 1], &|[x, classes]| {
        let (x, classes) = (x.transpose(1, 2)?.contiguous()?, classes.contiguous()?);
        let losses = Tensor::empty_on_wgpu(&x, classes.shape(), x.dtype())?;
        let [outer, inner] = [0, 1].map(|axis| classes.shape()[axis]);
        let statistics = Tensor::empty_on_wgpu(&x, [2, outer, inner], DType::F32)?;
        if losses.numel() > 0 {
            // A kernel goes through all classes of a position: for more than it can, the logits are too large, however few bytes they are.
            let series = Series::of(Block { outer, n, inner });
            let Ok(team) = series.whole("cross_entropy") else { return Err(x.memory().is_too_large()) };
            let operands = Operands { x: &x, dy: &x, statistics: &x, classes: &classes, targets };
            operands.run(&FORWARD, team, n, &[&losses, &statistics], &[&x, &classes])?;
        }
        Ok([losses, statistics.permute([1, 2, 0])?])
    })?;
    let statistics = statistics.permute([2, 0, 1])?.contiguous()?;
    Ok([shaped(&losses.contiguous()?, classes.shape()), shaped(&statistics, [2, classes.numel()])])
}

/// The gradient at the logits, in their dtype, from that at the losses and the statistics, both of `f32` and row-major.
pub(crate) fn backward(
    [x, statistics, dy]: [&Tensor; 3],
    block: Block,
    classes: &Tensor,
    targets: &ClassTargets,
) -> Result<Tensor> {
    let Block { outer, n, inner } = block;
    let positions = [
        &positions_of(x, block)?,
        &shaped(statistics, [2, outer, inner]).permute([1, 2, 0])?,
        &shaped(dy, [outer, inner]),
        &shaped(classes, [outer, inner]),
    ];
    let [dx] = in_parts(positions, &[0, 1], &|[x, statistics, dy, classes]| {
        let (x, statistics) = (x.transpose(1, 2)?.contiguous()?, statistics.permute([2, 0, 1])?.contiguous()?);
        let (dy, classes) = (dy.contiguous()?, classes.contiguous()?);
        let dx = Tensor::empty_on_wgpu(&x, x.shape(), x.dtype())?;
        if dx.numel() > 0 {
            let [outer, inner] = [0, 1].map(|axis| classes.shape()[axis]);
            let team = Series::of(Block { outer, n, inner }).strewn();
            let operands = Operands { x: &x, dy: &dy, statistics: &statistics, classes: &classes, targets };
            operands.run(&BACKWARD, team, n, &[&dx], &[&x, &classes, &statistics, &dy])?;
        }
        Ok([dx.transpose(1, 2)?])
    })?;
    Ok(shaped(&dx.transpose(1, 2)?.contiguous()?, x.shape()))
}

/// The logits as `[outer, inner, classes]`, however they lie: what goes on at one position does not touch others.
fn positions_of(x: &Tensor, Block { outer, n, inner }: Block) -> Result<Tensor> {
    shaped(x, [outer, n, inner]).transpose(1, 2)
}

/// A row-major tensor as one axis.
fn flat(x: &Tensor) -> Tensor {
    shaped(x, [x.numel()])
}

/// The sum of the targets of each position by its class, of so many classes.
pub(crate) fn mass(classes: &Tensor, count: usize, dtype: DType, targets: &ClassTargets) -> Result<Tensor> {
    let out = Tensor::empty_on_wgpu(classes, classes.shape(), dtype)?;
    if out.numel() > 0 {
        each_window([&flat(&out), &flat(classes)], &mut |[out, classes]| {
            let team = Series::rows(out.numel(), 1).whole("cross_entropy")?;
            let operands = Operands { x: out, dy: out, statistics: out, classes, targets };
            operands.run(&MASS, team, count, &[out], &[classes])
        })?;
    }
    Ok(out)
}

/// What the kernels know besides the classes. What a kernel does not look at is another operand again.
struct Operands<'a> {
    x: &'a Tensor,
    dy: &'a Tensor,
    statistics: &'a Tensor,
    classes: &'a Tensor,
    targets: &'a ClassTargets,
}

impl Operands<'_> {
    /// Runs a kernel for so many classes; their weights are the last that it reads.
    fn run(
        &self,
        kernel: &'static Kernel,
        team: Team,
        classes: usize,
        out: &[&Tensor],
        reads: &[&Tensor],
    ) -> Result<()> {
        let (context, result) = (self.x.memory().context(), out[0].dtype());
        let ClassTargets { weights, label_smoothing, .. } = self.targets;
        let total = weights.as_ref().map_or(classes as f64, |weights| weights.iter().sum());
        let mut params = team.walk();
        params.extend([self.x, self.dy, self.statistics].map(|x| x.layout().offset as u32));
        let numbers = [1.0 - label_smoothing, label_smoothing / classes as f64, total];
        params.extend(numbers.map(|number| (number as f32).to_bits()));
        params.push(self.classes.layout().offset as u32);
        let table = match weights {
            Some(weights) => weights.iter().map(|&weight| weight as f32).collect(),
            None => Vec::new(),
        };
        let table = context.upload(bytemuck::cast_slice(&table))?;
        let types =
            [("R", Stored::of(result, context.has_f16())?), ("A", Stored::of(self.x.dtype(), context.has_f16())?)];
        let constants = [("HAS_WEIGHTS", u32::from(weights.is_some())), ("RESULT", rounding(result))];
        let program = Program { kernel, types: &types, sizes: &team.sizes(), constants: &constants };
        let out: Vec<_> = out.iter().map(|x| x.memory()).collect();
        let reads: Vec<_> = reads.iter().map(|x| x.memory()).chain([&table]).collect();
        context.run(program, &params, &out, &reads, team.grid())
    }
}
