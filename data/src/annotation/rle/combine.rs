//! Several masks together: union, intersection, intersection over union.

use std::borrow::Borrow;

use super::{Encoder, Rle};
use crate::reserve::with_capacity;
use crate::{Error, Result};

impl Rle {
    /// What is inside of at least one of the masks.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there is a mask, and all are of one size.
    pub fn union(masks: &[Rle]) -> Result<Rle> {
        merge("rle_union", masks, |a, b| a || b)
    }

    /// What is inside of all masks.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there is a mask, and all are of one size.
    pub fn intersection(masks: &[Rle]) -> Result<Rle> {
        merge("rle_intersection", masks, |a, b| a && b)
    }

    /// Intersection over union; 0 of two empty masks.
    ///
    /// # Errors
    /// [`Error::Argument`] unless both are of one size.
    pub fn iou(&self, other: &Rle) -> Result<f64> {
        Ok(Rle::iou_matrix(std::slice::from_ref(self), std::slice::from_ref(other), &[false])?[0])
    }

    /// The intersection over union of each detection (a row) with each object (a column), row by row. A crowd, whose parts may be detected
    /// one by one, is compared by intersection over the detection's area. Where nothing is shared the number is 0.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there is a `crowd` for each object, and all masks are of one size; [`Error::Tensor`] if memory
    /// cannot be had.
    pub fn iou_matrix<D: Borrow<Rle>, O: Borrow<Rle>>(
        detections: &[D],
        objects: &[O],
        crowd: &[bool],
    ) -> Result<Vec<f64>> {
        const OP: &str = "rle_iou";
        if crowd.len() != objects.len() {
            let message =
                format!("expected a crowd flag for each of {} objects, received {}", objects.len(), crowd.len());
            return Err(Error::argument(OP, message));
        }
        let (rows, columns) = (detections.iter().map(D::borrow), objects.iter().map(O::borrow));
        require_one_size(OP, rows.clone().chain(columns.clone()))?;
        let columns: Vec<_> =
            columns.zip(crowd).map(|(object, &crowd)| (object, object.bounding_box(), crowd)).collect();
        let count = detections.len().saturating_mul(objects.len());
        let mut matrix = with_capacity(count)?;
        for detection in rows {
            let around = detection.bounding_box();
            for &(object, boxed, crowd) in &columns {
                // Most pairs are far from each other.
                let near = around.intersection(&boxed) > 0.0;
                matrix.push(if near { overlap(detection, object, crowd) } else { 0.0 });
            }
        }
        Ok(matrix)
    }
}

fn overlap(detection: &Rle, object: &Rle, crowd: bool) -> f64 {
    let (mut shared, mut either) = (0u64, 0u64);
    for (length, a, b) in Together::new(detection, object) {
        if a && b {
            shared += u64::from(length);
        }
        if a || (b && !crowd) {
            either += u64::from(length);
        }
    }
    if shared == 0 { 0.0 } else { shared as f64 / either as f64 }
}

fn merge(op: &'static str, masks: &[Rle], inside: impl Fn(bool, bool) -> bool) -> Result<Rle> {
    require_one_size(op, masks)?;
    let Some((first, rest)) = masks.split_first() else {
        return Err(Error::argument(op, "expected at least one mask, received none"));
    };
    let mut all = first.clone();
    for mask in rest {
        let mut runs = Encoder::default();
        for (length, a, b) in Together::new(&all, mask) {
            runs.push(inside(a, b), length);
        }
        all = Rle { size: all.size, counts: runs.finish() };
    }
    Ok(all)
}

fn require_one_size<'a>(op: &'static str, masks: impl IntoIterator<Item = &'a Rle>) -> Result<()> {
    let mut sizes = masks.into_iter().map(Rle::size);
    if let Some(first) = sizes.next()
        && let Some(other) = sizes.find(|size| *size != first)
    {
        let message = format!("expected masks of one [height, width], received {first:?} and {other:?}");
        return Err(Error::argument(op, message));
    }
    Ok(())
}

/// The stretches of two masks in which neither changes: their lengths, and whether they are inside of the one and of the other.
struct Together<'a> {
    one: Runs<'a>,
    other: Runs<'a>,
}

impl<'a> Together<'a> {
    fn new(one: &'a Rle, other: &'a Rle) -> Self {
        Together { one: Runs::new(one), other: Runs::new(other) }
    }
}

impl Iterator for Together<'_> {
    type Item = (u32, bool, bool);

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.one.ahead()?.min(self.other.ahead()?);
        self.one.left -= length;
        self.other.left -= length;
        Some((length, self.one.inside, self.other.inside))
    }
}

/// A place in a mask.
struct Runs<'a> {
    later: std::slice::Iter<'a, u32>,
    left: u32,
    inside: bool,
}

impl<'a> Runs<'a> {
    fn new(mask: &'a Rle) -> Self {
        // The run before the first one, which is outside.
        Runs { later: mask.counts.iter(), left: 0, inside: true }
    }

    /// How far the run goes from here, at least one pixel; `None` at the end.
    fn ahead(&mut self) -> Option<u32> {
        while self.left == 0 {
            self.left = *self.later.next()?;
            self.inside = !self.inside;
        }
        Some(self.left)
    }
}
