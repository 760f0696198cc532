//! Maxima of heat maps, more exactly than to an element.

use ocelli_tensor::{DType, Error as TensorError, Tensor};

use crate::host::{elements, filled};
use crate::{Error, Result};

/// How a maximum is placed between elements, from those around it. At the edge of a map only what lies inside is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Refinement {
    /// Not at all.
    None,
    /// A quarter of an element towards the larger neighbour, across and down (simple baselines, HRNet).
    #[default]
    Quarter,
    /// To the top of the quadratic surface through the neighbours, at most half an element away.
    Quadratic,
    /// As [`Refinement::Quadratic`], of the maps' logarithms: exact where the map is a Gaussian (F. Zhang and others, CVPR 2020).
    LogQuadratic,
}

/// A maximum of a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
    /// The map's value at the element of the maximum.
    pub score: f64,
}

/// The highest place of each map `[..., H, W]`: its `x` and `y` (`[..., 2]`), and its value (`[...]`), both in the maps' dtype (`f32` for half types) and on
/// their device; they are found on the CPU. Of equal values the first one counts, NaN never; a map of nothing else gives (0, 0) and −∞.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::keypoints::{Refinement, heatmap_argmax};
/// # fn main() -> ocelli_vision::Result<()> {
/// let map = Tensor::new([[0.0f32, 0.2, 0.0, 0.0], [0.1, 0.9, 0.5, 0.0], [0.0, 0.2, 0.0, 0.0]])?;
/// let (place, score) = heatmap_argmax(&map, Refinement::Quarter)?;
/// assert_eq!((place.to_vec::<f32>()?, score.item::<f32>()?), (vec![1.25, 1.0], 0.9));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the maps are floats and have elements.
pub fn heatmap_argmax(heatmaps: &Tensor, refinement: Refinement) -> Result<(Tensor, Tensor)> {
    const OP: &str = "heatmap_argmax";
    let (maps, [height, width]) = read(OP, heatmaps)?;
    if height == 0 || width == 0 {
        return Err(TensorError::shape(OP, "maps with elements", heatmaps.shape()).into());
    }
    let (mut places, mut scores) = (Vec::new(), Vec::new());
    for values in maps.chunks_exact(height * width) {
        let map = Map { values, height, width };
        let best = values
            .iter()
            .enumerate()
            .fold((0, f64::NEG_INFINITY), |best, (i, &value)| if value > best.1 { (i, value) } else { best });
        let peak = map.peak(best.0, best.1, refinement);
        places.extend([peak.x, peak.y]);
        scores.push(peak.score);
    }
    let dtype = if heatmaps.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let outer = &heatmaps.shape()[..heatmaps.rank() - 2];
    let shaped = |values: Vec<f64>, shape: &[usize]| -> Result<Tensor> {
        Ok(Tensor::from_vec(values, shape)?.to_dtype(dtype)?.to_device(heatmaps.device())?)
    };
    Ok((shaped(places, &[outer, &[2]].concat())?, shaped(scores, outer)?))
}

/// What [`heatmap_peaks`] looks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeakFinder {
    /// Peaks are above this value.
    pub threshold: f64,
    /// No element within so many rows and columns is higher.
    pub radius: usize,
    /// How peaks are placed between elements.
    pub refinement: Refinement,
    /// The highest so many of each map.
    pub max_peaks: usize,
}

impl Default for PeakFinder {
    /// Above 0.1, within one row and column, quadratic, at most 100.
    fn default() -> Self {
        PeakFinder { threshold: 0.1, radius: 1, refinement: Refinement::Quadratic, max_peaks: 100 }
    }
}

/// The local maxima of each map `[K, H, W]`, highest first: candidates of each part, of all people. Of equal neighbours the first one counts, NaN never.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::keypoints::{HeatmapTargets, PeakFinder, heatmap_peaks};
/// # fn main() -> ocelli_vision::Result<()> {
/// let two_people = Tensor::new([[[8.0f32, 8.0, 1.0]], [[20.0, 10.0, 1.0]]])?;
/// let maps = HeatmapTargets::new([24, 32], 1.5).encode(&two_people)?;
/// let peaks = heatmap_peaks(&maps, &PeakFinder::default())?;
/// assert_eq!((peaks.len(), peaks[0].len()), (1, 2));
/// assert_eq!((peaks[0][0].x, peaks[0][0].y, peaks[0][0].score), (8.0, 8.0, 1.0));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the maps are floats of this shape, and the threshold is a number.
pub fn heatmap_peaks(heatmaps: &Tensor, finder: &PeakFinder) -> Result<Vec<Vec<Peak>>> {
    const OP: &str = "heatmap_peaks";
    if heatmaps.rank() != 3 {
        return Err(TensorError::shape(OP, "maps of shape [K, H, W]", heatmaps.shape()).into());
    }
    if finder.threshold.is_nan() {
        return Err(Error::argument(OP, "expected a threshold, received NaN"));
    }
    let (maps, [height, width]) = read(OP, heatmaps)?;
    if height * width == 0 {
        return filled(Vec::new(), heatmaps.shape()[0]);
    }
    let of = |values: &[f64]| {
        let map = Map { values, height, width };
        let mut peaks: Vec<(usize, f64)> =
            values.iter().copied().enumerate().filter(|p| p.1 > finder.threshold).collect();
        peaks.retain(|&(at, value)| map.is_highest(at, value, finder.radius));
        // A stable sort: equal ones stay in their order.
        peaks.sort_by(|a, b| b.1.total_cmp(&a.1));
        peaks.truncate(finder.max_peaks);
        peaks.into_iter().map(|(at, value)| map.peak(at, value, finder.refinement)).collect()
    };
    Ok(maps.chunks_exact(height * width).map(of).collect())
}

