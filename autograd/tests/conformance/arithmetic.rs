use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("add", |v| v[0].add(&v[1])).input(&[2, 3], -1.0, 1.0).input(&[2, 3], -1.0, 1.0),
        case("add broadcast", |v| v[0].add(&v[1])).input(&[2, 1, 3], -1.0, 1.0).input(&[4, 1], -1.0, 1.0),
        case("sub broadcast", |v| v[0].sub(&v[1])).input(&[3], -1.0, 1.0).input(&[2, 3], -1.0, 1.0),
        case("mul", |v| v[0].mul(&v[1])).input(&[2, 3], -1.0, 1.0).input(&[2, 3], -1.0, 1.0),
        case("mul by a scalar tensor", |v| v[0].mul(&v[1])).input(&[], -1.0, 1.0).input(&[2, 3], -1.0, 1.0),
        case("mul of nothing", |v| v[0].mul(&v[1])).input(&[0, 3], -1.0, 1.0).input(&[3], -1.0, 1.0),
        case("div", |v| v[0].div(&v[1])).input(&[2, 3], -1.0, 1.0).input(&[3], 0.5, 2.0),
        case("rem", |v| v[0].rem(&v[1])).input(&[4], 3.1, 3.9).input(&[4], 1.4, 1.5),
        case("pow", |v| v[0].pow(&v[1])).input(&[2, 3], 0.5, 2.0).input(&[3], -2.0, 3.0),
        case("maximum", |v| v[0].maximum(&v[1])).distinct(&[2, 4]).input(&[4], -0.6, 0.6),
        case("minimum", |v| v[0].minimum(&v[1])).distinct(&[2, 4]).input(&[4], -0.6, 0.6),
        case("atan2", |v| v[0].atan2(&v[1])).input(&[2, 3], 0.3, 1.0).input(&[3], -1.0, 1.0),
        case("hypot", |v| v[0].hypot(&v[1])).input(&[2, 3], 0.3, 1.0).input(&[3], -1.0, 1.0),
        case("x + 2", |v| v[0].add(2.0)).input(&[3], -1.0, 1.0),
        case("x - 2", |v| v[0].sub(2.0)).input(&[3], -1.0, 1.0),
        case("x · 2", |v| v[0].mul(2.0)).input(&[3], -1.0, 1.0),
        case("x / 2", |v| v[0].div(2.0)).input(&[3], -1.0, 1.0),
        case("x mod 0.7", |v| v[0].rem(0.7)).input(&[3], 0.8, 1.3),
        case("max(x, 0.1)", |v| v[0].maximum(0.1)).distinct(&[8]),
        case("min(x, 0.1)", |v| v[0].minimum(0.1)).distinct(&[8]),
        case("atan2(x, 2)", |v| v[0].atan2(2.0)).input(&[3], -1.0, 1.0),
        case("hypot(x, 2)", |v| v[0].hypot(2.0)).input(&[3], -1.0, 1.0),
        case("operators", |v| ((&v[0] + &v[1])? * &v[0])? / &v[1]).input(&[3], -1.0, 1.0).input(&[3], 1.0, 2.0),
    ];
    for exponent in [-1.5, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0] {
        cases.push(case(format!("x^{exponent}"), move |v| v[0].pow(exponent)).input(&[4], 0.5, 2.0));
    }
    cases
}
