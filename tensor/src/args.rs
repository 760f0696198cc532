//! Arguments that are written in more than one way: axes, plain numbers, slices, target shapes.

use smallvec::SmallVec;

use crate::{DType, Error, Result, Shape, Tensor};

/// Which axes an operation works over: one (`1`, `-1`), several (`[0, 2]`, `[-2, -1]`) or all (`..`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Axes {
    /// Every axis.
    All,
    /// These, counted from the front or (negative) from the back.
    Some(SmallVec<[isize; 4]>),
}

impl Axes {
    /// The axes as numbers in `0..rank`, ascending.
    ///
    /// # Errors
    /// [`Error::Axis`] if one lies outside, [`Error::Argument`] if one is named twice.
    pub fn resolve(&self, op: &'static str, shape: &Shape) -> Result<SmallVec<[usize; 4]>> {
        let axes = match self {
            Axes::All => return Ok((0..shape.rank()).collect()),
            Axes::Some(axes) => axes,
        };
        let mut resolved = SmallVec::new();
        for &axis in axes {
            let axis = shape.axis(op, axis)?;
            if resolved.contains(&axis) {
                return Err(Error::argument(op, format!("expected distinct axes, received {axes:?}")));
            }
            resolved.push(axis);
        }
        resolved.sort_unstable();
        Ok(resolved)
    }
}

impl From<std::ops::RangeFull> for Axes {
    fn from(_: std::ops::RangeFull) -> Self {
        Axes::All
    }
}

/// A number as `isize`, or the greatest one: a huge `usize` must not come out as "the last axis" or "whatever is left".
fn saturated(value: impl TryInto<isize>) -> isize {
    value.try_into().unwrap_or(isize::MAX)
}

macro_rules! axes_from {
    ($($T:ty),*) => {$(
        impl From<$T> for Axes {
            fn from(axis: $T) -> Self {
                Axes::Some(SmallVec::from_slice(&[saturated(axis)]))
            }
        }
        impl<const N: usize> From<[$T; N]> for Axes {
            fn from(axes: [$T; N]) -> Self {
                Axes::Some(axes.iter().map(|&axis| saturated(axis)).collect())
            }
        }
        impl From<&[$T]> for Axes {
            fn from(axes: &[$T]) -> Self {
                Axes::Some(axes.iter().map(|&axis| saturated(axis)).collect())
            }
        }
    )*};
}
axes_from!(i32, isize, usize);

/// A plain number beside a tensor. It is weak in promotion; see [`DType`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A float.
    Float(f64),
}

impl Scalar {
    /// The dtype that the number takes beside a tensor of `dtype`.
    pub fn dtype_beside(self, dtype: DType) -> DType {
        match self {
            Scalar::Bool(_) => dtype,
            Scalar::Int(_) if dtype == DType::Bool => DType::I64,
            Scalar::Int(_) => dtype,
            Scalar::Float(_) => dtype.to_float(),
        }
    }

    /// The number as a float.
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::Bool(value) => f64::from(u8::from(value)),
            Scalar::Int(value) => value as f64,
            Scalar::Float(value) => value,
        }
    }

    pub(crate) fn cast<T: crate::Element>(self) -> T {
        match self {
            Scalar::Bool(value) => T::from_i64(i64::from(value)),
            Scalar::Int(value) => T::from_i64(value),
            Scalar::Float(value) => T::from_f64(value),
        }
    }
}

