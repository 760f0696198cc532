//! Winograd's convolution and its gradients against the definition, under every instruction set.

use proptest::prelude::*;

use super::*;
use crate::cpu::conv::reference::{back, cast, channels_last, close, numbers, products};
use crate::cpu::gemm::{Activation, Places};

/// A row-major weight as `[9 taps, channels, filters]`.
fn by_taps(g: &Geometry, weight: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; weight.len()];
    for (i, &value) in weight.iter().enumerate() {
        let (filter, channel, tap) = (i / g.depth(), i / 9 % g.channels, i % 9);
        out[(tap * g.channels + channel) * g.filters + filter] = value;
    }
    out
}

/// All three kernels with one instruction set. Errors are measured by the largest number of a result, as they spread over a tile.
fn check<T: Float>(g: &Geometry, tiles: Tiles, level: Level, tolerance: f64) -> std::result::Result<(), TestCaseError> {
    let (places, windows) = (g.places(), g.windows());
    let x = numbers(g.images * g.channels * places, 1);
    let w = numbers(g.filters * g.depth(), 2);
    let bias = numbers(g.filters, 3);
    let dy = numbers(g.images * g.filters * windows, 4);
    let residual = numbers(dy.len(), 5);
    let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
    for (i, y) in y.iter_mut().enumerate() {
        *y = bias[i / windows % g.filters] + residual[i];
    }
    products(g, |xi, wi, yi| {
        y[yi] += x[xi] * w[wi];
        dx[xi] += dy[yi] * w[wi];
        dw[wi] += dy[yi] * x[xi];
    });
    let relu: Vec<f64> = y.iter().map(|y| y.max(0.0)).collect();
    let wide = g.filters + 3;
    let relu = channels_last(&relu, g.filters, windows, wide);
    let place = g.channels + 5;
    let tx = cast::<T>(&channels_last(&x, g.channels, places, place));
    let tx = Images::dense(&tx, g.input, place);
    let tdy = cast::<T>(&channels_last(&dy, g.filters, windows, wide));
    let tdy = Images::dense(&tdy, g.output, wide);
    let (tw, tb) = (cast::<T>(&by_taps(g, &w)), cast::<T>(&bias));
    let tr = cast::<T>(&channels_last(&residual, g.filters, windows, g.filters));
    let zeros = vec![T::ZERO; g.channels.max(g.filters)];

    let weights = Weights::new(level, tiles, [g.channels, g.filters], &tw, false).unwrap();
    let mut out = cast::<T>(&vec![7.0; relu.len()]);
    let residual = Some(Places { data: &tr, place: g.filters });
    let output = Output::new(&mut out, wide, Finish { bias: Some(&tb), residual, activation: Activation::Relu });
    let source = (tx, [g.input[1], g.input[2]], [g.before[1], g.before[2]]);
    // SAFETY: `out` is a vector of this function's.
    unsafe { forward::forward(g.images, source, &weights, &zeros, (&output, [g.output[1], g.output[2]])).unwrap() };
    close(&back(&out), &relu, tolerance * g.depth() as f64, "forward")?;

    // The other way: taps flipped, filters and channels changed about.
    let flipped: Vec<f64> = (0..w.len())
        .map(|i| {
            let (tap, filter, channel) = (i / g.channels / g.filters, i / g.channels % g.filters, i % g.channels);
            w[(filter * g.channels + channel) * 9 + tap]
        })
        .collect();
    let weights = Weights::new(level, tiles, [g.filters, g.channels], &cast::<T>(&flipped), true).unwrap();
    let mut out = vec![T::from_f64(9.0); x.len()];
    let output = Output::new(&mut out, g.channels, Finish::default());
    let source = (tdy, [g.output[1], g.output[2]], [2 - g.before[1], 2 - g.before[2]]);
    // SAFETY: as above.
    unsafe { forward::forward(g.images, source, &weights, &zeros, (&output, [g.input[1], g.input[2]])).unwrap() };
    let expected = channels_last(&dx, g.channels, places, g.channels);
    close(&back(&out), &expected, tolerance * (9 * g.filters) as f64, "input")?;

    let mut out = vec![T::from_f64(9.0); w.len()];
    backward_weight::weight(level, tiles, g, (tx, tdy), &mut out).unwrap();
    close(&back(&out), &by_taps(g, &dw), tolerance * (g.images * windows) as f64, "weight")
}

fn geometries() -> impl Strategy<Value = Geometry> {
    let channels = || prop_oneof![1..10_usize, 14..20_usize, 30..34_usize];
    let filters = prop_oneof![1..20_usize, 30..36_usize, 60..68_usize];
    let axis = || (1..16_usize, -2..4_isize, -2..4_isize);
    (0..3_usize, channels(), filters, axis(), axis()).prop_filter_map(
        "no window",
        |(images, channels, filters, rows, columns)| {
            let windows = |(size, before, behind): (usize, isize, isize)| {
                usize::try_from(size as isize + before + behind - 2).ok().filter(|&windows| windows > 0)
            };
            Some(Geometry {
                images,
                channels,
                filters,
                groups: 1,
                input: [1, rows.0, columns.0],
                output: [1, windows(rows)?, windows(columns)?],
                kernel: [1, 3, 3],
                stride: [1; 3],
                dilation: [1; 3],
                before: [0, rows.1, columns.1],
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn every_kernel_is_the_definition(geometry in geometries()) {
        for level in Level::all() {
            check::<f64>(&geometry, Tiles::Two, level, 1e-13)?;
            check::<f64>(&geometry, Tiles::Three, level, 1e-12)?;
            check::<f64>(&geometry, Tiles::Four, level, 1e-12)?;
            check::<f32>(&geometry, Tiles::Two, level, 1e-5)?;
            check::<f32>(&geometry, Tiles::Three, level, 1e-5)?;
            check::<f32>(&geometry, Tiles::Four, level, 1e-5)?;
        }
    }
}

/// More tiles and channels than a task takes at once.
#[test]
fn several_blocks_and_parts() {
    let geometry = Geometry {
        images: 2,
        channels: 130,
        filters: 70,
        groups: 1,
        input: [1, 27, 29],
        output: [1, 27, 29],
        kernel: [1, 3, 3],
        stride: [1; 3],
        dilation: [1; 3],
        before: [0, 1, 1],
    };
    for level in Level::all() {
        check::<f32>(&geometry, Tiles::Two, level, 1e-6).unwrap();
        check::<f32>(&geometry, Tiles::Three, level, 1e-6).unwrap();
        check::<f32>(&geometry, Tiles::Four, level, 1e-6).unwrap();
    }
}
