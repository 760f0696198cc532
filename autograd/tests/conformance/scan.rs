use ocelli_tensor::Tensor;

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("cumsum", |v| v[0].cumsum(1)?.square()).input(&[2, 3, 2], -1.0, 1.0),
        case("cumsum of nothing", |v| v[0].cumsum(0)).input(&[0, 2], -1.0, 1.0),
        case("cumprod", |v| v[0].cumprod(-1)).input(&[2, 4], 0.5, 1.5),
        case("cumprod along the first axis", |v| v[0].cumprod(0)).input(&[3, 2], -1.5, -0.5),
        case("cumprod with zeros", |v| v[0].cumprod(0))
            .value(Tensor::new([[0.5f64, 0.0], [0.0, -1.5], [0.7, 0.3], [0.0, 2.0]]).unwrap()),
    ]
}
