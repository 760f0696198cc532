//! Part-affinity fields: along a limb the field points from one keypoint to the other (Z. Cao, T. Simon, S.-E. Wei, Y. Sheikh, CVPR 2017).

use ocelli_tensor::{DType, Device, Error as TensorError, Tensor};

use super::targets::People;
use crate::host::{elements, filled};
use crate::{Error, Result};

/// Part-affinity fields to learn.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::keypoints::{AffinityTargets, line_integral};
/// # fn main() -> ocelli_vision::Result<()> {
/// let person = Tensor::new([[[2.0f32, 4.0, 1.0], [12.0, 4.0, 1.0]]])?;
/// let fields = AffinityTargets { size: [8, 16], width: 1.0, limbs: vec![[0, 1]] }.encode(&person)?;
/// assert_eq!(fields.shape()[..], [2, 8, 16]);
/// let (from, to) = (Tensor::new([[2.0f32, 4.0]])?, Tensor::new([[12.0f32, 4.0]])?);
/// assert_eq!(line_integral(&fields, &from, &to, 10)?.to_vec::<f32>()?, [1.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AffinityTargets {
    /// Rows and columns of a map.
    pub size: [usize; 2],
    /// Elements up to this far from a limb belong to it, also beyond its ends: a keypoint's nearest element always does if this is 1.
    pub width: f64,
    /// The keypoints that each limb joins.
    pub limbs: Vec<[usize; 2]>,
}

impl AffinityTargets {
    /// The fields `[2 · limbs, H, W]` (`f32`; of each limb first the `x` parts, then the `y` parts) of people's keypoints `[P, K, 3]`, as
    /// [`HeatmapTargets`](super::HeatmapTargets) takes them. A field holds a limb's unit vector where the limb is, the mean where limbs of several
    /// people lie over each other, and 0 elsewhere. It is computed on the CPU and lies on the keypoints' device.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// use ocelli_vision::ops::keypoints::AffinityTargets;
    /// # fn main() -> ocelli_vision::Result<()> {
    /// let elbow_and_wrist = Tensor::new([[[2.0f32, 4.0, 2.0], [12.0, 4.0, 2.0]]])?;
    /// let targets = AffinityTargets { size: [8, 16], width: 1.0, limbs: vec![[0, 1]] };
    /// let fields = targets.encode(&elbow_and_wrist)?;
    /// assert_eq!(fields.shape()[..], [2, 8, 16]);
    /// // On the limb: one element to the right, none down.
    /// assert_eq!(fields.narrow(1, 4, 1)?.narrow(2, 7, 1)?.to_vec::<f32>()?, [1.0, 0.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Unless shape and dtype are these, labelled keypoints are finite, limbs join two of the keypoints, and the width is at least 0.
    pub fn encode(&self, keypoints: &Tensor) -> Result<Tensor> {
        const OP: &str = "affinity_targets";
        if !(self.width >= 0.0 && self.width.is_finite()) {
            return Err(Error::argument(OP, format!("expected a width of at least 0, received {}", self.width)));
        }
        let people = People::read(OP, keypoints)?;
        check_limbs(OP, &self.limbs, people.parts)?;
        let [height, width] = self.size;
        let shape = [2 * self.limbs.len(), height, width];
        let mut fields = Tensor::zeros(shape, DType::F32)?.to_vec::<f32>()?;
        let plane = height.saturating_mul(width);
        let mut counts = filled(0u32, if self.limbs.is_empty() { 0 } else { plane })?;
        for (&[from, to], field) in self.limbs.iter().zip(fields.chunks_exact_mut((2 * plane).max(1))) {
            counts.fill(0);
            let (across, down) = field.split_at_mut(plane);
            for limb in people.people().filter_map(|person| Limb::between(person[from]?, person[to]?)) {
                limb.each_element(self.size, self.width, |at| {
                    counts[at] += 1;
                    across[at] += limb.direction[0] as f32;
                    down[at] += limb.direction[1] as f32;
                });
            }
            for ((across, down), &count) in across.iter_mut().zip(down).zip(&counts) {
                let share = 1.0 / count.max(1) as f32;
                *across *= share;
                *down *= share;
            }
        }
        Ok(Tensor::from_vec(fields, shape)?.to_device(keypoints.device())?)
    }
}

/// How well a field `[2, H, W]` of any float type points from each of the points `from` (`[N, 2]`: x, y) to that of `to`: the mean of its component in this
/// direction at `samples` places evenly from one to the other, both included, each at the nearest element (places outside at the edge). 1 is perfect; of
/// points that are the same it is 0. The result `[N]` is `f32` and lies on the field's device; it is computed on the CPU.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::keypoints::line_integral;
/// # fn main() -> ocelli_vision::Result<()> {
/// // A field that points to the right everywhere.
/// let field = Tensor::new([[[1.0f32; 8]; 4], [[0.0; 8]; 4]])?;
/// let from = Tensor::new([[0.0f32, 1.0], [2.0, 0.0]])?;
/// let to = Tensor::new([[7.0f32, 1.0], [2.0, 3.0]])?;
/// assert_eq!(line_integral(&field, &from, &to, 10)?.to_vec::<f32>()?, [1.0, 0.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless shapes and dtypes are these, the field has elements, the points are finite and there are at least two samples.
pub fn line_integral(field: &Tensor, from: &Tensor, to: &Tensor, samples: usize) -> Result<Tensor> {
    const OP: &str = "line_integral";
    if field.shape().first() != Some(&2) {
        return Err(TensorError::shape(OP, "a field of shape [2, H, W]", field.shape()).into());
    }
    let fields = Fields::read(OP, field)?;
    check_samples(OP, samples)?;
    if from.shape() != to.shape() {
        let expected = format!("as many points as from, shape {}", from.shape());
        return Err(TensorError::shape(OP, expected, to.shape()).into());
    }
    let (from, to) = (points(OP, from)?, points(OP, to)?);
    let mean = |(&from, &to): (&[f64; 2], &[f64; 2])| {
        let sum: f64 = fields.along(0, from, to, samples).sum();
        (sum / samples as f64) as f32
    };
    let means: Vec<f32> = from.iter().zip(&to).map(mean).collect();
    let count = means.len();
    Ok(Tensor::from_vec(means, [count])?.to_device(field.device())?)
}

