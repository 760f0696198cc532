use ocelli_tensor::Generator;

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("dropout", |v| v[0].dropout(0.4, Generator::new(7))).input(&[3, 5], -1.0, 1.0),
        case("dropout of all", |v| v[0].dropout(1.0, Generator::new(7))).input(&[4], -1.0, 1.0),
        case("dropout of nothing", |v| v[0].dropout(0.4, Generator::new(7))).input(&[0, 2], -1.0, 1.0),
    ]
}
