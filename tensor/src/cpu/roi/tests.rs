//! The means of every instruction set against their definition, sample by sample.

use super::mean::{Backward, Forward};
use super::{Axis, Maps, Region, RoiMode};
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::{Level, dispatch_at};

const BOXES: [[f64; 5]; 8] = [
    [1.0, 0.6, 1.3, 5.2, 6.1],
    [0.0, -3.0, -2.5, 4.0, 3.3],
    [0.0, 2.0, 2.0, 2.0, 2.0],
    [1.0, 4.0, 5.0, 1.0, 2.0],
    [0.0, 6.5, 7.5, 30.0, 40.0],
    [1.0, 20.0, 20.0, 25.0, 25.0],
    [1.0, -4000.0, -3000.0, 5000.0, 6000.0],
    [0.0, 0.0, 0.0, 8.0, 9.0],
];

/// Maps of two images, filled with numbers that differ everywhere.
fn maps(planes: usize, channels: usize) -> (Maps, Vec<f64>) {
    let maps = Maps { planes, size: [9, 8], channels };
    let count = 2 * planes * 9 * 8 * channels;
    (maps, (0..count).map(|i| ((i * 7919) % 1009) as f64 / 500.0 - 1.0).collect())
}

/// What bin `(i, j)` of a box reads: `(row, column, weight)`, as torchvision writes it.
fn samples(
    &[_, x1, y1, x2, y2]: &[f64; 5],
    bins: [usize; 2],
    (i, j): (usize, usize),
    mode: RoiMode,
) -> Vec<(usize, usize, f64)> {
    let (ratio, aligned) = match mode {
        RoiMode::Align { sampling_ratio, aligned } => (sampling_ratio, aligned),
        RoiMode::PsAlign { sampling_ratio } => (sampling_ratio, true),
        RoiMode::PsPool => unreachable!("has no samples"),
    };
    let shift = if aligned { 0.5 } else { 0.0 };
    let along = |low: f64, high: f64, bins: usize, bin: usize| {
        let length = if aligned { high - low } else { (high - low).max(1.0) };
        let size = length / bins as f64;
        let count = if ratio > 0 { ratio } else { size.ceil().max(0.0) as usize };
        (0..count)
            .map(|k| low - shift + bin as f64 * size + (k as f64 + 0.5) * size / count as f64)
            .collect::<Vec<f64>>()
    };
    let corners = |x: f64, size: usize| {
        let x = x.max(0.0);
        let low = (x as usize).min(size - 1);
        let beyond = if low == size - 1 { 0.0 } else { x - low as f64 };
        [(low, 1.0 - beyond), ((low + 1).min(size - 1), beyond)]
    };
    let (ys, xs) = (along(y1, y2, bins[0], i), along(x1, x2, bins[1], j));
    let count = (ys.len() * xs.len()) as f64;
    let mut reads = Vec::new();
    for &y in ys.iter().filter(|y| (-1.0..=9.0).contains(*y)) {
        for &x in xs.iter().filter(|x| (-1.0..=8.0).contains(*x)) {
            for (row, a) in corners(y, 9) {
                reads.extend(corners(x, 8).map(|(column, b)| (row, column, a * b / count)));
            }
        }
    }
    reads
}

#[test]
fn means_and_their_gradients_are_those_of_the_samples() {
    let bins = [2, 3];
    let modes = [
        RoiMode::Align { sampling_ratio: 2, aligned: false },
        RoiMode::Align { sampling_ratio: 3, aligned: true },
        RoiMode::Align { sampling_ratio: 40, aligned: true },
        RoiMode::Align { sampling_ratio: 0, aligned: false },
        RoiMode::Align { sampling_ratio: 0, aligned: true },
        RoiMode::PsAlign { sampling_ratio: 2 },
        RoiMode::PsAlign { sampling_ratio: 0 },
    ];
    for mode in modes {
        for channels in [1, 5, 67] {
            let planes = if mode.is_position_sensitive() { 6 } else { 1 };
            let (maps, x) = maps(planes, channels);
            let axis = |size, bins| Axis { size, bins, scale: 1.0, mode };
            let regions = Region::all(&BOXES, &[axis(9, 2), axis(8, 3)]);
            let (mut expected, mut gradient) = (vec![0.0; BOXES.len() * 6 * channels], vec![0.0; x.len()]);
            let dy: Vec<f64> = (0..expected.len()).map(|i| ((i * 31) % 17) as f64 - 8.0).collect();
            for (number, region) in BOXES.iter().enumerate() {
                for bin in 0..6 {
                    for (row, column, weight) in samples(region, bins, (bin / 3, bin % 3), mode) {
                        let place = maps.place(region[0] as usize, bin % planes, row, column);
                        for c in 0..channels {
                            let out = (number * 6 + bin) * channels + c;
                            expected[out] += weight * x[place + c];
                            gradient[place + c] += weight * dy[out];
                        }
                    }
                }
            }
            for level in Level::all() {
                let (mut out, mut dx) = (vec![f64::NAN; expected.len()], vec![0.0; x.len()]);
                let (which, shared) = (0..BOXES.len(), SharedMut::new(&mut out));
                let (x, regions, dy, maps) = (&x, &regions, &dy, &maps);
                // In pieces of channels, as tasks are.
                for first in (0..channels).step_by(64) {
                    let channels = first..channels.min(first + 64);
                    let which = which.clone();
                    dispatch_at(level, Forward { x, maps, regions, bins, which, channels, out: shared });
                }
                let shared = SharedMut::new(&mut dx);
                for (image, plane) in (0..2).flat_map(|image| (0..planes).map(move |plane| (image, plane))) {
                    let channels = 0..channels;
                    dispatch_at(level, Backward { dy, maps, regions, bins, image, plane, channels, dx: shared });
                }
                for (what, actual, expected) in [("mean", &out, &expected), ("gradient", &dx, &gradient)] {
                    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
                        assert!((a - e).abs() < 1e-10, "{mode:?}, {channels} channels, {what} {i}: {a}, expected {e}");
                    }
                }
            }
        }
    }
}
