//! Regions of interest: a grid of bins over each box of a feature map, and one number per bin and channel.
//!
//! A region's bins are the product of its bins along each axis, so what they read and with which weights is found once per axis
//! ([`bins`]), for all channels. Maps lie channels-last, and many channels are computed at once.

mod bins;
mod max;
mod mean;
#[cfg(test)]
mod tests;

pub use bins::RoiMode;
pub(crate) use bins::{Axis, MOST_SAMPLES, Pixels, Taps};
pub(crate) use max::{Pooling, max, scatter, take};
pub(crate) use mean::{mean, mean_backward};

use crate::cpu::parallel::over_chunks;
use crate::element::Real;

/// Feature maps as the loops read them: `[images, planes, height, width, channels]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maps {
    /// One for all bins, or one for each bin (position-sensitive).
    pub(crate) planes: usize,
    pub(crate) size: [usize; 2],
    pub(crate) channels: usize,
}

impl Maps {
    /// Where the channels of a place begin.
    #[inline(always)]
    fn place(&self, image: usize, plane: usize, row: usize, column: usize) -> usize {
        let [height, width] = self.size;
        (((image * self.planes + plane) * height + row) * width + column) * self.channels
    }
}

/// What the bins of one region read.
#[derive(Debug, Default)]
pub(crate) struct Region<T> {
    pub(crate) image: usize,
    pub(crate) rows: Taps<T>,
    pub(crate) columns: Taps<T>,
}

impl<T: Real> Region<T> {
    /// The regions of boxes `image, x1, y1, x2, y2`, on these axes of rows and columns.
    pub(crate) fn all(boxes: &[[T; 5]], axes: &[Axis<T>; 2]) -> Vec<Self> {
        let mut regions: Vec<Self> = boxes.iter().map(|_| Region::default()).collect();
        let [rows, columns] = axes;
        // Some microseconds each.
        over_chunks(&mut regions, 1, 512, |first, regions| {
            for (region, &[image, x1, y1, x2, y2]) in regions.iter_mut().zip(&boxes[first..]) {
                *region =
                    Region { image: image.to_f64() as usize, rows: rows.taps(y1, y2), columns: columns.taps(x1, x2) };
            }
        });
        regions
    }
}
