use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("sum of all", |v| v[0].sum(..)).input(&[2, 3], -1.0, 1.0),
        case("sum", |v| v[0].sum([0, -1])).input(&[2, 3, 4], -1.0, 1.0),
        case("sum_keepdim", |v| v[0].sum_keepdim(1)).input(&[2, 3], -1.0, 1.0),
        case("sum of nothing", |v| v[0].sum(0)).input(&[0, 3], -1.0, 1.0),
    ]
}
