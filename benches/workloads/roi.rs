//! Regions of interest: 1,000 boxes of 16 to 200 pixels in a picture of 800, whose map is 16 times smaller.

use std::hint::black_box;

use ocelli_benches::{randn, region_boxes};
use ocelli_tensor::{DType, RoiMode, RoiOptions, Tensor};

use crate::{Result, Work};

const OPTIONS: RoiOptions = RoiOptions {
    mode: RoiMode::Align { sampling_ratio: 2, aligned: true },
    output_size: [7, 7],
    spatial_scale: 1.0 / 16.0,
};
const MAP: [usize; 4] = [1, 256, 50, 50];

/// RoI align, 256 channels, 7 × 7 bins.
pub(crate) fn align() -> Result<Work> {
    let (x, regions) = (randn(&MAP), regions()?);
    Ok(Box::new(move || {
        black_box(x.roi_mean(&regions, &OPTIONS)?);
        Ok(())
    }))
}

/// Its gradient.
pub(crate) fn align_backward() -> Result<Work> {
    let regions = regions()?;
    let dy = randn(randn(&MAP).roi_mean(&regions, &OPTIONS)?.shape());
    Ok(Box::new(move || {
        black_box(dy.roi_mean_backward(&regions, MAP, &OPTIONS)?);
        Ok(())
    }))
}

fn regions() -> Result<Tensor> {
    Ok(Tensor::concat(&[&Tensor::zeros([1000, 1], DType::F32)?, &region_boxes(1000)], 1)?)
}
