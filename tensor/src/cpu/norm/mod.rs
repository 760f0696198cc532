//! Normalization by channel: batch norm, and group norm with instance norm as its special case. Layer norm is in [`layer`].
//!
//! Memory is read as it lies: where channels are planes (row-major images), a channel's statistics and its result are computed in
//! one go while its elements are in the cache; where they lie side by side (channels-last), all channels go together, in two passes.
//! Statistics come from deviations from the mean of blocks that fit the first-level cache, merged in `f64`, so a mean that is large
//! beside the spread does no harm. How work is cut follows from the shape alone.

pub(crate) mod layer;
mod moments;
mod planes;
mod rows;

use super::parallel::{SharedMut, over_range};
use super::simd::{Lane, dispatch};
use crate::element::Real;

use crate::profile;
use moments::Moments;
use planes::{Affine, Runs};
use rows::AffineRow;

/// Elements of a channel that are worked on while they are in the first-level cache.
const BLOCK: usize = 4096;
/// Blocks of a channel, where it is cut into several tasks.
const SEGMENT: usize = 16;
/// Elements of a task on rows.
const ROWS: usize = 1 << 17;
/// Bytes that stay in the second-level cache between statistics and result.
const NEAR: usize = 640 << 10;

/// Dense memory seen as `[batch, outer, channels, inner]`. Each sample of the batch has statistics of its own for each of the groups
/// into which the channels fall: batch norm has a batch of 1 and groups of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) batch: usize,
    pub(crate) outer: usize,
    pub(crate) channels: usize,
    pub(crate) inner: usize,
    pub(crate) groups: usize,
}

impl Form {
    fn numel(&self) -> usize {
        self.batch * self.outer * self.channels * self.inner
    }

    /// Elements of one channel of one sample.
    fn channel_len(&self) -> usize {
        self.outer * self.inner
    }

    fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    /// Elements behind one statistic.
    fn group_len(&self) -> usize {
        self.channel_len() * self.group_channels()
    }

    /// The statistic of a channel of a sample.
    fn group_of(&self, sample: usize, channel: usize) -> usize {
        sample * self.groups + channel / self.group_channels()
    }

    /// How many blocks of about [`BLOCK`] elements a channel is cut into: whole runs, or pieces of runs.
    fn blocks(&self) -> usize {
        if self.inner <= BLOCK {
            self.outer.div_ceil(self.block_runs())
        } else {
            self.outer * self.inner.div_ceil(BLOCK)
        }
    }

    fn block_runs(&self) -> usize {
        BLOCK / self.inner
    }

    fn block(&self, sample: usize, channel: usize, block: usize) -> Runs {
        let start = |run: usize| ((sample * self.outer + run) * self.channels + channel) * self.inner;
        let stride = self.channels * self.inner;
        if self.inner <= BLOCK {
            let first = block * self.block_runs();
            let count = self.block_runs().min(self.outer - first);
            return Runs { start: start(first), count, stride, len: self.inner };
        }
        let pieces = self.inner.div_ceil(BLOCK);
        let piece = block % pieces * BLOCK;
        Runs { start: start(block / pieces) + piece, count: 1, stride, len: BLOCK.min(self.inner - piece) }
    }

    /// Whether a statistic and what it is for are computed in one task: the elements, so many bytes each, stay in the cache in
    /// between, and there are enough statistics for several threads.
    fn in_one_go(&self, bytes: usize) -> bool {
        self.group_len() * bytes <= NEAR && (self.batch * self.groups >= 8 || self.numel() <= SEGMENT * BLOCK)
    }

    /// Rows of one sample that make a task where channels lie side by side.
    fn task_rows(&self) -> usize {
        let fold = rows::BLOCK * rows::fold(self.channels);
        (ROWS / self.channels).max(2 * fold).next_multiple_of(fold)
    }

    /// Calls `f(task, sample, first element, elements)` for all tasks on rows.
    fn for_rows(&self, f: &(dyn Fn(usize, usize, usize, usize) + Sync)) {
        let (rows, tasks) = (self.task_rows(), self.row_tasks());
        over_range(self.batch * tasks, rows.min(self.outer) * self.channels, &|range| {
            for task in range {
                let (sample, first) = (task / tasks, task % tasks * rows);
                let start = (sample * self.outer + first) * self.channels;
                f(task, sample, start, rows.min(self.outer - first) * self.channels);
            }
        });
    }

