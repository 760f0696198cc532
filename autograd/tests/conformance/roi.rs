use ocelli_tensor::{RoiMode, RoiOptions, Tensor};

use crate::support::{Case, beside, case};

/// Inside, across an edge, without area, turned inside out, outside, over everything; two on one place.
fn regions() -> Tensor {
    Tensor::new([
        [1.0, 0.6, 1.3, 3.2, 4.1],
        [0.0, -1.1, -0.7, 2.0, 2.3],
        [0.0, 2.2, 2.1, 2.2, 2.1],
        [1.0, 3.1, 3.2, 1.0, 0.9],
        [0.0, 9.3, 9.0, 12.0, 12.0],
        [0.0, 0.1, 0.2, 4.3, 5.4],
        [1.0, 0.6, 1.3, 3.2, 4.1],
    ])
    .unwrap()
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut modes = Vec::new();
    for sampling_ratio in [0, 2] {
        modes.extend([false, true].map(|aligned| (RoiMode::Align { sampling_ratio, aligned }, 2)));
        modes.push((RoiMode::PsAlign { sampling_ratio }, 12));
    }
    modes.push((RoiMode::PsPool, 12));
    for (mode, channels) in modes {
        let options = RoiOptions { mode, output_size: [3, 2], spatial_scale: 0.9 };
        let mean =
            case(format!("roi_mean {mode:?}"), move |v| v[0].roi_mean(&beside(&v[0], &regions()), &options)?.square());
        cases.push(mean.input(&[2, channels, 5, 4], -1.0, 1.0));
    }
    let options = RoiOptions::align([2, 2]);
    let none = case("roi_mean of no regions", move |v| {
        v[0].roi_mean(&beside(&v[0], &regions().narrow(0, 0, 0)?), &options)?.square()
    });
    cases.push(none.input(&[1, 2, 3, 3], -1.0, 1.0));
    cases.push(
        case("roi_max", |v| v[0].roi_max(&beside(&v[0], &regions()), [3, 2], 0.9)?.square()).distinct(&[2, 2, 5, 4]),
    );
    cases.push(
        case("roi_max_take", |v| {
            let regions = beside(&v[0], &regions());
            let (_, places) = v[0].tensor().roi_max_with_indices(&regions, [2, 2], 1.1)?;
            v[0].roi_max_take(&places, &regions)?.square()
        })
        .distinct(&[2, 3, 5, 4]),
    );
    cases
}
