use ocelli_tensor::PadMode;

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    let modes =
        [PadMode::Constant(0.0), PadMode::Constant(1.5), PadMode::Reflect, PadMode::Replicate, PadMode::Circular];
    let mut cases: Vec<Case> =
        modes
            .into_iter()
            .flat_map(|mode| {
                [
                    case(format!("pad one axis: {mode:?}"), move |v| v[0].pad(&[(2, 1)], mode)?.square()).input(
                        &[2, 3],
                        -1.0,
                        1.0,
                    ),
                    case(format!("pad two axes: {mode:?}"), move |v| v[0].pad(&[(0, 1), (2, 2)], mode)?.square())
                        .input(&[2, 2, 4], -1.0, 1.0),
                    case(format!("pad of nothing: {mode:?}"), move |v| v[0].pad(&[(1, 1)], mode)?.square()).input(
                        &[0, 2],
                        -1.0,
                        1.0,
                    ),
                ]
            })
            .collect();
    cases.push(case("pad a number by nothing", |v| v[0].pad(&[], PadMode::Reflect)).input(&[], -1.0, 1.0));
    cases
}