impl From<bool> for Scalar {
    fn from(value: bool) -> Self {
        Scalar::Bool(value)
    }
}
impl From<i32> for Scalar {
    fn from(value: i32) -> Self {
        Scalar::Int(i64::from(value))
    }
}
impl From<i64> for Scalar {
    fn from(value: i64) -> Self {
        Scalar::Int(value)
    }
}
impl From<u8> for Scalar {
    fn from(value: u8) -> Self {
        Scalar::Int(i64::from(value))
    }
}
impl From<usize> for Scalar {
    fn from(value: usize) -> Self {
        Scalar::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}
impl From<f32> for Scalar {
    fn from(value: f32) -> Self {
        Scalar::Float(f64::from(value))
    }
}
impl From<f64> for Scalar {
    fn from(value: f64) -> Self {
        Scalar::Float(value)
    }
}

/// The other operand of a binary operation: a tensor or a plain number.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'a> {
    /// A tensor, broadcast against the first operand.
    Tensor(&'a Tensor),
    /// A number.
    Scalar(Scalar),
}

impl<'a> From<&'a Tensor> for Operand<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        Operand::Tensor(tensor)
    }
}

impl<T: Into<Scalar>> From<T> for Operand<'_> {
    fn from(value: T) -> Self {
        Operand::Scalar(value.into())
    }
}

/// `start:stop:step` along one axis, as in Python: negative positions count from the end, a missing one means the edge that
/// the step comes from or goes to, positions outside are clipped.
///
/// ```
/// use ocelli_tensor::Slice;
/// let last_three = Slice::from(-3..);
/// let reversed = Slice::from(..).step(-1);
/// let odd = Slice::from(1..).step(2);
/// # let _ = (last_three, reversed, odd);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// First position; `None`: the first element in the direction of the step.
    pub start: Option<isize>,
    /// The position before which to stop; `None`: behind the last element in the direction of the step.
    pub stop: Option<isize>,
    /// Distance between two positions; not 0.
    pub step: isize,
}

impl Slice {
    /// `start:stop:step`.
    pub fn new(start: Option<isize>, stop: Option<isize>, step: isize) -> Self {
        Slice { start, stop, step }
    }

    /// The same range with another step.
    pub fn step(self, step: isize) -> Self {
        Slice { step, ..self }
    }

    /// `(first position, number of positions)` for an axis of this size.
    pub(crate) fn resolve(&self, op: &'static str, size: usize) -> Result<(usize, usize)> {
        let size = size as isize;
        if self.step == 0 {
            return Err(Error::argument(op, "expected a step other than 0, received 0"));
        }
        // Python's rule: with a negative step the positions run from size-1 down to "before 0".
        let (low, high) = if self.step > 0 { (0, size) } else { (-1, size - 1) };
        let clip = |position: isize| {
            let position = if position < 0 { position.saturating_add(size) } else { position };
            position.clamp(low, high)
        };
        let start = self.start.map_or(if self.step > 0 { low } else { high }, clip);
        let stop = self.stop.map_or(if self.step > 0 { high } else { low }, clip);
        let distance = if self.step > 0 { stop - start } else { start - stop };
        if distance <= 0 {
            return Ok((0, 0));
        }
        let step = self.step.unsigned_abs();
        Ok((start as usize, 1 + (distance as usize - 1) / step))
    }
}

impl From<std::ops::RangeFull> for Slice {
    fn from(_: std::ops::RangeFull) -> Self {
        Slice::new(None, None, 1)
    }
}
impl From<std::ops::Range<isize>> for Slice {
    fn from(range: std::ops::Range<isize>) -> Self {
        Slice::new(Some(range.start), Some(range.end), 1)
    }
}
impl From<std::ops::RangeFrom<isize>> for Slice {
    fn from(range: std::ops::RangeFrom<isize>) -> Self {
        Slice::new(Some(range.start), None, 1)
    }
}
impl From<std::ops::RangeTo<isize>> for Slice {
    fn from(range: std::ops::RangeTo<isize>) -> Self {
        Slice::new(None, Some(range.end), 1)
    }
}

/// The target of a reshape: sizes of which one may be `-1`, "whatever is left".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetShape(SmallVec<[isize; 4]>);

