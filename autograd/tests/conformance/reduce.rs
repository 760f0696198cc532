use ocelli_tensor::Tensor;

use crate::support::{Case, case};

fn with_zeros() -> Tensor {
    Tensor::new([[0.5f64, 0.0, -1.5, 2.0], [0.0, 0.7, 0.0, -0.3]]).unwrap()
}

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("sum of all", |v| v[0].sum(..)).input(&[2, 3], -1.0, 1.0),
        case("sum", |v| v[0].sum([0, -1])).input(&[2, 3, 4], -1.0, 1.0),
        case("sum_keepdim", |v| v[0].sum_keepdim(1)).input(&[2, 3], -1.0, 1.0),
        case("sum of nothing", |v| v[0].sum(0)).input(&[0, 3], -1.0, 1.0),
        case("mean of all", |v| v[0].mean(..)?.square()).input(&[2, 3], -1.0, 1.0),
        case("mean", |v| v[0].mean([0, 2])?.square()).input(&[2, 3, 4], -1.0, 1.0),
        case("mean_keepdim", |v| v[0].mean_keepdim(-1)?.square()).input(&[2, 3], -1.0, 1.0),
        case("mean of a number", |v| v[0].mean(..)).input(&[], -1.0, 1.0),
        case("mean along no column", |v| v[0].mean(0)).input(&[2, 0], -1.0, 1.0),
        case("prod", |v| v[0].prod(1)).input(&[2, 3, 2], 0.5, 1.5),
        case("prod of all", |v| v[0].prod(..)).input(&[2, 3], 0.5, 1.5),
        case("prod over two axes, with zeros", |v| v[0].reshape([2, 2, 2])?.prod_keepdim([0, 2])).value(with_zeros()),
        case("prod with zeros", |v| v[0].prod(1)).value(with_zeros()),
        case("prod of one zero", |v| v[0].prod(0)).value(Tensor::zeros([1, 2], ocelli_tensor::DType::F64).unwrap()),
        case("prod of nothing", |v| v[0].prod(0)).input(&[0, 2], -1.0, 1.0),
        case("max", |v| v[0].max([0, 2])?.square()).distinct(&[2, 3, 4]),
        case("max_keepdim", |v| v[0].max_keepdim(..)?.square()).distinct(&[2, 3]),
        case("min", |v| v[0].min(-1)?.square()).distinct(&[2, 3, 4]),
        case("min_keepdim", |v| v[0].min_keepdim(0)?.square()).distinct(&[2, 3]),
        case("max_with_indices", |v| v[0].max_with_indices(1)?.0.square()).distinct(&[2, 3, 4]),
        case("min_with_indices", |v| v[0].min_with_indices(-1)?.0.square()).distinct(&[2, 3, 4]),
        case("logsumexp", |v| v[0].logsumexp([0, 1])).input(&[2, 3, 2], -2.0, 2.0),
        case("logsumexp_keepdim", |v| v[0].logsumexp_keepdim(1)).input(&[2, 3], -2.0, 2.0),
        case("norm 2 of a row of zeros", |v| {
            let zeros = v[0].mul(0.0)?;
            v[0].norm(2.0, 1)?.add(&zeros.norm(2.0, 1)?)
        })
        .input(&[2, 3], 0.5, 1.0),
        case("norm_keepdim", |v| v[0].norm_keepdim(2.0, ..)).input(&[2, 3], 0.5, 1.0),
    ];
    for correction in [0, 1] {
        cases.extend([
            case(format!("var {correction}"), move |v| v[0].var([0, 2], correction)).input(&[2, 3, 2], -1.0, 1.0),
            case(format!("var_keepdim {correction}"), move |v| v[0].var_keepdim(1, correction)?.square()).input(
                &[2, 3],
                -1.0,
                1.0,
            ),
            case(format!("std {correction}"), move |v| v[0].std(-1, correction)).input(&[2, 4], -1.0, 1.0),
            case(format!("std_keepdim {correction}"), move |v| v[0].std_keepdim(.., correction)).input(
                &[2, 4],
                -1.0,
                1.0,
            ),
        ]);
    }
    for p in [0.0, 1.0, 1.5, 2.0, 3.0, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
        // Away from the kinks: no zeros, no two equal absolute values.
        let magnitudes = Tensor::new([[0.9f64, -0.5, 1.4], [-1.1, 0.7, -0.6]]).unwrap();
        cases.push(case(format!("norm {p}"), move |v| v[0].norm(p, -1)?.square()).value(magnitudes.clone()));
        cases.push(case(format!("norm {p} of all"), move |v| v[0].norm(p, ..)).value(magnitudes));
    }
    cases
}
