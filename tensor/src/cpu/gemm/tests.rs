//! Products against plain sums, at every level of this processor.

use proptest::prelude::*;

use super::*;

fn numbers<T: Factor>(count: usize, seed: usize) -> Vec<T> {
    (0..count).map(|i| T::from_f64(((i * 7 + seed * 13) % 11) as f64 - 5.0)).collect()
}

/// Small whole numbers, so that every order of summing is exact.
fn check<T: Factor>(level: Level) {
    for (m, n, k) in [(1, 1, 1), (3, 5, 7), (13, 33, 9), (50, 70, 300), (250, 300, 20), (24, 64, 0), (13, 520, 1030)] {
        let (a, b) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2));
        let mut out = vec![T::ONE; m * n];
        // The left factor lies transposed.
        let left = Strided::plain(&a, 0, 1, m as isize);
        let right = Strided::plain(&b, 0, 1, n as isize);
        for add in [false, true] {
            let double = |_: usize, _: usize, x: &mut [T]| x.iter_mut().for_each(|x| *x += *x);
            let target = Target { add, finish: Some(&double), ..Target::plain(&mut out, n) };
            gemm_by(level, Size { m, n, k }, &left, &right, target, T::multiply).unwrap();
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

/// As [`check`] for half-precision numbers in every order of memory.
fn check_half<H: Half>(level: Level) {
    for (m, n, k) in [(1, 1, 1), (3, 5, 7), (12, 16, 2), (13, 33, 9), (50, 70, 301), (40, 600, 20), (24, 64, 0)] {
        let (a, b) = (numbers::<f32>(m * k, 1), numbers::<f32>(k * n, 2));
        let halves = |x: &[f32]| -> Vec<H> { x.iter().map(|&x| H::from_f64(f64::from(x))).collect() };
        let (a_half, b_half) = (halves(&a), halves(&b));
        for [a_across, a_along, b_across, b_along] in [[1, m, 1, n], [k, 1, k, 1], [k, 1, 1, n], [1, m, k, 1]] {
            let left = Strided::plain(&a_half, 0, a_across as isize, a_along as isize);
            let right = Strided::plain(&b_half, 0, b_across as isize, b_along as isize);
            let mut out = vec![1f32; m * n];
            for add in [false, true] {
                let target = Target { add, ..Target::plain(&mut out, n) };
                half_gemm(level, Size { m, n, k }, left, right, target).unwrap();
            }
            for i in 0..m {
                for j in 0..n {
                    let sum: f32 = (0..k).map(|p| a[i * a_across + p * a_along] * b[j * b_across + p * b_along]).sum();
                    assert_eq!(out[i * n + j], 2.0 * sum, "{m}×{k}×{n} at {i}, {j}, {level:?}");
                }
            }
        }
    }
}

#[test]
fn half_precision_at_every_level_of_this_processor() {
    for level in Level::all() {
        check_half::<half::bf16>(level);
        check_half::<half::f16>(level);
    }
}

/// As [`check`] without packing, in every order of memory.
fn check_few<T: Factor>(level: Level, [m, n, k]: [usize; 3]) {
    let (a, b) = (numbers::<T>(2 * m * k, 1), numbers::<T>(2 * k * n, 2));
    for [a_across, a_along, b_across, b_along] in
        [[1, m, 1, n], [k, 1, k, 1], [k, 1, 1, n], [1, m, k, 1], [2, 2 * m, 2, 2 * n]]
    {
        let left = Strided::plain(&a, 0, a_across as isize, a_along as isize);
        let right = Strided::plain(&b, 0, b_across as isize, b_along as isize);
        let mut out = vec![T::ONE; m * n];
        few_gemm(level, Size { m, n, k }, left, right, &mut out).unwrap();
        for i in 0..m {
            for j in 0..n {
                let product =
                    |p: usize| a[i * a_across + p * a_along].to_f64() * b[j * b_across + p * b_along].to_f64();
                let sum: f64 = (0..k).map(product).sum();
                assert_eq!(out[i * n + j].to_f64(), sum, "{m}×{k}×{n} at {i}, {j}, {level:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn few_vectors_at_every_level_of_this_processor(
        few in 1..34usize, many in prop_oneof![1..40usize, 60..70usize, 500..530usize], k in 0..70usize, wide in any::<bool>(),
    ) {
        let few = few.min(many);
        let size = if wide { [few, many, k] } else { [many, few, k] };
        for level in Level::all() {
            check_few::<f32>(level, size);
            check_few::<f64>(level, size);
        }
        check_few::<i32>(Level::Portable, size);
        check_few::<i64>(Level::Portable, size);
    }
}

/// More lanes than there are sums, and more steps than are read side by side.
#[test]
fn one_vector_and_many_lanes() {
    for level in Level::all() {
        check_few::<f32>(level, [1, 4200, 17]);
        check_few::<f32>(level, [5, 900, 9]);
    }
}