    /// Tasks of each sample.
    fn row_tasks(&self) -> usize {
        self.outer.div_ceil(self.task_rows())
    }

    /// What `part` makes of each channel of each sample, `[batch, channels]`: of segments of its blocks, in parallel, joined in order.
    fn for_channels<R: Copy + Default + Send>(
        &self,
        part: impl Fn(usize, usize, std::ops::Range<usize>) -> R + Sync,
        join: impl Fn(R, R) -> R,
    ) -> Vec<R> {
        let (blocks, segments) = (self.blocks(), self.blocks().div_ceil(SEGMENT));
        let mut parts = vec![R::default(); self.batch * self.channels * segments];
        let shared = SharedMut::new(&mut parts);
        over_range(self.batch * self.channels * segments, self.channel_len().min(SEGMENT * BLOCK), &|range| {
            for task in range {
                let (channel, first) = (task / segments, task % segments * SEGMENT);
                let range = first..blocks.min(first + SEGMENT);
                let value = part(channel / self.channels, channel % self.channels, range);
                // SAFETY: each task has its own place; `parts` is borrowed until all have returned.
                unsafe { shared.slice(task..task + 1)[0] = value };
            }
        });
        parts.chunks_exact(segments).map(|parts| parts.iter().copied().fold(R::default(), &join)).collect()
    }
}

/// What stands in the formula beside the statistics.
#[derive(Clone, Copy)]
pub(crate) struct Factors<'a, T> {
    /// For each channel.
    pub(crate) gamma: &'a [T],
    pub(crate) beta: &'a [T],
    pub(crate) eps: f64,
    /// Whether negative results become 0.
    pub(crate) relu: bool,
}

/// Means and biased variances, `[batch, groups]`.
#[derive(Clone, Copy)]
pub(crate) struct Statistics<'a, T> {
    pub(crate) mean: &'a [T],
    pub(crate) var: &'a [T],
}

impl<T: Real> Statistics<'_, T> {
    /// `1 / √(var + eps)`
    fn inverse_std(&self, group: usize, eps: f64) -> f64 {
        1.0 / (self.var[group].to_f64() + eps).sqrt()
    }

    fn affine(&self, form: &Form, factors: Factors<'_, T>, sample: usize, channel: usize) -> Affine<T> {
        let group = form.group_of(sample, channel);
        Affine {
            centre: self.mean[group],
            scale: T::r(factors.gamma[channel].to_f64() * self.inverse_std(group, factors.eps)),
            shift: factors.beta[channel],
            relu: factors.relu,
        }
    }

    /// The same for all channels of all samples.
    fn affines(&self, form: &Form, factors: Factors<'_, T>) -> Vec<Affine<T>> {
        let places = 0..form.batch * form.channels;
        places.map(|i| self.affine(form, factors, i / form.channels, i % form.channels)).collect()
    }

    /// The same as the kernels of rows want it.
    fn affine_rows(&self, form: &Form, factors: Factors<'_, T>) -> AffineRows<T> {
        let columns = form.channels * rows::fold(form.channels);
        let mut all = AffineRows { columns, relu: factors.relu, factors: [Vec::new(), Vec::new(), Vec::new()] };
        all.factors.iter_mut().for_each(|of| of.reserve_exact(form.batch * columns));
        for sample in 0..form.batch {
            for column in 0..columns {
                let Affine { centre, scale, shift, .. } = self.affine(form, factors, sample, column % form.channels);
                all.factors.iter_mut().zip([centre, scale, shift]).for_each(|(of, value)| of.push(value));
            }
        }
        all
    }
}

/// Centre, scale and shift of all columns of folded rows, for each sample.
struct AffineRows<T> {
    columns: usize,
    relu: bool,
    factors: [Vec<T>; 3],
}

