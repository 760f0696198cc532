use ocelli_tensor::NormOptions;

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    let kinds = [
        ("of a batch", NormOptions::batch(0.1), &[3usize, 2, 2, 3][..]),
        ("of a batch of rows", NormOptions::batch(0.1), &[4, 3]),
        ("of a batch, then relu", NormOptions::batch(0.1).relu(true), &[3, 2, 4]),
        ("in groups", NormOptions::groups(2, 0.1), &[2, 4, 3]),
        ("in groups, then relu", NormOptions::groups(2, 0.1).relu(true), &[2, 4, 2, 2]),
        ("of instances", NormOptions::groups(3, 0.1), &[2, 3, 4]),
        ("of no sample", NormOptions::groups(3, 0.1), &[0, 3, 4]),
    ];
    let mut cases = Vec::new();
    for (name, options, shape) in kinds {
        let channels = [shape[1]];
        let statistics = options.statistics_shape(&shape.into()).unwrap();
        cases.extend([
            case(format!("channel_norm {name}"), move |v| v[0].channel_norm(&v[1], &v[2], &options)?.0.square())
                .input(shape, -1.0, 1.0)
                .input(&channels, 0.5, 1.5)
                .input(&channels, -0.5, 0.5),
            case(format!("channel_norm_with {name}"), move |v| {
                v[0].channel_norm_with(&v[1], &v[2], (&v[3], &v[4]), &options)?.square()
            })
            .input(shape, -1.0, 1.0)
            .input(&channels, 0.5, 1.5)
            .input(&channels, -0.5, 0.5)
            .input(&statistics, -0.5, 0.5)
            .input(&statistics, 0.5, 1.5),
        ]);
    }
    for (shape, factors) in [(&[3usize, 4][..], &[4usize][..]), (&[2, 3, 2, 2], &[2, 2]), (&[5], &[5]), (&[0, 3], &[3])]
    {
        cases.push(
            case(format!("layer_norm of {shape:?}"), move |v| v[0].layer_norm(&v[1], &v[2], 0.1)?.square())
                .input(shape, -1.0, 1.0)
                .input(factors, 0.5, 1.5)
                .input(factors, -0.5, 0.5),
        );
    }
    cases
}
