//! FCOS' assignment: the places near the middle of a box are to find it.

use ocelli_tensor::Tensor;

use super::Matcher;
use crate::host;
use crate::{Error, Result};

const OP: &str = "center_sampling";

/// FCOS' assignment with centre sampling (Tian et al. 2019, 2020), as in torchvision's `fcos_resnet50_fpn`: a place finds a box if it
/// lies within the box, no farther than `radius` strides from its middle (along each axis), and the box' size is its level's.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::CenterSampling;
/// # fn main() -> ocelli_vision::Result<()> {
/// // Places at 4, 12 and 20 of a level of stride 8, one of stride 16, and one box.
/// let anchors = Tensor::new([
///     [0.0f32, 0.0, 8.0, 8.0], [8.0, 0.0, 16.0, 8.0], [16.0, 0.0, 24.0, 8.0],
///     [0.0, 0.0, 16.0, 16.0],
/// ])?;
/// let boxes = Tensor::new([[0.0f32, 0.0, 20.0, 8.0]])?;
/// let matches = CenterSampling::new(1.5)?.matches(&anchors, &[3, 1], &boxes)?;
/// assert_eq!(matches.to_vec::<i64>()?, [0, 0, -1, -1]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CenterSampling {
    radius: f64,
}

impl CenterSampling {
    /// With a radius in strides: 1.5 in the paper.
    ///
    /// # Errors
    /// Unless the radius is above 0 and finite.
    pub fn new(radius: f64) -> Result<Self> {
        if radius > 0.0 && radius.is_finite() {
            return Ok(CenterSampling { radius });
        }
        Err(Error::argument(OP, format!("expected a radius above 0, received {radius}")))
    }

    /// The box of each anchor, as `i64` of shape `[A]`, or [`Matcher::BELOW_LOW_THRESHOLD`], for squares `[A, 4]` whose sides are their
    /// levels' strides, `per_level` of them on each level, from the finest on, and boxes `[M, 4]`.
    ///
    /// A level's boxes are those whose farthest side is more than 4 and less than 8 strides from the place; the first level takes smaller
    /// ones too, the last larger ones. Of several boxes the one of the smallest area counts, the first of equal ones. Boxes that are
    /// empty or not finite are found by no anchor. It is found on the CPU, and goes to the device of the anchors.
    ///
    /// # Errors
    /// Unless both are float tensors of such shapes and the levels' counts sum to the anchors.
    pub fn matches(&self, anchors: &Tensor, per_level: &[usize], boxes: &Tensor) -> Result<Tensor> {
        let (device, anchors) = (anchors.device(), host::boxes(OP, anchors)?);
        let boxes = host::boxes(OP, boxes)?;
        let total = per_level.iter().try_fold(0usize, |sum, &count| sum.checked_add(count));
        if total != Some(anchors.len()) {
            let message = format!("expected levels of {} anchors together, received {per_level:?}", anchors.len());
            return Err(Error::argument(OP, message));
        }
        let mut matches = Vec::with_capacity(anchors.len());
        for (level, &count) in per_level.iter().enumerate() {
            let (first, last) = (level == 0, level + 1 == per_level.len());
            for anchor in &anchors[matches.len()..matches.len() + count] {
                let stride = anchor[2] - anchor[0];
                let least = if first { 0.0 } else { 4.0 * stride };
                let most = if last { f64::INFINITY } else { 8.0 * stride };
                matches.push(self.find(anchor, least..most, &boxes));
            }
        }
        let count = matches.len();
        Ok(Tensor::from_vec(matches, [count])?.to_device(device)?)
    }

    /// The box that an anchor finds, of those whose farthest side lies within these distances, ends excluded.
    fn find(&self, &[x1, y1, x2, y2]: &[f64; 4], distances: std::ops::Range<f64>, boxes: &[[f64; 4]]) -> i64 {
        let (x, y, reach) = ((x1 + x2) / 2.0, (y1 + y2) / 2.0, self.radius * (x2 - x1));
        let mut best = (f64::INFINITY, Matcher::BELOW_LOW_THRESHOLD);
        for (number, &[left, top, right, bottom]) in boxes.iter().enumerate() {
            let near = ((left + right) / 2.0 - x).abs() < reach && ((top + bottom) / 2.0 - y).abs() < reach;
            let sides = [x - left, y - top, right - x, bottom - y];
            let farthest = sides.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let fits = sides.iter().all(|&side| side > 0.0) && farthest > distances.start && farthest < distances.end;
            let area = (right - left) * (bottom - top);
            if near && fits && area < best.0 {
                best = (area, number as i64);
            }
        }
        best.1
    }
}