impl<T> AffineRows<T> {
    fn of(&self, sample: usize) -> AffineRow<'_, T> {
        let [centre, scale, shift] = self.factors.each_ref().map(|of| &of[sample * self.columns..][..self.columns]);
        AffineRow { centre, scale, shift, relu: self.relu }
    }
}

/// Writes the normalized elements with their own statistics, and these.
pub(crate) fn forward<T: Lane + Real>(
    x: &[T],
    y: &mut [T],
    form: Form,
    factors: Factors<'_, T>,
    mean: &mut [T],
    var: &mut [T],
) {
    let _span = profile::span("norm", 2 * size_of_val(x));
    if form.numel() == 0 {
        mean.fill(T::r(f64::NAN));
        var.fill(T::r(f64::NAN));
        return;
    }
    let measure = |sample, channel, blocks: std::ops::Range<usize>| {
        let blocks = blocks.map(|block| form.block(sample, channel, block));
        blocks.fold(Moments::default(), |all, runs| all.merge(dispatch(planes::Measure { x, runs })))
    };
    if form.inner > 1 && form.in_one_go(size_of::<T>()) {
        let (y, means, vars) = (SharedMut::new(y), SharedMut::new(mean), SharedMut::new(var));
        over_range(form.batch * form.groups, form.group_len(), &|range| {
            for group in range {
                let (sample, first) = (group / form.groups, group % form.groups * form.group_channels());
                let channels = first..first + form.group_channels();
                let moments = channels
                    .clone()
                    .fold(Moments::default(), |all, channel| all.merge(measure(sample, channel, 0..form.blocks())));
                // SAFETY: each task has its own group; the slices are borrowed until all tasks have returned.
                let (mean, var) = unsafe { (means.slice(group..group + 1), vars.slice(group..group + 1)) };
                (mean[0], var[0]) = (T::r(moments.mean), T::r(moments.variance()));
                for channel in channels {
                    let own = Form { batch: 1, channels: 1, groups: 1, ..form };
                    let gamma = &factors.gamma[channel..=channel];
                    let beta = &factors.beta[channel..=channel];
                    let affine = Statistics { mean, var }.affine(&own, Factors { gamma, beta, ..factors }, 0, 0);
                    for block in 0..form.blocks() {
                        let runs = form.block(sample, channel, block);
                        dispatch(planes::Normalize { x, y: y.pointer(), runs, affine });
                    }
                }
            }
        });
        return;
    }
    let channels = if form.inner > 1 { form.for_channels(measure, Moments::merge) } else { row_moments(x, form) };
    for (group, channels) in channels.chunks_exact(form.group_channels()).enumerate() {
        let moments = channels.iter().copied().fold(Moments::default(), Moments::merge);
        (mean[group], var[group]) = (T::r(moments.mean), T::r(moments.variance()));
    }
    evaluate(x, y, form, factors, Statistics { mean, var });
}

/// The moments of each channel of each sample, where channels lie side by side.
fn row_moments<T: Lane + Real>(x: &[T], form: Form) -> Vec<Moments> {
    let (channels, tasks) = (form.channels, form.row_tasks());
    let mut parts = vec![Moments::default(); form.batch * tasks * channels];
    let shared = SharedMut::new(&mut parts);
    form.for_rows(&|task, _, start, len| {
        // SAFETY: each task has its own moments; `parts` is borrowed until all have returned.
        let out = unsafe { shared.slice(task * channels..(task + 1) * channels) };
        dispatch(rows::Measure { x: &x[start..start + len], out });
    });
    joined_rows(&parts, form, Moments::merge)
}

/// The sums of tasks on rows, `[batch, tasks, channels]`, joined to `[batch, channels]`.
fn joined_rows<R: Copy + Default>(parts: &[R], form: Form, join: impl Fn(R, R) -> R) -> Vec<R> {
    let (channels, tasks) = (form.channels, form.row_tasks());
    let mut all = vec![R::default(); form.batch * channels];
    for (all, parts) in all.chunks_exact_mut(channels).zip(parts.chunks_exact(tasks * channels)) {
        for part in parts.chunks_exact(channels) {
            all.iter_mut().zip(part).for_each(|(all, &part)| *all = join(*all, part));
        }
    }
    all
}

