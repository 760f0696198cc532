//! Softmax along the channels of each place.

use super::{over_pieces, places_per_task};

/// `exp(x - max) / Σ exp(x - max)`, or its logarithm.
pub(crate) fn softmax(x: &[f32], x_stride: usize, log: bool, out: &mut [f32], channels: usize, stride: usize) {
    let per_task = places_per_task(channels * 8);
    over_pieces(out, per_task * stride, &|task, out| {
        for (i, out) in out.chunks_mut(stride).enumerate() {
            let x = &x[(task * per_task + i) * x_stride..][..channels];
            place(x, log, &mut out[..channels]);
        }
    });
}

fn place(x: &[f32], log: bool, out: &mut [f32]) {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, |best, x| if x > best || x.is_nan() { x } else { best });
    let mut sum = 0.0;
    for (out, &x) in out.iter_mut().zip(x) {
        *out = (x - largest).exp();
        sum += *out;
    }
    if log {
        let shift = largest + sum.ln();
        out.iter_mut().zip(x).for_each(|(out, &x)| *out = x - shift);
    } else {
        out.iter_mut().for_each(|out| *out /= sum);
    }
}
