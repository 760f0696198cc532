use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("sort", |v| v[0].sort(-1, false)?.0.square()).distinct(&[2, 5]),
        case("sort descending", |v| v[0].sort(0, true)?.0.square()).distinct(&[4, 2, 2]),
        case("sort of nothing", |v| Ok(v[0].sort(0, true)?.0)).distinct(&[0, 2]),
        case("topk", |v| v[0].topk(2, 1, true)?.0.square()).distinct(&[2, 5]),
        case("topk of the smallest", |v| v[0].topk(3, 0, false)?.0.square()).distinct(&[4, 2]),
    ]
}
