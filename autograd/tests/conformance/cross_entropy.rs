use ocelli_tensor::{ClassTargets, Tensor};

use crate::support::{Case, beside, case};

pub fn cases() -> Vec<Case> {
    let target = |values: [[f64; 3]; 2]| Tensor::new(values).unwrap();
    let hard = target([[0.0, 1.0, 0.0], [2.5, 0.0, 0.0]]);
    let soft = target([[0.1, 0.6, 0.3], [0.0, 0.5, 0.2]]);
    let ignored = target([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]);
    let along_first = soft.t().unwrap();
    let empty = Tensor::zeros([0, 3], ocelli_tensor::DType::F64).unwrap();
    vec![
        case("softmax_cross_entropy, one class", move |v| v[0].softmax_cross_entropy(&beside(&v[0], &hard), 1)).input(
            &[2, 3],
            -2.0,
            2.0,
        ),
        case("softmax_cross_entropy, soft targets", move |v| v[0].softmax_cross_entropy(&beside(&v[0], &soft), -1))
            .input(&[2, 3], -2.0, 2.0),
        case("softmax_cross_entropy, no target", move |v| v[0].softmax_cross_entropy(&beside(&v[0], &ignored), 1))
            .input(&[2, 3], -2.0, 2.0),
        case("softmax_cross_entropy along the first axis", move |v| {
            v[0].softmax_cross_entropy(&beside(&v[0], &along_first), 0)
        })
        .input(&[3, 2], -2.0, 2.0),
        case("softmax_cross_entropy of nothing", move |v| v[0].softmax_cross_entropy(&beside(&v[0], &empty), 1)).input(
            &[0, 3],
            -2.0,
            2.0,
        ),
        case("cross_entropy", |v| v[0].cross_entropy(&beside(&v[0], &labels([2])), 1, &ClassTargets::default())).input(
            &[2, 3],
            -2.0,
            2.0,
        ),
        case("cross_entropy of weighted, smoothed and ignored labels", |v| {
            v[0].cross_entropy(&beside(&v[0], &labels([4])), -1, &counted(Some(1)))
        })
        .input(&[4, 3], -2.0, 2.0),
        case("cross_entropy of positions", |v| v[0].cross_entropy(&beside(&v[0], &labels([2, 2])), 1, &counted(None)))
            .input(&[2, 3, 2], -2.0, 2.0),
        case("cross_entropy of nothing", |v| v[0].cross_entropy(&beside(&v[0], &labels([0])), 1, &counted(None)))
            .input(&[0, 3], -2.0, 2.0),
    ]
}

/// The classes 2, 1, 0, 2 … as far as there is room.
fn labels<const N: usize>(shape: [usize; N]) -> Tensor {
    let labels = (0..shape.iter().product::<usize>()).map(|i| (i as i64 * 2 + 2) % 3).collect::<Vec<_>>();
    Tensor::from_vec(labels, shape).unwrap()
}

fn counted(ignore_index: Option<i64>) -> ClassTargets {
    ClassTargets { weights: Some(vec![0.5, 2.0, 1.5]), label_smoothing: 0.2, ignore_index }
}
