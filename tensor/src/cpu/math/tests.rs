//! The errors of the functions, in units in the last place of the exact result.

use super::functions::*;
use super::*;
use crate::cpu::simd::{Kernel, Level, Simd, Vector, dispatch_at};

struct Apply<'a, T, F>(F, &'a [T], &'a mut [T]);

impl<T: Float, F: Unary<T>> Kernel for Apply<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Apply(f, x, out) = self;
        let lanes = T::Of::<S>::LANES;
        for (x, out) in x.chunks(lanes).zip(out.chunks_mut(lanes)) {
            // SAFETY: both pieces have that many elements, at most `LANES`.
            unsafe {
                f.apply(s, T::Of::<S>::load_first(s, x.as_ptr(), x.len())).store_first(out.as_mut_ptr(), x.len())
            };
        }
    }
}

/// The largest error of `f` over these numbers on any instruction set; `ulp` tells the unit of an exact result.
fn worst<T: Float, F: Unary<T>>(f: F, x: &[T], exact: impl Fn(T) -> f64, ulp: impl Fn(f64) -> f64) -> (f64, String) {
    let exact: Vec<f64> = x.iter().map(|&x| exact(x)).collect();
    let mut worst = (0.0, String::new());
    for level in Level::all() {
        let mut out = vec![T::ZERO; x.len()];
        dispatch_at(level, Apply(f, x, &mut out));
        for ((x, y), &exact) in x.iter().zip(out).zip(&exact) {
            let rounded = T::r(exact);
            if rounded.nan() {
                assert!(y.nan(), "{level:?}: f({x:?}) is {y:?}, expected NaN");
                continue;
            }
            if rounded == y {
                assert_eq!(
                    exact.is_sign_negative(),
                    y.to_f64().is_sign_negative(),
                    "{level:?}: sign of f({x:?}) = {y:?}"
                );
                continue;
            }
            let error = if rounded.abs() == T::HIGHEST || y.abs() == T::HIGHEST {
                // At the brink of overflow either neighbour may come out.
                if (y.to_f64() / exact - 1.0).abs() < 1e-6 { 1.0 } else { f64::INFINITY }
            } else {
                (y.to_f64() - exact).abs() / ulp(exact)
            };
            if error > worst.0 || error.is_nan() {
                worst = (error, format!("{level:?}: f({x:?}) = {y:?}, exact {exact:?}"));
            }
        }
    }
    worst
}

/// Numbers of all magnitudes and both signs, with the special ones.
fn f32s() -> Vec<f32> {
    let all = (0..=u32::MAX).step_by(8191).map(f32::from_bits);
    let near = (-200_000..200_000).map(|i| i as f32 * 5.3e-4);
    let special = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MIN_POSITIVE, 1e-45, -1e-45, f32::MAX];
    all.chain(near).chain(special).collect()
}

fn f64s() -> Vec<f64> {
    let all = (0..=u64::MAX).step_by((1 << 46) - 3).map(f64::from_bits);
    let near =
        (-200_000..200_000).map(|i| f64::from(i) * 4.1e-3).chain((-100_000..100_000).map(|i| f64::from(i) * 7.3e-5));
    let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MIN_POSITIVE, 5e-324, f64::MAX];
    all.chain(near).chain(special).collect()
}

fn ulp_f32(x: f64) -> f64 {
    let x = x.abs().max(f64::from(f32::MIN_POSITIVE));
    (x.log2().floor() - 23.0).exp2()
}

fn ulp_f64(x: f64) -> f64 {
    let x = x.abs().max(f64::MIN_POSITIVE);
    f64::from_bits(x.to_bits() + 1) - x
}

/// The bound of f32 is against the function in f64. The bound of f64 is against the standard library's or libm's function, which
/// is itself within 1 unit.
fn check<F: Unary<f32> + Unary<f64>>(name: &str, f: F, exact: impl Fn(f64) -> f64, bounds: [f64; 2]) {
    check_above(0.0, name, f, exact, bounds);
}

/// As [`check`], with the unit of results below `floor` being that of `floor`.
fn check_above<F: Unary<f32> + Unary<f64>>(floor: f64, name: &str, f: F, exact: impl Fn(f64) -> f64, bounds: [f64; 2]) {
    let unit = |x: f64| ulp_f32(x.abs().max(floor));
    let (error, place) = worst(f, &f32s(), |x| exact(f64::from(x)), unit);
    assert!(error <= bounds[0], "{name} f32: {error} units: {place}");
    let (error_64, place) = worst(f, &f64s(), &exact, |x| ulp_f64(x.abs().max(floor)));
    assert!(error_64 <= bounds[1], "{name} f64: {error_64} units: {place}");
    #[allow(clippy::print_stdout)]
    {
        println!("{name}: {error:.2} {error_64:.2}");
    }
}

fn sigmoid_64(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

fn softplus_64(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p() + if x.is_nan() { x } else { 0.0 }
}

#[test]
fn exponentials_and_logarithms() {
    check("exp", Exp, f64::exp, [2.0, 2.0]);
    check("ln", Ln, f64::ln, [2.0, 2.0]);
    check("softplus", Softplus, softplus_64, [2.0, 3.0]);
    check("log_sigmoid", LogSigmoid, |x| -softplus_64(-x), [2.0, 3.0]);
}

#[test]
fn differences_of_exponentials() {
    check("exp_m1", ExpM1, f64::exp_m1, [2.0, 2.0]);
    check("tanh", Tanh, f64::tanh, [2.5, 3.0]);
}

#[test]
fn sigmoids() {
    check("sigmoid", Sigmoid, sigmoid_64, [2.5, 3.0]);
    check_above(1e-30, "silu", Silu, |x| x * sigmoid_64(x), [3.0, 4.0]);
}

#[test]
fn error_functions() {
    check("erf", Erf, libm::erf, [3.0, 4.0]);
}

#[test]
fn gelus_and_hard_activations() {
    let gelu = |x: f64| x * 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
    check_above(1e-3, "gelu", Gelu, gelu, [16.0, 32.0]);
    let tanh_argument = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
    check_above(1e-3, "gelu_tanh", GeluTanh, |x| x * sigmoid_64(2.0 * tanh_argument(x)), [16.0, 32.0]);
    let hard = |x: f64| if x.is_nan() { x } else { (x + 3.0).clamp(0.0, 6.0) / 6.0 };
    check("hard_sigmoid", HardSigmoid, hard, [8.0, 8.0]);
    check("hard_swish", HardSwish, |x| x * hard(x), [8.0, 8.0]);
}
