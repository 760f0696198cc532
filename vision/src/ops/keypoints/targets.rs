//! Maps with a Gaussian at each keypoint: what a network learns to give.

use ocelli_tensor::{DType, Error as TensorError, Tensor};

use crate::host::elements;
use crate::{Error, Result};

/// Maps of Gaussians with the height 1 at keypoints.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::keypoints::{HeatmapTargets, Refinement, heatmap_argmax};
/// # fn main() -> ocelli_vision::Result<()> {
/// // One person, one keypoint: x, y and whether it is labelled.
/// let person = Tensor::new([[[20.3f32, 9.0, 2.0]]])?;
/// let maps = HeatmapTargets::new([32, 48], 2.0).encode(&person)?;
/// assert_eq!(maps.shape()[..], [1, 32, 48]);
/// let (places, _) = heatmap_argmax(&maps, Refinement::LogQuadratic)?;
/// assert!((places.to_vec::<f32>()?[0] - 20.3).abs() < 1e-3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeatmapTargets {
    /// Rows and columns of a map.
    pub size: [usize; 2],
    /// The Gaussian's standard deviation, in elements of the map.
    pub sigma: f64,
    /// Further than so many standard deviations away, across or down, a map is 0.
    pub truncate: f64,
    /// Whether keypoints are moved to the nearest element first, as in simple baselines and HRNet; otherwise they stay where they are, which
    /// loses nothing (F. Zhang and others, "Distribution-aware coordinate representation", CVPR 2020).
    pub rounded: bool,
}

impl HeatmapTargets {
    /// Unrounded, cut off at three standard deviations.
    pub fn new(size: [usize; 2], sigma: f64) -> Self {
        HeatmapTargets { size, sigma, truncate: 3.0, rounded: false }
    }

    /// The maps `[K, H, W]` (`f32`) of people's keypoints `[P, K, 3]` (any float type): `x`, `y` in the map's coordinates, and the visibility, above 0 where the
    /// keypoint is labelled, as in COCO. Where people overlap the larger value stands. Keypoints may lie outside. It is computed on the CPU and lies
    /// on the keypoints' device.
    ///
    /// # Errors
    /// Unless shape and dtype are these, `sigma` and `truncate` are above 0, and labelled keypoints are finite.
    pub fn encode(&self, keypoints: &Tensor) -> Result<Tensor> {
        const OP: &str = "heatmap_targets";
        // An infinite `truncate` cuts off nothing.
        if !(self.sigma > 0.0 && self.sigma.is_finite() && self.truncate > 0.0) {
            let message = format!("expected sigma and truncate above 0, received {} and {}", self.sigma, self.truncate);
            return Err(Error::argument(OP, message));
        }
        let people = People::read(OP, keypoints)?;
        let [height, width] = self.size;
        let mut maps = Tensor::zeros([people.parts, height, width], DType::F32)?.to_vec::<f32>()?;
        let plane = (height * width).max(1);
        for (part, map) in maps.chunks_exact_mut(plane).enumerate() {
            for [x, y] in people.of(part) {
                let (columns, rows) = (self.profile(x, width), self.profile(y, height));
                for (row, vertical) in rows {
                    for &(column, horizontal) in &columns {
                        let value = &mut map[row * width + column];
                        *value = value.max((vertical * horizontal) as f32);
                    }
                }
            }
        }
        Ok(Tensor::from_vec(maps, [people.parts, height, width])?.to_device(keypoints.device())?)
    }

    /// The places along an axis that a Gaussian reaches, and its values there.
    fn profile(&self, center: f64, size: usize) -> Vec<(usize, f64)> {
        let center = if self.rounded { (center + 0.5).floor() } else { center };
        let reach = self.truncate * self.sigma;
        // The casts saturate: nothing before 0, nothing beyond the axis.
        let start = (center - reach).ceil().max(0.0) as usize;
        let end = ((center + reach).floor() + 1.0).clamp(0.0, size as f64) as usize;
        let value = |at: usize| (-0.5 * ((at as f64 - center) / self.sigma).powi(2)).exp();
        (start..end).map(|at| (at, value(at))).collect()
    }
}

/// Labelled keypoints of people.
pub(super) struct People {
    pub(super) parts: usize,
    /// Person by person.
    places: Vec<Option<[f64; 2]>>,
}

impl People {
    /// From `[P, K, 3]`.
    pub(super) fn read(op: &'static str, keypoints: &Tensor) -> Result<Self> {
        if !keypoints.dtype().is_float() {
            return Err(TensorError::dtype(op, "keypoints of a float dtype", keypoints.dtype()).into());
        }
        let [_, parts, 3] = keypoints.shape()[..] else {
            let expected = "keypoints of shape [people, keypoints, 3]: x, y, visibility";
            return Err(TensorError::shape(op, expected, keypoints.shape()).into());
        };
        let numbers = elements::<f64>(keypoints)?;
        let mut places = Vec::with_capacity(numbers.len() / 3);
        for (i, keypoint) in numbers.chunks_exact(3).enumerate() {
            let labelled = keypoint[2] > 0.0;
            if keypoint[2].is_nan() || labelled && !(keypoint[0].is_finite() && keypoint[1].is_finite()) {
                let (person, part) = (i / parts, i % parts);
                let message = format!(
                    "expected finite labelled keypoints, received {keypoint:?} as keypoint {part} of person {person}"
                );
                return Err(Error::argument(op, message));
            }
            places.push(labelled.then(|| [keypoint[0], keypoint[1]]));
        }
        Ok(People { parts, places })
    }

    /// Where this part is, of all people who have it.
    pub(super) fn of(&self, part: usize) -> impl Iterator<Item = [f64; 2]> + '_ {
        self.people().filter_map(move |person| person[part])
    }

    /// Each person's places.
    pub(super) fn people(&self) -> impl Iterator<Item = &[Option<[f64; 2]>]> {
        self.places.chunks_exact(self.parts.max(1))
    }
}
