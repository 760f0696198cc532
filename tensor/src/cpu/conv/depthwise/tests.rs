//! Both memory orders against the definition, under every instruction set.

use proptest::prelude::*;

use super::*;
use crate::cpu::conv::reference::{axis, back, cast, channels_last, close, numbers, products, windows};
use crate::cpu::gemm::{Activation, Finish};
use crate::cpu::simd::{Level, dispatch_at};

/// All kernels with one instruction set.
fn check<T: Float>(g: &Geometry, level: Level, tolerance: f64) -> std::result::Result<(), TestCaseError> {
    let filters = g.groups * g.filters;
    let (places, windows, taps) = (g.places(), g.windows(), g.taps());
    let x = numbers(g.images * g.groups * places, 1);
    let w = numbers(filters * taps, 2);
    let bias = numbers(filters, 3);
    let dy = numbers(g.images * filters * windows, 4);
    let residual = numbers(dy.len(), 5);
    let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
    for (i, y) in y.iter_mut().enumerate() {
        *y = bias[i / windows % filters];
    }
    products(g, |xi, wi, yi| {
        y[yi] += x[xi] * w[wi];
        dx[xi] += dy[yi] * w[wi];
        dw[wi] += dy[yi] * x[xi];
    });
    let (tx, tw, tb, tdy) = (cast::<T>(&x), cast::<T>(&w), cast::<T>(&bias), cast::<T>(&dy));

    let plan = Plan::forward(g);
    let mut out = vec![T::from_f64(9.0); y.len()];
    let mut scratch = vec![T::from_f64(f64::NAN); plan.scratch::<T>()];
    let (out_of, scratch_of) = (&mut out[..], &mut scratch[..]);
    let sum =
        Sum { plan: &plan, source: &tx, weight: &tw, bias: Some(&tb), first: 0, out: out_of, scratch: scratch_of };
    dispatch_at(level, sum);
    close(&back(&out), &y, tolerance, "forward")?;
    let plan = Plan::input(g);
    let mut out = vec![T::from_f64(9.0); dx.len()];
    let mut scratch = vec![T::from_f64(f64::NAN); plan.scratch::<T>()];
    let (out_of, scratch_of) = (&mut out[..], &mut scratch[..]);
    let sum = Sum { plan: &plan, source: &tdy, weight: &tw, bias: None, first: 0, out: out_of, scratch: scratch_of };
    dispatch_at(level, sum);
    close(&back(&out), &dx, tolerance, "input")?;
    let mut out = vec![T::from_f64(9.0); dw.len()];
    let mut scratch = vec![T::from_f64(f64::NAN); planes_weight::scratch::<T>(g)];
    dispatch_at(level, Dots { geometry: g, x: &tx, dy: &tdy, first: 0, dw: &mut out, scratch: &mut scratch });
    close(&back(&out), &dw, tolerance * windows as f64, "weight")?;

    // Slices of wider images.
    let (in_place, out_place) = (g.groups + 3, filters + 5);
    let tx = cast::<T>(&channels_last(&x, g.groups, places, in_place));
    let tdy = cast::<T>(&channels_last(&dy, filters, windows, out_place));
    let tr = cast::<T>(&channels_last(&residual, filters, windows, filters));
    let (tx, tdy) = (Places { data: &tx, place: in_place }, Places { data: &tdy, place: out_place });
    let mut of_taps = vec![T::ZERO; tw.len()];
    taps_first(&tw, taps, &mut of_taps);
    let finished: Vec<f64> = y.iter().zip(&residual).map(|(y, r)| (y + r).max((y + r) * 0.25)).collect();
    let finished = channels_last(&finished, filters, windows, out_place);
    let mut out = cast::<T>(&vec![7.0; finished.len()]);
    let finish = Finish {
        bias: Some(&tb),
        residual: Some(Places { data: &tr, place: filters }),
        activation: Activation::LeakyRelu(0.25),
    };
    let rows = 0..g.images * g.output[0] * g.output[1];
    let (output, weight) = (Output::new(&mut out, out_place, finish), &of_taps[..]);
    dispatch_at(level, Forward { geometry: g, x: tx, weight, rows: rows.clone(), out: &output });
    close(&back(&out), &finished, tolerance, "channels-last forward")?;
    let mut out = vec![T::from_f64(9.0); dx.len()];
    let input_rows = 0..g.images * g.input[0] * g.input[1];
    let shared = SharedMut::new(&mut out);
    dispatch_at(level, Input { geometry: g, dy: tdy, weight, rows: input_rows, dx: shared });
    close(&back(&out), &channels_last(&dx, g.groups, places, g.groups), tolerance, "channels-last input")?;
    let mut out = vec![T::from_f64(9.0); dw.len()];
    let mut expected = vec![0.0; dw.len()];
    taps_first(&dw, taps, &mut expected);
    dispatch_at(level, Weight { geometry: g, x: tx, dy: tdy, rows, sums: &mut out });
    close(&back(&out), &expected, tolerance * windows as f64, "channels-last weight")?;
    let mut out = vec![T::from_f64(9.0); dw.len()];
    weight_channels_last(g, tx, tdy, &mut out).unwrap();
    close(&back(&out), &dw, tolerance * windows as f64, "channels-last weight in parts")
}

fn geometries() -> impl Strategy<Value = Geometry> {
    let square = prop::bool::weighted(0.7);
    let channels = prop_oneof![1..20_usize, 30..36_usize];
    (0..3_usize, channels, 1..3_usize, axis(4), axis(20), axis(40), square, 0..3_usize).prop_filter_map(
        "no window",
        |(images, groups, filters, depth, rows, columns, square, rank)| {
            let one = (1, 1, 1, 1, 0, 0);
            let mut axes = [if rank > 0 { one } else { depth }, rows, columns];
            if square {
                // The sizes that have code of their own.
                let (_, kernel, stride, ..) = columns;
                axes[1].1 = kernel;
                axes[1].2 = stride;
                axes[1].3 = 1;
                axes[2].3 = 1;
            }
            let filters = if square && rank > 0 { 1 } else { filters };
            let output = windows(&axes)?;
            Some(Geometry {
                images,
                channels: 1,
                filters,
                groups,
                input: axes.map(|axis| axis.0),
                output,
                kernel: axes.map(|axis| axis.1),
                stride: axes.map(|axis| axis.2),
                dilation: axes.map(|axis| axis.3),
                before: axes.map(|axis| axis.4),
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_kernel_is_the_definition(geometry in geometries()) {
        for level in Level::all() {
            check::<f64>(&geometry, level, 1e-12)?;
            check::<f32>(&geometry, level, 1e-5)?;
        }
    }
}

/// Sizes around the blocks of channels, the tiles of columns and the bands of rows.
#[test]
fn block_boundaries() {
    for (groups, high, wide) in [(16, 7, 7), (17, 8, 14), (15, 6, 13), (32, 112, 15), (1, 60, 64), (48, 3, 28)] {
        for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2), (4, 3)] {
            let size = |input: usize| (input + 2 * (kernel / 2) - kernel) / stride + 1;
            let geometry = Geometry {
                images: 2,
                channels: 1,
                filters: 1,
                groups,
                input: [1, high, wide],
                output: [1, size(high), size(wide)],
                kernel: [1, kernel, kernel],
                stride: [1, stride, stride],
                dilation: [1; 3],
                before: [0, (kernel / 2) as isize, (kernel / 2) as isize],
            };
            for level in Level::all() {
                check::<f32>(&geometry, level, 1e-5).unwrap();
            }
        }
    }
}
