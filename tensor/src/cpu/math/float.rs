//! The constants of the functions.

use crate::cpu::simd::{Lane, Simd, Vector};
use crate::element::Real;

/// A number whose vectors the functions of this module take.
pub(crate) trait Float: Lane + Real {
    /// `(eʳ - 1 - r) / r²` for `|r| ≤ ln 2 / 2`, by powers of `r`.
    const EXP: &'static [Self];
    /// Below the first `eˣ` rounds to 0, above the second to ∞.
    const EXP_LIMITS: [Self; 2];
    /// Below this `eˣ - 1` rounds to -1.
    const EXP_M1_LIMIT: Self;
    /// `(2·artanh(s)/s - 2) / s²` for `|s| ≤ 3 - 2√2`, by powers of `s²`.
    const LN: &'static [Self];
    /// `erf(x) / x` for `|x| ≤ 1`, by powers of `x²`.
    const ERF: &'static [Self];
    /// `e^(x²)·erfc(x) / u` for `x` from 1 to where erfc is 0, by powers of `1 - 2u`, where `u = k / (x + k)`.
    const ERFC: &'static [Self];
    /// The `k` there.
    const ERFC_SCALE: Self;
    /// From here on erfc is 0.
    const ERFC_LIMIT: Self;
    const LOG2_E: Self;
    /// ln 2 in two parts: a multiple of the first by an exponent is exact.
    const LN_2: [Self; 2];
    /// The smallest normal number, and a power of two (as number and as exponent) that makes every subnormal number normal.
    const SMALLEST_NORMAL: Self;
    const RAISE: (Self, Self);
}

impl Float for f32 {
    const EXP: &'static [f32] = &[0.5, 0.16666667, 0.041666467, 0.0083333105, 0.001393365, 0.00019890991];
    const EXP_LIMITS: [f32; 2] = [-104.0, 89.0];
    const EXP_M1_LIMIT: f32 = -18.0;
    const LN: &'static [f32] = &[0.66666687, 0.3998876, 0.29580986];
    const ERF: &'static [f32] = &[
        std::f32::consts::FRAC_2_SQRT_PI,
        -0.37612626,
        0.11283594,
        -0.026854211,
        0.0051890872,
        -0.00080168643,
        7.875875e-05,
    ];
    const ERFC: &'static [f32] = &[
        0.51079136,
        -0.34358034,
        0.13973606,
        -0.01822235,
        -0.0107545545,
        0.003258428,
        0.0015204006,
        -0.0005027101,
        -0.00016240012,
    ];
    const ERFC_SCALE: f32 = 2.0;
    const ERFC_LIMIT: f32 = 10.5;
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN_2: [f32; 2] = [0.6933594, -0.00021219444];
    const SMALLEST_NORMAL: f32 = f32::MIN_POSITIVE;
    const RAISE: (f32, f32) = (16_777_216.0, 24.0);
}

impl Float for f64 {
    const EXP: &'static [f64] = &[
        0.5,
        0.1666666666666667,
        0.04166666666666667,
        0.008333333333326136,
        0.0013888888888883748,
        0.00019841269874820627,
        2.4801587325547743e-05,
        2.7557255400206422e-06,
        2.75572736431103e-07,
        2.5105217004720745e-08,
        2.0914686968086876e-09,
    ];
    const EXP_LIMITS: [f64; 2] = [-746.0, 710.0];
    const EXP_M1_LIMIT: f64 = -40.0;
    const LN: &'static [f64] = &[
        0.666666666666667,
        0.3999999999989889,
        0.28571428626253836,
        0.22222211089379496,
        0.1818289243253687,
        0.15331611722055008,
        0.14617807153417325,
    ];
    const ERF: &'static [f64] = &[
        std::f64::consts::FRAC_2_SQRT_PI,
        -0.37612638903183543,
        0.11283791670945006,
        -0.02686617064323777,
        0.0052239776071164225,
        -0.0008548325975389692,
        0.00012055294904839707,
        -1.492473690741966e-05,
        1.6447424703317362e-06,
        -1.6208483801871705e-07,
        1.3720064546777686e-08,
        -7.795898827002142e-10,
    ];
    const ERFC: &'static [f64] = &[
        0.3580023023627799,
        -0.2944648177232946,
        0.1967427857013675,
        -0.10348908730018441,
        0.03984258709574307,
        -0.00894241154179,
        -0.00040413887491977607,
        0.0010113540079255442,
        -0.00018276991518108437,
        -9.225937685705958e-05,
        3.585405998318225e-05,
        1.0133349908051624e-05,
        -5.825287429643695e-06,
        -1.5850966741263132e-06,
        9.295905886067654e-07,
        3.343039962618645e-07,
        -1.5425836088961153e-07,
        -6.936160600246044e-08,
        3.278742119535819e-08,
    ];
    const ERFC_SCALE: f64 = 3.0;
    const ERFC_LIMIT: f64 = 27.5;
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    const LN_2: [f64; 2] = [0.6931471806019545, -4.2009150726810846e-11];
    const SMALLEST_NORMAL: f64 = f64::MIN_POSITIVE;
    const RAISE: (f64, f64) = (18_014_398_509_481_984.0, 54.0);
}

/// The same number in all lanes.
#[inline(always)]
pub(super) fn splat<T: Float, S: Simd>(s: S, x: f64) -> T::Of<S> {
    T::Of::<S>::splat(s, T::r(x))
}

/// `Σ coefficientᵢ · xⁱ`.
#[inline(always)]
pub(super) fn polynomial<T: Float, S: Simd>(s: S, x: T::Of<S>, coefficients: &'static [T]) -> T::Of<S> {
    let mut sum = T::Of::<S>::zero(s);
    for (i, &coefficient) in coefficients.iter().rev().enumerate() {
        let coefficient = T::Of::<S>::splat(s, coefficient);
        sum = if i == 0 { coefficient } else { sum.mul_add(x, coefficient) };
    }
    sum
}
