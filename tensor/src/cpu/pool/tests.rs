//! All kernels against windows taken one element at a time, at every level of the processor.

use proptest::prelude::*;

use super::average::{Backward, Divide, covering, divisors};
use super::channels::{Max, MaxBackward};
use super::places::Rows as PlaceRows;
use super::rows::{Greatest, Rows, Sum};
use super::*;
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Level, dispatch_at};
use crate::{Padding, PoolOptions, Shape};

/// Of an axis: elements, kernel, stride, dilation, padding.
type AxisNumbers = (usize, usize, usize, usize, usize);

/// Windows, channels side by side, and a number that values follow from.
fn grids(dilated: bool) -> impl Strategy<Value = (Windows, usize, usize)> {
    let axis = move |longest: usize| {
        let dilation = if dilated { 1..3usize } else { 1..2 };
        (1..longest, 1..5usize, 1..6usize, dilation, 0..3usize)
    };
    let size = prop_oneof![Just(1usize), Just(1), 2..5usize];
    let inner = prop_oneof![Just(1usize), Just(1), 2..5usize, 15..40usize];
    let options = ((axis(5), axis(9), axis(70)), prop::bool::ANY, prop::bool::ANY, 0..4usize);
    (options, size, inner, 0..100usize).prop_filter_map(
        "windows that find room",
        |((axes, ceil, counted, kind), _, inner, seed)| {
            let axes = [axes.0, axes.1, axes.2];
            let pick = |f: &dyn Fn(&AxisNumbers) -> usize| axes.iter().map(f).collect::<Vec<_>>();
            let shape: Shape = [1, 1].into_iter().chain(pick(&|axis| axis.0)).collect();
            let windows = match kind {
                0 => crate::ops::pool::adaptive_windows("test", &shape, &pick(&|axis| 1 + axis.1 % axis.0)[..].into())
                    .ok()?,
                _ => {
                    let padding = pick(&|axis| axis.4.min(((axis.1 - 1) * axis.3).div_ceil(2)));
                    let options = PoolOptions::new(pick(&|axis| axis.1))
                        .stride(pick(&|axis| axis.2))
                        .dilation(pick(&|axis| axis.3))
                        .padding(if kind == 1 { Padding::Same } else { padding[..].into() })
                        .ceil_mode(ceil)
                        .count_include_pad(counted);
                    options.windows("test", &shape).ok()?
                }
            };
            Some((windows, inner, seed))
        },
    )
}

/// The places of the input that each window of a plane covers, in row-major order.
fn covered(windows: &Windows) -> Vec<Vec<usize>> {
    let [d, h, w] = windows;
    let taps =
        |axis: &Axis, window: &Window| (0..window.count).map(|i| window.first + i * axis.step).collect::<Vec<_>>();
    let mut all = Vec::new();
    for dw in &d.windows {
        for hw in &h.windows {
            for ww in &w.windows {
                let mut places = Vec::new();
                for z in taps(d, dw) {
                    for y in taps(h, hw) {
                        places.extend(taps(w, ww).into_iter().map(|x| (z * h.input + y) * w.input + x));
                    }
                }
                all.push(places);
            }
        }
    }
    all
}

/// Numbers with ties, some infinities and NaNs.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    let number = |i: usize| match (i * 7919 + seed * 104_729) % 97 {
        0 if seed.is_multiple_of(3) => f32::NAN,
        1..4 => f32::NEG_INFINITY,
        n => (n % 13) as f32 - 6.0,
    };
    (0..count).map(number).collect()
}

