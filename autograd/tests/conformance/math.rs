use ocelli_autograd::{Result, Var};

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    type Function = fn(&Var) -> Result<Var>;
    // Name, function, and an interval inside which it is smooth.
    let functions: [(&str, Function, f64, f64); 47] = [
        ("neg", Var::neg, -1.0, 1.0),
        ("abs above", Var::abs, 0.1, 1.0),
        ("abs below", Var::abs, -1.0, -0.1),
        ("sign", Var::sign, 0.1, 1.0),
        ("square", Var::square, -1.0, 1.0),
        ("sqrt", Var::sqrt, 0.5, 2.0),
        ("rsqrt", Var::rsqrt, 0.5, 2.0),
        ("cbrt", Var::cbrt, 0.5, 2.0),
        ("recip", Var::recip, 0.5, 2.0),
        ("exp", Var::exp, -1.0, 1.0),
        ("exp2", Var::exp2, -1.0, 1.0),
        ("exp_m1", Var::exp_m1, -1.0, 1.0),
        ("ln", Var::ln, 0.5, 2.0),
        ("log2", Var::log2, 0.5, 2.0),
        ("log10", Var::log10, 0.5, 2.0),
        ("ln_1p", Var::ln_1p, -0.5, 2.0),
        ("sin", Var::sin, -2.0, 2.0),
        ("cos", Var::cos, -2.0, 2.0),
        ("tan", Var::tan, -1.0, 1.0),
        ("asin", Var::asin, -0.8, 0.8),
        ("acos", Var::acos, -0.8, 0.8),
        ("atan", Var::atan, -2.0, 2.0),
        ("sinh", Var::sinh, -1.0, 1.0),
        ("cosh", Var::cosh, -1.0, 1.0),
        ("tanh", Var::tanh, -1.0, 1.0),
        ("asinh", Var::asinh, -2.0, 2.0),
        ("acosh", Var::acosh, 1.5, 3.0),
        ("atanh", Var::atanh, -0.8, 0.8),
        ("erf", Var::erf, -1.5, 1.5),
        ("erfc", Var::erfc, -1.5, 1.5),
        ("erfinv", Var::erfinv, -0.8, 0.8),
        ("sigmoid", Var::sigmoid, -3.0, 3.0),
        ("log_sigmoid", Var::log_sigmoid, -3.0, 3.0),
        ("softplus", Var::softplus, -3.0, 3.0),
        ("silu", Var::silu, -4.0, 4.0),
        ("gelu", Var::gelu, -3.0, 3.0),
        ("gelu_tanh", Var::gelu_tanh, -3.0, 3.0),
        ("hard_sigmoid between", Var::hard_sigmoid, -2.9, 2.9),
        ("hard_sigmoid outside", Var::hard_sigmoid, 3.1, 4.0),
        ("hard_swish below", Var::hard_swish, -4.0, -3.1),
        ("hard_swish between", Var::hard_swish, -2.9, 2.9),
        ("hard_swish above", Var::hard_swish, 3.1, 4.0),
        ("relu above", Var::relu, 0.1, 1.0),
        ("relu below", Var::relu, -1.0, -0.1),
        ("floor", Var::floor, 1.1, 1.9),
        ("ceil", Var::ceil, 1.1, 1.9),
        ("trunc", Var::trunc, 1.1, 1.9),
    ];
    let mut cases: Vec<Case> = functions
        .into_iter()
        .map(|(name, f, low, high)| case(name, move |v| f(&v[0])).input(&[2, 3], low, high))
        .collect();
    cases.extend([
        case("round", |v| v[0].round()).input(&[3], 0.6, 1.4),
        case("exp of a number", |v| v[0].exp()).input(&[], -1.0, 1.0),
        case("exp of nothing", |v| v[0].exp()).input(&[2, 0], -1.0, 1.0),
        case("leaky relu above", |v| v[0].leaky_relu(0.2)).input(&[3], 0.1, 1.0),
        case("leaky relu below", |v| v[0].leaky_relu(0.2)).input(&[3], -1.0, -0.1),
        case("relu6 below", |v| v[0].relu6()).input(&[3], -1.0, -0.1),
        case("relu6 between", |v| v[0].relu6()).input(&[2, 3], 0.1, 5.9),
        case("relu6 above", |v| v[0].relu6()).input(&[3], 6.1, 8.0),
        case("clamp", |v| v[0].clamp(Some(-0.3), Some(0.4))).distinct(&[16]),
        case("clamp above", |v| v[0].clamp(None, Some(0.4))).distinct(&[16]),
    ]);
    cases
}
