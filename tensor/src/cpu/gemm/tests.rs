//! Products against plain sums, at every level of this processor.

use super::*;

fn numbers<T: Factor>(count: usize, seed: usize) -> Vec<T> {
    (0..count).map(|i| T::from_f64(((i * 7 + seed * 13) % 11) as f64 - 5.0)).collect()
}

/// Small whole numbers, so that every order of summing is exact.
fn check<T: Factor>(level: Level) {
    for (m, n, k) in [(1, 1, 1), (3, 5, 7), (13, 33, 9), (50, 70, 300), (250, 300, 20), (24, 64, 0)] {
        let (a, b) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2));
        let mut out = vec![T::ONE; m * n];
        // The left factor lies transposed.
        let left = Strided::plain(&a, 0, 1, m as isize);
        let right = Strided::plain(&b, 0, 1, n as isize);
        for add in [false, true] {
            let double = |_: usize, _: usize, x: &mut [T]| x.iter_mut().for_each(|x| *x += *x);
            let target = Target { add, finish: Some(&double), ..Target::plain(&mut out, n) };
            gemm_at(level, Size { m, n, k }, &left, &right, target).unwrap();
        }
        for i in 0..m {
            for j in 0..n {
                let sum: f64 = (0..k).map(|p| a[p * m + i].to_f64() * b[p * n + j].to_f64()).sum();
                assert_eq!(out[i * n + j].to_f64(), 6.0 * sum, "{m}×{k}×{n} at {i}, {j}");
            }
        }
    }
}

#[test]
fn every_level_of_this_processor() {
    for level in Level::all() {
        check::<f32>(level);
        check::<f64>(level);
    }
    check::<i32>(Level::Portable);
    check::<i64>(Level::Portable);
}

#[test]
fn blocked_columns_and_depth() {
    // Two images of 3 channels and 20 places: [2, 3, 20] is multiplied as a matrix 3 × (2·20).
    let x = numbers::<f32>(120, 3);
    let w = numbers::<f32>(6, 4);
    let places = Blocked { block: 20, outer: 60, inner: 1 };
    let right = Strided { data: &x, offset: 0, lanes: places, depth: Blocked::plain(20) };
    let mut out = vec![0f32; 80];
    let target = Target { row: 20, block: 20, outer: 40, ..Target::plain(&mut out, 0) };
    let left = Strided::plain(&w, 0, 3, 1);
    gemm(Size { m: 2, n: 40, k: 3 }, &left, &right, target).unwrap();
    for (i, &out) in out.iter().enumerate() {
        let (image, o, place) = (i / 40, i / 20 % 2, i % 20);
        let sum: f32 = (0..3).map(|c| w[o * 3 + c] * x[image * 60 + c * 20 + place]).sum();
        assert_eq!(out, sum);
    }
}