const PLANES: usize = 2;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn maxima((windows, inner, seed) in grids(true)) {
        let covered = covered(&windows);
        let plane = windows.iter().map(|axis| axis.input).product::<usize>();
        let grid = Grid::new(windows, inner);
        let x = numbers(PLANES * plane * inner, seed);
        let mut expected = Vec::new();
        for number in 0..PLANES {
            for places in &covered {
                for channel in 0..inner {
                    let at = |place: usize| x[(number * plane + place) * inner + channel];
                    let first = places.first().map_or((f32::NEG_INFINITY, -1), |&place| (at(place), place as i64));
                    expected.push(places.iter().fold(first, |(best, from), &place| {
                        if at(place) > best || at(place).is_nan() { (at(place), place as i64) } else { (best, from) }
                    }));
                }
            }
        }
        let bits = |values: &[f32]| values.iter().map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect::<Vec<_>>();
        let (expected, expected_places): (Vec<f32>, Vec<i64>) = expected.into_iter().unzip();
        for level in Level::all() {
            let mut out = vec![0.0; expected.len()];
            dispatch_at(level, Rows::<f32, Greatest>::new(&x, &grid, 0, &mut out));
            prop_assert_eq!(bits(&out), bits(&expected), "{:?}", level);
            let (mut out, mut places) = (vec![0.0; expected.len()], vec![0i64; expected.len()]);
            match inner {
                1 => dispatch_at(level, PlaceRows { x: &x, grid: &grid, first: 0, out: &mut out, places: &mut places }),
                _ => dispatch_at(level, Max { x: &x, grid: &grid, first: 0, out: &mut out, places: &mut places }),
            }
            prop_assert_eq!(bits(&out), bits(&expected), "{:?}", level);
            prop_assert_eq!(&places, &expected_places, "{:?}", level);
        }
        let (mut dx, dy) = (vec![9.0f64; x.len()], (0..expected.len()).map(|i| i as f64).collect::<Vec<_>>());
        prop_assert_eq!(scatter(&dy, &expected_places, (plane, inner), &mut dx), Ok(()));
        let mut expected_dx = vec![0.0; x.len()];
        for (i, &place) in expected_places.iter().enumerate().filter(|(_, place)| **place >= 0) {
            let number = i / (covered.len() * inner);
            expected_dx[(number * plane + place as usize) * inner + i % inner] += dy[i];
        }
        prop_assert_eq!(&dx, &expected_dx);
        if inner > 1 {
            for level in Level::all() {
                dx.fill(9.0);
                for number in 0..PLANES {
                    for channels in [0..inner / 2, inner / 2..inner] {
                        let (dy, places, dx) = (&dy, &expected_places, SharedMut::new(&mut dx));
                        dispatch_at(level, MaxBackward { dy, places, grid: &grid, plane: number, channels, dx });
                    }
                }
                prop_assert_eq!(&dx, &expected_dx, "{:?}", level);
            }
            dx.fill(9.0);
            max_backward(&dy, &expected_places, &grid, &mut dx);
            prop_assert_eq!(&dx, &expected_dx);
        }
    }

    #[test]
    fn averages((windows, inner, seed) in grids(false)) {
        let covered = covered(&windows);
        let plane = windows.iter().map(|axis| axis.input).product::<usize>();
        let [d, h, w] = &windows;
        let mut divisors_of = Vec::new();
        for dw in &d.windows {
            for hw in &h.windows {
                divisors_of.extend(w.windows.iter().map(|ww| (dw.divisor * hw.divisor * ww.divisor) as f64));
            }
        }
        let grid = Grid::new(windows, inner);
        let x: Vec<f64> = (0..PLANES * plane * inner).map(|i| ((i * 31 + seed) % 17) as f64 - 8.0).collect();
        let outputs = PLANES * covered.len() * inner;
        let dy: Vec<f64> = (0..outputs).map(|i| ((i * 29 + seed) % 19) as f64 - 9.0).collect();
        let (mut expected, mut expected_dx) = (vec![0.0; outputs], vec![0.0; x.len()]);
        for (i, expected) in expected.iter_mut().enumerate() {
            let (number, window, channel) = (i / (covered.len() * inner), i / inner % covered.len(), i % inner);
            for place in &covered[window] {
                let at = (number * plane + place) * inner + channel;
                *expected += x[at];
                expected_dx[at] += dy[i] / divisors_of[window];
            }
            *expected /= divisors_of[window];
        }
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12 || (a.is_nan() && b.is_nan()));
        let covering = [0, 1, 2].map(|axis| covering(&grid, axis));
        let across = divisors(&grid);
        for level in Level::all() {
            let mut out = vec![0.0; outputs];
            dispatch_at(level, Rows::<f64, Sum>::new(&x, &grid, 0, &mut out));
            dispatch_at(level, Divide { grid: &grid, across: &across, first: 0, out: &mut out });
            prop_assert!(close(&out, &expected), "{:?}: {:?} for {:?}", level, out, expected);
            let mut dx = vec![9.0; x.len()];
            let backward = Backward { dy: &dy, grid: &grid, covering: &covering, across: &across, first: 0, dx: &mut dx };
            dispatch_at(level, backward);
            prop_assert!(close(&dx, &expected_dx), "{:?}: {:?} for {:?}", level, dx, expected_dx);
        }
    }
}
