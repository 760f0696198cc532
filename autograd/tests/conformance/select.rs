use ocelli_tensor::Tensor;

use crate::support::{Case, beside, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("where", |v| v[0].where_(&beside(&v[0], &Tensor::new([[true], [false]])?), &v[1]))
            .input(&[3], -1.0, 1.0)
            .input(&[2, 3], -1.0, 1.0),
    ]
}
