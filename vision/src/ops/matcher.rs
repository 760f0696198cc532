//! Which box of the ground truth each prediction (an anchor, a proposal) is to find.

use ocelli_tensor::{DType, Error as TensorError, Tensor};

use super::corners::Real;
use crate::host::elements;
use crate::{Error, Result};

const OP: &str = "matcher";

/// What a [`Matcher`] does for boxes of the ground truth that no prediction overlaps well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LowQuality {
    /// Nothing: such a box may stay without a prediction.
    Drop,
    /// The predictions that overlap a box best, all equal ones, keep the box that they overlap best, whatever the thresholds
    /// (torchvision's `allow_low_quality_matches`, for anchors). That need not be the same box; and a box that no prediction overlaps is
    /// overlapped best, with 0, by all.
    Keep,
    /// The prediction that overlaps a box best is given this box (torchvision's `SSDMatcher`). Of several boxes the last one gets it.
    Force,
}

/// Gives each prediction the box that it overlaps best, if it overlaps it well: torchvision's `Matcher` and `SSDMatcher`.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::{LowQuality, Matcher};
/// # fn main() -> ocelli_vision::Result<()> {
/// // Two boxes, four predictions.
/// let iou = Tensor::new([[0.8f32, 0.5, 0.1, 0.0], [0.1, 0.2, 0.4, 0.2]])?;
/// let matcher = Matcher::new(0.7, 0.3)?;
/// assert_eq!(matcher.matches(&iou)?.to_vec::<i64>()?, [0, -2, -2, -1]);
/// let matcher = matcher.low_quality(LowQuality::Keep);
/// assert_eq!(matcher.matches(&iou)?.to_vec::<i64>()?, [0, -2, 1, -1]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matcher {
    high: f64,
    low: f64,
    low_quality: LowQuality,
}

impl Matcher {
    /// What a prediction gets that overlaps every box less than the low threshold: background.
    pub const BELOW_LOW_THRESHOLD: i64 = -1;
    /// What a prediction gets whose best overlap is between the thresholds: it is left out of training.
    pub const BETWEEN_THRESHOLDS: i64 = -2;

    /// A prediction is matched from `high` on, and background below `low`. 0.7 and 0.3 for a region proposal network, 0.5 and 0.5 for
    /// R-CNN's heads, 0.5 and 0.4 for RetinaNet.
    ///
    /// # Errors
    /// Unless `low ≤ high`, neither being NaN. (They are no fractions where the quality is another than IoU.)
    pub fn new(high: f64, low: f64) -> Result<Self> {
        if low <= high {
            return Ok(Matcher { high, low, low_quality: LowQuality::Drop });
        }
        Err(Error::argument(OP, format!("expected a low threshold up to the high one, received {low} and {high}")))
    }

    /// What becomes of boxes that no prediction overlaps well.
    #[must_use]
    pub fn low_quality(mut self, low_quality: LowQuality) -> Self {
        self.low_quality = low_quality;
        self
    }

    /// The box of each prediction, as `i64` of shape `[N]`, or [`Matcher::BELOW_LOW_THRESHOLD`] or [`Matcher::BETWEEN_THRESHOLDS`], from
    /// the quality (IoU) of each of `M` boxes with each of `N` predictions, `[M, N]`. Of boxes of equal quality the first
    /// counts. NaN is below every number. Without boxes all predictions are background. It is found on the CPU, and goes to the device of
    /// the quality.
    ///
    /// # Errors
    /// Unless the quality is a float tensor of rank 2.
    pub fn matches(&self, quality: &Tensor) -> Result<Tensor> {
        if quality.rank() != 2 {
            return Err(TensorError::shape(OP, "qualities of shape [M, N]", quality.shape()).into());
        }
        let matches = match quality.dtype() {
            DType::F64 => self.run::<f64>(quality)?,
            dtype if dtype.is_float() => self.run::<f32>(quality)?,
            dtype => return Err(TensorError::dtype(OP, "qualities of a float dtype", dtype).into()),
        };
        let count = matches.len();
        Ok(Tensor::from_vec(matches, [count])?.to_device(quality.device())?)
    }

    fn run<T: Real + Copy>(&self, quality: &Tensor) -> Result<Vec<i64>> {
        let predictions = quality.shape()[1];
        let lowest = T::from_f64(f64::NEG_INFINITY);
        let (mut best, mut which) = (vec![lowest; predictions], vec![0i64; predictions]);
        if predictions == 0 {
            return Ok(which);
        }
        let elements = elements::<T>(quality)?;
        let boxes = || elements.chunks_exact(predictions);
        for (number, row) in boxes().enumerate() {
            for ((best, which), &quality) in best.iter_mut().zip(&mut which).zip(row) {
                let better = quality > *best;
                *best = if better { quality } else { *best };
                *which = if better { number as i64 } else { *which };
            }
        }
        let (low, high) = (T::from_f64(self.low), T::from_f64(self.high));
        let judged = |(&best, &which): (&T, &i64)| match best {
            // No box at all, or nothing but NaN, is background also of a threshold of -∞.
            best if best < low || best == lowest => Self::BELOW_LOW_THRESHOLD,
            best if best < high => Self::BETWEEN_THRESHOLDS,
            _ => which,
        };
        let mut matches: Vec<i64> = best.iter().zip(&which).map(judged).collect();
        let highest = |row: &[T]| row.iter().fold(lowest, |best, &quality| if quality > best { quality } else { best });
        match self.low_quality {
            LowQuality::Drop => {}
            LowQuality::Keep => {
                for row in boxes() {
                    let highest = highest(row);
                    let restored = row.iter().zip(&which).map(|(&quality, &which)| (quality == highest, which));
                    for (matched, (keeps, which)) in matches.iter_mut().zip(restored) {
                        *matched = if keeps { which } else { *matched };
                    }
                }
            }
            LowQuality::Force => {
                for (number, row) in boxes().enumerate() {
                    let highest = highest(row);
                    if let Some(prediction) = row.iter().position(|&quality| quality == highest) {
                        matches[prediction] = number as i64;
                    }
                }
            }
        }
        Ok(matches)
    }
}
