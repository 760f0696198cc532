//! What is known of a segmentation's regions: sizes, boxes, neighbours, and histograms of colours and textures.

use std::collections::BTreeSet;

use super::filter::{Kernel, filtered};
use crate::Result;
use crate::host::{filled, reserved};

/// Steps of a histogram of colours, for each channel.
const COLORS: usize = 25;
/// Steps of a histogram of textures, for each channel and direction.
const SLOPES: usize = 10;
/// The directions of slopes, 45° apart.
const DIRECTIONS: usize = 8;

/// Of each pixel and channel: which step of the histograms its colour and its slopes fall into.
pub(super) struct Codes {
    channels: usize,
    /// For each channel the steps of all pixels.
    colors: Vec<u8>,
    /// For each channel and each of the four directions above 0°: the steps of all pixels, beside whether they slope the other way.
    slopes: Vec<(u8, bool)>,
}

impl Codes {
    /// Of colours in `0..=1`, channel by channel.
    pub(super) fn of(colors: &[f64], size: [usize; 2]) -> Self {
        let pixels = size[0] * size[1];
        let steps = |x: f64, count: usize| ((x * count as f64) as usize).min(count - 1) as u8;
        let (smooth, steep) = (Kernel::gaussian(1.0), Kernel::gaussian_derivative(1.0));
        let across = filtered(colors, size, &steep, &smooth);
        let down = filtered(colors, size, &smooth, &steep);
        let mut slopes = Vec::with_capacity(colors.len() * DIRECTIONS / 2);
        for (across, down) in across.chunks_exact(pixels).zip(down.chunks_exact(pixels)) {
            // No direction is steeper than the gradient: the steepest of the channel is the last step.
            let steepest = across.iter().zip(down).map(|(x, y)| x.hypot(*y)).fold(0.0, f64::max);
            let scale = if steepest > 0.0 { 1.0 / steepest } else { 0.0 };
            for direction in 0..DIRECTIONS / 2 {
                let (sin, cos) = (direction as f64 * std::f64::consts::FRAC_PI_4).sin_cos();
                slopes.extend(across.iter().zip(down).map(|(x, y)| {
                    let slope = (x * cos + y * sin) * scale;
                    (steps(slope.abs(), SLOPES), slope < 0.0)
                }));
            }
        }
        let colors = colors.iter().map(|&x| steps(x, COLORS)).collect();
        Codes { channels: slopes.len() / (pixels * DIRECTIONS / 2), colors, slopes }
    }

    /// The length of a region's histogram of colours.
    pub(super) fn color_length(&self) -> usize {
        self.channels * COLORS
    }

    /// The length of a region's histogram of textures.
    pub(super) fn texture_length(&self) -> usize {
        self.channels * DIRECTIONS * SLOPES
    }

    /// The histograms of the regions, region by region; those of a region sum to 1.
    fn color_histograms(&self, labels: &[u32], sizes: &[u32]) -> Result<Vec<f32>> {
        let length = self.color_length();
        let mut counts = filled(0u32, sizes.len().saturating_mul(length))?;
        for (channel, codes) in self.colors.chunks_exact(labels.len()).enumerate() {
            for (&label, &code) in labels.iter().zip(codes) {
                counts[label as usize * length + channel * COLORS + usize::from(code)] += 1;
            }
        }
        normalized(&counts, sizes, length, self.channels)
    }

    fn texture_histograms(&self, labels: &[u32], sizes: &[u32]) -> Result<Vec<f32>> {
        let length = self.texture_length();
        let mut counts = filled(0u32, sizes.len().saturating_mul(length))?;
        for (pair, codes) in self.slopes.chunks_exact(labels.len()).enumerate() {
            for (&label, &(code, back)) in labels.iter().zip(codes) {
                // A pixel that slopes one way does not slope the other way: it counts as flat there.
                let histograms = &mut counts[label as usize * length + 2 * pair * SLOPES..][..2 * SLOPES];
                histograms[usize::from(back) * SLOPES + usize::from(code)] += 1;
                histograms[usize::from(!back) * SLOPES] += 1;
            }
        }
        normalized(&counts, sizes, length, self.channels * DIRECTIONS)
    }
}

/// Counts as parts of all that a region has.
fn normalized(counts: &[u32], sizes: &[u32], length: usize, of_a_pixel: usize) -> Result<Vec<f32>> {
    let mut parts = reserved(counts.len())?;
    for (row, &size) in counts.chunks_exact(length).zip(sizes) {
        let share = 1.0 / (size as f32 * of_a_pixel as f32);
        parts.extend(row.iter().map(|&count| count as f32 * share));
    }
    Ok(parts)
}

