//! Batch, group and instance norm, and what layer norm shares with them.

use super::elementwise::{ROUNDING, rounding};
use super::reduce::{sum, sum_of_parts};
use super::series::{SERIES, Series, Team};
use super::windows::{over_parts, total};
use super::{Kernel, Program, Stored};
use crate::cpu::norm::Form;
use crate::cpu::reduce::Block;
use crate::layout::Layout;
use crate::{DType, Error, Result, Shape, Tensor};

pub(super) const NORM: &str = include_str!("shaders/norm.wgsl");
pub(super) const MOMENTS: &str = include_str!("shaders/moments.wgsl");
pub(super) const SUMS: &str = include_str!("shaders/sums.wgsl");
static MEASURE: Kernel = Kernel {
    name: "norm moments",
    files: &[ROUNDING, SERIES, NORM, MOMENTS, include_str!("shaders/norm_moments.wgsl")],
};
static MERGE: Kernel =
    Kernel { name: "norm merge", files: &[ROUNDING, SERIES, NORM, MOMENTS, include_str!("shaders/norm_merge.wgsl")] };
static NORMALIZE: Kernel =
    Kernel { name: "normalize", files: &[ROUNDING, SERIES, NORM, include_str!("shaders/normalize.wgsl")] };
static TOTAL: Kernel =
    Kernel { name: "norm sums", files: &[SERIES, NORM, SUMS, include_str!("shaders/norm_sums.wgsl")] };
static BACKWARD: Kernel =
    Kernel { name: "norm backward", files: &[ROUNDING, SERIES, NORM, include_str!("shaders/norm_backward.wgsl")] };

/// What stands in the formula beside input and statistics.
#[derive(Clone, Copy)]
pub(crate) struct Factors<'a> {
    /// For each channel, in `f32`.
    pub(crate) gamma: &'a Tensor,
    pub(crate) beta: &'a Tensor,
    pub(crate) eps: f64,
    /// Whether negative results become 0.
    pub(crate) relu: bool,
}

/// How series belong to channels and statistics.
#[derive(Clone, Copy)]
pub(super) struct Grouping {
    /// Series of a channel.
    spread: usize,
    /// Statistics of a sample, and channels behind one.
    groups: usize,
    share: usize,
    /// Statistics, and elements behind one.
    statistics: usize,
    elements: usize,
    by_row: bool,
}

impl Grouping {
    /// So many statistics, each of so many elements, which are the rows of a matrix; its columns are the channels.
    pub(super) fn of_rows(statistics: usize, elements: usize) -> Grouping {
        Grouping { spread: 1, groups: 1, share: 1, statistics, elements, by_row: true }
    }

    /// Statistics that so many series each make.
    pub(super) fn of_series(series: Series, spread: usize) -> Grouping {
        let (statistics, elements) = (series.count() / spread, series.len() * spread);
        Grouping { spread, groups: series.columns / spread, share: 1, statistics, elements, by_row: false }
    }

    fn of(form: Form, spread: usize) -> Grouping {
        let (statistics, share) = (form.batch * form.groups, form.channels / form.groups);
        let elements = form.outer * form.inner * share;
        Grouping { spread, groups: form.groups, share, statistics, elements, by_row: false }
    }
}

/// All that kernels of norms read. What a kernel does not look at is the input again.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    /// Dense, and the only ones that may be of a half type.
    pub(super) x: &'a Tensor,
    pub(super) dy: &'a Tensor,
    pub(super) mean: &'a Tensor,
    pub(super) variance: &'a Tensor,
    pub(super) gamma: &'a Tensor,
    pub(super) beta: &'a Tensor,
    /// `[2, statistics]`.
    pub(super) totals: &'a Tensor,
    pub(super) eps: f64,
    pub(super) relu: bool,
}

impl<'a> Operands<'a> {
    pub(super) fn of(x: &'a Tensor) -> Self {
        Operands { x, dy: x, mean: x, variance: x, gamma: x, beta: x, totals: x, eps: 0.0, relu: false }
    }