impl TargetShape {
    /// The full shape for a tensor of `from`'s size.
    pub fn resolve(&self, op: &'static str, from: &Shape) -> Result<Shape> {
        let fail = || Error::shape(op, format!("a tensor whose elements fill shape {:?}", self.0.as_slice()), from);
        let known: SmallVec<[usize; 4]> = self.0.iter().filter(|&&size| size >= 0).map(|&size| size as usize).collect();
        if self.0.iter().any(|&size| size < -1) || self.0.len() > known.len() + 1 {
            let message = format!("expected sizes of which at most one is -1, received {:?}", self.0.as_slice());
            return Err(Error::argument(op, message));
        }
        let filled = known.iter().try_fold(1usize, |product, &size| product.checked_mul(size)).ok_or_else(fail)?;
        let numel = from.numel();
        let free = match self.0.len() > known.len() {
            false if filled == numel => 1,
            true if filled > 0 && numel.is_multiple_of(filled) => numel / filled,
            _ => return Err(fail()),
        };
        Ok(self.0.iter().map(|&size| if size < 0 { free } else { size as usize }).collect())
    }
}

macro_rules! target_from {
    ($($T:ty),*) => {$(
        impl<const N: usize> From<[$T; N]> for TargetShape {
            fn from(sizes: [$T; N]) -> Self {
                TargetShape(sizes.iter().map(|&size| saturated(size)).collect())
            }
        }
        impl From<&[$T]> for TargetShape {
            fn from(sizes: &[$T]) -> Self {
                TargetShape(sizes.iter().map(|&size| saturated(size)).collect())
            }
        }
    )*};
}
target_from!(i32, isize, usize);

impl From<&Shape> for TargetShape {
    fn from(shape: &Shape) -> Self {
        TargetShape::from(&shape[..])
    }
}
impl From<Shape> for TargetShape {
    fn from(shape: Shape) -> Self {
        TargetShape::from(&shape[..])
    }
}
impl From<()> for TargetShape {
    fn from(_: ()) -> Self {
        TargetShape(SmallVec::new())
    }
}
impl From<Vec<usize>> for TargetShape {
    fn from(sizes: Vec<usize>) -> Self {
        TargetShape::from(&sizes[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Positions as Python's `range(size)[start:stop:step]` gives them.
    fn positions(slice: Slice, size: usize) -> Vec<isize> {
        let (start, count) = slice.resolve("slice", size).unwrap();
        (0..count as isize).map(|i| start as isize + i * slice.step).collect()
    }

    #[test]
    fn slices_follow_python() {
        assert_eq!(positions((1..4).into(), 5), [1, 2, 3]);
        assert_eq!(positions((-3..).into(), 5), [2, 3, 4]);
        assert_eq!(positions(Slice::from(..).step(-2), 5), [4, 2, 0]);
        assert_eq!(positions(Slice::new(Some(-2), Some(-5), -1), 5), [3, 2, 1]);
        assert_eq!(positions((2..100).into(), 4), [2, 3]);
        assert_eq!(positions((..-10).into(), 4), [0; 0]);
        assert_eq!(positions(Slice::new(Some(10), None, -3), 8), [7, 4, 1]);
        assert_eq!(positions(Slice::from(..).step(-1), 0), [0; 0]);
        assert!(Slice::from(..).step(0).resolve("slice", 3).is_err());
    }

    #[test]
    fn one_size_may_be_left_open() {
        let shape = |target: TargetShape, from: &[usize]| target.resolve("reshape", &Shape::from(from));
        assert_eq!(shape([2, -1].into(), &[3, 4]).unwrap(), Shape::from([2, 6]));
        assert_eq!(shape(().into(), &[1, 1]).unwrap(), Shape::default());
        assert_eq!(shape([0, -1].into(), &[3, 0]).unwrap_err().to_string().lines().count(), 1);
        assert!(shape([-1, -1].into(), &[4]).is_err());
        assert!(shape([5, -1].into(), &[4]).is_err());
        assert!(shape([-1, 2].into(), &[0]).unwrap() == Shape::from([0, 2]));
    }
}