/// The elements of maps `[..., H, W]`, and `[H, W]`.
fn read(op: &'static str, heatmaps: &Tensor) -> Result<(Vec<f64>, [usize; 2])> {
    if !heatmaps.dtype().is_float() {
        return Err(TensorError::dtype(op, "maps of a float dtype", heatmaps.dtype()).into());
    }
    let [.., height, width] = heatmaps.shape()[..] else {
        return Err(TensorError::shape(op, "maps of shape [..., H, W]", heatmaps.shape()).into());
    };
    Ok((elements::<f64>(heatmaps)?.into_owned(), [height, width]))
}

struct Map<'a> {
    values: &'a [f64],
    height: usize,
    width: usize,
}

impl Map<'_> {
    /// Whether nothing around is higher, and nothing before it equal.
    fn is_highest(&self, at: usize, value: f64, radius: usize) -> bool {
        let (y, x) = (at / self.width, at % self.width);
        let range = |center: usize, size: usize| {
            center.saturating_sub(radius)..center.saturating_add(radius).saturating_add(1).min(size)
        };
        let columns = range(x, self.width);
        range(y, self.height).all(|row| {
            let start = row * self.width;
            (start + columns.start..start + columns.end).all(|other| {
                let theirs = self.values[other];
                !(theirs > value || theirs == value && other < at)
            })
        })
    }

    fn peak(&self, at: usize, score: f64, refinement: Refinement) -> Peak {
        let (y, x) = (at / self.width, at % self.width);
        let inside = |center: usize, size: usize| center > 0 && center + 1 < size;
        let (across, down) = (inside(x, self.width), inside(y, self.height));
        let value = |dy: isize, dx: isize| {
            let value = self.values[at.wrapping_add_signed(dy * self.width as isize + dx)];
            if refinement == Refinement::LogQuadratic { value.max(1e-10).ln() } else { value }
        };
        // The slope and the curvature along an axis; both are 0 at an edge.
        let along = |inside: bool, dy: isize, dx: isize| match inside {
            true => {
                let (before, here, after) = (value(-dy, -dx), value(0, 0), value(dy, dx));
                ((after - before) / 2.0, after - 2.0 * here + before)
            }
            false => (0.0, 0.0),
        };
        let ((gx, gxx), (gy, gyy)) = (along(across, 0, 1), along(down, 1, 0));
        let sign = |slope: f64| {
            if slope > 0.0 {
                1.0
            } else if slope < 0.0 {
                -1.0
            } else {
                0.0
            }
        };
        let (dx, dy) = match refinement {
            Refinement::None => (0.0, 0.0),
            Refinement::Quarter => (0.25 * sign(gx), 0.25 * sign(gy)),
            Refinement::Quadratic | Refinement::LogQuadratic => {
                let gxy = if across && down {
                    (value(1, 1) - value(1, -1) - value(-1, 1) + value(-1, -1)) / 4.0
                } else {
                    0.0
                };
                let determinant = gxx * gyy - gxy * gxy;
                if gxx < 0.0 && determinant > 0.0 {
                    ((gxy * gy - gyy * gx) / determinant, (gxy * gx - gxx * gy) / determinant)
                } else {
                    // Flat along one axis, or no top: each axis for itself.
                    let top = |slope: f64, curvature: f64| if curvature < 0.0 { -slope / curvature } else { 0.0 };
                    (top(gx, gxx), top(gy, gyy))
                }
            }
        };
        // Beside NaN or infinity nothing can be said.
        let limited = |offset: f64| if offset.is_finite() { offset.clamp(-0.5, 0.5) } else { 0.0 };
        Peak { x: x as f64 + limited(dx), y: y as f64 + limited(dy), score }
    }
}