/// Writes the normalized elements with given statistics.
pub(crate) fn evaluate<T: Lane + Real>(
    x: &[T],
    y: &mut [T],
    form: Form,
    factors: Factors<'_, T>,
    statistics: Statistics<'_, T>,
) {
    let _span = profile::span("norm", 2 * size_of_val(x));
    if form.numel() == 0 {
        return;
    }
    let y = SharedMut::new(y);
    if form.inner > 1 {
        let affines = statistics.affines(&form, factors);
        form.for_runs(&|sample, channel, runs| {
            let affine = affines[sample * form.channels + channel];
            dispatch(planes::Normalize { x, y: y.pointer(), runs, affine });
        });
        return;
    }
    let affine = statistics.affine_rows(&form, factors);
    form.for_rows(&|_, sample, start, len| {
        // SAFETY: each task has its own rows; `y` is borrowed until all have returned.
        let y = unsafe { y.slice(start..start + len) };
        dispatch(rows::Normalize { x: &x[start..start + len], y, channels: form.channels, affine: affine.of(sample) });
    });
}

impl Form {
    /// Calls `f(sample, channel, runs)` for all elements in the order of memory.
    fn for_runs(&self, f: &(dyn Fn(usize, usize, Runs) + Sync)) {
        let piece = SEGMENT * BLOCK;
        let pieces = self.inner.div_ceil(piece);
        over_range(self.batch * self.outer * self.channels * pieces, self.inner.min(piece), &|range| {
            for task in range {
                let (run, first) = (task / pieces, task % pieces * piece);
                let runs =
                    Runs { start: run * self.inner + first, count: 1, stride: 0, len: piece.min(self.inner - first) };
                f(run / self.channels / self.outer, run % self.channels, runs);
            }
        });
    }
}