/// `Err` unless each limb joins two of so many keypoints.
pub(super) fn check_limbs(op: &'static str, limbs: &[[usize; 2]], parts: usize) -> Result<()> {
    match limbs.iter().find(|&&[from, to]| from >= parts || to >= parts || from == to) {
        Some(limb) => {
            let message = format!("expected limbs that join two of {parts} keypoints, received {limb:?}");
            Err(Error::argument(op, message))
        }
        None => Ok(()),
    }
}

/// `Err` for fewer than two samples, or more than anyone needs.
pub(super) fn check_samples(op: &'static str, samples: usize) -> Result<()> {
    if (2..=10_000).contains(&samples) {
        return Ok(());
    }
    Err(Error::argument(op, format!("expected 2 to 10000 samples, received {samples}")))
}

fn points(op: &'static str, x: &Tensor) -> Result<Vec<[f64; 2]>> {
    if !x.dtype().is_float() {
        return Err(TensorError::dtype(op, "points of a float dtype", x.dtype()).into());
    }
    let [_, 2] = x.shape()[..] else {
        return Err(TensorError::shape(op, "points of shape [N, 2]", x.shape()).into());
    };
    let numbers = elements::<f64>(x)?;
    if let Some(value) = numbers.iter().find(|value| !value.is_finite()) {
        return Err(Error::argument(op, format!("expected finite points, received {value}")));
    }
    Ok(numbers.chunks_exact(2).map(|point| [point[0], point[1]]).collect())
}

/// Fields as lines are read from them.
pub(super) struct Fields {
    values: Vec<f32>,
    pub(super) limbs: usize,
    pub(super) height: usize,
    width: usize,
}

impl Fields {
    /// From a tensor `[2 · limbs, H, W]`.
    pub(super) fn read(op: &'static str, fields: &Tensor) -> Result<Self> {
        if !fields.dtype().is_float() {
            return Err(TensorError::dtype(op, "fields of a float dtype", fields.dtype()).into());
        }
        let (limbs, height, width) = match fields.shape()[..] {
            [maps, height, width] if maps % 2 == 0 && height > 0 && width > 0 => (maps / 2, height, width),
            _ => {
                let expected = "fields with elements, of shape [2 * limbs, H, W]";
                return Err(TensorError::shape(op, expected, fields.shape()).into());
            }
        };
        let values = fields.to_device(Device::Cpu)?.to_dtype(DType::F32)?.to_vec::<f32>()?;
        Ok(Fields { values, limbs, height, width })
    }

    /// The field's component from one point to the other, at so many places between them.
    pub(super) fn along(
        &self,
        limb: usize,
        from: [f64; 2],
        to: [f64; 2],
        samples: usize,
    ) -> impl Iterator<Item = f64> + '_ {
        let plane = self.height * self.width;
        let (across, down) = self.values[2 * limb * plane..][..2 * plane].split_at(plane);
        let direction = Limb::between(from, to).map_or([0.0; 2], |limb| limb.direction);
        (0..samples).map(move |i| {
            let part = i as f64 / (samples - 1) as f64;
            // The cast saturates at 0.
            let nearest = |k: usize, size: usize| ((from[k] + (to[k] - from[k]) * part).round() as usize).min(size - 1);
            let at = nearest(1, self.height) * self.width + nearest(0, self.width);
            f64::from(across[at]) * direction[0] + f64::from(down[at]) * direction[1]
        })
    }
}

/// A limb that has a length.
pub(super) struct Limb {
    from: [f64; 2],
    to: [f64; 2],
    pub(super) length: f64,
    direction: [f64; 2],
}

impl Limb {
    pub(super) fn between(from: [f64; 2], to: [f64; 2]) -> Option<Limb> {
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let length = dx.hypot(dy);
        (length > 0.0 && length.is_finite()).then(|| Limb { from, to, length, direction: [dx / length, dy / length] })
    }

    /// The elements up to `width` away from the limb.
    fn each_element(&self, size: [usize; 2], width: f64, mut each: impl FnMut(usize)) {
        let range = |k: usize, size: usize| {
            let (low, high) = (self.from[k].min(self.to[k]) - width, self.from[k].max(self.to[k]) + width);
            // The casts saturate.
            low.ceil().max(0.0) as usize..(high.floor() + 1.0).clamp(0.0, size as f64) as usize
        };
        let [vx, vy] = self.direction;
        for y in range(1, size[0]) {
            for x in range(0, size[1]) {
                let (dx, dy) = (x as f64 - self.from[0], y as f64 - self.from[1]);
                // To the nearest point of the limb.
                let along = (dx * vx + dy * vy).clamp(0.0, self.length);
                if (dx - along * vx).hypot(dy - along * vy) <= width {
                    each(y * size[1] + x);
                }
            }
        }
    }
}