    fn with(x: &'a Tensor, [mean, variance]: [&'a Tensor; 2], factors: Factors<'a>) -> Self {
        let Factors { gamma, beta, eps, relu } = factors;
        Operands { mean, variance, gamma, beta, eps, relu, ..Operands::of(x) }
    }

    /// Runs a kernel that writes `out`. `parts` are the elements of a series and of a part, columns and run of the walk whose parts are
    /// merged, if any.
    pub(super) fn run(
        &self,
        kernel: &'static Kernel,
        (team, grouping): (Team, Grouping),
        out: &[&Tensor],
        reads: &[&Tensor],
        constants: &[(&'static str, u32)],
        parts: [usize; 4],
    ) -> Result<()> {
        let (context, result) = (self.x.memory().context(), out[0].dtype());
        let mut params = team.walk();
        params.extend([grouping.spread, grouping.groups, grouping.share].map(|x| x as u32));
        let all = [self.x, self.dy, self.mean, self.variance, self.gamma, self.beta, self.totals];
        params.extend(all.map(|x| x.layout().offset as u32));
        params.extend([(self.eps as f32).to_bits(), (grouping.elements as f32).to_bits(), grouping.statistics as u32]);
        params.extend(parts.map(|x| x as u32));
        let stored = |dtype| Stored::of(dtype, context.has_f16());
        let types = [("R", stored(result)?), ("A", stored(self.x.dtype())?), ("B", stored(self.dy.dtype())?)];
        let common =
            [("BY_ROW", u32::from(grouping.by_row)), ("RELU", u32::from(self.relu)), ("RESULT", rounding(result))];
        let constants = [&common, constants].concat();
        let program = Program { kernel, types: &types, sizes: &team.sizes(), constants: &constants };
        let (out, reads): (Vec<_>, Vec<_>) =
            (out.iter().map(|x| x.memory()).collect(), reads.iter().map(|x| x.memory()).collect());
        context.run(program, &params, &out, &reads, team.grid())
    }
}

/// The normalized elements of a dense tensor, in its dtype and order of memory, with their own statistics, and these,
/// `[batch · groups]`.
pub(crate) fn forward(x: &Tensor, form: Form, factors: Factors<'_>) -> Result<[Tensor; 3]> {
    let [mean, variance] = if x.numel() == 0 {
        let nan = || Tensor::full_on(x.device(), [form.batch * form.groups], f64::NAN, DType::F32);
        [nan()?, nan()?]
    } else {
        own_moments(x, form)?
    };
    Ok([evaluate(x, form, factors, [&mean, &variance])?, mean, variance])
}

/// The same with given statistics.
pub(crate) fn evaluate(x: &Tensor, form: Form, factors: Factors<'_>, statistics: [&Tensor; 2]) -> Result<Tensor> {
    if x.numel() == 0 {
        return Tensor::empty_on_wgpu(x, x.shape(), x.dtype());
    }
    let parts = over_parts_of(form, |part| {
        let (series, spread) = of_channels(part.form);
        let [mean, variance] = [part.statistics(statistics[0])?, part.statistics(statistics[1])?];
        let operands = (part.elements(x)?, [&mean, &variance]);
        normalized(Operands::with(&operands.0, operands.1, factors), series, Grouping::of(part.form, spread))
    })?;
    joined(&parts, x)
}

/// The gradients at the input (as [`forward`] gives its result), and in `f32` at gamma and beta.
pub(crate) fn backward(
    [dy, x]: [&Tensor; 2],
    form: Form,
    factors: Factors<'_>,
    statistics: [&Tensor; 2],
) -> Result<[Tensor; 3]> {
    let Form { batch, channels, groups, .. } = form;
    if x.numel() == 0 {
        let zeros = || Tensor::full_on(x.device(), [channels], 0, DType::F32);
        return Ok([Tensor::empty_on_wgpu(x, x.shape(), x.dtype())?, zeros()?, zeros()?]);
    }
    let sums = over_parts_of(form, |part| {
        let (series, spread) = of_channels(part.form);
        let (dy, x) = (part.elements(dy)?, part.elements(x)?);
        let [mean, variance] = [part.statistics(statistics[0])?, part.statistics(statistics[1])?];
        let operands = Operands { dy: &dy, ..Operands::with(&x, [&mean, &variance], factors) };
        let batch = part.form.batch;
        let sums = sums(operands, series, Grouping::of(part.form, spread))?;
        let sums = sum(&sums, Block { outer: 2 * batch * channels, n: spread, inner: 1 })?;
        Ok(shaped(&sums, [2, batch, channels]))
    })?;
    let rows = sums.iter().map(|samples| Tensor::concat(samples, 1)).collect::<Result<Vec<Tensor>>>()?;
    let sums = total(rows.iter())?;
    let weighted = shaped(&sums, [2 * batch, channels]).mul(factors.gamma)?;
    let totals = sum(&weighted, Block { outer: 2 * batch * groups, n: channels / groups, inner: 1 })?;
    let totals = shaped(&totals, [2, batch, groups]);
    let parts = over_parts_of(form, |part| {
        let (series, spread) = of_channels(part.form);
        let (dy, x) = (part.elements(dy)?, part.elements(x)?);
        let [mean, variance] = [part.statistics(statistics[0])?, part.statistics(statistics[1])?];
        let mut totals = totals.narrow(1, part.sample, part.form.batch)?.contiguous()?;
        if part.form.outer < form.outer {
            // The kernel divides by what it sees of a group.
            totals = totals.mul(part.form.outer as f64 / form.outer as f64)?;
        }
        let operands = Operands { dy: &dy, totals: &totals, ..Operands::with(&x, [&mean, &variance], factors) };
        gradient(operands, series, Grouping::of(part.form, spread))
    })?;
    let of_factors = shaped(&sum(&sums, Block { outer: 2, n: batch, inner: channels })?, [2, channels]);
    Ok([joined(&parts, x)?, of_factors.select(0, 1)?, of_factors.select(0, 0)?])
}

/// Some samples, and some of what lies before the channels in each, of a tensor that may be too large for a kernel to see.
struct Part {
    whole: Form,
    form: Form,
    sample: usize,
    row: usize,
}

impl Part {
    fn elements(&self, x: &Tensor) -> Result<Tensor> {
        let Form { batch, outer, channels, inner, .. } = self.whole;
        let x = shaped(x, [batch, outer, channels * inner]).narrow(0, self.sample, self.form.batch)?;
        x.narrow(1, self.row, self.form.outer)?.contiguous()
    }

    /// `[batch · groups]`, as all of them are.
    fn statistics(&self, x: &Tensor) -> Result<Tensor> {
        let groups = self.form.groups;
        shaped(x, [self.whole.batch * groups]).narrow(0, self.sample * groups, self.form.batch * groups)
    }
}

/// Results of all of a tensor, or of as many parts as it takes: those of samples, for each part of their rows.
fn over_parts_of<R>(form: Form, op: impl Fn(Part) -> Result<R>) -> Result<Vec<Vec<R>>> {
    over_parts(form.outer, |row, outer| {
        over_parts(form.batch, |sample, batch| {
            op(Part { whole: form, form: Form { batch, outer, ..form }, sample, row })
        })
    })
}

/// Results of parts of `x`, as that lies.
fn joined(parts: &[Vec<Tensor>], x: &Tensor) -> Result<Tensor> {
    let rows = parts.iter().map(|samples| Tensor::concat(samples, 0)).collect::<Result<Vec<Tensor>>>()?;
    Ok(shaped(&Tensor::concat(&rows, 1)?, x.shape()))
}

/// Mean and variance of each group of each sample. Those of parts are merged by Chan's formula, as distances from the means of the first
/// row: beside a large mean they would lose digits.
fn own_moments(x: &Tensor, form: Form) -> Result<[Tensor; 2]> {
    let whole = Part { whole: form, form, sample: 0, row: 0 };
    let of_whole = moments_of(x, &whole, None);
    if !matches!(of_whole, Err(Error::Binding { .. })) {
        return of_whole;
    }
    let firsts = over_parts(form.batch, |sample, batch| {
        let part = Part { whole: form, form: Form { batch, outer: 1, ..form }, sample, row: 0 };
        Ok(moments_of(x, &part, None)?[0].clone())
    })?;
    let origin = &Tensor::concat(&firsts.iter().collect::<Vec<_>>(), 0)?;
    let parts = moments_of_parts(x, form, origin)?;
    let sum = |of: &dyn Fn(&Tensor, &Tensor) -> Result<Tensor>| {
        let terms = parts.iter().map(|(mean, variance, share)| of(mean, variance)?.mul(*share));
        total(terms.collect::<Result<Vec<Tensor>>>()?.iter())
    };
    let mean = sum(&|mean, _| Ok(mean.clone()))?;
    let variance = sum(&|part, variance| {
        let distance = part.sub(&mean)?;
        distance.mul(&distance)?.add(variance)
    })?;
    Ok([mean.add(origin)?, variance])
}

/// Mean and variance of each group of each sample, of the distances from an origin if there is one.
fn moments_of(x: &Tensor, part: &Part, origin: Option<&Tensor>) -> Result<[Tensor; 2]> {
    let Form { batch, outer, channels, groups, inner } = part.form;
    let (mut x, run) = (part.elements(x)?, channels / groups * inner);
    if let Some(origin) = origin {
        let origin = shaped(&part.statistics(origin)?, [batch, 1, groups, 1]);
        x = shaped(&x, [batch, outer, groups, run]).to_dtype(DType::F32)?.sub(&origin)?;
    }
    moments(&x, Series { batch, outer, columns: groups, run })
}

/// For parts of what lies before the channels, as few as it takes: [`moments_of`] these, and their share of all elements.
fn moments_of_parts(x: &Tensor, form: Form, origin: &Tensor) -> Result<Vec<(Tensor, Tensor, f64)>> {
    let parts = over_parts_of(form, |part| {
        Ok((moments_of(x, &part, Some(origin))?, part.form.outer as f64 / form.outer as f64))
    })?;
    let rows = parts.iter().map(|samples| {
        let of = |i: usize| Tensor::concat(&samples.iter().map(|(found, _)| &found[i]).collect::<Vec<_>>(), 0);
        let share = samples.first().map_or(0.0, |(_, share)| *share);
        Ok((of(0)?, of(1)?, share))
    });
    rows.collect()
}

/// A series for each channel of each sample, or for each place of its short runs, and how many there are of each.
fn of_channels(form: Form) -> (Series, usize) {
    Series { batch: form.batch, outer: form.outer, columns: form.channels, run: form.inner }.side_by_side()
}

/// Mean and variance of each series.
pub(super) fn moments(x: &Tensor, series: Series) -> Result<[Tensor; 2]> {
    let (walked, spread) = series.side_by_side();
    let (team, count) = (walked.cut(), series.count());
    let grouping = Grouping::of_series(walked, spread);
    let is_whole = team.parts == 1 && spread == 1;
    let empty = |count: usize| Tensor::empty_on_wgpu(x, [count], DType::F32);
    let (means, variances) = (empty(team.parts * walked.count())?, empty(team.parts * walked.count())?);
    let operands = Operands::of(x);
    let out = [&means, &variances];
    let constants = [("WHOLE", u32::from(is_whole))];
    operands.run(&MEASURE, (team, grouping), &out, &[x], &constants, [0; 4])?;
    if is_whole {
        return Ok([means, variances]);
    }
    let merged = [empty(count)?, empty(count)?];
    let together = Series::rows(count, team.parts * spread).whole("norm")?;
    let parts = [walked.len(), team.part, walked.columns, walked.run];
    let out = [&merged[0], &merged[1]];
    operands.run(&MERGE, (together, grouping), &out, &[x, &means, &variances], &[], parts)?;
    Ok(merged)
}

/// The result, in the input's dtype and order of memory.
pub(super) fn normalized(operands: Operands<'_>, series: Series, grouping: Grouping) -> Result<Tensor> {
    let Operands { x, mean, variance, gamma, beta, .. } = operands;
    let y = Tensor::empty_on_wgpu(x, x.shape(), x.dtype())?;
    let reads = [x, mean, variance, gamma, beta];
    operands.run(&NORMALIZE, (series.strewn(), grouping), &[&y], &reads, &[], [0; 4])?;
    Ok(y)
}

/// `Σ dy` and `Σ dy · x̂` over each series, `[2 · series]`.
pub(super) fn sums(operands: Operands<'_>, series: Series, grouping: Grouping) -> Result<Tensor> {
    let Operands { x, dy, mean, variance, gamma, beta, .. } = operands;
    let team = series.cut();
    let out = Tensor::empty_on_wgpu(x, [team.parts * 2 * series.count()], DType::F32)?;
    let reads = [dy, x, mean, variance, gamma, beta];
    operands.run(&TOTAL, (team, grouping), &[&out], &reads, &[], [0; 4])?;
    sum_of_parts(&out, team.parts)
}

/// The gradient at the input, in its dtype and order of memory.
pub(super) fn gradient(operands: Operands<'_>, series: Series, grouping: Grouping) -> Result<Tensor> {
    let Operands { x, dy, mean, variance, gamma, beta, totals, .. } = operands;
    let dx = Tensor::empty_on_wgpu(x, x.shape(), x.dtype())?;
    let reads = [dy, x, mean, variance, gamma, beta, totals];
    operands.run(&BACKWARD, (series.strewn(), grouping), &[&dx], &reads, &[], [0; 4])?;
    Ok(dx)
}

/// Row-major elements as this shape.
pub(super) fn shaped(x: &Tensor, shape: impl Into<Shape>) -> Tensor {
    x.with_layout(Layout { offset: x.layout().offset, ..Layout::contiguous(shape.into()) })
}
