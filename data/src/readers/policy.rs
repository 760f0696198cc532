//! What becomes of labels that do not fit their picture or their class list.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::annotation::{BoundingBox, BoxFormat};

/// How far beyond the edge of its picture a box may reach, in pixels, and still count as inside: files round to hundredths.
pub(super) const ROUNDING: f64 = 0.01;

/// What becomes of a label that does not fit: a box without width or height, one that reaches beyond its picture, a class that is not in the
/// list, an annotation of a picture that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Policy {
    /// It is an error, which names the file and the place in it.
    #[default]
    Fail,
    /// It is left out, and counted.
    Drop,
    /// A box that reaches beyond its picture is cut at the edge, and counted; whatever else does not fit is left out. Outlines and keypoints stay
    /// as they are.
    Clip,
}

/// How many labels did not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// Labels that were left out.
    pub dropped: usize,
    /// Boxes that were cut at the edge of their picture.
    pub clipped: usize,
}

impl std::ops::Add for Changes {
    type Output = Changes;

    fn add(self, other: Changes) -> Changes {
        Changes { dropped: self.dropped + other.dropped, clipped: self.clipped + other.clipped }
    }
}

impl Policy {
    /// Nothing, counted, in place of something that does not fit; or the message.
    pub(super) fn refuse<T>(
        self,
        changes: &mut Changes,
        message: impl FnOnce() -> String,
    ) -> Result<Option<T>, String> {
        match self {
            Policy::Fail => Err(message()),
            Policy::Drop | Policy::Clip => {
                changes.dropped += 1;
                Ok(None)
            }
        }
    }

    /// The box that a file gives for a picture of `[height, width]`, in pixels; `None` if it is left out. It may reach `slack` pixels
    /// beyond the edge.
    pub(super) fn admit(
        self,
        numbers: [f64; 4],
        format: BoxFormat,
        size: Option<[usize; 2]>,
        slack: f64,
        changes: &mut Changes,
    ) -> Result<Option<BoundingBox>, String> {
        let boxed = match BoundingBox::new(numbers, format) {
            Ok(boxed) if boxed.width() > 0.0 && boxed.height() > 0.0 => boxed,
            _ => {
                let message = || format!("expected a box with a width and a height, received {format:?} {numbers:?}");
                return self.refuse(changes, message);
            }
        };
        let Some(size) = size else { return Ok(Some(boxed)) };
        let [height, width] = size.map(|side| side as f64 + slack);
        let ([x1, y1], [x2, y2]) = (boxed.min(), boxed.max());
        if x1 >= -slack && y1 >= -slack && x2 <= width && y2 <= height {
            return Ok(Some(boxed));
        }
        let message = || {
            format!("expected a box inside of a picture of [height, width] = {size:?}, received {format:?} {numbers:?}")
        };
        if self != Policy::Clip {
            return self.refuse(changes, message);
        }
        let cut = boxed.clipped(size);
        if cut.area() <= 0.0 {
            return self.refuse(changes, message);
        }
        changes.clipped += 1;
        Ok(Some(cut))
    }
}

/// What has been changed so far, by sample: reading one again does not count twice.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// At opening.
    opening: Changes,
    samples: Mutex<BTreeMap<usize, Changes>>,
}

impl Tally {
    /// A tally that begins with what did not fit at opening.
    pub(super) fn of(opening: Changes) -> Self {
        Tally { opening, ..Tally::default() }
    }

    pub(super) fn note(&self, sample: usize, changes: Changes) {
        if changes != Changes::default() {
            let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
            let noted = samples.entry(sample).or_default();
            // Where only the picture tells its size, more is known once it has been read.
            noted.dropped = noted.dropped.max(changes.dropped);
            noted.clipped = noted.clipped.max(changes.clipped);
        }
    }

    pub(super) fn sum(&self) -> Changes {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.values().fold(self.opening, |sum, &changes| sum + changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_that_do_not_fit() {
        let size = Some([10, 20]);
        let admit = |policy: Policy, numbers| {
            let mut changes = Changes::default();
            let made = policy.admit(numbers, BoxFormat::Xyxy, size, ROUNDING, &mut changes);
            (made.map(|boxed| boxed.map(|boxed| boxed.to_array(BoxFormat::Xyxy))), changes)
        };
        let inside = [0.0, 0.0, 20.005, 10.0];
        assert_eq!(admit(Policy::Fail, inside), (Ok(Some(inside)), Changes::default()));
        let dropped = Changes { dropped: 1, clipped: 0 };
        for empty in [[5.0, 5.0, 5.0, 6.0], [5.0, 5.0, 4.0, 6.0], [f64::NAN, 0.0, 1.0, 1.0]] {
            assert!(admit(Policy::Fail, empty).0.unwrap_err().contains("a width and a height"));
            assert_eq!(admit(Policy::Drop, empty), (Ok(None), dropped));
            assert_eq!(admit(Policy::Clip, empty), (Ok(None), dropped));
        }
        let beyond = [15.0, -2.0, 25.0, 5.0];
        assert!(admit(Policy::Fail, beyond).0.unwrap_err().contains("[10, 20], received Xyxy [15.0, -2.0"));
        assert_eq!(admit(Policy::Drop, beyond), (Ok(None), dropped));
        let clipped = Changes { dropped: 0, clipped: 1 };
        assert_eq!(admit(Policy::Clip, beyond), (Ok(Some([15.0, 0.0, 20.0, 5.0])), clipped));
        assert_eq!(admit(Policy::Clip, [30.0, 0.0, 40.0, 5.0]), (Ok(None), dropped));
    }

    #[test]
    fn samples_count_once() {
        let tally = Tally { opening: Changes { dropped: 2, clipped: 0 }, ..Tally::default() };
        for _ in 0..3 {
            tally.note(7, Changes { dropped: 1, clipped: 1 });
            tally.note(8, Changes::default());
        }
        assert_eq!(tally.sum(), Changes { dropped: 3, clipped: 1 });
        tally.note(7, Changes { dropped: 2, clipped: 0 });
        assert_eq!(tally.sum(), Changes { dropped: 4, clipped: 1 });
    }
}
