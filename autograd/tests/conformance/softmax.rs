use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("softmax", |v| v[0].softmax(-1)).input(&[2, 4], -2.0, 2.0),
        case("softmax along the first axis", |v| v[0].softmax(0)).input(&[3, 2], -2.0, 2.0),
        case("softmax of nothing", |v| v[0].softmax(1)).input(&[2, 0], -1.0, 1.0),
        case("log_softmax", |v| v[0].log_softmax(-1)).input(&[2, 4], -2.0, 2.0),
        case("log_softmax along a middle axis", |v| v[0].log_softmax(1)).input(&[2, 3, 2], -2.0, 2.0),
    ]
}
