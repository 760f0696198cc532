//! What the tests of the kernels share: convolution as its definition has it, and random geometries.

use proptest::prelude::*;

use super::Geometry;
use crate::cpu::simd::Lane;

/// A small generator of numbers between -1 and 1.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f64) / f64::from(1 << 23) - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Calls `f(x index, weight index, y index)` for every product of a row-major convolution.
pub(crate) fn products(g: &Geometry, mut f: impl FnMut(usize, usize, usize)) {
    let filters = g.groups * g.filters;
    let [_, high, wide] = g.output;
    for (image, filter) in (0..g.images).flat_map(|image| (0..filters).map(move |filter| (image, filter))) {
        for (window, k) in (0..g.windows()).flat_map(|window| (0..g.depth()).map(move |k| (window, k))) {
            let channel = (image * g.groups + filter / g.filters) * g.channels + k / g.taps();
            let (at, of) = ([window / (high * wide), window / wide % high, window % wide], g.tap(k % g.taps()));
            let place = |axis: usize| g.reads_inside(axis, at[axis], of[axis]);
            if let (Some(a), Some(b), Some(c)) = (place(0), place(1), place(2)) {
                let x = ((channel * g.input[0] + a) * g.input[1] + b) * g.input[2] + c;
                f(x, filter * g.depth() + k, (image * filters + filter) * g.windows() + window);
            }
        }
    }
}

/// Row-major `[images, channels, places]` as channels-last with places `place` apart; what lies between is 7.
pub(crate) fn channels_last(x: &[f64], channels: usize, places: usize, place: usize) -> Vec<f64> {
    let images = x.len() / (channels * places).max(1);
    let mut out = vec![7.0; images * places * place];
    for (i, &value) in x.iter().enumerate() {
        let (image, channel, at) = (i / (channels * places), i / places % channels, i % places);
        out[(image * places + at) * place + channel] = value;
    }
    out
}

pub(crate) fn close(
    actual: &[f64],
    expected: &[f64],
    tolerance: f64,
    what: &str,
) -> std::result::Result<(), TestCaseError> {
    prop_assert_eq!(actual.len(), expected.len());
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        prop_assert!((a - e).abs() <= tolerance * (1.0 + e.abs()), "{what}: element {i}: expected {e}, received {a}");
    }
    Ok(())
}

pub(crate) fn cast<T: Lane>(x: &[f64]) -> Vec<T> {
    x.iter().map(|&x| T::from_f64(x)).collect()
}

pub(crate) fn back<T: Lane>(x: &[T]) -> Vec<f64> {
    x.iter().map(|x| x.to_f64()).collect()
}

/// An axis of a convolution: input, kernel, stride, dilation, zeros before and behind (negative where places are left out).
pub(crate) type Axis = (usize, usize, usize, usize, isize, isize);

pub(crate) fn axis(largest: usize) -> impl Strategy<Value = Axis> {
    let kernel = prop_oneof![Just(3_usize), Just(5), Just(7), 1..5_usize];
    let dilation = prop_oneof![3 => Just(1_usize), 1 => 2..4_usize];
    (1..=largest, kernel, 1..4_usize, dilation, -2..5_isize, -2..5_isize)
}

/// How many windows each axis has, if any.
pub(crate) fn windows(axes: &[Axis; 3]) -> Option<[usize; 3]> {
    let mut output = [0; 3];
    for (output, (input, kernel, stride, dilation, before, behind)) in output.iter_mut().zip(axes) {
        let padded = usize::try_from(*input as isize + before + behind).ok()?;
        *output = padded.checked_sub((kernel - 1) * dilation + 1)? / stride + 1;
    }
    Some(output)
}
