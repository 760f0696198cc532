use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("flip", |v| v[0].flip([0, 2])?.square()).input(&[2, 2, 3], -1.0, 1.0),
        case("flip a number", |v| v[0].flip(..)?.square()).input(&[], -1.0, 1.0),
        case("roll", |v| v[0].roll(&[1, -2], &[0, -1])?.square()).input(&[2, 3], -1.0, 1.0),
        case("roll twice along an axis", |v| v[0].roll(&[1, 1], &[1, 1])?.square()).input(&[2, 5], -1.0, 1.0),
        case("roll of nothing", |v| v[0].roll(&[1], &[0])).input(&[0, 2], -1.0, 1.0),
    ]
}
