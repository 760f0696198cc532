use ocelli_tensor::Tensor;

use crate::support::{Case, beside, case};

fn index<const R: usize, const C: usize>(rows: [[i64; C]; R]) -> Tensor {
    Tensor::new(rows).unwrap()
}

fn mask() -> Tensor {
    Tensor::new([[true, false, true], [false, false, true]]).unwrap()
}

pub fn cases() -> Vec<Case> {
    let repeated = Tensor::new([2i64, 0, 2]).unwrap();
    let (again, column) = (repeated.clone(), Tensor::new([true, false]).unwrap());
    vec![
        case("gather", |v| v[0].gather(1, &beside(&v[0], &index([[2, 2, 0, 1], [1, 1, 1, 0]])))?.square()).input(
            &[2, 3],
            -1.0,
            1.0,
        ),
        case("gather fewer columns", |v| v[0].gather(0, &beside(&v[0], &index([[1, 0], [1, 1], [2, 0]])))?.square())
            .input(&[3, 4], -1.0, 1.0),
        case("scatter", |v| v[0].scatter(1, &beside(&v[0], &index([[2, 0], [1, 0]])), &v[1])?.square())
            .input(&[2, 3], -1.0, 1.0)
            .input(&[2, 2], -1.0, 1.0),
        case("scatter twice to one place, of a larger source", |v| {
            v[0].scatter(1, &beside(&v[0], &index([[2, 2], [0, 0]])), &v[1])?.square()
        })
        .input(&[2, 3], -1.0, 1.0)
        .input(&[3, 4], -1.0, 1.0),
        case("scatter_add", |v| v[0].scatter_add(0, &beside(&v[0], &index([[1, 1], [1, 0], [0, 0]])), &v[1])?.square())
            .input(&[2, 3], -1.0, 1.0)
            .input(&[3, 3], -1.0, 1.0),
        case("index_select", move |v| v[0].index_select(-1, &beside(&v[0], &repeated))?.square()).input(
            &[2, 3],
            -1.0,
            1.0,
        ),
        case("index_add", move |v| v[0].index_add(0, &beside(&v[0], &again), &v[1])?.square())
            .input(&[3, 2], -1.0, 1.0)
            .input(&[3, 2], -1.0, 1.0),
        case("masked_select", |v| v[0].masked_select(&beside(&v[0], &mask()))?.square()).input(&[2, 3], -1.0, 1.0),
        case("masked_select broadcast", |v| v[0].masked_select(&beside(&v[0], &mask()))?.square()).input(
            &[2, 1],
            -1.0,
            1.0,
        ),
        case("masked_fill", |v| v[0].masked_fill(&beside(&v[0], &mask()), 0.5)?.square()).input(&[2, 3], -1.0, 1.0),
        case("masked_fill broadcast", move |v| v[0].masked_fill(&beside(&v[0], &column), 3.0)?.square()).input(
            &[3, 2],
            -1.0,
            1.0,
        ),
    ]
}
