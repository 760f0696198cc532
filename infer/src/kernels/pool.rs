//! Pooling of images that lie channels-last.

use ocelli_tensor::{Padding, PoolOptions, Result};

use super::{Images, ImagesMut, over_pieces, places_per_task};

/// What one window covers along one axis: `count` places from `first`, `step` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    first: usize,
    count: usize,
    step: usize,
    /// What an average divides by along this axis.
    divisor: usize,
}

/// The windows of `outputs` places over `input` places along spatial axis `axis` of two.
///
/// # Errors
/// For options that the tensor crate refuses too.
pub(crate) fn fixed(options: &PoolOptions, axis: usize, input: [usize; 2], outputs: usize) -> Result<Vec<Window>> {
    const OP: &str = "pool";
    let kernel = options.kernel.resolve(OP, "kernel", 2, 1)?;
    let stride = options.stride.resolve(OP, "stride", 2, 1)?;
    let step = options.dilation.resolve(OP, "dilation", 2, 1)?;
    let padding = options.padding.resolve(OP, &input, &kernel, &stride, &step)?[axis];
    let (kernel, stride, step, input) = (kernel[axis], stride[axis], step[axis], input[axis]);
    let padded = input + padding.0 + padding.1;
    let counts_padding = options.count_include_pad && options.padding != Padding::Same;
    let window = |i: usize| {
        // Positions are counted from the start of the padding.
        let start = i * stride;
        let end = (start + (kernel - 1) * step + 1).min(padded);
        let first = start + padding.0.saturating_sub(start).div_ceil(step) * step;
        let count = end.min(padding.0 + input).saturating_sub(first).div_ceil(step);
        let divisor = if counts_padding { end - start } else { count };
        Window { first: if count == 0 { 0 } else { first - padding.0 }, count, step, divisor }
    };
    Ok((0..outputs).map(window).collect())
}

/// Windows of about equal size that cover the input together: window `i` of `n` goes from `⌊i·size / n⌋` to `⌈(i+1)·size / n⌉`.
pub(crate) fn adaptive(input: usize, outputs: usize) -> Vec<Window> {
    let window = |i: usize| {
        let (first, end) = (i * input / outputs, ((i + 1) * input).div_ceil(outputs));
        Window { first, count: end - first, step: 1, divisor: end - first }
    };
    (0..outputs).map(window).collect()
}

/// Channels that are reduced together: few enough to stay in registers.
const LANES: usize = 32;

/// The greatest elements of the windows. NaN always wins.
pub(crate) fn max(x: Images<'_, f32>, rows: &[Window], columns: &[Window], out: ImagesMut<'_, f32>) {
    pool(x, rows, columns, out, |x, place, rows, columns, out| {
        let mut best = [f32::NEG_INFINITY; LANES];
        let best = &mut best[..out.len()];
        for row in 0..rows.count {
            for column in 0..columns.count {
                let at = place(rows.first + row * rows.step, columns.first + column * columns.step);
                for (best, &x) in best.iter_mut().zip(&x[at..]) {
                    *best = if x > *best || x.is_nan() { x } else { *best };
                }
            }
        }
        out.copy_from_slice(best);
    });
}

/// The means of the windows. Rows are summed one by one, which keeps the rounding of large windows small.
pub(crate) fn average(x: Images<'_, f32>, rows: &[Window], columns: &[Window], out: ImagesMut<'_, f32>) {
    pool(x, rows, columns, out, |x, place, rows, columns, out| {
        let mut sum = [0.0f32; LANES];
        for row in 0..rows.count {
            let mut part = [0.0f32; LANES];
            for column in 0..columns.count {
                let at = place(rows.first + row * rows.step, columns.first + column * columns.step);
                for (part, &x) in part[..out.len()].iter_mut().zip(&x[at..]) {
                    *part += x;
                }
            }
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        let divisor = (rows.divisor * columns.divisor) as f32;
        out.iter_mut().zip(sum).for_each(|(out, sum)| *out = sum / divisor);
    });
}

/// Calls `reduce(elements, place → first element, window of rows, window of columns, up to LANES outputs)`.
fn pool(
    x: Images<'_, f32>,
    rows: &[Window],
    columns: &[Window],
    out: ImagesMut<'_, f32>,
    reduce: impl Fn(&[f32], &dyn Fn(usize, usize) -> usize, Window, Window, &mut [f32]) + Sync,
) {
    let [_, height, width] = x.size;
    let (channels, stride) = (out.channels, out.stride);
    let work = rows.first().map_or(1, |w| w.count) * columns.first().map_or(1, |w| w.count) * channels;
    let per_task = places_per_task(work);
    over_pieces(out.data, per_task * stride, &|task, out| {
        for (i, out) in out.chunks_mut(stride).enumerate() {
            let index = task * per_task + i;
            let (rest, column) = (index / columns.len(), index % columns.len());
            let (image, row) = (rest / rows.len(), rest % rows.len());
            let place = |y: usize, column: usize| ((image * height + y) * width + column) * x.stride;
            for (lane, out) in out[..channels].chunks_mut(LANES).enumerate() {
                reduce(&x.data[lane * LANES..], &place, rows[row], columns[column], out);
            }
        }
    });
}