/// One region.
#[derive(Debug, Clone)]
pub(super) struct Region {
    /// Its number of pixels.
    pub(super) size: u32,
    /// Left, top, right, bottom; right and bottom lie outside.
    pub(super) corners: [u32; 4],
    /// The regions that touch it.
    pub(super) neighbours: BTreeSet<u32>,
}

impl Region {
    /// What both regions are together; their neighbours are left to the caller.
    pub(super) fn union(&self, other: &Region) -> Region {
        let (a, b) = (self.corners, other.corners);
        let corners = [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])];
        Region { size: self.size + other.size, corners, neighbours: BTreeSet::new() }
    }
}

/// All regions of a segmentation.
#[derive(Debug)]
pub(super) struct Regions {
    /// The number of pixels of the picture.
    pub(super) pixels: usize,
    pub(super) list: Vec<Region>,
    /// How many regions there were before any were joined: as many histograms there are.
    pub(super) first_count: usize,
    /// Region by region.
    pub(super) colors: Vec<f32>,
    /// Region by region.
    pub(super) textures: Vec<f32>,
}

impl Regions {
    /// Of a segmentation into `count` regions. Histograms that nobody asks for are left empty.
    ///
    /// # Errors
    /// If there is no memory for the histograms: without a scale every pixel may be a region.
    pub(super) fn of(
        labels: &[u32],
        count: usize,
        width: usize,
        codes: &Codes,
        color: bool,
        texture: bool,
    ) -> Result<Self> {
        let nobody = Region { size: 0, corners: [u32::MAX, u32::MAX, 0, 0], neighbours: BTreeSet::new() };
        let mut list = filled(nobody, count)?;
        for (y, row) in labels.chunks_exact(width).enumerate() {
            let below = labels.get((y + 1) * width..);
            for (x, &label) in row.iter().enumerate() {
                let region = &mut list[label as usize];
                let [left, top, right, bottom] = region.corners;
                let (px, py) = (x as u32, y as u32);
                region.corners = [left.min(px), top.min(py), right.max(px + 1), bottom.max(py + 1)];
                region.size += 1;
                let beside = row.get(x + 1).copied();
                let beneath = below.and_then(|below| below.get(x).copied());
                for other in beside.into_iter().chain(beneath).filter(|&other| other != label) {
                    list[label as usize].neighbours.insert(other);
                    list[other as usize].neighbours.insert(label);
                }
            }
        }
        let sizes: Vec<u32> = list.iter().map(|region| region.size).collect();
        let colors = if color { codes.color_histograms(labels, &sizes)? } else { Vec::new() };
        let textures = if texture { codes.texture_histograms(labels, &sizes)? } else { Vec::new() };
        Ok(Regions { pixels: labels.len(), list, first_count: count, colors, textures })
    }

    /// The same again.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(super) fn copied(&self) -> Result<Self> {
        fn copied<T: Clone>(of: &[T]) -> Result<Vec<T>> {
            let mut copy = reserved(of.len())?;
            copy.extend_from_slice(of);
            Ok(copy)
        }
        let Regions { pixels, first_count, .. } = *self;
        let list = copied(&self.list)?;
        Ok(Regions { pixels, list, first_count, colors: copied(&self.colors)?, textures: copied(&self.textures)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_know_their_boxes_neighbours_and_histograms() {
        // Region 0 above, 1 left below, 2 right below.
        let labels = [0, 0, 0, 0, 1, 1, 2, 2, 1, 1, 2, 2];
        let colors: Vec<f64> = labels.iter().map(|&label| f64::from(label) / 2.0).collect();
        let codes = Codes::of(&colors, [3, 4]);
        let regions = Regions::of(&labels, 3, 4, &codes, true, true).unwrap();
        assert_eq!(regions.list[0].corners, [0, 0, 4, 1]);
        assert_eq!(regions.list[2].corners, [2, 1, 4, 3]);
        assert_eq!(regions.list[1].neighbours, BTreeSet::from([0, 2]));
        assert_eq!(regions.list.iter().map(|region| region.size).collect::<Vec<_>>(), [4, 4, 4]);
        for (i, histogram) in regions.colors.chunks_exact(COLORS).enumerate() {
            assert_eq!(histogram[[0, 12, 24][i]], 1.0, "{histogram:?}");
        }
        for histogram in regions.textures.chunks_exact(codes.texture_length()) {
            assert!((histogram.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}
