//! Few input channels against the definition, under every instruction set.

use proptest::prelude::*;

use super::*;
use crate::cpu::conv::reference::{axis, back, cast, channels_last, close, numbers, products, windows};
use crate::cpu::gemm::{Activation, Finish};
use crate::cpu::simd::{Level, dispatch_at};

/// Both kernels with one instruction set, for row-major and channels-last images.
fn check<T: Float>(g: &Geometry, level: Level, tolerance: f64) -> std::result::Result<(), TestCaseError> {
    let (places, of_windows) = (g.places(), g.windows());
    let x = numbers(g.images * g.channels * places, 1);
    let w = numbers(g.filters * g.depth(), 2);
    let bias = numbers(g.filters, 3);
    let dy = numbers(g.images * g.filters * of_windows, 4);
    let (mut y, mut dw) = (vec![0.0; dy.len()], vec![0.0; w.len()]);
    for (i, y) in y.iter_mut().enumerate() {
        *y = bias[i / of_windows % g.filters];
    }
    products(g, |xi, wi, yi| {
        y[yi] += x[xi] * w[wi];
        dw[wi] += dy[yi] * x[xi];
    });
    let relu: Vec<f64> = y.iter().map(|y| y.max(0.0)).collect();
    let place = g.filters + 3;
    let relu = channels_last(&relu, g.filters, of_windows, place);
    let (tw, tb) = (cast::<T>(&w), cast::<T>(&bias));
    let tdy = cast::<T>(&channels_last(&dy, g.filters, of_windows, place));
    let dy = Places { data: &tdy, place };
    let mut packed = vec![T::from_f64(9.0); packed_len(g)];
    pack(g, &tw, &mut packed);
    let last = channels_last(&x, g.channels, places, g.channels);
    let [_, high, wide] = g.input;
    let steps = [high * wide, wide, 1].map(|step| step as isize);
    let rows = Lie { offset: 0, image: (g.channels * places) as isize, channel: places as isize, places: steps };
    let between = Lie { channel: 1, places: steps.map(|step| step * g.channels as isize), ..rows };
    for (x, lie) in [(&x, rows), (&last, between)] {
        let x = cast::<T>(x);
        let bands = Bands::new::<T>(g);
        let mut scratch = vec![T::from_f64(f64::NAN); bands.scratch];
        let mut out = cast::<T>(&vec![7.0; relu.len()]);
        let finish = Finish { bias: Some(&tb), residual: None, activation: Activation::Relu };
        let output = Output::new(&mut out, place, finish);
        for band in 0..bands.count() {
            let (bands, weight, scratch) = (&bands, &packed[..], &mut scratch[..]);
            dispatch_at(level, Forward { bands, band, x: &x, lie, weight, out: &output, scratch });
        }
        close(&back(&out), &relu, tolerance * g.depth() as f64, "forward")?;
        let mut sums = vec![T::ZERO; packed_len(g)];
        for band in 0..bands.count() {
            let (bands, sums, scratch) = (&bands, &mut sums[..], &mut scratch[..]);
            dispatch_at(level, Weight { bands, band, x: &x, lie, dy, sums, scratch });
        }
        let mut expected = vec![0.0; packed_len(g)];
        pack(g, &dw, &mut expected);
        let wide = g.filters.next_multiple_of(WIDEST);
        let known =
            |all: Vec<f64>| -> Vec<f64> { all.chunks_exact(wide).flat_map(|row| row[..g.filters].to_vec()).collect() };
        let tolerance = tolerance * (g.images * of_windows) as f64;
        close(&known(back(&sums)), &known(expected), tolerance, "weight")?;
        let mut out = vec![T::from_f64(9.0); dw.len()];
        weight(g, (&x, lie), dy, &mut out).unwrap();
        close(&back(&out), &dw, tolerance, "weight in parts")?;
    }
    Ok(())
}

fn geometries() -> impl Strategy<Value = Geometry> {
    let filters = prop_oneof![1..20_usize, 30..36_usize, 60..68_usize, 75..85_usize];
    (0..3_usize, 1..5_usize, filters, axis(4), axis(16), axis(34), 0..3_usize).prop_filter_map(
        "no window",
        |(images, channels, filters, depth, rows, columns, rank)| {
            let axes = [if rank > 0 { (1, 1, 1, 1, 0, 0) } else { depth }, rows, columns];
            Some(Geometry {
                images,
                channels,
                filters,
                groups: 1,
                input: axes.map(|axis| axis.0),
                output: windows(&axes)?,
                kernel: axes.map(|axis| axis.1),
                stride: axes.map(|axis| axis.2),
                dilation: axes.map(|axis| axis.3),
                before: axes.map(|axis| axis.4),
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn every_kernel_is_the_definition(geometry in geometries()) {
        for level in Level::all() {
            check::<f64>(&geometry, level, 1e-13)?;
            check::<f32>(&geometry, level, 1e-5)?;
        }
    }
}

/// Rows that need several bands.
#[test]
fn band_boundaries() {
    let geometry = Geometry {
        images: 1,
        channels: 3,
        filters: 17,
        groups: 1,
        input: [1, 120, 130],
        output: [1, 60, 65],
        kernel: [1, 7, 7],
        stride: [1, 2, 2],
        dilation: [1; 3],
        before: [0, 3, 3],
    };
    assert!(Bands::new::<f32>(&geometry).count() > 1);
    for level in Level::all() {
        check::<f32>(&geometry, level, 1e-5).unwrap();
    }
}