/// Writes the gradients: of the input, and of `gamma` and `beta` for each channel.
pub(crate) fn backward<T: Lane + Real>(
    (dy, x, dx): (&[T], &[T], &mut [T]),
    form: Form,
    factors: Factors<'_, T>,
    statistics: Statistics<'_, T>,
    dgamma: &mut [T],
    dbeta: &mut [T],
) {
    let _span = profile::span("norm backward", 3 * size_of_val(x));
    if form.numel() == 0 {
        dgamma.fill(T::ZERO);
        dbeta.fill(T::ZERO);
        return;
    }
    let add = |[a, b]: [f64; 2], [c, d]: [f64; 2]| [a + c, b + d];
    let dx = SharedMut::new(dx);
    let sums = if form.inner == 1 {
        let affine = statistics.affine_rows(&form, factors);
        let (channels, tasks) = (form.channels, form.row_tasks());
        let mut parts = vec![[0.0; 2]; form.batch * tasks * channels];
        let shared = SharedMut::new(&mut parts);
        form.for_rows(&|task, sample, start, len| {
            // SAFETY: each task has its own sums; `parts` is borrowed until all have returned.
            let out = unsafe { shared.slice(task * channels..(task + 1) * channels) };
            let (dy, x) = (&dy[start..start + len], &x[start..start + len]);
            dispatch(rows::GradientSums { dy, x, affine: affine.of(sample), out });
        });
        let sums = joined_rows(&parts, form, add);
        let slopes = Slopes::all(&sums, form, factors, statistics);
        let columns = affine.columns;
        let spread = |of: fn(&Slopes) -> f64| -> Vec<T> {
            let column = |i: usize| form.group_of(i / columns, i % columns % channels);
            (0..form.batch * columns).map(|i| T::r(of(&slopes[column(i)]))).collect()
        };
        let (slope, offset) = (spread(|slopes| slopes.slope), spread(|slopes| slopes.offset));
        form.for_rows(&|_, sample, start, len| {
            // SAFETY: each task has its own rows; `dx` is borrowed until all have returned.
            let dx = unsafe { dx.slice(start..start + len) };
            let (dy, x) = (&dy[start..start + len], &x[start..start + len]);
            let (slope, offset) = (&slope[sample * columns..][..columns], &offset[sample * columns..][..columns]);
            dispatch(rows::Gradient { dy, x, dx, channels, affine: affine.of(sample), slope, offset });
        });
        sums
    } else {
        let affines = statistics.affines(&form, factors);
        let affine = |sample, channel| affines[sample * form.channels + channel];
        let sum = |sample, channel, blocks: std::ops::Range<usize>| {
            let affine = affine(sample, channel);
            let blocks = blocks.map(|block| form.block(sample, channel, block));
            blocks.fold([0.0; 2], |all, runs| add(all, dispatch(planes::GradientSums { dy, x, runs, affine })))
        };
        let write = |sample, channel, runs, slopes: &Slopes| {
            let (slope, offset) = (T::r(slopes.slope), T::r(slopes.offset));
            let affine = affine(sample, channel);
            dispatch(planes::Gradient { dy, x, dx: dx.pointer(), runs, affine, slope, offset });
        };
        if form.in_one_go(2 * size_of::<T>()) {
            let mut sums = vec![[0.0; 2]; form.batch * form.channels];
            let shared = SharedMut::new(&mut sums);
            over_range(form.batch * form.groups, form.group_len(), &|range| {
                for group in range {
                    let (sample, first) = (group / form.groups, group % form.groups * form.group_channels());
                    let place = sample * form.channels + first;
                    // SAFETY: each task has its own group; `sums` is borrowed until all have returned.
                    let sums = unsafe { shared.slice(place..place + form.group_channels()) };
                    for (channel, sums) in (first..).zip(&mut *sums) {
                        *sums = sum(sample, channel, 0..form.blocks());
                    }
                    let slopes =
                        Slopes::of(sums, form, &factors.gamma[first..], statistics.inverse_std(group, factors.eps));
                    for channel in first..first + form.group_channels() {
                        for block in 0..form.blocks() {
                            write(sample, channel, form.block(sample, channel, block), &slopes);
                        }
                    }
                }
            });
            sums
        } else {
            let sums = form.for_channels(sum, add);
            let slopes = Slopes::all(&sums, form, factors, statistics);
            form.for_runs(&|sample, channel, runs| {
                write(sample, channel, runs, &slopes[form.group_of(sample, channel)]);
            });
            sums
        }
    };
    for channel in 0..form.channels {
        let of_samples = (0..form.batch).map(|sample| {
            let [sum, product] = sums[sample * form.channels + channel];
            [sum, product * statistics.inverse_std(form.group_of(sample, channel), factors.eps)]
        });
        let [sum, product] = of_samples.fold([0.0; 2], add);
        (dgamma[channel], dbeta[channel]) = (T::r(product), T::r(sum));
    }
}

/// What the input's gradient has beside `scale · dy`: `slope · (x - mean) + offset`, alike for a group's channels.
struct Slopes {
    slope: f64,
    offset: f64,
}

impl Slopes {
    /// From the sums of `dy` and `dy · (x - mean)` of a group's channels and their `gamma`.
    fn of<T: Real>(sums: &[[f64; 2]], form: Form, gamma: &[T], inverse_std: f64) -> Slopes {
        let weighted = |which: usize| -> f64 {
            sums.iter().zip(gamma).map(|(sums, gamma)| sums[which] * gamma.to_f64()).sum::<f64>()
        };
        let share = -inverse_std / form.group_len() as f64;
        Slopes { slope: share * inverse_std * inverse_std * weighted(1), offset: share * weighted(0) }
    }

    /// For all groups of all samples, from all sums `[batch, channels]`.
    fn all<T: Real>(
        sums: &[[f64; 2]],
        form: Form,
        factors: Factors<'_, T>,
        statistics: Statistics<'_, T>,
    ) -> Vec<Slopes> {
        let groups = sums.chunks_exact(form.group_channels()).enumerate();
        let of_group = |(group, sums): (usize, &[[f64; 2]])| {
            let gamma = &factors.gamma[group % form.groups * form.group_channels()..];
            Slopes::of(sums, form, gamma, statistics.inverse_std(group, factors.eps))
        };
        groups.map(of_group).collect()
    }
}
