use ocelli_tensor::Tensor;

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    let target = |values: [[f64; 3]; 2]| Tensor::new(values).unwrap();
    let hard = target([[0.0, 1.0, 0.0], [2.5, 0.0, 0.0]]);
    let soft = target([[0.1, 0.6, 0.3], [0.0, 0.5, 0.2]]);
    let ignored = target([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]);
    let along_first = soft.t().unwrap();
    let empty = Tensor::zeros([0, 3], ocelli_tensor::DType::F64).unwrap();
    vec![
        case("softmax_cross_entropy, one class", move |v| v[0].softmax_cross_entropy(&hard, 1)).input(
            &[2, 3],
            -2.0,
            2.0,
        ),
        case("softmax_cross_entropy, soft targets", move |v| v[0].softmax_cross_entropy(&soft, -1)).input(
            &[2, 3],
            -2.0,
            2.0,
        ),
        case("softmax_cross_entropy, no target", move |v| v[0].softmax_cross_entropy(&ignored, 1)).input(
            &[2, 3],
            -2.0,
            2.0,
        ),
        case("softmax_cross_entropy along the first axis", move |v| v[0].softmax_cross_entropy(&along_first, 0)).input(
            &[3, 2],
            -2.0,
            2.0,
        ),
        case("softmax_cross_entropy of nothing", move |v| v[0].softmax_cross_entropy(&empty, 1)).input(
            &[0, 3],
            -2.0,
            2.0,
        ),
    ]
}
